"""Claimed rows and a ledger → what it knows of those that are created, as whole columns.

Reads the ledger. What `judge` says of a created entry, said of a million at once: nothing else
counts for such a row, so nothing has to be told apart. Texts that follow from other columns are
made where they are asked for, a few rows at a time.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from importer.model import RowStatus
from importer.planner.planner import STATUSES
from importer.reader.keys import PART_ROWS, number_keys, number_packed, spell_keys
from importer.reader.pieces import join_frames
from importer.reader.texts import fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from importer.ledger.contract import Created, Ledger

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "packed": pl.Binary(),
    "purchase_id": pl.String(),
    "http_status": pl.Int32(),
    "attempts": pl.UInt32(),
    "sent_at": pl.Datetime("us", "UTC"),
    "file": pl.Categorical(),
    "sent_row": pl.UInt32(),
    "message": pl.String(),
    "run": pl.Int64(),
}
"""The ledger's Created, in its order."""


def find_created(
    planned: pl.DataFrame, ledger: Ledger, scope: str, run_id: int | None
) -> pl.DataFrame:
    """Return what the ledger knows of each row of `planned` whose entry is `created`, in order.

    `planned` has `row`, `content` and `occurrence`; no two rows have the same key. Columns: `row`,
    `key` (UInt128, see number_keys), `status` (of STATUSES: `created` where the run of
    `run_id` did it), `purchase_id`, `http_status`, `attempts`, `sent_at`, `file` and `sent_row` of
    the last attempt, `by_person`, and `message`, null where no person settled it.
    """
    keys = number_keys(planned)
    places = keys.arg_sort()
    keys = keys.gather(places)
    told = pl.repeat(False, len(keys), dtype=pl.Boolean, eager=True)

    def missing() -> Iterator[str]:
        left = keys.filter(~told.gather(places)).to_frame()
        # A part at a time: as texts the keys of a million rows take 50 MiB.
        return chain.from_iterable(
            spell_keys(part.to_series()) for part in left.iter_slices(PART_ROWS)
        )

    found = [_tell((), keys, places, run_id)]
    for page in ledger.created(scope, missing, count=len(keys)) if len(keys) else ():
        found.append(_tell(page, keys, places, run_id))
        told.scatter(found[-1]["at"], True)
    created = join_frames(found)
    at = created.drop_in_place("at")
    if not at.is_sorted():
        order = at.arg_sort()
        # Column by column, so that only one of them is there twice.
        names = created.columns
        created = pl.DataFrame([_gather(created.drop_in_place(name), order) for name in names])
        at = at.gather(order)
    return created.insert_column(0, planned["row"].gather(at))


def spell_created(created: pl.DataFrame) -> pl.DataFrame:
    """Return the results of some rows of `find_created`, in their order.

    Columns: `row`, `status` (String), `purchase_id`, `error_code`, `error`, `http_status`,
    `attempts`, `idempotency_key`, `sent_at`.
    """
    now = pl.col("status") == RowStatus.CREATED.value
    where = (pl.col("file"), pl.col("sent_row"), pl.col("sent_at").dt.strftime("%Y-%m-%d"))
    by_person = fill("Sent by {}, row {}, on {}; nothing now. {}", *where, pl.col("message"))
    by_run = fill("Created by {}, row {}, on {}; nothing was sent.", *where)
    return created.select(
        "row",
        pl.col("status").cast(pl.String),
        "purchase_id",
        pl.when(~now).then(pl.lit("already-created")).alias("error_code"),
        pl.when(~now).then(pl.when("by_person").then(by_person).otherwise(by_run)).alias("error"),
        "http_status",
        "attempts",
        spell_keys(created["key"]).alias("idempotency_key"),
        "sent_at",
    )


def _tell(
    page: Sequence[Created], keys: pl.Series, places: pl.Series, run_id: int | None
) -> pl.DataFrame:
    """Return those of the page whose keys are among the ordered `keys`, in no particular order."""
    columns: list[Sequence[Any]] = [*zip(*page, strict=True)] or [()] * len(_COLUMNS)
    told = pl.DataFrame(
        [
            pl.Series(name, values, dtype=kind)
            for (name, kind), values in zip(_COLUMNS.items(), columns, strict=True)
        ]
    )
    sought = number_packed(told["packed"])
    # Beyond the last key is none; that one stands there to be found unequal.
    at = keys.search_sorted(sought).clip(upper_bound=max(len(keys) - 1, 0))
    tried = pl.col("run") == run_id if run_id is not None else pl.lit(value=False)
    return told.select(
        places.gather(at).alias("at"),
        sought.alias("key"),
        pl.when(tried)
        .then(pl.lit(RowStatus.CREATED.value, dtype=STATUSES))
        .otherwise(pl.lit(RowStatus.ALREADY_CREATED.value, dtype=STATUSES))
        .alias("status"),
        "purchase_id",
        "http_status",
        "attempts",
        "sent_at",
        "file",
        "sent_row",
        (pl.col("run") == 0).alias("by_person"),
        pl.when(pl.col("run") == 0).then("message").alias("message"),
    ).filter(keys.gather(at) == sought)


def _gather(column: pl.Series, order: pl.Series) -> pl.Series:
    nothing = column.null_count() == len(column)  # so it takes next to no memory
    return column if nothing else column.gather(order)
