"""Which fault meets which call."""

from __future__ import annotations

from collections import Counter

import pytest

from importer.errors import UsageError
from importer.sandbox.faults import Fault, FaultPlan, FaultSequence, parse_shares


def test_the_same_seed_fails_the_same_calls() -> None:
    plan = FaultPlan(shares={"slow": 0.2, "reset-after-commit": 0.1}, seed=7)
    first, second = FaultSequence(plan), FaultSequence(plan)
    drawn = [first.next_purchase(None) for _ in range(2000)]
    assert drawn == [second.next_purchase(None) for _ in range(2000)]
    counts = Counter(drawn)
    assert 300 < counts[Fault.SLOW] < 500
    assert 130 < counts[Fault.RESET_AFTER_COMMIT] < 270
    other = FaultSequence(FaultPlan(shares=plan.shares, seed=8))
    assert drawn != [other.next_purchase(None) for _ in range(2000)]


def test_a_leads_own_script_comes_first_then_the_script_then_chance() -> None:
    sequence = FaultSequence(
        FaultPlan(
            shares={"drip": 1.0},
            script=["http-500-before-commit", "none"],
            by_lead={"AB": ["reset-after-commit"]},
        )
    )
    assert sequence.next_purchase("x") == "http-500-before-commit"
    assert sequence.next_purchase("ab") == "reset-after-commit"
    assert sequence.next_purchase("ab") == "none"
    assert sequence.next_purchase("ab") == "drip"


def test_reading_actions_use_up_no_purchase_fault() -> None:
    sequence = FaultSequence(FaultPlan(script=["slow"], probe_script=["http-401"]))
    assert [sequence.next_probe() for _ in range(2)] == ["http-401", "none"]
    assert sequence.next_purchase(None) == "slow"


@pytest.mark.parametrize(
    "settings",
    [
        {"script": ["reset"]},
        {"probe_script": ["reset"]},
        {"by_lead": {"x": ["reset"]}},
        {"shares": {"reset": 0.1}},
    ],
)
def test_a_fault_that_does_not_exist_is_refused_with_those_that_do(
    settings: dict[str, list[str]],
) -> None:
    with pytest.raises(UsageError, match=r"'reset'.*reset-after-commit") as error:
        FaultPlan(**settings)  # type: ignore[arg-type]
    assert error.value.code == "unknown-fault"


@pytest.mark.parametrize("shares", [{"slow": -0.1}, {"slow": 0.7, "drip": 0.7}, {"slow": 2}])
def test_shares_that_cannot_be_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        FaultPlan(shares=shares)


def test_shares_are_read_as_the_command_line_writes_them() -> None:
    assert parse_shares(["slow=0.1", "drip = 1"]) == {"slow": 0.1, "drip": 1.0}
    for text in ("slow", "slow=", "slow=often"):
        with pytest.raises(UsageError, match="how often"):
            parse_shares([text])
