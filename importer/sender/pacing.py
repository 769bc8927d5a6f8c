"""Outcomes of all workers → when the next attempt may begin. Touches the clock it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio

from importer.errors import ApiUnavailableError
from importer.model import Next, Outcome
from importer.sender.events import Paused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

MAX_PAUSE: Final = 300.0
"""Seconds of Retry-After beyond which it is better to stop and be run again."""
FAILURES_IN_A_ROW: Final = 10
"""So many attempts in a row that Keen did not take open the circuit breaker."""
MAX_PROBE_WAIT: Final = 30.0


class Pacer:
    """Rate limit, shared pause and circuit breaker of one run, shared by all its workers.

    One gate, first come first served: whoever holds it waits for the rate limit, for a pause and,
    while Keen is down, for the turn of the next probe. It is left before the intent is written,
    so nobody ever waits with an intent on disk.
    """

    def __init__(
        self,
        rate_limit: float = 0.0,
        *,
        patience: float = 120.0,
        clock: Callable[[], float] = anyio.current_time,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        """Take the limit in attempts a second (0 = none) and the seconds to wait for a dead API."""
        self._interval = 1 / rate_limit if rate_limit else 0.0
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._gate = anyio.Lock()
        self._slot = 0.0
        self._resume_at = 0.0
        self._failures = 0
        self._down_since: float | None = None
        self._probe_wait = 0.0
        self._probe_settled: anyio.Event | None = None

    def admits(self) -> bool:
        """Whether an attempt may begin at once: nothing limits the rate, nobody has to wait."""
        return (
            not self._interval
            and self._down_since is None
            and self._probe_settled is None
            and not self._gate.locked()
            and (not self._resume_at or self._resume_at <= self._clock())
        )

    async def wait(self) -> bool:
        """Return when an attempt may begin; True: it is a probe, and all others wait for it.

        Whoever makes no attempt then must give it back.
        """
        async with self._gate:
            # Slots are counted from the schedule, not from the moment of waking up: a late timer
            # must not lower the rate.
            slot = max(self._slot, self._clock())
            while True:
                if self._probe_settled is not None:
                    await self._probe_settled.wait()
                slot = max(slot, self._resume_at)
                delay = slot - self._clock()
                if delay <= 0:
                    break
                await self._sleep(delay)
            self._slot = slot + self._interval
            if self._down_since is None:
                return False
            self._probe_settled = anyio.Event()
            return True

    def note(self, outcome: Outcome, *, probe: bool) -> Paused | None:
        """Learn from one outcome; return the pause that it began, if any.

        Raises ApiUnavailableError where waiting has no sense any more: Keen asks for more than
        MAX_PAUSE, or has taken no call for longer than the patience.
        """
        if probe:
            self.give_back_probe()
        if outcome.retry_after is not None:
            self._close()
            return self._pause(outcome.retry_after)
        if outcome.next is not Next.RETRY:
            self._close()
            return None
        return self._count_failure(outcome, probe=probe)

    def give_back_probe(self) -> None:
        """Let others go on waiting for their turns: the probe is settled, or was not made."""
        if self._probe_settled is not None:
            self._probe_settled.set()
            self._probe_settled = None

    def _pause(self, seconds: float) -> Paused | None:
        if seconds > MAX_PAUSE:
            raise ApiUnavailableError(
                f"Keen asks to wait {seconds:.0f} seconds.",
                "Rows are left unsent; run the same command again after that time.",
                code="retry-after",
            )
        now = self._clock()
        longer = now + seconds - max(self._resume_at, now)
        self._resume_at = max(self._resume_at, now + seconds)
        # Workers that are told the same at the same time make one pause, worth saying once.
        return Paused(seconds, "Keen asked for it (Retry-After)") if longer >= 1 else None

    def _count_failure(self, outcome: Outcome, *, probe: bool) -> Paused | None:
        now = self._clock()
        if self._down_since is None:
            self._failures += 1
            if self._failures < FAILURES_IN_A_ROW:
                return None
            self._down_since = now
            self._probe_wait = 1.0
        elif not probe:  # it was on its way when the breaker opened
            return None
        elif now - self._down_since >= self._patience:
            raise ApiUnavailableError(
                f"Keen has taken no call for {now - self._down_since:.0f} seconds. "
                f"{outcome.message}",
                "Rows are left unsent; run the same command again later.",
                code="unreachable",
            )
        else:
            self._probe_wait = min(self._probe_wait * 2, MAX_PROBE_WAIT)
        self._resume_at = max(self._resume_at, now + self._probe_wait)
        return Paused(self._probe_wait, f"Keen takes no calls: {outcome.message}")

    def _close(self) -> None:
        self._failures = 0
        self._down_since = None
