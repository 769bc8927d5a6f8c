"""The sender's events → how long the sending took, at bounded memory. Keeps what it has seen.

A million rows make two million events; what is kept of them is a histogram of latencies, counts
in at most BUCKETS spans of time, and the first LISTED pauses.
"""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from importer.model import Next, Outcome, RowStatus, Verdict
from importer.sender.events import Attempted, Paused, Retrying, Settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.sender.events import Event

BUCKETS: Final = 120
"""Spans of time at most; when they are full, two and two become one."""
FIRST_SPAN: Final = 0.25
"""Seconds of one span at the beginning."""
STEP: Final = 1.1
"""Each latency class ends at so many times the one before, so a percentile is at most 10 % off."""
SHORTEST: Final = 0.001
"""Seconds at which the first latency class ends."""
SHORTEST_RUN: Final = 0.001
"""Seconds that a run has lasted at least, for rates."""
LISTED: Final = 50
SENT_STATUSES: Final = (
    RowStatus.CREATED,
    RowStatus.REJECTED,
    RowStatus.IN_DOUBT,
    RowStatus.UNSENT,
)
"""What the sender can leave a row as."""
_STATUSES: Final = {
    Verdict.APPLIED: RowStatus.CREATED,
    Verdict.IN_DOUBT: RowStatus.IN_DOUBT,
}
"""Verdict → status, where nothing else counts."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long single calls lasted, in seconds. Percentiles are upper ends of their class."""

    p50: float
    p95: float
    p99: float
    longest: float
    classes: list[tuple[float, int]]
    """(upper end, calls), ascending; classes without a call are left out."""


@dataclass(frozen=True, slots=True)
class Pause:
    """One time for which all workers waited; both in seconds, `at` from the first request on."""

    at: float
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Sending:
    """The sending of one run. Seconds count from its beginning."""

    seconds: float
    attempts: int
    """HTTP calls that ended."""
    retries: int
    rows: int
    """Rows that the sender is done with."""
    rows_per_second: float
    latency: Latency | None
    """None where no call was made."""
    retries_by_code: dict[str, int]
    paused_seconds: float
    pauses: list[Pause]
    """The first LISTED of them."""
    pause_count: int
    span_seconds: float
    """The length of one span of `over_time`."""
    over_time: dict[str, list[int]]
    """Status → rows settled in each span; `retries` → retries in each span."""


@dataclass(slots=True)
class Timing:
    """Observes the events of one run."""

    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)
    _ended: float = field(init=False)
    _attempts: int = 0
    _longest: float = 0.0
    _latencies: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    _retries: Counter[str] = field(default_factory=Counter)
    _pauses: list[Pause] = field(default_factory=list)
    _pause_count: int = 0
    _paused: float = 0.0
    _resume_at: float = 0.0
    _span: float = FIRST_SPAN
    _spans: dict[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self._began = self._ended = self.clock()
        self._spans = {name: [0] * BUCKETS for name in (*SENT_STATUSES, "retries")}

    def observe(self, event: Event) -> None:
        """Take one event; costs about a microsecond."""
        if isinstance(event, Attempted):
            seconds = event.seconds
            self._attempts += 1
            self._longest = max(self._longest, seconds)
            self._latencies[latency_class(seconds)] += 1
        elif isinstance(event, Settled):
            self._count(status_of(event.outcome))
        elif isinstance(event, Retrying):
            self._retries[event.outcome.code] += 1
            self._count("retries")
        elif isinstance(event, Paused):
            self._pause(event)

    def told(self) -> Sending:
        """Return what was seen so far."""
        seconds = self._ended - self._began
        rows = sum(sum(self._spans[status]) for status in SENT_STATUSES)
        used = min(BUCKETS, int(seconds / self._span) + 1)
        return Sending(
            seconds=round(seconds, 3),
            attempts=self._attempts,
            retries=self._retries.total(),
            rows=rows,
            rows_per_second=round(rows / max(seconds, SHORTEST_RUN), 1),
            latency=self._latency(),
            retries_by_code=dict(self._retries.most_common()),
            paused_seconds=round(self._paused, 1),
            pauses=list(self._pauses),
            pause_count=self._pause_count,
            span_seconds=self._span,
            over_time={str(name): spans[:used] for name, spans in self._spans.items()},
        )

    def _count(self, name: str) -> None:
        self._ended = self.clock()
        place = int((self._ended - self._began) / self._span)
        while place >= BUCKETS:
            self._widen()
            place //= 2
        self._spans[name][place] += 1

    def _widen(self) -> None:
        self._span *= 2
        for name, spans in self._spans.items():
            halved = [spans[at] + spans[at + 1] for at in range(0, BUCKETS, 2)]
            self._spans[name] = halved + [0] * (BUCKETS - len(halved))

    def _pause(self, event: Paused) -> None:
        now = self.clock()
        resume_at = now + event.seconds
        self._paused += max(0.0, resume_at - max(now, self._resume_at))
        self._resume_at = max(self._resume_at, resume_at)
        self._pause_count += 1
        if len(self._pauses) < LISTED:
            at = round(now - self._began, 1)
            self._pauses.append(Pause(at, round(event.seconds, 1), event.why))

    def _latency(self) -> Latency | None:
        if not self._attempts:
            return None
        classes = sorted(self._latencies.items())
        longest = round(self._longest, 6)

        def percentile(share: float) -> float:
            # A class may end beyond the longest of its latencies.
            return min(_percentile(classes, self._attempts, share), longest)

        return Latency(
            p50=percentile(0.5),
            p95=percentile(0.95),
            p99=percentile(0.99),
            longest=longest,
            classes=[(class_end(number), count) for number, count in classes],
        )


def status_of(outcome: Outcome) -> RowStatus:
    """Return the status that the last outcome of a row means."""
    status = _STATUSES.get(outcome.verdict)
    if status is not None:
        return status
    return RowStatus.REJECTED if outcome.next is Next.REJECT else RowStatus.UNSENT


def latency_class(seconds: float) -> int:
    """Return the number of the class that a latency falls into, from 0."""
    if seconds <= SHORTEST:
        return 0
    return math.ceil(math.log(seconds / SHORTEST) / _LOG_STEP - 1e-9)


def class_end(number: int) -> float:
    """Return the longest latency of a class, in seconds."""
    return round(SHORTEST * STEP**number, 6)


def _percentile(classes: list[tuple[int, int]], calls: int, share: float) -> float:
    wanted = math.ceil(calls * share)
    seen = 0
    for number, count in classes:
        seen += count
        if seen >= wanted:
            return class_end(number)
    return class_end(classes[-1][0])


_LOG_STEP: Final = math.log(STEP)
