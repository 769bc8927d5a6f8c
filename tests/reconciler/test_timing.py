from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.model import Next, Outcome, Verdict
from importer.reconciler.timing import BUCKETS, LISTED, Timing, class_end, latency_class
from importer.sender.events import Attempted, Paused, Retrying, Settled

CREATED = Outcome(Verdict.APPLIED, Next.DONE, "created", "")
LATER = Outcome(Verdict.NOT_APPLIED, Next.RETRY, "http-503", "")
REFUSED = Outcome(Verdict.NOT_APPLIED, Next.REJECT, "http-422", "")
UNKNOWN = Outcome(Verdict.IN_DOUBT, Next.HOLD, "read-timeout", "")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@given(st.floats(min_value=1e-6, max_value=4000))
def test_a_latency_lies_in_its_class_and_a_tenth_below_its_end_at_most(seconds: float) -> None:
    end = class_end(latency_class(seconds))
    assert seconds <= end * 1.000_01
    assert end <= max(seconds * 1.100_01, 0.001)


def test_percentiles_are_those_of_the_calls_within_a_class(clock: Clock) -> None:
    timing = Timing(clock)
    for number in range(1, 1001):
        timing.observe(Attempted(number, 1, CREATED, number / 1000))
    latency = timing.told().latency
    assert latency is not None
    assert latency.p50 == pytest.approx(0.5, rel=0.1)
    assert latency.p95 == pytest.approx(0.95, rel=0.1)
    assert latency.p99 == pytest.approx(0.99, rel=0.1)
    assert latency.longest == 1.0
    assert sum(count for _, count in latency.classes) == 1000


def test_no_percentile_is_beyond_the_longest_call(clock: Clock) -> None:
    timing = Timing(clock)
    timing.observe(Attempted(2, 1, CREATED, 0.0162))
    latency = timing.told().latency
    assert latency is not None
    assert latency.p50 == latency.p99 == latency.longest == 0.0162


def test_rows_are_counted_by_what_became_of_them_and_when(clock: Clock) -> None:
    timing = Timing(clock)
    for at, outcome in ((0, CREATED), (0.3, REFUSED), (0.3, UNKNOWN), (1.1, LATER), (1.1, CREATED)):
        clock.now = 100 + at
        timing.observe(Settled(2, 1, outcome))
    told = timing.told()
    assert (told.rows, told.seconds, told.span_seconds) == (5, 1.1, 0.25)
    assert told.rows_per_second == pytest.approx(4.5)
    assert told.over_time["created"] == [1, 0, 0, 0, 1]
    assert told.over_time["rejected"] == [0, 1, 0, 0, 0]
    assert told.over_time["in_doubt"] == [0, 1, 0, 0, 0]
    assert told.over_time["unsent"] == [0, 0, 0, 0, 1]


def test_a_long_run_keeps_every_row_in_a_bounded_number_of_spans(clock: Clock) -> None:
    timing = Timing(clock)
    for _ in range(5_000):
        clock.now += 7.3
        timing.observe(Settled(2, 1, CREATED))
    told = timing.told()
    assert len(told.over_time["created"]) <= BUCKETS
    assert sum(told.over_time["created"]) == told.rows == 5_000
    assert told.span_seconds * BUCKETS >= told.seconds == pytest.approx(36_500)


def test_pauses_that_overlap_are_waited_for_once_and_few_are_listed(clock: Clock) -> None:
    timing = Timing(clock)
    timing.observe(Paused(10, "asked"))
    clock.now += 4
    timing.observe(Paused(10, "asked"))
    assert timing.told().paused_seconds == 14
    for _ in range(100):
        timing.observe(Paused(1, "asked"))
    told = timing.told()
    assert (told.pause_count, len(told.pauses)) == (102, LISTED)
    assert (told.pauses[1].at, told.pauses[1].seconds) == (4, 10)


def test_retries_are_counted_by_their_cause(clock: Clock) -> None:
    timing = Timing(clock)
    for _ in range(3):
        timing.observe(Retrying(2, 1, LATER, 0.1))
    told = timing.told()
    assert (told.retries, told.retries_by_code) == (3, {"http-503": 3})
    assert told.latency is None
