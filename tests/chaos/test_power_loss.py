"""The power fails while rows are sent: only synced bytes survive, and the promise holds on them."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from importer.sandbox.faults import FaultPlan
from tests.chaos.mutants import MUTANTS, mutate
from tests.chaos.nursery import REPOSITORY, nursery
from tests.chaos.power_loss import Disk
from tests.chaos.surroundings import build
from tests.chaos.upset import Upset
from tests.invariants import check_promise
from tests.program import Program, purchases, read_results, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from importer.sandbox.server import Sandbox
    from tests.chaos.nursery import Nursery
    from tests.sandbox_server import StartSandbox

SEED = 20261123
ROWS = 150
CONCURRENCY = 4


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = build(tmp_path_factory.mktemp("surroundings"))
    if built is None:
        pytest.skip("POWER LOSS IS NOT TESTED HERE: there is no gcc, or this is not Linux")
    return built


@dataclass
class Site:
    """A disk that power can be cut from, and a Keen that it cannot be cut from."""

    folder: Path
    starts: Nursery
    sandbox: Sandbox

    def __post_init__(self) -> None:
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        # A folder that has to be made, too: its name must be as durable as what is in it.
        self.program = Program(
            self.disk,
            self.sandbox.url,
            {
                "IMPORTER_WORKSPACE__PATH": str(self.disk / "state/importer"),
                "IMPORTER_SEND__CONCURRENCY": str(CONCURRENCY),
                "IMPORTER_SEND__MAX_IN_DOUBT": "0",
            },
        )
        self.ledger = self.disk / "state/importer/ledger.sqlite"

    def lose_power(self, path: Path, *options: str, upset: Upset, calls: int = 0) -> Disk:
        """Run until so many calls came, or until the upset ends it; return what the disk knows."""
        record = self.folder / "record"
        record.unlink(missing_ok=True)
        disk = Disk(self.disk)
        environment = self.program.environment
        run = self.starts.start("run", path, *options, environment=environment, upset=upset)
        target = self.sandbox.total_requests + calls
        while calls and run.running and self.sandbox.total_requests < target:
            time.sleep(0.0005)
        if calls:
            run.send(signal.SIGKILL)
        run.wait()
        disk.replay(record)
        return disk

    def upset(self, kill_at: str = "", nth: int = 1) -> Upset:
        root, record = str(self.disk), str(self.folder / "record")
        return Upset(kill_at=kill_at, nth=nth, root=root, record=record)


def cut_power_again_and_again(site: Site, seed: int, cuts: int) -> int:
    """Import a file through so many power losses; return its rows in doubt."""
    rng = random.Random(seed)  # noqa: S311 - replayable
    rows = purchases(ROWS)
    path = write_csv(site.disk / "march.csv", rows)
    for _ in range(cuts):
        disk = site.lose_power(path, upset=site.upset(), calls=rng.randint(1, 20))
        disk.write_image(rng if rng.random() < 0.5 else None)
    ended = site.starts.start("run", path, environment=site.program.environment)
    assert ended.wait() in {0, 4}, ended.err
    results = path.with_suffix(".results.csv")
    counts = check_promise(site.sandbox.audit, rows, results, site.ledger)
    assert set(counts) <= {"created", "already_created", "in_doubt"}
    return counts["in_doubt"]


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_what_was_synced_is_enough(
    seed: int, library: Path, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(latency=0.005))
    with nursery(tmp_path / "runs", preload=library) as starts:
        in_doubt = cut_power_again_and_again(Site(tmp_path, starts, sandbox), seed, cuts=6)
    assert in_doubt <= 6 * CONCURRENCY


def test_without_full_syncs_rows_are_paid_twice_and_this_test_sees_it(
    library: Path, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    (normal,) = [mutant for mutant in MUTANTS if mutant.name == "synchronous=NORMAL"]
    tree = mutate(normal, REPOSITORY, tmp_path / "tree")
    sandbox = start_sandbox(FaultPlan(latency=0.005))
    with (
        nursery(tmp_path / "runs", preload=library, tree=tree) as starts,
        pytest.raises(AssertionError, match="paid more than once"),
    ):
        cut_power_again_and_again(Site(tmp_path, starts, sandbox), SEED, cuts=6)


def test_results_are_whole_or_absent(
    library: Path, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    with nursery(tmp_path / "runs", preload=library) as starts:
        site = Site(tmp_path, starts, sandbox)
        path = write_csv(site.disk / "march.csv", purchases(20))
        results = path.with_suffix(".results.csv")
        found = []
        for point in ("return:_rename", "return:write_results"):
            for seed in range(4):
                chance = random.Random(seed) if seed else None  # noqa: S311 - replayable
                disk = site.lose_power(path, "--limit=2", upset=site.upset(point))
                disk.write_image(chance)
                found.append(results.exists())
                if results.exists():
                    assert len(read_results(results)) == 20
    assert found[-1]
