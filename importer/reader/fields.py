"""A field's cells → its Reading, by the field's own rules; a constant's value likewise. Pure.

Of amounts and dates the whole column proves how they are written: `prove_styles` asks its pieces
first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.errors import ConfigError
from importer.model import PurchaseField
from importer.reader.ahead import work_ahead
from importer.reader.amount_style import AmountStyle, prove_style, weigh_amounts
from importer.reader.amounts import read_amounts
from importer.reader.cells import (
    Reading,
    read_descriptions,
    read_lead_ids,
    read_names,
    read_trigger_ids,
    take_column,
)
from importer.reader.date_order import DateOrder, prove_order, weigh_dates
from importer.reader.dates import read_dates
from importer.reader.faults import FaultCode, explain
from importer.reader.plain_cells import LINE, LINES, LISTED_ID, ONE_ID, faultless, read_plain
from importer.reader.table import CELL_KIND

if TYPE_CHECKING:
    from importer.config import Config
    from importer.reader.columns import ColumnMap
    from importer.reader.evidence import Evidence
    from importer.reader.pieces import Pieces
    from importer.reader.table import Table

_CELLS: Final = {"row": pl.UInt32(), "text": pl.String(), "kind": CELL_KIND}
NO_CELLS: Final = pl.DataFrame(schema=_CELLS)

_TYPES: Final[dict[PurchaseField, pl.DataType]] = {
    PurchaseField.LEAD_ID: pl.String(),
    PurchaseField.PRODUCT_NAME: pl.String(),
    PurchaseField.PRODUCT_DESCRIPTION: pl.String(),
    PurchaseField.PURCHASE_AMOUNT: pl.String(),
    PurchaseField.DATE: pl.Datetime("us", "UTC"),
    PurchaseField.TRIGGER_IDS: pl.List(pl.String),
}


@dataclass(frozen=True, slots=True)
class Styles:
    """How the columns of a file are written; None: the cells at hand are all that there are."""

    amounts: AmountStyle | None = None
    dates: DateOrder | None = None


UNPROVEN: Final = Styles()


def prove_styles(pieces: Pieces, columns: ColumnMap, config: Config) -> Styles:
    """Return what the columns of a whole file prove.

    Raises ConfigError where `config.format` cannot be used.
    """

    def weigh(piece: Table) -> tuple[Evidence, Evidence]:
        return (
            weigh_amounts(take(piece, PurchaseField.PURCHASE_AMOUNT), layout, config.rules),
            weigh_dates(take(piece, PurchaseField.DATE), layout),
        )

    def take(piece: Table, field: PurchaseField) -> pl.DataFrame:
        return take_column(piece, columns.fields[field]) if field in columns.fields else NO_CELLS

    layout = config.format
    weighed = work_ahead(lambda load: weigh(load()), pieces.filled())
    amounts, dates = next(weighed)
    for more_amounts, more_dates in weighed:
        amounts += more_amounts
        dates += more_dates
    return Styles(prove_style(amounts, layout), prove_order(dates, layout))


def read_field(
    field: PurchaseField, cells: pl.DataFrame, config: Config, styles: Styles = UNPROVEN
) -> Reading:
    """Return what the cells of the field's column, or of a piece of it, say.

    `styles` are those of the whole file. Raises ConfigError where `config.format` cannot be used.
    """
    reading = _read_cells(field, cells, config, styles)
    if reading.cells["code"].null_count() < cells.height:
        return reading
    return faultless(reading.cells.select("value"), reading.notes)


def _read_cells(
    field: PurchaseField, cells: pl.DataFrame, config: Config, styles: Styles
) -> Reading:
    match field:
        case PurchaseField.LEAD_ID:
            return read_plain(cells, ONE_ID, read_lead_ids)
        case PurchaseField.PRODUCT_NAME:
            return read_plain(cells, LINE, read_names)
        case PurchaseField.PRODUCT_DESCRIPTION:
            return read_plain(cells, LINES, read_descriptions)
        case PurchaseField.PURCHASE_AMOUNT:
            return read_amounts(cells, config.format, config.rules, styles.amounts)
        case PurchaseField.DATE:
            return read_dates(cells, config.format, styles.dates)
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
            schema=_CELLS,
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
