"""One file → what a run would do with it, or its results once more. Sends nothing.

Touches what its stages touch; what sends is not even imported, which takes a tenth of a second.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from importer.conclusion import conclude
from importer.job import NOTHING_SENT
from importer.preparation import check_gates, check_settings, open_ledger, prepare
from importer.reader.source import named_path
from importer.reconciler.kept import WrittenFiles
from importer.reconciler.problems import keep_problems

if TYPE_CHECKING:
    from importer.job import Ended, Job, Screen
    from importer.reconciler.report import PlanSummary


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
