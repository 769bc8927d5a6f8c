"""The story of one import: read → plan → send → reconcile. Touches what its stages touch."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from importer.conclusion import conclude
from importer.dispatch import send_rows
from importer.errors import ExitCode, LedgerError
from importer.job import NOTHING_SENT
from importer.preparation import (
    check_gates,
    forget_old_bodies,
    open_ledger,
    prepare,
)
from importer.reconciler.kept import WrittenFiles
from importer.sender.signals import answering_signals
from importer.workspace import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.job import Ended, Job, Prepared, Screen, Sent
    from importer.ledger.contract import Ledger
    from importer.sender.api import Api


def run_import(job: Job, api: Api, screen: Screen) -> Ended | None:
    """Make the purchases of one file; return None where the user did not agree to the plan."""
    started = _now()
    with open_ledger(job, make=True) as (workspace, folder, ledger):
        if workspace.note is not None:
            screen.show_note(workspace.note)
        prepared = prepare(job, folder, ledger)
        for note in prepared.notes:
            screen.show_note(note)
        screen.show_plan(prepared)
        check_gates(prepared, ledger)
        total = prepared.to_send.height
        if total and not screen.agrees(prepared):
            return None
        forget_old_bodies(ledger, job.config.workspace.body_days, started)
        run_id = _begin(prepared, ledger)
        sent = NOTHING_SENT
        if total:
            progress = Progress(workspace.path, file=job.path.name, total=total)
            with screen.watch(progress, total) as observe:
                sent = send_rows(prepared, api, ledger, run_id, observe)
        files = WrittenFiles(workspace.written_path)
        telling = answering_signals("Nothing more is sent; the results are being written.")
        with _raising_at_the_end(sent.report.bug), telling:
            screen.show_unstored(sent.report)
            ended = _finish(
                prepared, folder, ledger, sent, run_id=run_id, started=started, written_files=files
            )
            screen.show_end(ended)
    return ended


@contextmanager
def _raising_at_the_end(bug: Exception | None) -> Iterator[None]:
    """Let what ended the sending outrank whatever goes wrong after it."""
    try:
        yield
    except Exception as error:
        if bug is None:
            raise
        raise bug from error
    if bug is not None:
        raise bug


def _begin(prepared: Prepared, ledger: Ledger) -> int:
    """Record the run with its plan; every log line names it from now on."""
    imported, run_id = ledger.begin_run(
        scope=prepared.view.scope,
        batch=prepared.view.batch,
        file=prepared.reading.source.name,
        content=prepared.import_content,
        plan=json.dumps(
            {"folder": str(Path.cwd()), "command": prepared.job.commands(prepared.job.path).run}
            | asdict(prepared.summary),
            default=str,
        ),
        at=_now(),
    )
    structlog.contextvars.bind_contextvars(import_id=imported.id, run_id=run_id)
    return run_id


def _finish(
    prepared: Prepared,
    folder: Path,
    ledger: Ledger,
    sent: Sent,
    *,
    run_id: int,
    started: datetime,
    written_files: WrittenFiles,
) -> Ended:
    """Write the results and record the run's end, also where they could not be written."""
    exit_code, summary = int(ExitCode.UNEXPECTED), "{}"
    try:
        ended = conclude(
            prepared,
            folder,
            ledger,
            sent,
            run_id=run_id,
            started=started,
            written_files=written_files,
        )
        exit_code, summary = ended.summary.exit_code, json.dumps(ended.summary.as_json())
    finally:
        with suppress(LedgerError):  # `status` then says that the run did not end
            ledger.end_run(run_id, exit_code=exit_code, summary=summary, at=_now())
    return ended


def _now() -> datetime:
    return datetime.now(UTC)
