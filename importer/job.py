"""What is passed along the pipeline: what the user asked, what is known before sending and after.

Pure: frozen values, and the Protocol of whoever watches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import polars as pl

    from importer.config import Config, Order
    from importer.planner.planner import Plan, Viewpoint
    from importer.reader.reader import Reading
    from importer.reconciler.report import PlanSummary, Summary
    from importer.sender.events import Event, SendReport
    from importer.workspace import Progress


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
    """The plan's rows that this run sends, within `--limit`."""
    view: Viewpoint
    summary: PlanSummary
    results_path: Path | None
    """Proven writable; None where no results are wanted."""


@dataclass(frozen=True, slots=True)
class Ended:
    """All that is known when nothing more is sent."""

    summary: Summary
    results: pl.DataFrame
    """reconciler.RESULT_SCHEMA, `resolution` and `amount`."""
    results_path: Path
    kept_path: Path | None
    """Where an earlier results file is kept now."""


class Screen(Protocol):
    """Whoever watches: a terminal, a log, a test."""

    def show_note(self, note: str) -> None:
        """Show a warning that concerns the whole run."""

    def show_plan(self, prepared: Prepared) -> None:
        """Show what is about to be done."""

    def agrees(self, prepared: Prepared) -> bool:
        """Return whether the rows may be sent."""

    def watch(
        self, run_id: int, progress: Progress, total: int
    ) -> AbstractContextManager[Callable[[Event], None]]:
        """Return what is told of every event while `total` rows are sent."""

    def show_unstored(self, report: SendReport) -> None:
        """Name the outcomes that the ledger could not store: nothing else will know them."""

    def show_end(self, ended: Ended) -> None:
        """Show what became of the rows."""
