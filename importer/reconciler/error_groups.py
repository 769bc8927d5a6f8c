"""Faults and results → rows with the same trouble in the same column, counted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from importer.model import DONE, FOR_A_PERSON, RowStatus
from importer.reader.texts import fill

EXAMPLE_ROWS: Final = 5


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """Rows with the same fault in the same column."""

    column: str
    code: str
    count: int
    rows: tuple[int, ...]
    """The first few."""
    example: str
    """One message, with the cell's text: for a person's own screen only."""
    status: str = RowStatus.INVALID.value


def group_faults(faults: pl.DataFrame) -> tuple[FaultGroup, ...]:
    """Return validation's faults by column and code, the most frequent first."""
    return _group(faults.select("row", "column", "code", "message", status=pl.lit("invalid")))


def group_held(rows: pl.DataFrame) -> tuple[FaultGroup, ...]:
    """Return what the plan holds for a person, by status and, where it has one, by code."""
    held = rows.filter(pl.col("status").is_in(FOR_A_PERSON) & ~pl.col("send"))
    is_conflict = pl.col("status") == RowStatus.CONFLICT.value
    return _group(
        held.select(
            "row",
            "status",
            column=pl.lit(""),
            code=pl.when(is_conflict).then("conflict_code").otherwise(pl.lit("")),
            message=pl.when(is_conflict)
            .then("conflict")
            .when(pl.col("status") == RowStatus.DUPLICATE.value)
            .then(fill("The same purchase as row {} stands in row {}.", "twin_row", "row")),
        )
    )


def group_errors(results: pl.DataFrame, faults: pl.DataFrame) -> tuple[FaultGroup, ...]:
    """Return all that is wrong: an invalid row's faults by column, any other row by its code."""
    quiet = [*DONE, RowStatus.INVALID]
    others = results.filter(~pl.col("status").is_in(quiet) & pl.col("error_code").is_not_null())
    return (
        *group_faults(faults),
        *_group(
            others.select(
                "row",
                "status",
                column=pl.lit(""),
                code=pl.col("error_code"),
                message=pl.col("error"),
            )
        ),
    )


def _group(found: pl.DataFrame) -> tuple[FaultGroup, ...]:
    groups = (
        found.group_by("column", "code", "status", maintain_order=True)
        .agg(
            pl.len().alias("count"),
            pl.col("row").head(EXAMPLE_ROWS).alias("rows"),
            pl.col("message").first().alias("example"),
        )
        .sort("count", descending=True, maintain_order=True)
    )
    return tuple(
        FaultGroup(column or "", code, count, tuple(rows), example or "", status)
        for column, code, status, count, rows, example in groups.iter_rows()
    )
