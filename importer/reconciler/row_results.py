"""What is known of a file's rows at the end → the results of so many at a time. Pure.

The texts of the results of a million rows take twice the memory of what they are made from, so they
are made where they are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.planner.created import spell_created

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULT_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "row": pl.UInt32,
    "status": pl.String,
    "purchase_id": pl.String,
    "error_code": pl.String,
    "error": pl.String,
    "http_status": pl.Int32,
    "attempts": pl.UInt32,
    "idempotency_key": pl.String,
    "sent_at": pl.Datetime("us", "UTC"),
}
"""What became of a data row of the file. `resolution` (String), a person's word that still waits,
follows."""

_PART_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class RowResults:
    """One result for each data row of a file, in its order."""

    statuses: pl.DataFrame
    """`row`, `status` (of STATUSES) and `amount` (canonical decimal text, null where the row is
    invalid) of every row."""
    others: pl.DataFrame
    """RESULT_SCHEMA and `resolution` of the rows that are not among the created ones, in order."""
    created: pl.DataFrame
    """planner.created's."""

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self.statuses.height

    @property
    def has_keys(self) -> bool:
        """Whether any row has an idempotency key."""
        others = self.others["idempotency_key"]
        return not self.created.is_empty() or others.null_count() < len(others)

    def slice(self, begin: int, length: int) -> pl.DataFrame:
        """Return RESULT_SCHEMA and `resolution` of so many rows from that place on."""
        rows = self.statuses["row"].slice(begin, length)
        others = _among(self.others, rows)
        created = _among(self.created, rows)
        if created.is_empty():
            return others
        told = spell_created(created).with_columns(
            pl.lit(None, dtype=pl.String).alias("resolution")
        )
        if others.is_empty():
            return told
        return pl.concat([told, others]).sort("row")

    def keys(self) -> Iterator[str]:
        """Yield the idempotency keys of the rows that have one, in order."""
        for begin in range(0, self.height, _PART_ROWS):
            yield from self.slice(begin, _PART_ROWS)["idempotency_key"].drop_nulls()


def _among(frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """Return the part of `frame` from the first to the last of `rows`; both are in order."""
    if rows.is_empty():
        return frame.clear()
    begin = frame["row"].search_sorted(rows[0], "left")
    end = frame["row"].search_sorted(rows[-1], "right")
    return frame.slice(begin, end - begin)
