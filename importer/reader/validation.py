"""Text cells and a column map → typed rows, each valid or with all its faults. Pure.

polars judges whole columns here; `build_requests` gives valid rows to pydantic, the last check.
A property test holds the two to the same verdict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl
from pydantic import TypeAdapter

from importer.model import PurchaseField, PurchaseRequest
from importer.reader.cells import (
    BRACED_UUID,
    ZERO_WIDTH,
    Reading,
    read_identities,
    take_column,
)
from importer.reader.faults import SHOWN_CHARACTERS, FaultCode, explain
from importer.reader.fields import UNPROVEN, read_constants, read_field, require, take_values
from importer.reader.plain_cells import LINE, ONE_ID, read_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.config import Config
    from importer.reader.columns import ColumnMap
    from importer.reader.fields import Styles
    from importer.reader.notes import Note
    from importer.reader.plain_cells import Plain
    from importer.reader.table import Table

_REQUESTS: Final = TypeAdapter(list[PurchaseRequest])
_REQUEST_FIELDS: Final = [
    pl.col(field).fill_null([]) if field is PurchaseField.TRIGGER_IDS else pl.col(field)
    for field in PurchaseField
]
_NO_FAULTS: Final = pl.DataFrame(
    schema={"row": pl.UInt32, "index": pl.UInt32}
    | dict.fromkeys(("column", "field", "code", "text", "detail"), pl.String)
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What a file's rows say."""

    rows: pl.DataFrame
    """One for each data row, in order: `row` UInt32; `lead_id`, `product_name`,
    `product_description`, `purchase_amount` (canonical decimal) String; `date` Datetime UTC;
    `trigger_ids` List(String), sorted; `identity` List(String), null where no columns are
    configured; `carried_key`, `carried_status` String; `valid` Boolean. Null = empty or faulty."""
    faults: pl.DataFrame
    """One for each faulty cell, by row, then column: `row`, `index` UInt32; `column` (the header),
    `field` (null for an identity column), `code`, `text` (cut), `detail` (what only this cell's
    message says, such as its two readings), `message` String."""
    notes: tuple[Note, ...]
    """How amounts and dates were read and what proved it, a sentence each."""


def judge(table: Table, columns: ColumnMap, config: Config, styles: Styles = UNPROVEN) -> Judged:
    """Return every row typed, and every fault of every row.

    `table` may be a piece of a file, whose columns are written in `styles`. `columns` must hold all
    required fields (columns.match_columns sees to it). Raises ConfigError where `config.format`
    cannot be used.
    """
    readings = {
        field: read_field(field, take_column(table, index), config, styles)
        for field, index in columns.fields.items()
    }
    for field in {PurchaseField.LEAD_ID, *map(PurchaseField, config.rules.required)}:
        if field in readings:
            readings[field] = require(readings[field])
    constants = read_constants(columns, config)
    identities = {
        index: read_plain(take_column(table, index), LINE, read_identities)
        for index in columns.identity.values()
        if index not in columns.fields.values()
    }
    judged = [
        *((columns.fields[field], field, reading) for field, reading in readings.items()),
        *((index, None, reading) for index, reading in identities.items()),
    ]
    texts = {index: reading.cells["value"] for index, reading in identities.items()}
    texts |= {
        index: _as_text(readings[field])
        for field, index in columns.fields.items()
        if index in columns.identity.values()
    }
    rows = pl.DataFrame(
        [
            table.cells["row"],
            *(
                take_values(field, readings.get(field), constants.get(field), table.cells.height)
                for field in PurchaseField
            ),
            _tell_apart([texts[index] for index in columns.identity.values()], table.cells.height),
            *_carried(table, columns),
            _all_clear([reading for _, _, reading in judged]),
        ]
    )
    faults = _explain(table, pl.concat([_faulty_cells(table, *each) for each in judged]))
    notes = tuple(note for reading in readings.values() for note in reading.notes)
    return Judged(rows, faults, notes)


