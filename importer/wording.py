"""The numbers of a plan or a run → lines for people. Pure.

Cell values appear only where `private` is true: a person's own terminal. What cron mails to a
list names rows, columns and codes.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

from importer.reconciler.kept import Why
from importer.reconciler.next_steps import MEANING
from importer.reconciler.totals import spell_amount

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from importer.job import Ended
    from importer.reconciler.error_groups import FaultGroup
    from importer.reconciler.report import PlanSummary, Summary

SHOWN_ROWS: Final = 10
OVERLAPPING: Final = ("invalid", "in_doubt")
"""Statuses whose rows are named besides their codes: one row may have several, or the rows are what
somebody must look up."""
WRAPPED: Final = 90
"""Characters of a line of prose."""


def plan_lines(summary: PlanSummary, *, private: bool) -> Iterator[str]:
    """Yield what a run is about to do."""
    statuses = summary.statuses
    yield _count("rows", summary.rows)
    yield _count("valid", summary.valid, f"total {summary.valid_total:,}")
    if statuses["invalid"]:
        yield _count("invalid", statuses["invalid"])
        yield from _group_lines(summary.faults, private=private)
    for status, meaning in (
        ("already_created", "nothing will be sent"),
        ("in_doubt", "held until a person settles them: see keen_resolution in the results"),
        ("rejected", "by an earlier run; --retry-rejected sends them again"),
        ("duplicate", "held; --allow-duplicates sends them"),
        ("conflict", "held; keen_error says why, in the results of a run"),
    ):
        if statuses[status]:
            yield _count(status.replace("_", " "), statuses[status], meaning)
            yield from _group_lines(_of_status(summary.held, status), private=private)
    yield _count("to be sent", summary.to_send, f"total {summary.send_total:,}")
    if summary.left_by_limit:
        yield f"      {summary.left_by_limit:,} more are left for a later run by --limit"
    if summary.undated:
        yield f"      {summary.undated:,} without a date: Keen takes the time of the call"
    if summary.all_triggers:
        yield (
            f"      {summary.all_triggers:,} without trigger_ids: ALL active purchase triggers of "
            "their channel fire"
        )


def end_lines(summary: Summary, *, private: bool) -> Iterator[str]:
    """Yield what became of the rows; of those that need a person also which, and why."""
    for status, meaning in MEANING.items():
        if count := summary.counts[status]:
            amount = summary.amounts.get(status)
            told = f"{meaning}; total {spell_amount(amount)}" if amount else meaning
            yield _count(status.replace("_", " "), count, told)
            if rows := summary.waiting_rows.get(status):
                groups = _of_status(summary.errors, status)
                if status in OVERLAPPING or not groups:
                    yield f"      {name_rows(rows, count)}"
                yield from _group_lines(groups, private=private)
    if not summary.rows:
        yield "  The file has no rows: nothing to do."
    if summary.stopped:
        yield f"  Stopped early: {summary.stopped}"


def name_rows(rows: Sequence[int], count: int) -> str:
    """Return `rows 4, 7 and 3 more` for `count` rows of which `rows` are the first."""
    shown = ", ".join(str(row) for row in rows[:SHOWN_ROWS])
    more = count - min(len(rows), SHOWN_ROWS)
    return f"{'row' if count == 1 else 'rows'} {shown}" + (f" and {more:,} more" if more else "")


def place_lines(ended: Ended) -> Iterator[str]:
    """Yield where the results are, and what became of the file that was there."""
    if ended.kept is not None:
        yield _KEPT[ended.kept.why].format(name=ended.kept.path.name)
    if not ended.in_place:
        yield "  The results file could not be replaced (is it open in Excel?), so they stand in"
    yield f"  {ended.summary.results}"
    if ended.summary.report is not None:
        yield f"  {ended.summary.report}"


_KEPT: Final = {
    Why.OTHER: "  What stood there was not this import's results; it is kept as {name}",
    Why.EDITED: (
        "  The earlier results file may have been edited; nothing of that is lost, it is kept as "
        "{name}"
    ),
}


def next_lines(summary: Summary) -> Iterator[str]:
    """Yield what to do next; the last lines of a run."""
    for step in summary.next:
        first, *more = textwrap.wrap(
            step.text, WRAPPED, break_long_words=False, break_on_hyphens=False
        )
        yield f"  Next: {first}"
        yield from (f"        {line}" for line in more)
        yield f"          {step.command}"


def _group_lines(groups: Sequence[FaultGroup], *, private: bool) -> Iterator[str]:
    for group in groups:
        rows = name_rows(group.rows, group.count)
        yield "      " + ": ".join(part for part in (group.column, group.code, rows) if part)
        if private and group.example:
            yield f"          {group.example}"


def _of_status(groups: Sequence[FaultGroup], status: str) -> list[FaultGroup]:
    return [group for group in groups if group.status == status]


def _count(name: str, count: int, told: str = "") -> str:
    return f"  {name:<16}{count:>9,}" + (f"   {told}" if told else "")
