"""Entries are found by content and lead, filed or not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from importer.ledger.filing import file_entries
from importer.ledger.sqlite import SqliteLedger
from tests.ledger.examples import APPLIED, SCOPE, begin, deliver, intend, minutes, settle
from tests.ledger.test_sqlite import connection_of, fill_disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = range(2, 9)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    """A ledger in which the rows are created, and none is filed."""
    with closing(SqliteLedger.open(tmp_path / "ledger.sqlite")) as ledger:
        run = begin(ledger)
        ledger.commit(run, [intend(deliver(row)) for row in ROWS])
        ledger.commit(run, [settle(deliver(row), APPLIED) for row in ROWS])
        yield ledger


def filed(ledger: SqliteLedger) -> int:
    ((up_to,),) = connection_of(ledger).execute("SELECT up_to FROM filed")
    return int(up_to)


def found(ledger: SqliteLedger) -> list[list[int]]:
    """The rows that each way to look up finds."""
    contents = [deliver(row).content for row in ROWS]
    leads = [str(deliver(row).request.lead_id) for row in ROWS]
    known = ledger.standings(SCOPE, contents, import_content=b"")
    return [
        sorted(entry.row for entry in ledger.find_content(SCOPE, contents)),
        sorted(entry.row for entry in ledger.find_similar(SCOPE, "", leads=leads, identities=[])),
        sorted(ROWS[contents.index(content)] for page in known for content, *_ in page),
    ]


def test_nothing_is_filed_while_rows_are_sent_and_all_when_somebody_asks(
    ledger: SqliteLedger,
) -> None:
    assert filed(ledger) == 0
    assert found(ledger) == [list(ROWS)] * 3
    assert filed(ledger) == len(ROWS)
    assert ledger.faults() == []


def test_the_end_of_a_run_files_its_entries(ledger: SqliteLedger) -> None:
    ledger.end_run(1, exit_code=0, summary="{}", at=minutes(1))
    assert filed(ledger) == len(ROWS)


def test_what_a_full_disk_keeps_from_being_filed_is_found_all_the_same(
    ledger: SqliteLedger,
) -> None:
    ledger.commit(1, [intend(deliver(row)) for row in range(9, 300)])
    ledger._session.enter()
    connection_of(ledger).execute("VACUUM")  # the journal left free pages
    fill_disk(ledger)
    assert found(ledger) == [list(ROWS), list(range(2, 300)), list(ROWS)]  # all of one lead
    assert filed(ledger) == 0


@pytest.mark.parametrize("piece", [1, 2, 7, 8])
def test_entries_are_filed_a_piece_at_a_time(ledger: SqliteLedger, piece: int) -> None:
    file_entries(ledger._session, piece=piece)
    assert filed(ledger) == len(ROWS)
    assert ledger.faults() == []
    assert found(ledger) == [list(ROWS)] * 3


def test_each_piece_is_as_large_as_all_before_it(ledger: SqliteLedger) -> None:
    ledger.commit(1, [intend(deliver(row)) for row in range(9, 66)])
    pieces: list[str] = []
    connection_of(ledger).set_trace_callback(
        lambda statement: pieces.append(statement) if "UPDATE filed" in statement else None
    )

    file_entries(ledger._session, piece=4)

    assert [int(piece.rpartition("= ")[2]) for piece in pieces] == [4, 8, 16, 32, 64]
    assert ledger.faults() == []


@pytest.mark.parametrize("table", ["filed_contents", "filed_leads"])
def test_what_is_lost_of_the_filing_is_a_fault(ledger: SqliteLedger, table: str) -> None:
    file_entries(ledger._session)
    connection_of(ledger).execute(f"DELETE FROM {table} WHERE entry_id = 3")  # noqa: S608
    (fault,) = ledger.faults()
    assert "of 7 entries" in fault


def test_a_ledger_that_only_filed_a_part_finds_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(SqliteLedger.open(path)) as ledger:
        run = begin(ledger)
        ledger.commit(run, [intend(deliver(row)) for row in ROWS[:3]])
        file_entries(ledger._session)
        ledger.commit(run, [intend(deliver(row)) for row in ROWS[3:]])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute("SELECT count(*) FROM filed_contents").fetchone() == (3,)
    with closing(SqliteLedger.open(path)) as ledger:
        assert found(ledger) == [list(ROWS)] * 3
