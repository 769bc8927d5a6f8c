"""Everything that can go wrong at once, again and again: no row is lost, none is paid twice."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.sandbox.faults import FaultPlan
from tests.chaos.run import campaign
from tests.invariants import check_promise
from tests.program import Program, purchases, read_results, write_csv

if TYPE_CHECKING:
    from tests.sandbox_server import StartSandbox

STOP_AT = (sys.executable, str(Path(__file__).parents[1] / "stop_at.py"))

AMBIGUOUS = [
    *("close-after-commit", "reset-after-commit", "http-500-after-commit"),
    *("http-502-after-commit", "http-504-after-commit", "cut-reset", "cut-chunked", "empty-200"),
]


@pytest.mark.skipif(sys.platform != "linux", reason="it forks, and finds processes in /proc")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("key_retention", "kills"),
    [(0.0, 24), (24.0, 12), (0.0008, 12)],
    ids=["Keen forgets keys at once", "Keen remembers keys", "Keen forgets keys after 3 s"],
)
def test_whatever_happens_no_row_is_lost_and_none_is_paid_twice(
    request: pytest.FixtureRequest, tmp_path: Path, key_retention: float, kills: int
) -> None:
    seed = request.config.getoption("--seed", default=None)
    if seed is None:
        seed = random.SystemRandom().randrange(1 << 32)
    print(f"replay with: pytest tests/chaos --seed {seed}")  # noqa: T201
    with campaign(tmp_path, seed=seed, key_retention=key_retention) as chaos:
        figures = chaos.run(rows=20 * kills, files=2, kills=kills)
        print("\n".join(figures.lines()))  # noqa: T201
        assert figures.kills >= kills - 4
        assert figures.repeated or not key_retention


def test_a_call_that_commits_and_then_fails_is_never_repeated(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    script = [name for fault in AMBIGUOUS for name in ("none", fault)]
    sandbox = start_sandbox(FaultPlan(script=script))
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__CONCURRENCY": "1"})
    rows = purchases(2 * len(AMBIGUOUS))
    file = write_csv(tmp_path / "march.csv", rows)
    for _ in range(2):
        program("run", file)
    results, ledger = tmp_path / "march.results.csv", tmp_path / "workspace/ledger.sqlite"
    counts = check_promise(sandbox.audit, rows, results, ledger)
    assert counts == {"already_created": len(AMBIGUOUS), "in_doubt": len(AMBIGUOUS)}


def test_equal_rows_are_as_many_purchases_as_rows(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    program = Program(tmp_path, sandbox.url)
    file = write_csv(tmp_path / "march.csv", [*purchases(2)] * 3)
    assert program("run", file, "--allow-duplicates").returncode == 0
    assert program("run", file, "--allow-duplicates").returncode == 0
    assert len(sandbox.audit.committed) == 6
    assert len(sandbox.audit.purchases_by_key()) == 6


def test_results_take_nothing_back(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox = start_sandbox()
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__CONCURRENCY": "4"})
    file = write_csv(tmp_path / "march.csv", purchases(9))
    results = tmp_path / "march.results.csv"
    killed = program.start("return:write_results", "1", "run", file, via=STOP_AT)
    killed.communicate(timeout=60)
    said = tmp_path / "said.csv"
    shutil.copy(results, said)
    program("run", file)
    ids = [[row["keen_purchase_id"] for row in read_results(path)] for path in (said, results)]
    assert ids[0] == ids[1]
    assert all(ids[0])
