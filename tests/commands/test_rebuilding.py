from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from importer.sandbox.faults import FaultPlan
from tests.program import (
    Program,
    purchases,
    read_results,
    statuses,
    write_csv,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox_server import StartSandbox

SOME_ID = "00000000-0000-4000-8000-000000000000"


def change(results: Path, row: int, column: str, text: str) -> None:
    """Write something into one cell of a results file."""
    old = read_results(results)[row]
    whole = results.read_bytes().decode("utf-8-sig")
    lines = whole.splitlines(keepends=True)
    assert lines[row + 1].count(old[column]) == 1
    lines[row + 1] = lines[row + 1].replace(old[column], text)
    results.write_text("".join(lines), "utf-8-sig", newline="")


@pytest.fixture
def after_the_fire(start_sandbox: StartSandbox, tmp_path: Path) -> tuple[Program, Path, Path]:
    """A program whose disk died after a run: the input, and its results from a backup.

    Rows 2 to 9: created, but row 4 in doubt, row 6 rejected; row 9 was left by --limit.
    """
    script = ["none", "none", "reset-after-commit", "none", "http-400"]
    sandbox = start_sandbox(FaultPlan(script=script))
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__CONCURRENCY": "1"})
    rows = [*purchases(3), *purchases(3), *purchases(2, first=4)]
    file = write_csv(tmp_path / "march.csv", rows)
    program("run", file, "--allow-duplicates", "--limit", "7")
    assert len(sandbox.audit.purchase_calls) == 7
    shutil.rmtree(tmp_path / "workspace")
    return program, file, tmp_path / "march.results.csv"


def calls(program: Program) -> int:
    whole = (program.folder / "audit.jsonl").read_text("utf-8")
    return sum('"received"' in line and "create_purchase" in line for line in whole.splitlines())


def test_after_a_rebuild_what_was_created_or_in_doubt_is_not_sent_again(
    after_the_fire: tuple[Program, Path, Path],
) -> None:
    program, file, results = after_the_fire
    ids = [row["keen_purchase_id"] for row in read_results(results)]
    rebuilt = program("resolve", results, "--rebuild", "--by", "ana", "--note", "the disk died")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert "5 created rows, 1 in doubt" in rebuilt.stdout
    assert calls(program) == 7
    program("run", file, "--allow-duplicates")

    # Rejected and unsent rows were never applied: a new ledger sends them.
    assert calls(program) == 9
    created, again = "already_created", "created"
    expected = [created, created, "in_doubt", created, again, created, created, again]
    assert statuses(results) == expected
    now = [row["keen_purchase_id"] for row in read_results(results)]
    assert [new for new, old in zip(now, ids, strict=True) if old] == [old for old in ids if old]
    program("run", file, "--allow-duplicates")
    assert calls(program) == 9


def test_a_rebuild_keeps_who_when_and_why_and_can_be_repeated(
    after_the_fire: tuple[Program, Path, Path],
) -> None:
    program, _, results = after_the_fire
    program("resolve", results, "--rebuild", "--by", "ana", "--note", "the disk died")
    again = program("resolve", results, "--rebuild")
    assert again.returncode == 0
    assert "0 created rows, 0 in doubt" in again.stdout
    ledger = program.folder / "workspace/ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as connection:
        said = connection.execute("SELECT choice, who, note, file FROM resolutions").fetchall()
        plans = connection.execute("SELECT plan FROM runs").fetchall()
        sent_at = connection.execute("SELECT min(last_sent_at) FROM entries").fetchone()
    assert said == [("created", "ana", "the disk died", "march.results.csv")] * 5
    assert plans == [('{"rebuilt_by": "ana", "note": "the disk died"}',)]
    assert sent_at > (1_700_000_000_000_000,)
    assert program("status", "--verify").returncode == 0


def test_a_doubt_that_the_results_prove_created_is_settled(
    after_the_fire: tuple[Program, Path, Path], tmp_path: Path
) -> None:
    program, file, results = after_the_fire
    newer = tmp_path / "newer.csv"
    shutil.copy(results, newer)
    change(newer, 2, "keen_status", "created")
    assert program("resolve", results, "--rebuild").returncode == 0
    assert program("resolve", newer, "--rebuild").returncode == 0
    # An older file takes back nothing.
    assert program("resolve", results, "--rebuild").returncode == 0
    program("run", file, "--allow-duplicates")
    assert statuses(results)[2] == "already_created"


@pytest.mark.parametrize(
    ("row", "column", "text", "said"),
    [
        (0, "Product", "Another", "row 2: its keen_idempotency_key is not the key of its content"),
        (0, "Amount", "one", "row 2: its cells are not valid"),
        (0, "keen_idempotency_key", "", "row 2: it has no keen_idempotency_key"),
        (4, "keen_status", "created", ""),
    ],
)
def test_a_row_that_contradicts_takes_the_whole_file_down(
    after_the_fire: tuple[Program, Path, Path], row: int, column: str, text: str, said: str
) -> None:
    program, _, results = after_the_fire
    change(results, row, column, text)
    refused = program("resolve", results, "--rebuild")
    assert said in refused.stderr
    assert refused.returncode == (6 if said else 0)
    assert program("status", "--verify").stdout.count(": 0 keys") == bool(said)


def test_a_key_or_an_id_that_stands_twice_is_refused(
    after_the_fire: tuple[Program, Path, Path],
) -> None:
    program, _, results = after_the_fire
    rows = read_results(results)
    change(results, 3, "keen_purchase_id", rows[1]["keen_purchase_id"].upper())
    assert "stands in another row as well" in program("resolve", results, "--rebuild").stderr


def test_a_ledger_that_knows_better_is_not_overruled(
    after_the_fire: tuple[Program, Path, Path],
) -> None:
    program, file, results = after_the_fire
    kept = program.folder / "kept.csv"
    shutil.copy(results, kept)
    program("resolve", results, "--rebuild")
    change(kept, 1, "keen_purchase_id", read_results(kept)[1]["keen_purchase_id"].upper())
    assert program("resolve", kept, "--rebuild").returncode == 0
    change(kept, 0, "keen_purchase_id", SOME_ID)
    assert "the ledger knows it as purchase" in program("resolve", kept, "--rebuild").stderr
    program("run", file, "--allow-duplicates")
    rejected = read_results(results)[4]
    assert rejected["keen_status"] == "created"


def test_another_batch_or_an_input_file_rebuilds_nothing(
    after_the_fire: tuple[Program, Path, Path],
) -> None:
    program, file, results = after_the_fire
    assert program("resolve", results, "--rebuild", "--batch", "2026-03").returncode == 6
    refused = program("resolve", file, "--rebuild")
    assert refused.returncode == 2
    assert "is no results file" in refused.stderr
