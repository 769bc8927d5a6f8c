from __future__ import annotations

import pytest

from importer.model import RowStatus
from importer.reconciler.next_steps import MEANING, Commands, next_steps

COMMANDS = Commands("run it", "run the results", "resolve it")


def test_every_status_has_a_meaning() -> None:
    assert set(MEANING) == {status.value for status in RowStatus}


@pytest.mark.parametrize(
    ("status", "results", "commands"),
    [
        ("created", "r.csv", []),
        ("already_created", "r.xlsx", []),
        ("unsent", "r.xlsx", ["run it"]),
        ("in_doubt", "r.xlsx", ["resolve it"]),
        ("in_doubt", "r.csv", ["resolve it"]),
        ("invalid", "r.xlsx", ["run the results"]),
        ("rejected", "r.csv", ["run the results"]),
        ("duplicate", "r.csv", ["run the results"]),
        ("conflict", "r.csv", ["run the results"]),
        ("conflict", "r.jsonl", ["run it"]),
    ],
)
def test_each_status_leads_to_the_command_that_goes_on(
    status: str, results: str, commands: list[str]
) -> None:
    counts = dict.fromkeys(MEANING, 0) | {status: 1}
    steps = next_steps(counts, COMMANDS, results)
    assert [step.command for step in steps] == commands


def test_doubt_comes_first() -> None:
    steps = next_steps(dict.fromkeys(MEANING, 1), COMMANDS, "r.xlsx")
    assert [step.command for step in steps] == ["resolve it", "run it", "run the results"]
    assert "“In doubt”" in steps[0].text
    assert "“To fix”" in steps[2].text
