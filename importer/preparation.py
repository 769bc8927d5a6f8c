"""A job → the ledger opened, the file read and planned, and proof that it may be sent.

Touches the workspace; changes nothing in the ledger but the doubts that a dead run left.
"""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from importer.config import workspace_path
from importer.job import Job, Prepared
from importer.ledger.sqlite import SqliteLedger
from importer.planner.gate import check_expectations, check_identity_settings, check_scope
from importer.planner.plan import Policy
from importer.planner.planner import Viewpoint, make_plan
from importer.reader.identity import identity_settings
from importer.reader.reader import read_file
from importer.reconciler.report import summarise_plan
from importer.reconciler.results_path import check_results_path, default_results_path
from importer.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.ledger.contract import Ledger


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
    reading = read_file(job.path, folder, config, order)
    policy = Policy(order.allow_duplicates, order.retry_rejected, config.api.key_retention)
    view = Viewpoint(config.api.scope, order.batch, policy, datetime.now(UTC))
    plan = make_plan(reading.rows, ledger, view)
    to_send = plan.to_send if order.limit is None else plan.to_send.head(order.limit)
    summary = summarise_plan(reading.rows, reading.faults, plan, to_send)
    path = _results_path(job, summary.rows) if writes_results else None
    return Prepared(job, reading, plan, to_send, view, summary, path)


def check_gates(prepared: Prepared, ledger: Ledger) -> None:
    """Raise GuardError where the file, the settings or the ledger forbid to send."""
    job, summary = prepared.job, prepared.summary
    check_scope(ledger, job.config.api)
    check_identity_settings(
        ledger,
        prepared.view.scope,
        identity_settings(job.config),
        accept_change=job.order.accept_identity_change,
    )
    check_expectations(
        job.order,
        rows=summary.rows,
        invalid=summary.statuses["invalid"],
        valid_total=summary.valid_total,
        send_total=summary.send_total,
    )


def _results_path(job: Job, rows: int) -> Path:
    path = job.order.results or default_results_path(
        job.path, job.config.results.format, job.config.results.folder
    )
    check_results_path(path, input_path=job.path, rows=rows)
    return path
