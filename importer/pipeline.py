"""The story of one import: read → plan → send → reconcile. Touches what its stages touch."""

from __future__ import annotations

import json
import random
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Protocol

import anyio

from importer.config import workspace_path
from importer.errors import ApiError, ApiUnavailableError, LedgerError
from importer.ledger.sqlite import SqliteLedger
from importer.ledger.writer import GroupCommit
from importer.planner.deliveries import make_deliveries
from importer.planner.gate import check_expectations, check_identity_settings, check_scope
from importer.planner.plan import Policy
from importer.planner.planner import Viewpoint, make_plan
from importer.reader.identity import identity_settings
from importer.reader.reader import read_file
from importer.reconciler.reconciler import reconcile
from importer.reconciler.report import PlanSummary, Summary, summarise, summarise_plan
from importer.reconciler.results import write_results
from importer.reconciler.results_path import check_results_path, default_results_path, keep_other
from importer.sender.events import SendReport
from importer.sender.sender import send
from importer.sender.signals import StopRequest, listen
from importer.workspace import Progress, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import polars as pl

    from importer.config import Config, Order
    from importer.errors import ImporterError
    from importer.ledger.contract import Ledger
    from importer.planner.planner import Plan
    from importer.reader.reader import Reading
    from importer.sender.api import Api
    from importer.sender.events import Event


NOTHING_SENT: Final = SendReport(
    created=0, rejected=0, in_doubt=0, unsent=0, stop=None, signal=None, unstored=()
)


@dataclass(frozen=True, slots=True)
class Job:
    """One file and all that the user said of it."""

    path: Path
    config: Config
    order: Order


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that is known before anything is sent."""

    job: Job
    reading: Reading
    plan: Plan
    to_send: pl.DataFrame
    view: Viewpoint
    summary: PlanSummary


@dataclass(frozen=True, slots=True)
class Ended:
    """All that is known when nothing more is sent."""

    summary: Summary
    results: pl.DataFrame
    """reconciler.RESULT_SCHEMA, `resolution` and `amount`."""
    results_path: Path
    kept_path: Path | None
    """Where an earlier results file of another import is kept now."""
    stop: ImporterError | None


class Screen(Protocol):
    """Whoever watches: a terminal, a log, a test."""

    def show_plan(self, prepared: Prepared) -> None:
        """Show what is about to be done."""

    def agrees(self, prepared: Prepared) -> bool:
        """Return whether the rows may be sent."""

    def watch(
        self, run_id: int, progress: Progress, total: int
    ) -> AbstractContextManager[Callable[[Event], None]]:
        """Return what is told of every event while rows are sent."""

    def show_unstored(self, report: SendReport) -> None:
        """Name the outcomes that the ledger could not store: nothing else will know them."""

    def show_end(self, ended: Ended) -> None:
        """Show what became of the rows."""


def run_import(job: Job, api: Api, screen: Screen) -> Ended | None:
    """Make the purchases of one file; return None where the user did not agree to the plan."""
    started = _now()
    with _open(job, writing=True) as (workspace, folder, ledger):
        prepared = prepare(job, folder, ledger)
        path = _results_path(prepared)
        screen.show_plan(prepared)
        _check_gates(prepared, ledger)
        if prepared.to_send.height and not screen.agrees(prepared):
            return None
        run_id = _begin(prepared, ledger)
        report = NOTHING_SENT
        if prepared.to_send.height:
            progress = Progress(workspace.path, file=job.path.name, total=prepared.to_send.height)
            with screen.watch(run_id, progress, prepared.to_send.height) as observe:
                report = anyio.run(partial(_send, prepared, api, ledger, run_id, observe))
            screen.show_unstored(report)
        ended = _finish(prepared, ledger, path, report, run_id=run_id, started=started)
        screen.show_end(ended)
    return ended


def check_import(job: Job, screen: Screen) -> PlanSummary:
    """Do all of it up to the plan. Needs no API key and no network; changes nothing."""
    with _open(job, writing=False) as (_, folder, ledger):
        prepared = prepare(job, folder, ledger)
        screen.show_plan(prepared)
        _check_gates(prepared, ledger)
    return prepared.summary


def rewrite_results(job: Job, screen: Screen) -> Ended:
    """Write the results of a file once more from the ledger; nothing is sent."""
    started = _now()
    with _open(job, writing=False) as (_, folder, ledger):
        prepared = prepare(job, folder, ledger)
        path = _results_path(prepared)
        ended = _finish(prepared, ledger, path, NOTHING_SENT, run_id=None, started=started)
        screen.show_end(ended)
    return ended


def prepare(job: Job, folder: Path, ledger: Ledger) -> Prepared:
    """Return the file as it was understood and planned; `folder` takes its private copy."""
    config, order = job.config, job.order
    reading = read_file(job.path, folder, config, order)
    policy = Policy(order.allow_duplicates, order.retry_rejected, config.api.key_retention)
    view = Viewpoint(config.api.scope, order.batch, policy, _now())
    plan = make_plan(reading.rows, ledger, view)
    to_send = plan.to_send if order.limit is None else plan.to_send.head(order.limit)
    summary = summarise_plan(reading.rows, reading.faults, plan, to_send)
    return Prepared(job, reading, plan, to_send, view, summary)


@contextmanager
def _open(job: Job, *, writing: bool) -> Iterator[tuple[Workspace, Path, Ledger]]:
    """Yield the workspace, a folder for private copies, and the ledger, held by this process alone.

    A command that only looks makes no workspace: without one, the ledger is an empty one in memory.
    """
    workspace = Workspace(workspace_path(job.config))
    with ExitStack() as stack:
        if writing or workspace.ledger_path.exists():
            stack.enter_context(workspace.hold(job.path.name))
            folder = workspace.copies_folder
            ledger = SqliteLedger.open(workspace.ledger_path)
        else:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="importer-")))
            ledger = SqliteLedger.open(None)
        stack.enter_context(closing(ledger))
        ledger.interrupted(_now())
        yield workspace, folder, ledger


def _check_gates(prepared: Prepared, ledger: Ledger) -> None:
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


def _results_path(prepared: Prepared) -> Path:
    """Return where the results go, proven writable before a row is sent."""
    job = prepared.job
    path = job.order.results or default_results_path(
        job.path, job.config.results.format, job.config.results.folder
    )
    check_results_path(path, input_path=job.path, rows=prepared.summary.rows)
    return path


def _begin(prepared: Prepared, ledger: Ledger) -> int:
    """Record the scope's URL, the settings behind its keys, and the run with its plan."""
    config = prepared.job.config
    settings = identity_settings(config)
    ledger.remember_scope(config.api.scope, config.api.url)
    if ledger.identity_settings(config.api.scope) != settings:
        ledger.remember_identity_settings(config.api.scope, settings)
    _, run_id = ledger.begin_run(
        scope=prepared.view.scope,
        batch=prepared.view.batch,
        file=prepared.reading.source.name,
        content=prepared.plan.import_content,
        plan=json.dumps(asdict(prepared.summary), default=str),
        at=_now(),
    )
    return run_id


