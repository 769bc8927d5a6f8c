"""One file → what a run would do with it, or its results once more. Sends nothing.

Touches what its stages touch; what sends is not even imported, which takes a tenth of a second.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from importer.conclusion import conclude
from importer.errors import GuardError
from importer.job import NOTHING_SENT
from importer.model import RowStatus
from importer.planner.claiming import PAGE_ROWS
from importer.preparation import check_gates, check_settings, open_ledger, prepare
from importer.reader.source import named_path
from importer.reconciler.kept import WrittenFiles
from importer.reconciler.problems import keep_problems

if TYPE_CHECKING:
    from importer.job import Ended, Job, Prepared, Screen
    from importer.ledger.contract import Ledger
    from importer.reconciler.report import PlanSummary

_KNOWN: Final = (RowStatus.ALREADY_CREATED, RowStatus.IN_DOUBT, RowStatus.REJECTED)
"""Statuses of rows that the ledger knows."""
_IMPORTS: Final = 1_000
"""Of the latest imports the names and batches are compared."""


def check_import(job: Job, screen: Screen) -> PlanSummary:
    """Do all of it up to the plan. Needs no API key and no network; sends and records nothing.

    Rows with faults are written beside the input (or where the results would go, if the user named
    a place), to be corrected.
    """
    with open_ledger(job, make=False) as (_, folder, ledger):
        prepared = prepare(job, folder, ledger, writes_results=False)
        for note in prepared.notes:
            screen.show_note(note)
        screen.show_plan(prepared)
        beside = named_path(job.path)
        if job.order.results is not None:
            beside = job.order.results.with_name(beside.name)
        problems = keep_problems(beside, prepared.reading, job.config.format)
        if problems is not None:
            screen.show_note(problems)
        check_gates(prepared, ledger)
    return prepared.summary


def rewrite_results(job: Job, screen: Screen) -> Ended:
    """Write the results of a file once more from the ledger; nothing is sent."""
    started = datetime.now(UTC)
    with open_ledger(job, make=False) as (workspace, folder, ledger):
        prepared = prepare(job, folder, ledger)
        for note in prepared.notes:
            screen.show_note(note)
        check_settings(prepared, ledger)
        _refuse_unknown(prepared, ledger)
        files = WrittenFiles(workspace.written_path)
        ended = conclude(
            prepared,
            folder,
            ledger,
            NOTHING_SENT,
            run_id=None,
            started=started,
            written_files=files,
        )
        screen.show_end(ended)
    return ended


def _refuse_unknown(prepared: Prepared, ledger: Ledger) -> None:
    """Raise GuardError where this ledger knows neither the import nor any of its rows.

    The results would say that all of it is unsent, and ask for a run: under another `--batch` or
    scope than it was run, that pays all of it again.
    """
    view, statuses = prepared.view, prepared.summary.statuses
    fresh = statuses["unsent"] > 0 and not any(statuses[status] for status in _KNOWN)
    if not fresh or ledger.summaries(view.scope, view.batch, prepared.import_content):
        return
    name = prepared.reading.source.name
    carried = prepared.reading.rows["carried_key"].drop_nulls()
    if next(ledger.find(view.scope, carried), None) is not None:
        return
    batches = {
        told.imported.batch
        for told in ledger.imports(_IMPORTS)
        if told.imported.scope == view.scope and name in {told.imported.file, told.last_file}
    }
    for page in prepared.plan.rows.iter_slices(PAGE_ROWS):
        entries = ledger.find_content(view.scope, page["content"].to_list())
        if batches <= {view.batch} and any(entry.file == name for entry in entries):
            return  # it ran with other rows beside these, or died before anything was created
    batch = f"--batch {view.batch}" if view.batch else "no --batch"
    raise GuardError(
        f"This ledger knows no row of {name} under scope {view.scope} and {batch}, so there are no "
        "results of it.",
        "Run it; or, where it was run, give the --batch and the configuration of that run (see "
        "`importer status`).",
        code="never-run",
    )
