"""Whoever watches a run: a person at a terminal, or a log. Writes to stdout and stderr.

stdout carries what is meant for reading or piping; stderr carries logs, progress and questions.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from importer.logs import redacted
from importer.model import Next, Outcome, RowStatus, Verdict
from importer.sender.events import Paused, Retrying, Settled, Stopped
from importer.wording import end_lines, plan_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from importer.job import Ended, Prepared
    from importer.reconciler.report import PlanSummary
    from importer.sender.events import Event, SendReport
    from importer.workspace import Progress as ProgressFile

LOG_EVERY: Final = 10.0
"""Seconds between two progress lines in a log."""


class CommandScreen:
    """The command line's screen."""

    def __init__(
        self, *, as_json: bool = False, quiet: bool = False, ask: bool = False, bar: bool = False
    ) -> None:
        """`ask` before sending; `bar`: stderr is a terminal and shows a progress bar."""
        self._as_json = as_json
        self._quiet = quiet
        self._ask = ask
        self._bar = bar and not quiet
        self._private = sys.stdout.isatty()
        self._log = structlog.get_logger()

    def show_note(self, note: str) -> None:
        """Show a warning that concerns the whole run."""
        self._say(f"Note: {note}")

    def show_plan(self, prepared: Prepared) -> None:
        """Say how the file was understood and what is about to be done."""
        config, source = prepared.job.config, prepared.reading.source
        self._say(f"Plan for {source.name} (scope {config.api.scope})")
        for note in prepared.reading.notes if self._private else ():
            self._say(f"  Note: {note}")
        self._say_all(plan_lines(prepared.summary, private=self._private))

    def agrees(self, prepared: Prepared) -> bool:
        """Ask whether to send, where there is somebody to ask; anything but yes is no."""
        if not self._ask:
            return True
        url = prepared.job.config.api.url
        print(
            f"Send {prepared.to_send.height:,} purchases to {url}? Nothing can be undone. [y/N] ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        return sys.stdin.readline().strip().lower() in {"y", "yes"}

    @contextmanager
    def watch(
        self, run_id: int, progress: ProgressFile, total: int
    ) -> Iterator[Callable[[Event], None]]:
        """Show each event in the progress file, on the bar or in the log."""
        with structlog.contextvars.bound_contextvars(run_id=run_id), self._shown(total) as shown:
            tally = _Tally(progress, total, shown, structlog.get_logger(), time.monotonic)
            yield tally.observe

    def show_check(self, summary: PlanSummary) -> None:
        """Give the plan's numbers to a script."""
        if self._as_json:
            print(json.dumps(asdict(summary), default=str))

    def show_unstored(self, report: SendReport) -> None:
        """Name the outcomes that the ledger could not store: nothing else will know them."""
        for settlement in report.unstored:
            outcome = settlement.outcome
            print(
                f"NOT STORED: row {settlement.row} key {settlement.key} {outcome.verdict.value} "
                f"{outcome.code} purchase {outcome.purchase_id}",
                file=sys.stderr,
                flush=True,
            )

    def show_end(self, ended: Ended) -> None:
        """Show what became of the rows."""
        summary = ended.summary
        if self._as_json:
            print(json.dumps(summary.as_json()))
        self._say(f"Results of {summary.file}")
        self._say_all(end_lines(summary))
        if ended.kept_path is not None:
            self._say(f"  The results file of another import is kept as {ended.kept_path.name}")
        self._say(f"  {summary.results}")
        if not sys.stderr.isatty() and not self._quiet:
            counted = {status: count for status, count in summary.counts.items() if count}
            self._log.info(
                "run.finished", exit_code=summary.exit_code, rows=summary.rows, **counted
            )

    def _say(self, line: str) -> None:
        if not self._quiet:
            print(redacted(line), file=sys.stderr if self._as_json else sys.stdout)

    def _say_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._say(line)

    @contextmanager
    def _shown(self, total: int) -> Iterator[Callable[[str, int], None] | None]:
        """Yield what moves the progress bar (a text, rows done), or None without a terminal."""
        if not self._bar:
            yield None
            return
        columns = (
            SpinnerColumn(),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn(show_speed=True),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
        )
        with Progress(*columns, console=Console(file=sys.stderr)) as bar:
            task = bar.add_task("", total=total)
            yield lambda text, done: bar.update(task, completed=done, description=text)


class _Tally:
    """Events, counted as they come."""

    def __init__(
        self,
        progress: ProgressFile,
        total: int,
        shown: Callable[[str, int], None] | None,
        log: structlog.typing.FilteringBoundLogger,
        clock: Callable[[], float],
    ) -> None:
        self._progress = progress
        self._total = total
        self._shown = shown
        self._log = log
        self._clock = clock
        self._logged = clock()
        self._counts = dict.fromkeys(RowStatus, 0)
        self._paused = False

    def observe(self, event: Event) -> None:
        if isinstance(event, Settled):
            self._count(event)
        elif isinstance(event, Paused):
            self._pause(event)
        elif isinstance(event, Retrying):
            self._log.debug(
                "row.retrying",
                row=event.row,
                attempt=event.attempt,
                code=event.outcome.code,
                seconds=round(event.seconds, 1),
            )
        elif isinstance(event, Stopped):
            self._log.warning("run.stopping", why=event.why)

    def _count(self, event: Settled) -> None:
        status = status_of(event.outcome)
        self._counts[status] += 1
        self._progress.count_sent(status)
        if self._paused:
            self._paused = False
            self._progress.pause(None)
        level = "debug" if status is RowStatus.CREATED else "warning"
        getattr(self._log, level)(
            f"row.{status.value}", row=event.row, attempts=event.attempts, code=event.outcome.code
        )
        if self._shown is not None:
            self._shown(self._text(), sum(self._counts.values()))
        elif self._clock() - self._logged >= LOG_EVERY:
            self._logged = self._clock()
            self._log.info("run.progress", total=self._total, **self._nonzero())

    def _pause(self, event: Paused) -> None:
        self._paused = True
        self._progress.pause(datetime.now(UTC) + timedelta(seconds=event.seconds))
        self._log.info("run.paused", seconds=round(event.seconds, 1), why=event.why)
        if self._shown is not None:
            text = f"{self._text()}  paused {event.seconds:.0f} s: {event.why}"
            self._shown(text, sum(self._counts.values()))

    def _nonzero(self) -> dict[str, int]:
        return {status.value: count for status, count in self._counts.items() if count}

    def _text(self) -> str:
        return "  ".join(f"{status} {count:,}" for status, count in self._nonzero().items())


def status_of(outcome: Outcome) -> RowStatus:
    """Return the status that the last outcome of a row means."""
    if outcome.verdict is Verdict.APPLIED:
        return RowStatus.CREATED
    if outcome.verdict is Verdict.IN_DOUBT:
        return RowStatus.IN_DOUBT
    return RowStatus.REJECTED if outcome.next is Next.REJECT else RowStatus.UNSENT


def print_error(message: str) -> None:
    """Print one line about what did not happen."""
    print(redacted(f"importer: {message}"), file=sys.stderr)
