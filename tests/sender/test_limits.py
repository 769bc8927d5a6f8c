"""When a run stops itself."""

from __future__ import annotations

import pytest

from importer.config import SendSection
from importer.model import Next, Outcome, Verdict
from importer.sender.limits import Limits

CREATED = Outcome(Verdict.APPLIED, Next.DONE, "created", "", 200, "p-1")
REJECTED = Outcome(Verdict.NOT_APPLIED, Next.REJECT, "http-403", "No.")
STRANGE = Outcome(Verdict.IN_DOUBT, Next.HOLD_AND_COUNT, "no-purchase-id", "Hm.")
HELD = Outcome(Verdict.IN_DOUBT, Next.HOLD, "http-504", "Perhaps.")


@pytest.mark.parametrize(
    ("max_failures", "total", "outcomes", "stopped_at"),
    [
        ("100%", 30, [REJECTED] * 30, None),
        ("5%", 1000, [REJECTED] * 60, 51),
        ("5%", 100, [REJECTED] * 30, 20),
        ("5%", 100, [REJECTED, *[CREATED] * 30], None),
        ("0%", 100, [*[CREATED] * 30, REJECTED], 31),
        ("2", 1000, [REJECTED] * 5, 3),
        ("0", 1000, [CREATED, REJECTED], 2),
        ("2", 1000, [REJECTED, REJECTED, CREATED], None),
    ],
)
def test_max_failures_is_a_number_or_a_share_of_all_rows(
    max_failures: str, total: int, outcomes: list[Outcome], stopped_at: int | None
) -> None:
    limits = Limits(SendSection(max_failures=max_failures), total)
    stops = [limits.note_row(outcome) for outcome in outcomes]
    first = next((number for number, stop in enumerate(stops, 1) if stop is not None), None)
    assert first == stopped_at


@pytest.mark.parametrize(
    ("outcomes", "stopped"),
    [
        ([STRANGE] * 3, True),
        ([STRANGE, STRANGE, CREATED, STRANGE], False),
        ([STRANGE, HELD, STRANGE, STRANGE], False),
    ],
)
def test_three_answers_in_a_row_that_are_not_keens_stop_the_run(
    outcomes: list[Outcome], stopped: bool
) -> None:
    limits = Limits(SendSection(), 100)
    assert any(limits.note_attempt(outcome) is not None for outcome in outcomes) is stopped
