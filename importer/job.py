"""What is passed along the pipeline: what the user asked, what is known before sending and after.

Pure: frozen values, and the Protocol of whoever watches.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from importer.config import Order
from importer.reader.source import named_path
from importer.reconciler.next_steps import Commands, file_argument
from importer.reconciler.results_path import default_results_path
from importer.sender.events import SendReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import polars as pl

    from importer.config import Config
    from importer.planner.planner import Plan
    from importer.planner.viewpoint import Viewpoint
    from importer.reader.reader import Reading
    from importer.reconciler.kept import Kept
    from importer.reconciler.report import PlanSummary, Summary
    from importer.reconciler.row_results import RowResults
    from importer.reconciler.timing import Sending
    from importer.sender.events import Event
    from importer.workspace import Progress


@dataclass(frozen=True, slots=True)
class Job:
    """One file and all that the user said of it."""

    path: Path
    config: Config
    order: Order
    config_path: Path | None = None
    """The configuration file, where the user named one."""

    @property
    def command(self) -> str:
        """The command line that runs this job again, to be pasted into a shell."""
        return shlex.join(["importer", "run", file_argument(self.path), *self.options])

    def rewriting(self, results: Path) -> str:
        """Return the command line that writes the results once more, to `results`."""
        elsewhere = replace(self, order=self.order.for_rewriting(results))
        return shlex.join(["importer", "results", file_argument(self.path), *elsewhere.options])

    def commands(self, results: Path) -> Commands:
        """Return the commands that go on from this job's results file."""
        once_more = self
        if self.order.limit == 0:  # a dry run, which would never come to an end
            once_more = replace(self, order=self.order.model_copy(update={"limit": None}))
        again = replace(self, path=results, order=self.order.for_results())
        settle = replace(self, order=Order(batch=self.order.batch))
        as_csv = ""
        if results.suffix.lower() == ".jsonl":  # which the reader refuses
            results = default_results_path(named_path(self.path), "csv", results.parent)
            as_csv = self.rewriting(results)
        resolve = ["importer", "resolve", file_argument(results), *settle.options]
        return Commands(once_more.command, again.command, shlex.join(resolve), as_csv)

    @property
    def options(self) -> list[str]:
        """The options that ask what this job was asked."""
        config = [] if self.config_path is None else ["--config", str(self.config_path)]
        return config + self.order.as_options()


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that is known before anything is sent."""

    job: Job
    reading: Reading
    plan: Plan
    to_send: pl.DataFrame
    """The plan's rows that this run sends, within `--limit`."""
    view: Viewpoint
    summary: PlanSummary
    results_path: Path | None
    """Proven writable; None where no results are wanted."""
    notes: tuple[str, ...] = ()
    """What the user should know of this run beside the reading's own notes."""

    @property
    def import_content(self) -> bytes:
        """What tells the import from others: its valid rows; a file without any is its own import.

        The ledger would take all such files for one.
        """
        if self.plan.rows.is_empty():
            return bytes.fromhex(self.reading.source.sha256)
        return self.plan.import_content()


@dataclass(frozen=True, slots=True)
class Sent:
    """What one run sent."""

    report: SendReport
    sending: Sending | None
    """How long it took; None where nothing was sent."""


NOTHING_SENT: Final = Sent(
    SendReport(created=0, rejected=0, in_doubt=0, unsent=0, stop=None, signal=None, unstored=()),
    None,
)


@dataclass(frozen=True, slots=True)
class Ended:
    """All that is known when nothing more is sent."""

    summary: Summary
    results: RowResults
    results_path: Path
    kept: Kept | None
    """An earlier results file that was not replaced."""
    in_place: bool
    """False: the file of the wanted name could not be replaced, so the results stand beside it."""


class Screen(Protocol):
    """Whoever watches: a terminal, a log, a test."""

    def show_note(self, note: str) -> None:
        """Show a warning that concerns the whole run."""

    def show_plan(self, prepared: Prepared) -> None:
        """Show what is about to be done."""

    def agrees(self, prepared: Prepared) -> bool:
        """Return whether the rows may be sent."""

    def watch(
        self, progress: Progress, total: int
    ) -> AbstractContextManager[Callable[[Event], None]]:
        """Return what is told of every event while `total` rows are sent."""

    def show_unstored(self, report: SendReport) -> None:
        """Name the outcomes that the ledger could not store: nothing else will know them."""

    def show_end(self, ended: Ended) -> None:
        """Show what became of the rows."""