def build_requests(rows: pl.DataFrame) -> list[PurchaseRequest]:
    """Return the requests of valid rows of Judged.rows, in order; what a row lacks is left out.

    Raises pydantic's ValidationError where a row is not valid.
    """
    # As JSON, which pydantic reads by itself: a row of Python's objects takes three times as long.
    fields = rows.select(_REQUEST_FIELDS)
    return _REQUESTS.validate_json(fields.write_json())


def _as_text(reading: Reading) -> pl.Series:
    """Return typed values as texts: an identity column that is also a field is told by its value.

    So the same purchase spelt otherwise keeps its key.
    """
    values = reading.cells["value"]
    if values.dtype == pl.Datetime:
        return values.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
    return values.list.join(";") if values.dtype == pl.List else values


def _tell_apart(texts: list[pl.Series], height: int) -> pl.Series:
    if not texts:
        return pl.repeat(None, height, dtype=pl.List(pl.String), eager=True).alias("identity")
    named = pl.DataFrame([text.alias(str(number)) for number, text in enumerate(texts)])
    return named.select(identity=pl.concat_list(pl.all().fill_null("")))["identity"]


def _carried(table: Table, columns: ColumnMap) -> list[pl.Series]:
    """Return what an earlier run's results say of each row: evidence, never a fault."""

    def read(
        column: str, plain: Plain, read_others: Callable[[pl.DataFrame], Reading]
    ) -> pl.Series:
        if column not in columns.carried:
            return pl.repeat(None, table.cells.height, dtype=pl.String, eager=True)
        cells = take_column(table, columns.carried[column])
        return read_plain(cells, plain, read_others).cells["value"]

    return [
        read("keen_idempotency_key", ONE_ID, _read_keys).alias("carried_key"),
        read("keen_status", LINE, _read_words).alias("carried_status"),
    ]


def _read_words(cells: pl.DataFrame) -> Reading:
    """Return the texts without blanks and zero-width characters around or in them."""
    text = pl.col("text").str.replace_all(ZERO_WIDTH, "").str.strip_chars()
    nothing = pl.lit(None, dtype=pl.String)
    return Reading(cells.select(value=pl.when(text != "").then(text), code=nothing, detail=nothing))


def _read_keys(cells: pl.DataFrame) -> Reading:
    """Return the texts that are keys, in lower case."""
    key = pl.col("value").str.to_lowercase()
    proper = pl.when(key.str.contains(f"^{BRACED_UUID}$")).then(key.str.strip_chars("{}"))
    return Reading(_read_words(cells).cells.with_columns(value=proper))


def _all_clear(readings: list[Reading]) -> pl.Series:
    valid = readings[0].cells["code"].is_null()
    for reading in readings[1:]:
        valid &= reading.cells["code"].is_null()
    return valid.alias("valid")


def _faulty_cells(
    table: Table, index: int, field: PurchaseField | None, reading: Reading
) -> pl.DataFrame:
    if reading.cells["code"].null_count() == reading.cells.height:  # as in most columns
        return _NO_FAULTS
    texts = table.shown(index).alias("text")
    return (
        reading.cells.with_columns(table.cells["row"], texts)
        .filter(pl.col("code").is_not_null())
        .select(
            "row",
            index=pl.lit(index, dtype=pl.UInt32),
            column=pl.lit(table.headers[index]),
            field=pl.lit(field, dtype=pl.String),
            code="code",
            text="text",
            detail="detail",
        )
    )


def _explain(table: Table, faulty: pl.DataFrame) -> pl.DataFrame:
    ordered = faulty.sort("row", "index", maintain_order=True)
    told = ordered.select("code", "row", "index", "text", "detail").iter_rows()
    messages = [
        explain(FaultCode(code), table.place(row, index), text, detail)
        for code, row, index, text, detail in told
    ]
    return ordered.with_columns(
        text=pl.col("text").fill_null("").str.slice(0, SHOWN_CHARACTERS),
        message=pl.Series(messages, dtype=pl.String),
    )
