"""A job → the ledger opened, the file read and planned, and proof that it may be sent.

Touches the workspace; changes nothing in the ledger but the doubts that a dead run left,
and blanks old bodies.
"""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from importer.config_loading import workspace_path
from importer.job import Job, Prepared
from importer.ledger.sqlite import SqliteLedger
from importer.model import HELD
from importer.planner.gate import check_expectations, check_identity_settings, check_scope
from importer.planner.plan import Policy
from importer.planner.planner import make_plan
from importer.planner.viewpoint import Viewpoint
from importer.reader.identity import identity_settings
from importer.reader.reader import read_file
from importer.reader.source import named_path
from importer.reconciler.report import summarise_plan
from importer.reconciler.results_path import (
    MAX_WORKBOOK_ROWS,
    check_results_path,
    default_results_path,
    results_format,
)
from importer.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

    from importer.ledger.contract import Ledger

PIECE: Final = 5_000
PIECES: Final = 20
"""Bodies are blanked in so many transactions of so many entries: half a second at most."""


@contextmanager
def open_ledger(job: Job, *, make: bool) -> Iterator[tuple[Workspace, Path, Ledger]]:
    """Yield the workspace, a folder for private copies, and the ledger, held by this process alone.

    Where there is no ledger yet and none is to be made, it is an empty one in memory, and the
    folder a temporary one: a command that only looks leaves no trace.
    """
    workspace = Workspace(workspace_path(job.config))
    with ExitStack() as stack:
        if make or workspace.ledger_path.exists():
            stack.enter_context(workspace.hold(job.path.name))
            folder = workspace.copies_folder
            ledger = SqliteLedger.open(workspace.ledger_path)
        else:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="importer-")))
            ledger = SqliteLedger.open(None)
        stack.enter_context(closing(ledger))
        ledger.interrupted(datetime.now(UTC))
        yield workspace, folder, ledger


def prepare(job: Job, folder: Path, ledger: Ledger, *, writes_results: bool = True) -> Prepared:
    """Return the file as it was understood and planned; `folder` takes its private copy."""
    config, order = job.config, job.order
    now = datetime.now(UTC)
    reading = read_file(job.path, folder, config, order, now=now)
    policy = Policy(
        order.allow_duplicates,
        order.retry_rejected,
        config.api.key_retention,
        config.send.timeout,
    )
    view = Viewpoint(config.api.scope, order.batch, policy, now, ZoneInfo(config.format.timezone))
    plan = make_plan(reading.rows, reading.contents, reading.typed, ledger, view)
    to_send = plan.to_send if order.limit is None else plan.to_send.head(order.limit)
    summary = summarise_plan(reading.rows, reading.faults, plan, to_send)
    path, notes = _results_path(job, summary.rows) if writes_results else (None, ())
    notes = (*notes, *_unsettled(reading.rows, plan.rows, job.commands(job.path).resolve))
    return Prepared(job, reading, plan, to_send, view, summary, path, notes)


def check_gates(prepared: Prepared, ledger: Ledger) -> None:
    """Raise GuardError where the file, the settings or the ledger forbid to send."""
    summary, rows = prepared.summary, prepared.reading.rows
    check_settings(prepared, ledger)
    check_expectations(
        prepared.job.order,
        rows=summary.rows,
        invalid=rows.filter(~rows["valid"])["row"].to_list(),
        valid_total=summary.valid_total,
        send_total=summary.send_total,
    )


def check_settings(prepared: Prepared, ledger: Ledger) -> None:
    """Raise GuardError where the rows' keys are not those of the ledger's earlier rows.

    Whoever only looks rows up needs this too: they would be told to be unsent.
    """
    config = prepared.job.config
    check_scope(ledger, config.api)
    check_identity_settings(
        ledger,
        config.api.scope,
        identity_settings(config),
        accept_change=prepared.job.order.accept_identity_change,
    )


def _unsettled(judged: pl.DataFrame, planned: pl.DataFrame, resolve: str) -> Iterator[str]:
    """Yield a note where a person wrote words into held rows that nobody has settled yet."""
    held = planned.filter(planned["status"].is_in(HELD) & ~planned["send"])
    words = judged.select("row", "resolution").drop_nulls()
    count = words.join(held.select("row"), on="row", how="semi").height
    if count:
        rows, them = ("row has", "it") if count == 1 else ("rows have", "them")
        yield (
            f"{count:,} {rows} a keen_resolution that is not settled yet: `{resolve}` "
            f"takes {them} or says why not, a run does not."
        )


def forget_old_bodies(ledger: Ledger, days: int, now: datetime) -> None:
    """Blank the bodies of entries settled so many days ago; 0: none.

    In small pieces and not endlessly, so that no start of a run is held up; the next goes on.
    """
    if not days:
        return
    before = now - timedelta(days=days)
    for _ in range(PIECES):
        if ledger.blank_bodies(before, PIECE) < PIECE:
            return


def _results_path(job: Job, rows: int) -> tuple[Path, tuple[str, ...]]:
    """Return where the results go, proven writable, and a note where it is no workbook after all.

    What the user named is taken or refused; what only the configuration says gives way.
    """
    notes: tuple[str, ...] = ()
    kind, folder = job.config.results.format, job.config.results.folder
    named = named_path(job.path)
    path = job.order.results or default_results_path(named, kind, folder)
    if job.order.results is None and results_format(path) == "xlsx" and rows >= MAX_WORKBOOK_ROWS:
        path = default_results_path(named, "csv", folder)
        notes = (f"{rows:,} rows do not fit on one Excel sheet, so the results are a CSV file.",)
    check_results_path(path, input_path=job.path, rows=rows)
    return path, notes
