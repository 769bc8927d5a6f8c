"""Answers that the ledger could not store, in the results."""

from __future__ import annotations

import polars as pl

from importer.ledger.contract import Settlement
from importer.model import Next, Outcome, Verdict
from importer.reconciler.row_results import RESULT_SCHEMA, RowResults
from importer.reconciler.unstored import tell_unstored
from tests.sender.rig import START

CREATED = Outcome(Verdict.APPLIED, Next.DONE, "created", "", 200, "p-7")
REFUSED = Outcome(Verdict.NOT_APPLIED, Next.REJECT, "http-403", "Lead not accessible", 403)


def results(*rows: tuple[int, str, str]) -> RowResults:
    """Return the results of rows of a number, a status and a key."""
    told = [
        {"row": row, "status": status, "idempotency_key": key, "error": "what the ledger knows"}
        for row, status, key in rows
    ]
    others = pl.DataFrame(told, schema=RESULT_SCHEMA)
    return RowResults(others.select("row", "status"), others, others.clear())


def test_what_keen_said_stands_in_the_results_of_the_row_alone() -> None:
    unstored = [Settlement("a", 2, CREATED, START), Settlement("b", 3, REFUSED, START)]
    given = results((2, "in_doubt", "a"), (3, "in_doubt", "b"), (4, "in_doubt", "c"))
    first, second, third = tell_unstored(given, unstored).others["error"]
    assert first.startswith("Keen answered that it created purchase p-7, which the ledger could")
    assert second.startswith("It was surely not created (http-403), which the ledger could not")
    assert third == "what the ledger knows"


def test_a_row_that_the_ledger_knows_after_all_is_told_as_it_knows_it() -> None:
    given = results((2, "rejected", "a"))
    told = tell_unstored(given, [Settlement("a", 2, REFUSED, START)])
    assert told.others["error"].to_list() == ["what the ledger knows"]
