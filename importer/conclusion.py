"""Nothing more is sent → results, report and summary. Touches the results' folder and the ledger.

The results come first: they are what nobody can do without. A report that cannot be written is
missing, no more.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from importer.config import Order
from importer.errors import ImporterError, ResultsError
from importer.job import Ended
from importer.reader.reader import read_file
from importer.reconciler.background import Background
from importer.reconciler.kept import Why, keep_earlier
from importer.reconciler.kept_words import count_waiting_words
from importer.reconciler.next_steps import TO_FIX, next_steps, run_kept, settle_kept
from importer.reconciler.reconciler import reconcile
from importer.reconciler.report import Summary, summarise
from importer.reconciler.report_page import report_path, write_page
from importer.reconciler.results import write_results
from importer.reconciler.unstored import tell_unstored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.job import Job, Prepared, Sent
    from importer.ledger.contract import Ledger
    from importer.reconciler.kept import Kept, WrittenFiles
    from importer.reconciler.next_steps import NextStep


UNWRITTEN: Final = {"results-unwritten", "results-not-kept", "results-too-long"}
"""Codes of errors after which the results can still be written elsewhere."""


def conclude(
    prepared: Prepared,
    folder: Path,
    ledger: Ledger,
    sent: Sent,
    *,
    run_id: int | None,
    started: datetime,
    written_files: WrittenFiles,
) -> Ended:
    """Reconcile, write the results and, for a run, its report; sum up.

    `folder` takes a private copy of an earlier results file, in which a person may have written.
    Raises ResultsError where the results could not be proven or written.
    """
    reading, view, path = prepared.reading, prepared.view, prepared.results_path
    assert path is not None  # noqa: S101 - `prepare` found it, or raised
    results = reconcile(reading.rows, reading.faults, prepared.plan, ledger, view, run_id=run_id)
    results = tell_unstored(results, sent.report.unstored)
    summary = summarise(
        results,
        reading.faults,
        source=reading.source,
        path=prepared.job.path.absolute(),
        scope=view.scope,
        batch=view.batch,
        run_id=run_id,
        started=started,
        ended=datetime.now(UTC),
        report=sent.report,
        sending=sent.sending,
        results_path=path.absolute(),
        commands=prepared.job.commands(path),
    )
    with _telling_how_to_go_on(prepared.job, path):
        kept = keep_earlier(path, results.keys(), written_files)
        written = write_results(path, reading.table, results, _background(prepared, summary))
    if written != path:
        commands = prepared.job.commands(written)
        steps = next_steps(summary.counts, commands, written.name, sent.report.stop)
        summary = replace(summary, results=str(written.absolute()), next=steps)
    if not sent.report.unstored:  # else it is the only place where that answer stands: it is kept
        written_files.note(written, keyed=results.has_keys)
    ended = Ended(summary, results, written, kept, in_place=written == path)
    if kept is not None:
        # A row that is looked up again, though somebody has written down what it is, is work lost.
        steps = (*_go_on_from_kept(prepared, folder, ledger, ended, kept), *summary.next)
        summary = replace(summary, next=steps)
    if run_id is not None:
        summary = _report(prepared, ledger, summary)
    return replace(ended, summary=summary)


@contextmanager
def _telling_how_to_go_on(job: Job, path: Path) -> Iterator[None]:
    """Add the command that writes the results elsewhere to an error that says they were not.

    With all the options that tell the rows: without its `--batch` a paid file would look unsent.
    """
    try:
        yield
    except ResultsError as error:
        if error.code not in UNWRITTEN:
            raise
        ending = ".csv" if error.code == "results-too-long" else path.suffix
        told = f"{error.remedy} Then: {job.rewriting(Path(f'OTHER{ending}'))}"
        raise ResultsError(error.message, told, code=error.code) from error


def _go_on_from_kept(
    prepared: Prepared, folder: Path, ledger: Ledger, ended: Ended, kept: Kept
) -> Iterator[NextStep]:
    """Yield what to do with what somebody may have written into the kept file."""
    if kept.path.suffix.lower() == ".jsonl":  # nothing is ever settled from one
        return
    waiting: int | None
    try:
        reading = read_file(kept.path, folder, prepared.job.config, Order())
        waiting = count_waiting_words(
            reading, ended.results.others, ledger, prepared.view.scope, prepared.import_content
        )
    except ImporterError:
        waiting = None if kept.why is Why.EDITED else 0  # of another import: perhaps no results
    commands = prepared.job.commands(kept.path)
    if waiting != 0:
        yield settle_kept(kept.path.name, waiting, commands.resolve)
    if kept.why is Why.EDITED and any(ended.summary.counts[status] for status in TO_FIX):
        yield run_kept(kept.path.name, commands.run_results)


def _background(prepared: Prepared, summary: Summary) -> Background:
    reading = prepared.reading
    return Background(
        fields=reading.columns.fields,
        rows=reading.rows,
        faults=reading.faults,
        timezone=prepared.job.config.format.timezone,
        summary=summary,
    )


def _report(prepared: Prepared, ledger: Ledger, summary: Summary) -> Summary:
    """Write the page; return the summary with its path, or without where it could not be."""
    page = report_path(Path(summary.results))
    told = replace(summary, report=str(page))
    history = ledger.summaries(summary.scope, summary.batch, prepared.import_content)
    with suppress(OSError):
        written = write_page(
            page,
            told,
            config=prepared.job.config.model_dump(mode="json"),
            command=prepared.job.command,
            history=[run for run in map(json.loads, history) if run],
        )
        return replace(summary, report=str(written))
    return summary
