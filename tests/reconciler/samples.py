"""Small tables and results frames for the tests of what is written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from importer.reader.table import CELL_KIND, Table, cell_name, kind_name
from importer.reconciler.results import write_results
from tests.reader.frames import in_pieces

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEY = "0190a1b2-c3d4-8e5f-8a6b-0123456789ab"
SENT_AT = datetime(2026, 3, 4, 10, 20, 30, 123456, tzinfo=UTC)


def table_of(
    headers: Sequence[str],
    lines: Sequence[Sequence[str | None]],
    *,
    kinds: Sequence[Sequence[str | None]] | None = None,
    delimiter: str | None = ",",
) -> Table:
    """Return a table with rows from 2 on; a workbook's where `kinds` are given."""
    columns = [pl.Series("row", range(2, len(lines) + 2), dtype=pl.UInt32)]
    for index in range(len(headers)):
        texts = [line[index] for line in lines]
        columns.append(pl.Series(cell_name(index), texts, dtype=pl.String))
    for index in range(len(headers) if kinds is not None else 0):
        column = [line[index] for line in kinds or ()]
        columns.append(pl.Series(kind_name(index), column, dtype=CELL_KIND))
    return Table(
        name="x.csv" if kinds is None else "x.xlsx",
        format="csv" if kinds is None else "xlsx",
        headers=tuple(headers),
        cells=pl.DataFrame(columns),
        delimiter=delimiter if kinds is None else None,
    )


def results_of(table: Table, **changed: object) -> pl.DataFrame:
    """Return a `created` result for each row of the table; `changed` replaces whole columns."""
    values: dict[str, object] = {
        "status": "created",
        "purchase_id": "p-1",
        "error_code": None,
        "error": None,
        "http_status": 200,
        "attempts": 1,
        "idempotency_key": KEY,
        "sent_at": SENT_AT,
        "resolution": None,
    }
    types: dict[str, pl.DataType | type[pl.DataType]] = {
        "http_status": pl.Int32,
        "attempts": pl.UInt32,
        "sent_at": pl.Datetime("us", "UTC"),
    }
    return table.cells.select(
        "row",
        *(
            pl.lit(value, dtype=types.get(name, pl.String)).alias(name)
            for name, value in (values | changed).items()
        ),
    )


def write_table(path: Path, table: Table, results: pl.DataFrame) -> Path:
    """Write the results of a table that comes in pieces of two rows."""
    return write_results(path, in_pieces(table), results)
