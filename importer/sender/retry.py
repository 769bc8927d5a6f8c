"""An attempt and its outcome → the wait before the next one, or none. Pure."""

from __future__ import annotations

from typing import Final

from importer.model import Next, Outcome, Verdict

BASE: Final = 1.0
CAP: Final = 20.0


def decide_retry(
    attempt: int,
    max_attempts: int,
    outcome: Outcome,
    random: float,
    *,
    resend_doubt: bool = False,
) -> float | None:
    """Return the seconds to wait before the next attempt, or None where there is none.

    `attempt` counts from 1; `random` is in [0, 1). The wait is "full jitter" (AWS, "Exponential
    Backoff and Jitter"): anything up to a bound that doubles, so that workers which failed
    together do not come back together. Where the API named a wait, all workers share that pause
    and the row adds none. `resend_doubt` says that Keen's memory of the key allows to repeat a
    doubt.
    """
    held = outcome.next in {Next.HOLD, Next.HOLD_AND_COUNT}
    if attempt >= max_attempts or not (outcome.next is Next.RETRY or (resend_doubt and held)):
        return None
    if outcome.retry_after is not None:
        return 0.0
    return random * min(CAP, BASE * 2.0 ** min(attempt - 1, 10))


def keep_doubt(outcome: Outcome) -> Outcome:
    """Return the outcome of an attempt whose row was in doubt before it.

    Only a purchase id settles an earlier doubt: that this attempt did nothing says nothing of
    the one before. What follows (retry, hold, stop) stays, a refusal is held.
    """
    if outcome.verdict is Verdict.APPLIED:
        return outcome
    following = Next.HOLD if outcome.next is Next.REJECT else outcome.next
    message = outcome.message
    if outcome.verdict is Verdict.NOT_APPLIED:
        message = f"{message} An earlier attempt stays in doubt."
    return outcome._replace(verdict=Verdict.IN_DOUBT, next=following, message=message)
