"""Judged rows, the plan and the results → the numbers of a run, and its exit code. Pure.

Screen, `--json`, logs and the ledger all show these numbers; there is no second count of anything.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from importer.errors import ExitCode
from importer.model import FOR_A_PERSON, RowStatus, format_instant
from importer.reconciler.error_groups import FaultGroup, group_errors, group_faults, group_held
from importer.reconciler.next_steps import TO_FIX, next_steps
from importer.reconciler.totals import total

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from pathlib import Path

    from importer.errors import ImporterError
    from importer.planner.planner import Plan
    from importer.reader.source import Source
    from importer.reconciler.next_steps import Commands, NextStep
    from importer.reconciler.row_results import RowResults
    from importer.reconciler.timing import Sending
    from importer.sender.events import SendReport

SUMMARY_VERSION: Final = 1
"""Raised when a number of the summary changes its meaning or goes away."""

NAMED_ROWS: Final = 1_000
"""How many row numbers of a status a summary lists; the results file has them all."""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What a run is about to do. Amounts are sums in the file's own currency."""

    rows: int
    valid: int
    statuses: dict[str, int]
    """Rows by the status they have before anything is sent; `unsent` are those never applied."""
    faults: tuple[FaultGroup, ...]
    held: tuple[FaultGroup, ...]
    valid_total: Decimal
    to_send: int
    send_total: Decimal
    undated: int
    """Of the rows to be sent: without a date, so Keen takes the time of the call."""
    all_triggers: int
    """Of the rows to be sent: without trigger ids, so every active purchase trigger fires."""
    left_by_limit: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What one run did, or what `results` found. docs/summary.md describes the JSON."""

    version: int
    file: str
    path: str
    """The input's absolute path."""
    file_sha256: str
    scope: str
    batch: str
    run_id: int | None
    rows: int
    counts: dict[str, int]
    """Rows by final status, every status present."""
    amounts: dict[str, str]
    """Sum of the amounts by final status; invalid rows have none."""
    waiting_rows: dict[str, list[int]]
    """Row numbers that need a person, by status; at most NAMED_ROWS each."""
    errors: tuple[FaultGroup, ...]
    """What is wrong, by status, column and code."""
    started_at: str
    duration_seconds: float
    sending: Sending | None
    """None where nothing was sent."""
    stopped: str | None
    results: str
    report: str | None
    """The page for people, where one was written."""
    next: tuple[NextStep, ...]
    exit_code: int

    def as_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object, in a fixed order of members.

        Without examples: a cron job's output must not hold what stands in cells.
        """
        told = asdict(self)
        for group in told["errors"]:
            del group["example"]
        return told


def summarise_plan(
    judged: pl.DataFrame, faults: pl.DataFrame, plan: Plan, to_send: pl.DataFrame
) -> PlanSummary:
    """Return the plan's numbers; `to_send` are the plan's rows within `--limit`."""
    counts = dict(plan.rows.filter(~pl.col("send"))["status"].value_counts().iter_rows())
    counts["unsent"] = counts.get("unsent", 0) + plan.to_send.height
    counts["invalid"] = judged.height - plan.rows.height
    return PlanSummary(
        rows=judged.height,
        valid=plan.rows.height,
        statuses={status.value: counts.get(status.value, 0) for status in RowStatus},
        faults=group_faults(faults),
        held=group_held(plan.rows),
        valid_total=total(plan.rows["purchase_amount"]),
        to_send=to_send.height,
        send_total=total(to_send["purchase_amount"]),
        undated=to_send["date"].null_count(),
        all_triggers=to_send.height - int(to_send["has_triggers"].sum()),
        left_by_limit=plan.to_send.height - to_send.height,
    )


def summarise(
    results: RowResults,
    faults: pl.DataFrame,
    *,
    source: Source,
    path: Path,
    scope: str,
    batch: str,
    run_id: int | None,
    started: datetime,
    ended: datetime,
    report: SendReport,
    sending: Sending | None,
    results_path: Path,
    commands: Commands,
) -> Summary:
    """Return the run's numbers from the reconciler's results; they are the results file's own."""
    counts, amounts = count_statuses(results.statuses)
    return Summary(
        version=SUMMARY_VERSION,
        file=source.name,
        path=str(path),
        file_sha256=source.sha256,
        scope=scope,
        batch=batch,
        run_id=run_id,
        rows=results.height,
        counts=counts,
        amounts=amounts,
        waiting_rows=waiting_rows(results.statuses),
        errors=group_errors(results.others, faults),
        started_at=format_instant(started.replace(microsecond=0)),
        duration_seconds=round((ended - started).total_seconds(), 3),
        sending=sending,
        stopped=_why_stopped(report),
        results=str(results_path),
        report=None,
        next=next_steps(counts, commands, results_path.name, report.stop),
        exit_code=int(exit_code(counts, report)),
    )


def _why_stopped(report: SendReport) -> str | None:
    if report.bug is not None:
        return f"an unexpected error ({type(report.bug).__name__})"
    return None if report.stop is None else str(report.stop)


def plan_exit_code(statuses: dict[str, int]) -> ExitCode:
    """Return what `check` exits with: rows that can be sent are no reason to complain."""
    return _exit_code_of_rows(statuses | {"unsent": 0})


def count_statuses(statuses: pl.DataFrame) -> tuple[dict[str, int], dict[str, str]]:
    """Return the rows and the sums of amounts by status, every status present."""
    counted = dict(statuses["status"].value_counts().iter_rows())
    counts = {status.value: counted.get(status.value, 0) for status in RowStatus}
    amounts = {
        status.value: str(total(statuses["amount"].filter(statuses["status"] == status.value)))
        for status in RowStatus
        if status is not RowStatus.INVALID
    }
    return counts, amounts


def waiting_rows(statuses: pl.DataFrame) -> dict[str, list[int]]:
    """Return the row numbers that need a person, by status."""
    return {
        status.value: rows
        for status in FOR_A_PERSON
        if (
            rows := statuses.filter(pl.col("status") == status.value)["row"]
            .head(NAMED_ROWS)
            .to_list()
        )
    }


def exit_code(counts: dict[str, int], report: SendReport) -> ExitCode:
    """Return the one exit code that stands for all that happened, the gravest first."""
    if report.bug is not None:
        return ExitCode.UNEXPECTED
    if report.signal is not None:
        return ExitCode(128 + report.signal)
    return _exit_code_of_rows(counts, report.stop)


def _exit_code_of_rows(counts: dict[str, int], stop: ImporterError | None = None) -> ExitCode:
    if counts["in_doubt"]:
        return ExitCode.IN_DOUBT
    if stop is not None and stop.exit_code is ExitCode.API_REFUSED:
        return ExitCode.API_REFUSED
    if counts["unsent"] or stop is not None:
        return ExitCode.STOPPED_EARLY
    if any(counts[status] for status in TO_FIX):
        return ExitCode.NEEDS_FIXING
    return ExitCode.OK
