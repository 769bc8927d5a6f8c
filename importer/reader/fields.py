"""A field's cells → its Reading, by the field's own rules; a constant's value likewise. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from importer.errors import ConfigError
from importer.model import PurchaseField
from importer.reader.amounts import read_amounts
from importer.reader.cells import (
    Reading,
    read_descriptions,
    read_lead_ids,
    read_names,
    read_trigger_ids,
)
from importer.reader.dates import read_dates
from importer.reader.faults import FaultCode, explain
from importer.reader.plain_cells import LINE, LINES, LISTED_ID, ONE_ID, read_plain
from importer.reader.table import CELL_KIND

if TYPE_CHECKING:
    from importer.config import Config
    from importer.reader.columns import ColumnMap

_TYPES: Final[dict[PurchaseField, pl.DataType]] = {
    PurchaseField.LEAD_ID: pl.String(),
    PurchaseField.PRODUCT_NAME: pl.String(),
    PurchaseField.PRODUCT_DESCRIPTION: pl.String(),
    PurchaseField.PURCHASE_AMOUNT: pl.String(),
    PurchaseField.DATE: pl.Datetime("us", "UTC"),
    PurchaseField.TRIGGER_IDS: pl.List(pl.String),
}


def read_field(field: PurchaseField, cells: pl.DataFrame, config: Config) -> Reading:
    """Return what the cells of the field's column say.

    Raises ConfigError where `config.format` cannot be used.
    """
    reading = _read_cells(field, cells, config)
    if reading.cells["code"].null_count() < cells.height:
        return reading
    # A column of nothing takes 16 bytes a row, unless it is one value that stands for all.
    nothing = pl.lit(None, dtype=pl.String)
    return Reading(reading.cells.with_columns(code=nothing, detail=nothing), reading.notes)


def _read_cells(field: PurchaseField, cells: pl.DataFrame, config: Config) -> Reading:
    match field:
        case PurchaseField.LEAD_ID:
            return read_plain(cells, ONE_ID, read_lead_ids)
        case PurchaseField.PRODUCT_NAME:
            return read_plain(cells, LINE, read_names)
        case PurchaseField.PRODUCT_DESCRIPTION:
            return read_plain(cells, LINES, read_descriptions)
        case PurchaseField.PURCHASE_AMOUNT:
            return read_amounts(cells, config.format, config.rules)
        case PurchaseField.DATE:
            return read_dates(cells, config.format)
        case PurchaseField.TRIGGER_IDS:
            return read_plain(cells, LISTED_ID, read_trigger_ids)


def require(reading: Reading) -> Reading:
    """Return the reading with a fault wherever a cell is empty."""
    if not reading.cells["value"].has_nulls():
        return reading
    empty = pl.col("value").is_null() & pl.col("code").is_null()
    missing = pl.when(empty).then(pl.lit(FaultCode.MISSING)).otherwise("code")
    return Reading(reading.cells.with_columns(code=missing), reading.notes)


def read_constants(columns: ColumnMap, config: Config) -> dict[PurchaseField, pl.Series]:
    """Return the values (one each) of the constants whose fields the file has no column for.

    They are read as cells are, so the same purchase has the same key either way. Raises ConfigError
    where one cannot be read.
    """
    values = {}
    for name, text in config.columns.constants.items():
        field = PurchaseField(name)
        if field in columns.fields:
            continue
        cells = pl.DataFrame(
            {"row": [0], "text": [text], "kind": [None]},
            schema={"row": pl.UInt32, "text": pl.String, "kind": CELL_KIND},
        )
        reading = read_field(field, cells, config)
        code, detail = reading.cells.select("code", "detail").row(0)
        if code is not None:
            place = f"columns.constants.{name}"
            raise ConfigError(explain(FaultCode(code), place, text, detail))
        values[field] = reading.cells["value"]
    return values


def take_values(
    field: PurchaseField, reading: Reading | None, constant: pl.Series | None, height: int
) -> pl.Series:
    """Return the field's value in each of `height` rows: the column's, the constant's, or null."""
    if reading is not None:
        return reading.cells["value"].alias(field)
    if constant is not None:
        return constant.new_from_index(0, height).alias(field)
    return pl.repeat(None, height, dtype=_TYPES[field], eager=True).alias(field)
