"""What each fault does, held against its name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from importer.sandbox.effects import EFFECTS, describe
from importer.sandbox.faults import Fault


def test_every_fault_has_an_effect() -> None:
    assert set(EFFECTS) == set(Fault)


@pytest.mark.parametrize("fault", list(Fault))
def test_a_faults_name_says_whether_it_commits(fault: Fault) -> None:
    if fault.endswith("-before-commit"):
        assert not EFFECTS[fault].commits
    elif fault.endswith("-after-commit"):
        assert EFFECTS[fault].commits
    else:
        assert EFFECTS[fault].commits is not fault.startswith("http-")


def test_every_fault_is_described_by_what_it_alone_does() -> None:
    told = {fault: describe(fault) for fault in Fault}
    assert len(set(told.values())) == len(Fault)
    for fault, line in told.items():
        assert line.startswith("purchase") == EFFECTS[fault].commits
        assert not {"\n", "{retry_after}", "{text}"} & set(line.split(" "))


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault.endswith("-before-commit")])
def test_before_and_after_the_commit_look_the_same_to_the_client(fault: Fault) -> None:
    if fault is Fault.HTML_200_BEFORE_COMMIT:
        after = EFFECTS[Fault.HTML_200]
    else:
        after = EFFECTS[Fault(fault.replace("-before-", "-after-"))]
    assert replace(after, commits=False) == EFFECTS[fault]
