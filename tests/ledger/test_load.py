"""How busy a program is, over spans of time."""

from __future__ import annotations

import pytest

from importer.ledger.load import BUSY, SPAN, Load


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("share", "busy"), [(0.0, False), (0.7, False), (0.98, True), (1.1, True)])
def test_work_that_takes_nearly_all_the_time_is_busy_also_where_clocks_disagree(
    share: float, busy: bool
) -> None:
    assert 0.7 < BUSY < 0.98
    clock, effort = Clock(), Clock()
    load = Load(clock, effort)
    assert load.is_busy
    clock.now += SPAN
    effort.now += SPAN * share
    load.look()
    assert load.is_busy is busy


def test_only_a_span_that_is_over_counts_and_only_the_last() -> None:
    clock, effort = Clock(), Clock()
    load = Load(clock, effort)
    seen = []
    for seconds, worked in ((0.6 * SPAN, 0.0), (0.6 * SPAN, 0.0), (2 * SPAN, 2 * SPAN)):
        clock.now += seconds
        effort.now += worked
        load.look()
        seen.append(load.is_busy)
    assert seen == [True, False, True]


def test_a_thread_that_sleeps_is_not_busy() -> None:
    clock = Clock()
    load = Load(clock)
    clock.now += 3600
    load.look()
    assert not load.is_busy
