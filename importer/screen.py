"""Whoever watches a run: a person at a terminal, or a log. Writes to stdout and stderr.

stdout carries what is meant for reading or piping; stderr carries logs, progress and questions.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import structlog

from importer.errors import ExitCode
from importer.logs import CONTROLS, redacted
from importer.reconciler.report import plan_exit_code
from importer.tally import Tally, ticking
from importer.wording import end_lines, next_lines, place_lines, plan_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from importer.job import Ended, Prepared
    from importer.reconciler.report import PlanSummary
    from importer.sender.events import Event, SendReport
    from importer.workspace import Progress as ProgressFile


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
        self._private = sys.stdout.isatty() and not quiet
        self._planned = ""
        self._noted: list[str] = []
        self._log = structlog.get_logger()

    def show_note(self, note: str) -> None:
        """Show a warning that concerns the whole run."""
        self._noted.append(f"Note: {note}")
        self._say(self._noted[-1])

    def show_plan(self, prepared: Prepared) -> None:
        """Say how the file was understood and what is about to be done."""
        config, source = prepared.job.config, prepared.reading.source
        self._planned = f"Plan for {source.name} (scope {config.api.scope})"
        self._say(self._planned)
        for said in prepared.reading.understood:
            self._say(f"  {said.shown if self._private else said.told}")
        for note in prepared.reading.notes:
            self._say(f"  Note: {note.shown if self._private else note.told}")
        self._say_all(plan_lines(prepared.summary, private=self._private))

    def agrees(self, prepared: Prepared) -> bool:
        """Ask whether to send, where there is somebody to ask."""
        if not self._ask:
            return True
        what = f"{prepared.to_send.height:,} purchases, total {prepared.summary.send_total:,},"
        return ask(f"Send {what} to {prepared.job.config.api.url}? Nothing can be undone.")

    @contextmanager
    def watch(self, progress: ProgressFile, total: int) -> Iterator[Callable[[Event], None]]:
        """Show each event in the progress file, on the bar or in the log."""
        with self._shown(total) as shown:
            log = structlog.get_logger().bind()  # once, not at every line
            tally = Tally(progress, total, shown, log, time.monotonic)
            with ticking(tally.tick):
                yield tally.observe

    def show_check(self, summary: PlanSummary) -> None:
        """Give the plan's numbers to a script; on a quiet screen show what needs a person.

        Without examples: a script's output must not hold what stands in cells.
        """
        if self._as_json:
            told = asdict(summary)
            for group in (*told["faults"], *told["held"]):
                del group["example"]
            print(json.dumps(told, default=str))
        if self._quiet and plan_exit_code(summary.statuses) != ExitCode.OK:
            _complain([self._planned, *plan_lines(summary, private=False), *self._noted])

    def show_unstored(self, report: SendReport) -> None:
        """Name the outcomes that the ledger could not store: nothing else will know them."""
        for settlement in report.unstored:
            outcome = settlement.outcome
            line = (
                f"NOT STORED: row {settlement.row} key {settlement.key} {outcome.verdict.value} "
                f"{outcome.code} purchase {outcome.purchase_id}"
            )
            print(redacted(line).translate(CONTROLS), file=sys.stderr, flush=True)

    def show_end(self, ended: Ended) -> None:
        """Show what became of the rows; on a quiet screen only what needs a person."""
        summary = ended.summary
        if self._as_json:
            print(json.dumps(summary.as_json()))
        title = f"Results of {summary.file}"
        lines = [*end_lines(summary, private=self._private), *place_lines(ended)]
        lines = [title, *lines, *next_lines(summary)]
        if self._quiet and summary.exit_code != ExitCode.OK:
            _complain(lines)
        elif self._quiet and summary.next:  # words in a file that was kept
            _complain([title, *next_lines(summary)])
        self._say_all(lines)
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
        from importer.progress_bar import show_bar  # noqa: PLC0415 - only a terminal needs rich

        with show_bar(total) as shown:
            yield shown


def _complain(lines: Iterable[str]) -> None:
    for line in lines:
        print(redacted(line), file=sys.stderr)


def print_error(message: str) -> None:
    """Print one line about what did not happen."""
    print(redacted(f"importer: {message}"), file=sys.stderr)


def somebody_answers() -> bool:
    """Whether a person sees what is asked and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> bool:
    """Return whether a person says yes; anything else is no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if hasattr(signal, "siginterrupt"):
        # polars has the kernel take up again what Ctrl-C interrupts: it would wait for Enter.
        signal.siginterrupt(signal.SIGINT, True)
    try:
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
    except KeyboardInterrupt:
        print(file=sys.stderr)  # the answer's line ends here
        print_error("Interrupted; nothing was done.")
        raise
