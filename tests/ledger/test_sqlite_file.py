from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from importer.errors import LedgerError
from importer.ledger.checkup import Checkup
from importer.ledger.contract import LedgerState
from importer.ledger.migrations import SCHEMA_VERSION, STEPS, kept_path
from importer.ledger.reserve import reserve_path
from importer.ledger.sqlite import SqliteLedger
from importer.ledger.sqlite_file import APPLICATION_ID, connect_file
from tests.ledger.examples import SCOPE, begin, deliver, intend, uuid

OLDER_SCHEMA = Path(__file__).with_name("schema_v1.sql")

COMMITTER = """
import sys
from pathlib import Path
from importer.ledger.sqlite import SqliteLedger
from tests.ledger.examples import APPLIED, begin, deliver, intend, settle

ledger = SqliteLedger.open(Path(sys.argv[1]))
run = begin(ledger)
for start in range(2, 1_000_000, 5):
    group = [deliver(row) for row in range(start, start + 5)]
    ledger.commit(run, [intend(each) for each in group])
    for each in group:
        print("sending", each.key, flush=True)
    ledger.commit(run, [settle(each, APPLIED) for each in group[:3]])
    for each in group[:3]:
        print("created", each.key, flush=True)
"""

HOLDER = """
import sys
from pathlib import Path
from importer.ledger.sqlite import SqliteLedger

ledger = SqliteLedger.open(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


VICTIM = """
import os, signal, sys
from pathlib import Path
from importer.ledger.sqlite import SqliteLedger
from tests.ledger.examples import begin, deliver, intend