async def _send(
    prepared: Prepared, api: Api, ledger: Ledger, run_id: int, observe: Callable[[Event], None]
) -> SendReport:
    config = prepared.job.config
    stop = StopRequest()
    async with anyio.create_task_group() as tasks:
        await tasks.start(listen, stop)
        refused = await _prove(api, stop)
        if refused is not None:
            tasks.cancel_scope.cancel()
            return replace(NOTHING_SENT, stop=refused, signal=stop.requested)
        async with GroupCommit(ledger, run_id) as writer:
            report = await send(
                make_deliveries(
                    prepared.to_send, ledger, scope=config.api.scope, action=config.api.action
                ),
                api=api,
                writer=writer,
                settings=config.send,
                key_retention=config.api.key_retention,
                total=prepared.to_send.height,
                observe=observe,
                stop=stop,
                now=_now,
                random=random.random,
            )
        tasks.cancel_scope.cancel()
    return report


async def _prove(api: Api, stop: StopRequest) -> ImporterError | None:
    """Prove URL, key and TLS before the first purchase; a stop request cuts it short."""
    async with anyio.create_task_group() as tasks:

        async def leave_when_asked() -> None:
            await stop.asked.wait()
            tasks.cancel_scope.cancel()

        tasks.start_soon(leave_when_asked)
        try:
            await api.prove()
        except (ApiError, ApiUnavailableError) as error:
            tasks.cancel_scope.cancel()
            return error
        tasks.cancel_scope.cancel()
    return None


def _finish(
    prepared: Prepared,
    ledger: Ledger,
    path: Path,
    report: SendReport,
    *,
    run_id: int | None,
    started: datetime,
) -> Ended:
    """Reconcile, write the results, record the end of the run."""
    reading = prepared.reading
    results = reconcile(
        reading.rows, reading.faults, prepared.plan, ledger, prepared.view, run_id=run_id
    )
    kept = keep_other(path, results["idempotency_key"].drop_nulls().to_list())
    written = write_results(path, reading.table, results)
    summary = summarise(
        results,
        source=reading.source,
        scope=prepared.view.scope,
        batch=prepared.view.batch,
        run_id=run_id,
        started=started,
        ended=_now(),
        stop=report.stop,
        signum=report.signal,
        results_path=written,
    )
    ended = Ended(summary, results, written, kept, report.stop)
    if run_id is not None:
        with suppress(LedgerError):  # a run without an end is read as interrupted
            ledger.end_run(
                run_id,
                exit_code=summary.exit_code,
                summary=json.dumps(summary.as_json()),
                at=_now(),
            )
    return ended


def _now() -> datetime:
    return datetime.now(UTC)
