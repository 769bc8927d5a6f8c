"""The story of one import: read → plan → send → reconcile. Touches what its stages touch."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from importer.dispatch import NOTHING_SENT, send_rows
from importer.errors import ExitCode, LedgerError
from importer.job import Ended
from importer.preparation import check_gates, open_ledger, prepare
from importer.reader.identity import identity_settings
from importer.reconciler.reconciler import reconcile
from importer.reconciler.report import summarise
from importer.reconciler.results import write_results
from importer.reconciler.results_path import keep_other
from importer.workspace import Progress

if TYPE_CHECKING:
    from importer.job import Job, Prepared, Screen
    from importer.ledger.contract import Ledger
    from importer.reconciler.report import PlanSummary
    from importer.sender.api import Api
    from importer.sender.events import SendReport


def run_import(job: Job, api: Api, screen: Screen) -> Ended | None:
    """Make the purchases of one file; return None where the user did not agree to the plan."""
    started = _now()
    with open_ledger(job, make=True) as (workspace, folder, ledger):
        if workspace.note is not None:
            screen.show_note(workspace.note)
        prepared = prepare(job, folder, ledger)
        screen.show_plan(prepared)
        check_gates(prepared, ledger)
        total = prepared.to_send.height
        if total and not screen.agrees(prepared):
            return None
        run_id = _begin(prepared, ledger)
        report = NOTHING_SENT
        if total:
            progress = Progress(workspace.path, file=job.path.name, total=total)
            with screen.watch(run_id, progress, total) as observe:
                report = send_rows(prepared, api, ledger, run_id, observe)
            screen.show_unstored(report)
        ended = _finish(prepared, ledger, report, run_id, started)
        screen.show_end(ended)
    return ended


def check_import(job: Job, screen: Screen) -> PlanSummary:
    """Do all of it up to the plan. Needs no API key and no network; changes nothing."""
    with open_ledger(job, make=False) as (_, folder, ledger):
        prepared = prepare(job, folder, ledger)
        screen.show_plan(prepared)
        check_gates(prepared, ledger)
    return prepared.summary


def rewrite_results(job: Job, screen: Screen) -> Ended:
    """Write the results of a file once more from the ledger; nothing is sent."""
    started = _now()
    with open_ledger(job, make=False) as (_, folder, ledger):
        ended = _conclude(prepare(job, folder, ledger), ledger, NOTHING_SENT, None, started)
        screen.show_end(ended)
    return ended


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


def _finish(
    prepared: Prepared, ledger: Ledger, report: SendReport, run_id: int, started: datetime
) -> Ended:
    """Write the results and record the run's end, also where they could not be written."""
    exit_code, summary = int(ExitCode.UNEXPECTED), "{}"
    try:
        ended = _conclude(prepared, ledger, report, run_id, started)
        exit_code, summary = ended.summary.exit_code, json.dumps(ended.summary.as_json())
    finally:
        with suppress(LedgerError):  # `status` then says that the run did not end
            ledger.end_run(run_id, exit_code=exit_code, summary=summary, at=_now())
    return ended


def _conclude(
    prepared: Prepared,
    ledger: Ledger,
    report: SendReport,
    run_id: int | None,
    started: datetime,
) -> Ended:
    """Reconcile, write the results, sum up."""
    reading, path = prepared.reading, prepared.results_path
    assert path is not None  # noqa: S101 - `prepare` found it, or raised
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
    return Ended(summary, results, written, kept)


def _now() -> datetime:
    return datetime.now(UTC)