ledger = SqliteLedger.open(Path(sys.argv[1]))
ledger.commit(begin(ledger), [intend(deliver(row)) for row in range(2, 502)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def start(program: str, ledger: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, str(ledger)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def make(path: Path, rows: int = 1) -> None:
    with closing(SqliteLedger.open(path)) as ledger:
        ledger.commit(begin(ledger), [intend(deliver(row)) for row in range(2, 2 + rows)])


def refusal(path: Path) -> LedgerError:
    """Open `path`, which must fail and leave every file of the folder as it was."""
    before = files(path.parent)
    with pytest.raises(LedgerError) as raised:
        SqliteLedger.open(path)
    assert files(path.parent) == before
    assert str(path) in raised.value.message
    assert raised.value.remedy
    return raised.value


def test_a_new_ledger_is_whole_private_and_alone_in_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "odd name?#%.sqlite"
    make(path)

    assert set(files(tmp_path)) == {path.name, reserve_path(path).name}
    assert path.read_bytes()[68:72] == b"Keen"
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_every_commit_is_synced_and_no_other_process_may_look(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    expected = {
        "synchronous": 2,  # FULL
        "journal_mode": "wal",
        "locking_mode": "exclusive",
        "foreign_keys": 1,
        "fullfsync": 1,
        "checkpoint_fullfsync": 1,
        "application_id": APPLICATION_ID,
        "user_version": SCHEMA_VERSION,
    }
    with closing(connect_file(path, Checkup(path))) as connection:
        found = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in expected}

    assert found == expected


def test_what_was_committed_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    child = start(COMMITTER, path)
    assert child.stdout is not None
    printed = [child.stdout.readline() for _ in range(400)]
    child.send_signal(signal.SIGKILL)
    printed += child.stdout.read().splitlines()  # what it still said before it died
    child.communicate()
    said = dict(line.split()[::-1] for line in printed if re.fullmatch(r"\w+ \S{36}\n?", line))

    with closing(SqliteLedger.open(path)) as ledger:
        known = {entry.key: entry for entry in ledger.find(SCOPE, said)}

    assert len(said) > 200
    assert set(known) == set(said)
    assert all(
        known[key].state is LedgerState.CREATED for key, state in said.items() if state == "created"
    )


@pytest.mark.parametrize("copied", [0, 1, 5, 30])
def test_a_kill_while_the_wal_is_copied_into_the_file_loses_nothing(
    tmp_path: Path, copied: int
) -> None:
    path = tmp_path / "ledger.sqlite"
    start(VICTIM, path).communicate()
    killed = files(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    before = killed[path.name]
    pages = whole[: copied * 4096] + before[copied * 4096 :]
    for name, content in (killed | {path.name: pages}).items():
        (tmp_path / name).write_bytes(content)

    with closing(SqliteLedger.open(path)) as ledger:
        assert len(list(ledger.find(SCOPE, map(uuid, range(2, 502))))) == 500
    assert len(before) < len(whole)


def test_a_ledger_held_by_another_process_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    child = start(HOLDER, path)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    error = refusal(path)
    child.communicate()
    SqliteLedger.open(path).close()

    assert error.code == "ledger-busy"


def test_a_refused_look_at_its_own_ledger_does_not_free_it_for_others(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(SqliteLedger.open(path)):
        # POSIX drops a process's locks when it closes any descriptor of the file, so an inspection
        # with `open` (and `refusal`, which reads the files here) would let others in.
        with pytest.raises(LedgerError, match="held by another process"):
            SqliteLedger.open(path)
        other = subprocess.run(
            [sys.executable, "-c", HOLDER, str(path)], capture_output=True, text=True, check=False
        )

    assert other.returncode != 0
    assert "held by another process" in other.stderr


@pytest.mark.parametrize(
    "content",
    [b"", b"x", b"lead_id;amount\n1;2\n" * 500, b"SQLite format 3\x00" + b"\xff" * 4080],
    ids=["empty", "one byte", "a csv", "garbage behind the magic"],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)

    assert refusal(path).code == "not-a-ledger"


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_another_applications_database_is_refused_with_its_journal(
    tmp_path: Path, mode: str
) -> None:
    living, left = tmp_path / "living", tmp_path / "left"
    living.mkdir()
    other = sqlite3.connect(living / "ledger.sqlite", isolation_level=None)
    other.execute("CREATE TABLE entries (key)")
    other.execute(f"PRAGMA journal_mode = {mode}")
    other.execute("PRAGMA cache_size = 1")  # so the pages of the open transaction reach the file
    other.execute("BEGIN" if mode == "delete" else "SELECT 1")
    for _ in range(50):
        other.execute("INSERT INTO entries VALUES (zeroblob(2000))")
    shutil.copytree(living, left)  # as a dead process would leave them
    other.close()

    assert refusal(left / "ledger.sqlite").code == "not-a-ledger"
    assert len(files(left)) > 1


def test_a_ledger_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    make(path)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    error = refusal(path)

    assert error.code == "ledger-newer"
    assert "made by a newer version" in error.message


def make_older(path: Path, version: int = 1) -> list[tuple[object, ...]]:
    """Make a ledger as an older version did, and return its entries."""
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.executescript(OLDER_SCHEMA.read_text("utf-8"))
        older.executescript(
            f"""-- all of it constants
            PRAGMA journal_mode = WAL;
            PRAGMA application_id = {APPLICATION_ID};
            PRAGMA user_version = 1;
            INSERT INTO scopes VALUES (1, 'keen', null);
            INSERT INTO imports VALUES (1, 1, '', x'01', 'march.csv', 1000000);
            INSERT INTO runs VALUES (1, 1, 'march.csv', '{{}}', 1000000, 2000000, 0, '{{}}');
            INSERT INTO entries (id, scope_id, key, batch, recipe, content, occurrence, lead, state,
                attempts, first_sent_at, last_sent_at, settled_at, retention, run_id, row,
                purchase_id, body)
            VALUES (1, 1, x'{2:032x}', '', 1, x'02', 1, x'{7:032x}', 'created',
                1, 1000000, 1000000, 2000000, 0, 1, 2, 'purchase-1', x'7b7d');
            """  # noqa: S608
        )
        older.executescript("".join(STEPS[step] for step in range(1, version)))
        older.execute(f"PRAGMA user_version = {version}")
        return older.execute("SELECT * FROM entries").fetchall()


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_ledger_of_an_older_version_is_brought_up_and_a_copy_of_it_is_kept(
    tmp_path: Path, version: int
) -> None:
    path = tmp_path / "ledger.sqlite"
    entries = make_older(path, version)
    with closing(SqliteLedger.open(path)) as ledger:
        (found,) = ledger.find(SCOPE, [uuid(2)])
        assert list(ledger.find_content(SCOPE, [b"\x02"])) == [found]
        assert ledger.faults() == []
        assert ledger.blank_bodies(found.last_sent_at + timedelta(days=1), 9) == 1

    assert (found.state, found.purchase_id, found.file) == (
        LedgerState.CREATED,
        "purchase-1",
        "march.csv",
    )
    with closing(sqlite3.connect(kept_path(path, version))) as kept:
        assert kept.execute("PRAGMA user_version").fetchone() == (version,)
        assert kept.execute("SELECT * FROM entries").fetchall() == entries
    before = files(tmp_path)
    SqliteLedger.open(path).close()
    assert files(tmp_path).keys() == before.keys()


def test_a_ledger_brought_up_has_the_schema_of_a_new_one(tmp_path: Path) -> None:
    older, newer = tmp_path / "older.sqlite", tmp_path / "newer.sqlite"
    make_older(older)
    for path in (older, newer):
        SqliteLedger.open(path).close()

    assert schema_of(older) == schema_of(newer)


def schema_of(path: Path) -> set[tuple[object, ...]]:
    """Return the columns of every table and the words of every index."""
    with closing(sqlite3.connect(path)) as connection:
        indices = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        columns = """
            SELECT t.name, c.name, c.type, c."notnull", c.dflt_value
            FROM sqlite_master t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'
        """
        return {*connection.execute(indices), *connection.execute(columns)}


def test_a_migration_that_finds_no_room_for_its_copy_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    make_older(path)
    kept_path(path, 1).mkdir()  # nothing can be put there
    before = path.read_bytes()
    with pytest.raises(LedgerError):
        SqliteLedger.open(path)

    assert path.read_bytes() == before


def damage_a_page(content: bytes) -> bytes:
    return content[:8192] + b"\xa5" * 4096 + content[12288:]


def cut_in_half(content: bytes) -> bytes:
    return content[: len(content) // 8192 * 4096]


@pytest.mark.parametrize("damage", [damage_a_page, cut_in_half])
def test_a_damaged_ledger_is_refused(tmp_path: Path, damage: type[bytes]) -> None:
    path = tmp_path / "ledger.sqlite"
    make(path, rows=200)
    path.write_bytes(damage(path.read_bytes()))

    assert refusal(path).code == "ledger-damaged"


def test_a_ledger_cut_to_nothing_is_never_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    make(path)
    path.write_bytes(b"")

    refusal(path)


@pytest.mark.parametrize("trace", ["-wal", ".reserve"])
def test_a_ledger_that_is_gone_is_missed(tmp_path: Path, trace: str) -> None:
    path = tmp_path / "ledger.sqlite"
    (tmp_path / f"{path.name}{trace}").write_bytes(b"something")
    error = refusal(path)

    assert error.code == "ledger-missing"


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "none" / "l.sqlite", tmp_path / "file" / "l", tmp_path / "folder"):
        with pytest.raises(LedgerError) as raised:
            SqliteLedger.open(path)
        assert raised.value.code == "ledger-unusable"


def test_of_all_that_create_it_at_once_only_one_gets_the_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    gate, tried = threading.Barrier(4), threading.Barrier(4)
    held: list[SqliteLedger] = []
    codes: list[str] = []

    def open_it() -> None:
        gate.wait()
        try:
            ledger = SqliteLedger.open(path)
        except LedgerError as error:
            codes.append(error.code)
            tried.wait()
        else:
            tried.wait()
            held.append(ledger)
            ledger.commit(begin(ledger), [intend(deliver(2))])
            ledger.close()

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with closing(SqliteLedger.open(path)) as again:
        assert len(list(again.find(SCOPE, [uuid(2)]))) == len(held)

    assert len(held) <= 1  # two that lock at the same instant may both be refused
    assert codes == ["ledger-busy"] * (4 - len(held))
    assert set(files(tmp_path)) == {path.name, reserve_path(path).name}
