"""The sender's events → progress file, bar or log, as they come. Touches what it is given.

A row is an event of the log at debug, what is in doubt a warning; totals are told every LOG_EVERY
seconds, also in a pause, in which no event comes.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from logging import DEBUG
from typing import TYPE_CHECKING, Any, Final

from importer.model import RowStatus
from importer.reconciler.timing import status_of
from importer.sender.events import Attempted, Paused, Retrying, Settled, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import structlog

    from importer.sender.events import Event
    from importer.workspace import Progress

LOG_EVERY: Final = 10.0
"""Seconds between two progress lines in a log."""
TICK: Final = 1.0
"""Seconds between two looks at the clock."""
_TOLD: Final = {status: f"row.{status}" for status in RowStatus}
"""Status → the event of the log that tells of it."""


class Tally:
    """Events of one run, counted as they come."""

    def __init__(
        self,
        progress: Progress,
        total: int,
        shown: Callable[[str, int], None] | None,
        log: structlog.typing.FilteringBoundLogger,
        clock: Callable[[], float],
    ) -> None:
        """`shown` moves the bar (a text, rows done); without one the progress goes to the log."""
        self._progress = progress
        self._total = total
        self._shown = shown
        self._log = log
        self._clock = clock
        self._logged = clock()
        self._counts = dict.fromkeys(RowStatus, 0)
        self._pause: Paused | None = None
        self._resume_at = 0.0
        self._stopping = ""
        self._tells_rows = log.is_enabled_for(DEBUG)

    def observe(self, event: Event) -> None:
        """Take one event; without a bar that of a row costs less than a microsecond."""
        match event:
            case Settled():
                self._count(event)
            case Attempted():
                pass
            case Paused():
                self._begin_pause(event)
            case Retrying():
                self._log.debug(
                    "row.retrying",
                    row=event.row,
                    attempt=event.attempt,
                    code=event.outcome.code,
                    seconds=round(event.seconds, 1),
                )
            case Stopped():
                self._stopping = f"stopping: {event.why}"
                self._log.warning("run.stopping", why=event.why)

    def tick(self) -> None:
        """Look at the clock; called every TICK seconds, from another thread."""
        now = self._clock()
        if self._shown is not None:
            self._show(now)
        elif now - self._logged >= LOG_EVERY:
            self._logged = now
            paused = {} if now >= self._resume_at else {"paused": round(self._resume_at - now, 1)}
            self._log.info("run.progress", total=self._total, **self._nonzero(), **paused)

    def _count(self, event: Settled) -> None:
        status = status_of(event.outcome)
        self._counts[status] += 1
        self._progress.count_sent(status)
        if self._pause is not None and self._clock() >= self._resume_at:
            self._pause = None
            self._progress.pause(None)
        if status is RowStatus.IN_DOUBT:
            self._tell(self._log.warning, status, event)
        elif self._tells_rows:
            self._tell(self._log.debug, status, event)
        if self._shown is not None:
            self._show(self._clock())

    def _tell(self, tell: Callable[..., Any], status: RowStatus, event: Settled) -> None:
        tell(_TOLD[status], row=event.row, attempt=event.attempts, code=event.outcome.code)

    def _begin_pause(self, event: Paused) -> None:
        now = self._clock()
        self._pause, self._resume_at = event, max(self._resume_at, now + event.seconds)
        self._progress.pause(datetime.now(UTC) + timedelta(seconds=event.seconds))
        self._log.info("run.paused", seconds=round(event.seconds, 1), why=event.why)
        self._show(now)

    def _show(self, now: float) -> None:
        if self._shown is None:
            return
        parts = [f"{status} {count:,}" for status, count in self._nonzero().items()]
        if self._pause is not None and now < self._resume_at:
            parts.append(f"paused {self._resume_at - now:.0f} s: {self._pause.why}")
        if self._stopping:
            parts.append(self._stopping)
        self._shown("  ".join(parts), sum(self._counts.values()))

    def _nonzero(self) -> dict[str, int]:
        return {status.value: count for status, count in self._counts.items() if count}


@contextmanager
def ticking(tick: Callable[[], None], every: float = TICK) -> Iterator[None]:
    """Call `tick` every so many seconds, in a thread of its own, until the block ends.

    What it logs carries what is bound to this thread's log lines now: the import, the run.
    """
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every):
            tick()

    thread = threading.Thread(target=copy_context().run, args=(run,), name="tick", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
