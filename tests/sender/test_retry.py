"""When a row is tried again, and what an attempt after a doubt can still say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.model import Next, Outcome, Verdict, may_send_again
from importer.sender.retry import CAP, decide_retry, keep_doubt

FAILED = Outcome(Verdict.NOT_APPLIED, Next.RETRY, "http-521", "No.")
HELD = Outcome(Verdict.IN_DOUBT, Next.HOLD, "http-504", "Perhaps.")
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempt", "random", "wait"),
    [(1, 0.0, 0.0), (1, 0.5, 0.5), (2, 0.5, 1.0), (3, 0.5, 2.0), (4, 0.5, 4.0), (9, 0.5, 10.0)],
)
def test_the_wait_is_anything_below_a_bound_that_doubles(
    attempt: int, random: float, wait: float
) -> None:
    assert decide_retry(attempt, 10, FAILED, random) == wait


@given(st.integers(1, 1000), st.floats(0, 1, exclude_max=True))
def test_no_wait_is_longer_than_the_cap(attempt: int, random: float) -> None:
    wait = decide_retry(attempt, 1001, FAILED, random)
    assert wait is not None
    assert 0 <= wait < CAP


@pytest.mark.parametrize(
    ("attempt", "following", "resend_doubt", "tried"),
    [
        (4, Next.RETRY, False, True),
        (5, Next.RETRY, False, False),
        (1, Next.HOLD, False, False),
        (1, Next.HOLD_AND_COUNT, False, False),
        (1, Next.HOLD, True, True),
        (1, Next.HOLD_AND_COUNT, True, True),
        (5, Next.HOLD, True, False),
        (1, Next.DONE, True, False),
        (1, Next.REJECT, True, False),
        (1, Next.STOP, True, False),
    ],
)
def test_only_what_may_go_again_is_tried_again(
    attempt: int, following: Next, resend_doubt: bool, tried: bool
) -> None:
    outcome = FAILED._replace(next=following)
    wait = decide_retry(attempt, 5, outcome, 0.5, resend_doubt=resend_doubt)
    assert (wait is not None) is tried


def test_where_keen_names_a_wait_the_row_adds_none() -> None:
    assert decide_retry(3, 5, FAILED._replace(retry_after=60.0), 0.9) == 0.0


@pytest.mark.parametrize(
    ("age", "allowed"),
    [
        (timedelta(0), True),
        (timedelta(hours=23), True),
        (timedelta(hours=24) - timedelta(seconds=180), False),
        (timedelta(hours=24) - timedelta(seconds=181), True),
        (timedelta(hours=24), False),
        (timedelta(seconds=-1), False),
    ],
)
def test_a_doubt_goes_again_only_if_the_attempt_ends_within_the_retention(
    age: timedelta, allowed: bool
) -> None:
    assert may_send_again(NOW - age, 24.0, NOW, timeout=180.0) is allowed


def test_without_retention_no_doubt_goes_again() -> None:
    assert not may_send_again(NOW, 0.0, NOW, timeout=0.0)


@pytest.mark.parametrize(
    ("outcome", "following"),
    [
        (FAILED, Next.RETRY),
        (HELD, Next.HOLD),
        (FAILED._replace(next=Next.REJECT), Next.HOLD),
        (FAILED._replace(next=Next.STOP), Next.STOP),
    ],
)
def test_only_a_purchase_settles_an_earlier_doubt(outcome: Outcome, following: Next) -> None:
    kept = keep_doubt(outcome)
    assert (kept.verdict, kept.next) == (Verdict.IN_DOUBT, following)


def test_a_purchase_settles_an_earlier_doubt() -> None:
    applied = Outcome(Verdict.APPLIED, Next.DONE, "created", "", 200, "p-1")
    assert keep_doubt(applied) is applied
