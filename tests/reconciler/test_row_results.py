"""Results that are made as they are asked for are the same, however many are asked for at once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import polars as pl
import pytest

from importer.planner.planner import STATUSES
from importer.reader.keys import make_key
from importer.reconciler.row_results import RESULT_SCHEMA, RowResults

SENT_AT = datetime(2026, 3, 4, 10, 20, 30, tzinfo=UTC)
KEYS = [UUID(int=number) for number in (3, 4, 9)]
"""Of the created rows."""
DOUBTED = make_key(b"b", 1)


def test_each_row_has_its_own_result() -> None:
    results = mixed()

    told = results.slice(0, results.height)

    assert told.select("row", "status", "purchase_id", "error_code", "resolution").rows() == [
        (2, "invalid", None, "not-an-amount", None),
        (3, "created", "p-3", None, None),
        (4, "already_created", "p-4", "already-created", None),
        (8, "in_doubt", None, "http-500", "created"),
        (9, "already_created", "p-9", "already-created", None),
    ]
    assert told["error"].to_list() == [
        "No amount.",
        None,
        "Created by may.csv, row 14, on 2026-03-04; nothing was sent.",
        "Internal error",
        "Sent by may.csv, row 19, on 2026-03-04; nothing now. ops settled it.",
    ]
    expected = [None, str(KEYS[0]), str(KEYS[1]), DOUBTED, str(KEYS[2])]
    assert told["idempotency_key"].to_list() == expected
    assert list(results.keys()) == expected[1:]
    assert told.schema == RESULT_SCHEMA | {"resolution": pl.String}


@pytest.mark.parametrize("length", range(1, 6))
def test_slices_are_parts_of_the_whole(length: int) -> None:
    results = mixed()

    parts = [results.slice(begin, length) for begin in range(0, results.height, length)]

    assert pl.concat(parts).equals(results.slice(0, results.height))


def test_results_without_a_row_have_all_columns() -> None:
    results = mixed()
    nothing = RowResults(
        results.statuses.clear(),
        results.others.clear(),
        results.created.clear(),
    )

    assert nothing.slice(0, 0).schema == results.slice(0, 5).schema
    assert not nothing.has_keys


def mixed() -> RowResults:
    """Return the results of an invalid row, one in doubt, and three created ones between them."""
    nothing = {"purchase_id": None, "http_status": None, "attempts": 0, "sent_at": None}
    invalid = {"row": 2, "status": "invalid", "error_code": "not-an-amount", "error": "No amount."}
    doubt = {"row": 8, "status": "in_doubt", "error_code": "http-500", "error": "Internal error"}
    doubt |= {"idempotency_key": DOUBTED, "resolution": "created"}
    others = pl.DataFrame(
        [nothing | {"idempotency_key": None, "resolution": None} | one for one in (invalid, doubt)],
        schema=RESULT_SCHEMA | {"resolution": pl.String},
    )
    rows = (3, 4, 9)
    created = pl.DataFrame(
        {
            "row": pl.Series(rows, dtype=pl.UInt32),
            "key": pl.Series([key.int for key in KEYS], dtype=pl.UInt128),
            "status": pl.Series(["created", *["already_created"] * 2], dtype=STATUSES),
            "purchase_id": [f"p-{row}" for row in rows],
            "http_status": pl.Series([200] * 3, dtype=pl.Int32),
            "attempts": pl.Series([1] * 3, dtype=pl.UInt32),
            "sent_at": pl.Series([SENT_AT] * 3, dtype=pl.Datetime("us", "UTC")),
            "file": pl.Series(["may.csv"] * 3, dtype=pl.Categorical),
            "sent_row": pl.Series([row + 10 for row in rows], dtype=pl.UInt32),
            "by_person": [False, False, True],
            "message": [None, None, "ops settled it."],
        }
    )
    statuses = pl.concat(
        each.select("row", pl.col("status").cast(STATUSES), amount=pl.lit("1.00"))
        for each in (others, created)
    ).sort("row")
    return RowResults(statuses, others, created)
