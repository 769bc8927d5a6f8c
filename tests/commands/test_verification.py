from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from importer.workspace import Workspace
from tests.program import Program, purchases, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from importer.sandbox.server import Sandbox


def damage(program: Program, statement: str) -> None:
    with closing(sqlite3.connect(program.folder / "workspace/ledger.sqlite")) as connection:
        connection.execute(statement)
        connection.commit()


def test_a_sound_ledger_is_called_sound(program: Program, tmp_path: Path) -> None:
    program("run", write_csv(tmp_path / "march.csv", purchases(5)))
    told = program("status", "--verify")
    assert told.returncode == 0
    assert "The ledger is sound: 5 keys are their content's." in told.stdout


def test_a_key_that_is_not_its_contents_and_a_missing_run_are_found(
    program: Program, tmp_path: Path
) -> None:
    program("run", write_csv(tmp_path / "march.csv", purchases(30)))
    damage(program, "UPDATE entries SET occurrence = 2 WHERE row < 28")
    damage(program, "INSERT INTO runs (import_id, file, plan, started_at) VALUES (9, '', '', 0)")
    told = program("status", "--verify", "--json")
    assert told.returncode == 6
    verified = json.loads(told.stdout)["verified"]
    assert verified["entries"] == 30
    assert sum("is not the key of its content" in fault for fault in verified["faults"]) == 20
    assert "and 6 more keys that are not their content's" in verified["faults"]
    assert "row 2 of runs refers to a missing row of imports" in verified["faults"]
    assert "THE LEDGER IS DAMAGED" in program("status", "--verify").stdout


def test_a_ledger_that_a_run_holds_is_not_verified(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    program("run", write_csv(tmp_path / "march.csv", purchases(1)))
    with Workspace(tmp_path / "workspace").hold("april.csv"):
        told = program("status", "--verify")
    assert told.returncode == 11
    assert "april.csv" in told.stderr
    assert sandbox.purchase_requests == 1


def test_old_bodies_are_blanked_at_the_next_run_and_their_rows_can_go_again(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(3))
    program("run", file)
    ledger = tmp_path / "workspace/ledger.sqlite"
    day = 86_400_000_000
    for table, column in (("entries", "settled_at"), ("runs", "started_at")):
        damage(program, f"UPDATE {table} SET {column} = {column} - 100 * {day}")  # noqa: S608
    # As if one of them had been refused then.
    damage(program, "UPDATE entries SET state = 'rejected', purchase_id = NULL WHERE row = 2")
    assert program("run", file, "--limit", "0").returncode == 3
    with closing(sqlite3.connect(ledger)) as connection:
        assert connection.execute("SELECT count(*) FROM entries WHERE body = x''").fetchone() == (
            3,
        )
    assert program("run", file, "--retry-rejected").returncode == 0
    assert all(len(bodies) == 1 for bodies in sandbox.audit.bodies_by_key().values())
    assert sandbox.purchase_requests == 4
