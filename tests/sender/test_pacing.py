"""Rate limit, shared pause and circuit breaker, by a clock that only sleeping moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from importer.errors import ApiUnavailableError
from importer.model import Next, Outcome, Verdict
from importer.sender.pacing import FAILURES_IN_A_ROW, MAX_PAUSE, Pacer
from tests.sender.rig import FakeTime

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Test = Callable[[Pacer, FakeTime], Awaitable[None]]

DONE = Outcome(Verdict.APPLIED, Next.DONE, "created", "", 200, "p-1")
DOWN = Outcome(Verdict.NOT_APPLIED, Next.RETRY, "connection-refused", "Refused.")
START = 1000.0


def wait_of(seconds: float) -> Outcome:
    return Outcome(Verdict.NOT_APPLIED, Next.RETRY, "http-429", "Slow.", 429, retry_after=seconds)


def paced(
    rate_limit: float = 0.0,
) -> Callable[[Test], None]:
    """Run a test's coroutine function with a pacer and its clock."""

    def decorate(test: Test) -> None:
        time = FakeTime()
        anyio.run(test, Pacer(rate_limit, clock=time, sleep=time.sleep), time)

    return decorate


async def admissions(pacer: Pacer, time: FakeTime, workers: int) -> list[float]:
    """Let all workers wait at once; return when each may begin, from START."""
    times: list[float] = []

    async def work() -> None:
        await pacer.wait()
        times.append(time.now - START)

    async with anyio.create_task_group() as tasks:
        for _ in range(workers):
            tasks.start_soon(work)
    return times


def open_breaker(pacer: Pacer) -> None:
    for _ in range(FAILURES_IN_A_ROW):
        pacer.note(DOWN, probe=False)


def test_without_a_limit_nobody_waits() -> None:
    @paced()
    async def _(pacer: Pacer, time: FakeTime) -> None:
        assert await admissions(pacer, time, 5) == [0, 0, 0, 0, 0]


def test_only_where_nobody_has_to_wait_is_an_attempt_admitted_at_once() -> None:
    @paced()
    async def _(pacer: Pacer, time: FakeTime) -> None:
        assert pacer.admits()
        pacer.note(wait_of(5), probe=False)
        assert not pacer.admits()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pacer.wait)
            while not time.slept:
                await anyio.lowlevel.checkpoint()
            assert not pacer.admits()  # another came first
        assert pacer.admits()
        open_breaker(pacer)
        assert not pacer.admits()
        assert await pacer.wait()
        assert not pacer.admits()  # a probe is out
        pacer.note(DONE, probe=True)
        assert pacer.admits()


def test_with_a_limit_each_attempt_takes_its_turn() -> None:
    assert not Pacer(4).admits()


def test_attempts_are_evenly_spaced() -> None:
    @paced(rate_limit=4)
    async def _(pacer: Pacer, time: FakeTime) -> None:
        assert await admissions(pacer, time, 5) == [0, 0.25, 0.5, 0.75, 1.0]


def test_a_quiet_time_allows_no_burst() -> None:
    @paced(rate_limit=4)
    async def _(pacer: Pacer, time: FakeTime) -> None:
        await pacer.wait()
        time.now += 100
        assert await admissions(pacer, time, 3) == [100, 100.25, 100.5]


def test_a_late_timer_does_not_lower_the_rate() -> None:
    time = FakeTime()

    async def late(seconds: float) -> None:
        await time.sleep(seconds + 0.1)

    async def run() -> None:
        times = await admissions(Pacer(4, clock=time, sleep=late), time, 9)
        assert times[-1] == pytest.approx(2.0, abs=0.11)

    anyio.run(run)


def test_a_pause_holds_all_workers_and_then_keeps_the_rate() -> None:
    @paced(rate_limit=2)
    async def _(pacer: Pacer, time: FakeTime) -> None:
        pause = pacer.note(wait_of(7), probe=False)
        assert pause is not None
        assert pause.seconds == 7
        assert await admissions(pacer, time, 3) == [7, 7.5, 8]


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    @paced()
    async def _(pacer: Pacer, time: FakeTime) -> None:
        pacer.note(wait_of(9), probe=False)
        assert pacer.note(wait_of(2), probe=False) is None
        assert await admissions(pacer, time, 1) == [9]


def test_a_wait_beyond_five_minutes_ends_the_run() -> None:
    @paced()
    async def _(pacer: Pacer, _time: FakeTime) -> None:
        assert pacer.note(wait_of(MAX_PAUSE), probe=False) is not None
        with pytest.raises(ApiUnavailableError):
            pacer.note(wait_of(MAX_PAUSE + 1), probe=False)


def test_failures_with_a_success_between_them_open_nothing() -> None:
    @paced()
    async def _(pacer: Pacer, _time: FakeTime) -> None:
        for _ in range(3):
            for _ in range(FAILURES_IN_A_ROW - 1):
                assert pacer.note(DOWN, probe=False) is None
            pacer.note(DONE, probe=False)
        assert await pacer.wait() is False


def test_while_keen_is_down_one_probe_goes_at_a_time() -> None:
    @paced()
    async def _(pacer: Pacer, time: FakeTime) -> None:
        open_breaker(pacer)
        assert await pacer.wait() is True
        assert time.slept == [1.0]
        with anyio.move_on_after(0.05) as second:
            await pacer.wait()
        assert second.cancelled_caught
        pacer.note(DONE, probe=True)
        assert [await pacer.wait() for _ in range(3)] == [False] * 3


def test_a_probe_that_is_not_made_lets_the_next_one_go() -> None:
    @paced()
    async def _(pacer: Pacer, time: FakeTime) -> None:
        open_breaker(pacer)
        assert await pacer.wait() is True
        pacer.give_back_probe()
        assert await pacer.wait() is True
        assert time.slept == [1.0]


def test_what_was_on_its_way_when_the_breaker_opened_counts_no_more() -> None:
    @paced()
    async def _(pacer: Pacer, time: FakeTime) -> None:
        open_breaker(pacer)
        assert pacer.note(DOWN, probe=False) is None
        assert await pacer.wait() is True
        assert time.slept == [1.0]


def test_probes_grow_apart_until_the_run_ends() -> None:
    @paced()
    async def _(pacer: Pacer, time: FakeTime) -> None:
        open_breaker(pacer)
        for _ in range(7):
            assert await pacer.wait() is True
            assert pacer.note(DOWN, probe=True) is not None
        assert await pacer.wait() is True
        with pytest.raises(ApiUnavailableError):
            pacer.note(DOWN, probe=True)
        assert time.slept == [1, 2, 4, 8, 16, 30, 30, 30]
