"""The disk fills up while rows are sent: the real program, on a disk that takes no more bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from importer.sandbox.faults import FaultPlan
from tests.chaos.nursery import nursery
from tests.chaos.surroundings import build
from tests.chaos.upset import Upset
from tests.invariants import check_promise
from tests.program import Program, purchases, read_results, write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chaos.nursery import Nursery
    from tests.sandbox_server import StartSandbox

ROWS = 60
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    folder = tmp_path_factory.mktemp("full-disk")
    library = build(folder)
    if library is None:
        pytest.skip("FULL DISKS ARE NOT TESTED HERE: there is no gcc, or this is not Linux")
    with nursery(folder / "runs", preload=library) as made:
        yield made


def test_below_50_mib_no_row_is_sent_and_what_came_before_is_told(
    starts: Nursery, program: Program, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(ROWS))
    upset = Upset(root=str(tmp_path), disk_told=49 * MIB)
    full = starts.start("run", file, "--json", environment=program.environment, upset=upset)
    assert full.wait() == 5
    assert "has only 49 MiB left" in full.err + full.out
    assert "create_purchase" not in (tmp_path / "audit.jsonl").read_text("utf-8")
    assert program("run", file).returncode == 0


def test_an_outcome_that_finds_no_room_is_told_and_in_doubt_from_then_on(
    starts: Nursery, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Wherever the disk ends, the promise holds; somewhere an outcome has no place to go."""
    told = 0
    for number, room in enumerate(range(200_000, 560_000, 40_000)):
        folder = tmp_path / str(number)
        folder.mkdir()
        sandbox = start_sandbox(FaultPlan(), audit=f"{number}.jsonl")
        program = Program(folder, sandbox.url, {"IMPORTER_SEND__CONCURRENCY": "2"})
        rows = purchases(ROWS)
        file = write_csv(folder / "march.csv", rows)
        upset = Upset(root=str(folder), disk_left=room)
        # Its reserve finds no room either, so nothing can be given up for the last outcomes.
        full = starts.start("run", file, environment=program.environment, upset=upset)
        full.wait()
        lost = re.findall(
            r"NOT STORED: row (\d+) key (\S+) applied created purchase (\S+)", full.err
        )
        told += len(lost)
        ended = starts.start("run", file, environment=program.environment)
        assert ended.wait() == (4 if lost else 0), ended.err
        results = folder / "march.results.csv"
        check_promise(sandbox.audit, rows, results, folder / "workspace/ledger.sqlite")
        by_key = {row["keen_idempotency_key"]: row for row in read_results(results)}
        committed = sandbox.audit.purchases_by_key()
        for row, key, purchase_id in lost:
            assert full.returncode in {1, 4, 5}
            assert [each.purchase_id for each in committed[key]] == [purchase_id]
            assert (by_key[key]["keen_row"], by_key[key]["keen_status"]) == (row, "in_doubt")
    assert told


def test_wherever_the_disk_ends_the_run_says_so_in_words(
    starts: Nursery, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    ends = set()
    for number, room in enumerate(range(90_000, 220_000, 6_000)):
        folder = tmp_path / str(number)
        folder.mkdir()
        sandbox = start_sandbox(FaultPlan(), audit=f"{number}.jsonl")
        program = Program(folder, sandbox.url)
        file = write_csv(folder / "march.csv", purchases(3))
        upset = Upset(root=str(folder), disk_left=room)
        full = starts.start("run", file, environment=program.environment, upset=upset)
        ends.add(full.wait())
        assert "Traceback" not in full.err, (room, full.err)
    assert ends == {6, 5, 1, 0}  # no ledger, no row sent, no results, all well
