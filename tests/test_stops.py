"""Killed at every step of the pipeline and run again: nothing is lost, nothing is paid twice."""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.sandbox.faults import FaultPlan
from tests.invariants import check_promise
from tests.program import Program, purchases, statuses, write_csv

if TYPE_CHECKING:
    from tests.sandbox_server import StartSandbox

STOP_AT = (sys.executable, str(Path(__file__).with_name("stop_at.py")))
ROWS = 12
CONCURRENCY = 3

STEPS = [
    ("call:take_source", 1, "before the file is copied"),
    ("return:read_file", 1, "after it is read"),
    ("return:make_plan", 1, "after the plan"),
    ("return:SqliteLedger.begin_run", 1, "after the run has begun"),
    ("return:Api.prove", 1, "after the API is proven"),
    ("call:SqliteLedger.commit", 1, "before the first intent is durable"),
    ("return:SqliteLedger.commit", 1, "after the first intent is durable"),
    ("call:Connection.post", 1, "before the first byte"),
    ("call:Connection._leave", 3, "around the first byte"),
    ("return:Connection.post", 1, "after the first answer"),
    ("return:GroupCommit.put", 2, "after an outcome is known"),
    ("call:SqliteLedger.commit", 4, "before outcomes are durable"),
    ("return:SqliteLedger.commit", 4, "after outcomes are durable"),
    ("call:Connection.post", 7, "in the middle"),
    ("return:Connection.post", 7, "in the middle, answered"),
    ("call:reconcile", 1, "after the last outcome"),
    ("call:Journal.enter", 1, "before the journal is entered"),
    ("return:Journal.enter", 1, "before what was entered is durable"),
    ("call:Journal.forget", 2, "after it is durable"),
    ("call:write_results", 1, "before the results"),
    ("return:_write_csv", 1, "before the results are renamed"),
    ("return:write_results", 1, "after the results"),
    ("return:SqliteLedger.end_run", 1, "after the end is recorded"),
]


@pytest.mark.parametrize(("point", "nth", "_when"), STEPS, ids=[step[2] for step in STEPS])
def test_a_run_killed_at_any_step_is_finished_by_the_next(
    point: str, nth: int, _when: str, program: Program, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    program.settings["IMPORTER_SEND__CONCURRENCY"] = str(CONCURRENCY)
    rows = purchases(ROWS)
    file = write_csv(tmp_path / "march.csv", rows)
    killed = program.start(point, str(nth), "run", file, via=STOP_AT)
    told = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, told
    ended = program("run", file)
    sandbox_audit = start_sandbox(port=0).audit  # the same audit file, read anew
    counts = check_promise(
        sandbox_audit, rows, tmp_path / "march.results.csv", tmp_path / "workspace/ledger.sqlite"
    )
    assert set(counts) <= {"created", "already_created", "in_doubt"}
    assert counts["in_doubt"] <= CONCURRENCY
    assert ended.returncode == (4 if counts["in_doubt"] else 0), ended.stderr
    calls = len(sandbox_audit.purchase_calls)
    assert program("run", file).returncode == ended.returncode
    assert len(start_sandbox().audit.purchase_calls) == calls


def test_killed_again_and_again_at_random_no_purchase_is_lost_or_paid_twice(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    rng = random.Random(20260304)  # noqa: S311 - replayable
    sandbox = start_sandbox(FaultPlan(latency=0.02))
    program = Program(
        tmp_path,
        sandbox.url,
        {"IMPORTER_SEND__CONCURRENCY": "4", "IMPORTER_SEND__MAX_IN_DOUBT": "0"},
    )
    rows = purchases(400)
    file = write_csv(tmp_path / "march.csv", rows)
    kills = 0
    while kills < 20:
        calls = sandbox.purchase_requests
        running = program.start("run", file)
        # Not by the clock: after so many calls, or at once where the run does not get that far.
        target = calls + rng.randint(1, 15)
        while running.poll() is None and sandbox.purchase_requests < target:
            time.sleep(0.001)
        running.kill()
        running.communicate()
        if running.returncode != -signal.SIGKILL:
            break
        kills += 1
    ended = program("run", file)
    counts = check_promise(
        sandbox.audit, rows, tmp_path / "march.results.csv", tmp_path / "workspace/ledger.sqlite"
    )
    assert kills == 20
    assert set(counts) <= {"created", "already_created", "in_doubt"}
    assert counts["in_doubt"] <= kills * 4
    assert ended.returncode == (4 if counts["in_doubt"] else 0)
    calls = sandbox.purchase_requests
    program("run", file)
    assert sandbox.purchase_requests == calls


@pytest.mark.skipif(sys.platform == "win32", reason="it is killed at once there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("point", ["call:conclude", "call:write_results", "return:write_page"])
def test_a_signal_while_the_results_are_written_is_answered_and_costs_nothing(
    point: str, name: str, program: Program, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(3))
    signalled = program.start(name, point, "1", "run", file, via=STOP_AT)
    _, told = signalled.communicate(timeout=60)
    assert "importer: Nothing more is sent; the results are being written." in told
    assert signalled.returncode == 0, told
    assert statuses(tmp_path / "march.results.csv") == ["created"] * 3


def test_a_bug_while_rows_are_sent_ends_in_results_and_a_traceback(
    program: Program, tmp_path: Path
) -> None:
    program.settings["IMPORTER_SEND__CONCURRENCY"] = "1"
    file = write_csv(tmp_path / "march.csv", purchases(9))
    broken = program.start("crash", "call:Timing.observe", "5", "run", file, via=STOP_AT)
    _, told = broken.communicate(timeout=60)
    assert broken.returncode == 1, told
    assert "Traceback" in told
    ended = statuses(tmp_path / "march.results.csv")
    assert 0 < ended.count("created") < 9
    assert set(ended) == {"created", "unsent"}
    assert program("run", file).returncode == 0
