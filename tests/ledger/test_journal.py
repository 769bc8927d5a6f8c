"""What goes through the journal is what the same changes leave one by one, whoever dies when."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.errors import LedgerError, LedgerWriteError
from importer.ledger.contract import TRANSITIONS, Cause, Intent, LedgerState, Settlement
from importer.ledger.journal import MOST
from importer.ledger.reserve import reserve_path
from importer.ledger.sqlite import SqliteLedger
from importer.ledger.sqlite_changes import make_changes
from tests.ledger.examples import (
    APPLIED,
    OUTCOMES,
    SCOPE,
    begin,
    deliver,
    intend,
    minutes,
    settle,
    uuid,
)
from tests.ledger.test_sqlite import connection_of, fill_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.ledger.contract import Change, Entry

ROWS = 4
CHANGE = st.tuples(
    st.integers(2, ROWS + 1),
    st.sampled_from(
        [Cause.INTENT, Cause.INTENT, Cause.RETENTION, Cause.APPLIED, Cause.APPLIED, *OUTCOMES]
    ),
)
GROUP = st.lists(CHANGE, min_size=1, max_size=6)
STEPS = st.lists(st.one_of(GROUP, st.sampled_from(["look", "die", "close"])), max_size=12)


def change(row: int, cause: Cause, minute: int = 0) -> Change:
    delivery = deliver(row, lead=row)
    if cause in {Cause.INTENT, Cause.RETENTION}:
        return Intent(delivery, minutes(minute), cause)
    return Settlement(delivery.key, row, OUTCOMES[cause], minutes(minute))


def entries(ledger: SqliteLedger, last_row: int = ROWS + 1) -> dict[str, Entry]:
    found = ledger.find(SCOPE, [uuid(row) for row in range(2, last_row + 1)])
    return {entry.key: entry for entry in found}


def commit(ledger: SqliteLedger, run_id: int, changes: list[Change]) -> str | None:
    """Commit as everybody does; return why not."""
    try:
        ledger.commit(run_id, changes)
    except LedgerWriteError as error:
        return error.message
    return None


def commit_each(ledger: SqliteLedger, run_id: int, changes: list[Change]) -> str | None:
    """Make each change by itself, in one transaction and without the journal; return why not."""
    try:
        with ledger._session.writing() as connection:
            scope_id, batch = ledger._run(connection, run_id)
            make_changes(connection, changes, (scope_id, batch, run_id), scope_id)
    except LedgerWriteError as error:
        return error.message
    return None


def die(ledger: SqliteLedger) -> None:
    """Leave the file as a process leaves it that is killed between two transactions."""
    connection_of(ledger).close()


def waiting(ledger: SqliteLedger) -> tuple[int, int]:
    """How many intents and outcomes stand in the journal, in the file and as it is remembered."""
    count = "SELECT (SELECT count(*) FROM journal_intents), (SELECT count(*) FROM journal_outcomes)"
    found = connection_of(ledger).execute(count).fetchone()
    journal = ledger._session.journal
    assert found == (len(journal), len(journal._settled))
    return (int(found[0]), int(found[1]))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger.open(tmp_path / "ledger.sqlite")) as ledger:
        yield ledger


@settings(deadline=None, max_examples=60)
@given(STEPS)
@example([[(2, Cause.INTENT)], "die", [(2, Cause.APPLIED)], "die", [(2, Cause.INTENT)]])
@example([[(2, Cause.INTENT)], [(2, Cause.NOT_APPLIED)], [(2, Cause.INTENT), (3, Cause.INTENT)]])
@example([[(2, Cause.INTENT)], "look", [(2, Cause.APPLIED), (3, Cause.INTENT)]])
@example([[(2, Cause.INTENT)], [(2, Cause.APPLIED)], [(2, Cause.APPLIED)], [(2, Cause.INTENT)]])
@example([[(2, Cause.INTENT)], "look", [(2, Cause.INTENT), (3, Cause.RETENTION)]])
def test_through_the_journal_or_one_by_one_is_the_same(
    steps: list[list[tuple[int, Cause]] | str],
) -> None:
    folder = Path(tempfile.mkdtemp())
    path = folder / "ledger.sqlite"
    kept, single = SqliteLedger.open(path), SqliteLedger.open(None)
    runs = begin(kept), begin(single)
    try:
        for minute, step in enumerate(steps):
            if isinstance(step, list):
                changes = [change(row, cause, minute) for row, cause in step]
                refusals = commit(kept, runs[0], changes), commit_each(single, runs[1], changes)
                assert refusals[0] == refusals[1]
            elif step == "look":
                assert entries(kept) == entries(single)
            else:
                (die if step == "die" else SqliteLedger.close)(kept)
                kept = SqliteLedger.open(path)
        assert entries(kept) == entries(single)
        assert kept.faults() == []
    finally:
        kept.close()
        single.close()
        shutil.rmtree(folder)


def test_a_group_larger_than_a_statement_is_stored_whole(ledger: SqliteLedger) -> None:
    count = 2 * MOST + 3
    run_id = begin(ledger)
    for cause in (Cause.INTENT, Cause.APPLIED):
        ledger.commit(run_id, [change(row, cause) for row in range(2, count + 2)])
    assert waiting(ledger) == (count, count)
    states = [entry.state.value for entry in entries(ledger, count + 1).values()]
    assert states == ["created"] * count


def test_what_is_usual_waits_in_the_journal_until_somebody_looks(ledger: SqliteLedger) -> None:
    run = begin(ledger)
    ledger.commit(run, [intend(deliver(row)) for row in (2, 3)])
    ledger.commit(run, [settle(deliver(2), APPLIED), intend(deliver(4))])
    assert waiting(ledger) == (3, 1)
    assert {entry.row: entry.state for entry in entries(ledger).values()} == {
        2: LedgerState.CREATED,
        3: LedgerState.SENDING,
        4: LedgerState.SENDING,
    }
    assert waiting(ledger) == (0, 0)
    ledger.commit(run, [settle(deliver(3), APPLIED), intend(deliver(5))])  # one of either kind
    assert waiting(ledger) == (1, 0)


@pytest.mark.parametrize("cause", OUTCOMES)
def test_every_outcome_of_a_first_intent_waits_with_it(ledger: SqliteLedger, cause: Cause) -> None:
    run = begin(ledger)
    ledger.commit(run, [intend(deliver(2))])
    ledger.commit(run, [settle(deliver(2), OUTCOMES[cause])])
    assert waiting(ledger) == (1, 1)
    (entry,) = entries(ledger).values()
    assert entry.state is TRANSITIONS[cause][1]
    assert entry.message == OUTCOMES[cause].message


def test_a_run_under_another_scope_does_not_share_a_journal(ledger: SqliteLedger) -> None:
    run = begin(ledger)
    other = begin(ledger, scope="other")
    ledger.commit(run, [intend(deliver(2))])
    with pytest.raises(LedgerWriteError):
        ledger.commit(other, [settle(deliver(2), APPLIED)])
    ledger.commit(other, [intend(deliver(2))])
    assert [entry.state for entry in entries(ledger).values()] == [LedgerState.SENDING]


def test_a_dead_runs_journal_is_entered_before_its_rows_are_called_interrupted(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.sqlite"
    dead = SqliteLedger.open(path)
    run = begin(dead)
    dead.commit(run, [intend(deliver(row)) for row in (2, 3)])
    dead.commit(run, [settle(deliver(2), APPLIED)])
    die(dead)
    with closing(SqliteLedger.open(path)) as ledger:
        assert ledger.interrupted(minutes(1)) == 1
        assert [entry.row for _, entry in ledger.waiting()] == [3]


def test_a_closed_ledger_has_an_empty_journal(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(SqliteLedger.open(path)) as ledger:
        ledger.commit(begin(ledger), [intend(deliver(2))])
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM journal_intents").fetchone() == (0,)
        assert connection.execute("SELECT state FROM entries").fetchall() == [("sending",)]


def test_the_journal_is_entered_where_it_has_so_many_rows(ledger: SqliteLedger) -> None:
    run = begin(ledger)
    ledger.commit(run, [intend(deliver(row)) for row in range(2, 6)])
    ledger.enter(5)
    assert waiting(ledger) == (4, 0)
    ledger.enter(4)
    assert waiting(ledger) == (0, 0)


def test_a_first_intent_of_a_key_that_was_sent_is_refused(ledger: SqliteLedger) -> None:
    run = begin(ledger)
    ledger.commit(run, [intend(deliver(2)), intend(deliver(3))])
    ledger.commit(run, [settle(deliver(2), APPLIED)])
    for look in (False, True):
        for row in (2, 3):
            if look:
                entries(ledger)
            with pytest.raises(LedgerWriteError):
                ledger.commit(run, [intend(deliver(4)), intend(deliver(row))])
    assert [entry.row for entry in entries(ledger).values()] == [2, 3]


def test_a_group_that_is_not_stored_leaves_nothing(ledger: SqliteLedger) -> None:
    run = begin(ledger)
    ledger.commit(run, [intend(deliver(2))])
    connection_of(ledger).execute("PRAGMA query_only = 1")
    with pytest.raises(LedgerWriteError):
        ledger.commit(run, [settle(deliver(2), APPLIED), intend(deliver(3))])
    connection_of(ledger).execute("PRAGMA query_only = 0")
    assert [entry.state for entry in entries(ledger).values()] == [LedgerState.SENDING]
    ledger.commit(run, [settle(deliver(2), APPLIED), intend(deliver(3))])
    assert {entry.row: entry.state for entry in entries(ledger).values()} == {
        2: LedgerState.CREATED,
        3: LedgerState.SENDING,
    }


def test_an_outcome_without_its_intent_is_never_taken(ledger: SqliteLedger) -> None:
    run = begin(ledger)
    ledger.commit(run, [intend(deliver(row)) for row in (2, 3)])
    journal = ledger._session.journal
    swapped = dict(
        zip(journal._on_their_way, reversed(journal._on_their_way.values()), strict=True)
    )
    journal._on_their_way = swapped  # a bug, or memory that went bad
    with pytest.raises(LedgerWriteError, match="not what is remembered"):
        ledger.commit(run, [settle(deliver(2), APPLIED)])
    ledger.commit(run, [settle(deliver(2), APPLIED)])
    states = [entry.state for entry in entries(ledger).values()]
    assert states == [LedgerState.CREATED, LedgerState.SENDING]


def test_who_only_looks_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with closing(SqliteLedger.open(path)) as ledger:
        ledger.commit(begin(ledger), [intend(deliver(2))])
    before = path.stat().st_mtime_ns
    with closing(SqliteLedger.open(path)) as ledger:
        connection_of(ledger).execute("PRAGMA query_only = 1")
        assert len(entries(ledger)) == 1
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("rows", [1, 499, 500, 501, 1203])
def test_a_journal_that_is_entered_piece_by_piece_is_entered_whole(
    ledger: SqliteLedger, rows: int
) -> None:
    run = begin(ledger)
    sent = [deliver(row) for row in range(2, rows + 2)]
    ledger.commit(run, [intend(each) for each in sent])
    ledger.commit(run, [settle(each, APPLIED) for each in sent[::2]])
    ledger._session._enter_piecewise(rows)
    assert waiting(ledger) == (0, 0)
    ledger.commit(run, [settle(each, APPLIED) for each in sent[1::2]])
    states = [entry.state for entry in entries(ledger, rows + 1).values()]
    assert states == [LedgerState.CREATED] * rows


def test_what_may_be_stored_though_it_was_interrupted_is_entered_before_anybody_reads(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    run = begin(ledger)
    with monkeypatch.context() as patched:
        patched.setattr(ledger._session.journal, "remember", interrupt, raising=True)
        with pytest.raises(KeyboardInterrupt):
            ledger.commit(run, [intend(deliver(2))])
    assert [entry.row for entry in entries(ledger).values()] == [2]
    ledger.commit(run, [settle(deliver(2), APPLIED), intend(deliver(3))])
    assert waiting(ledger) == (1, 0)


def test_outcomes_are_stored_where_a_full_disk_lets_nothing_be_entered(
    ledger: SqliteLedger, tmp_path: Path
) -> None:
    run = begin(ledger)
    ledger.commit(run, [intend(deliver(row)) for row in range(2, 500)])
    fill_disk(ledger)
    for row in range(2, 5):
        ledger.enter()
        ledger.commit(run, [settle(deliver(row), APPLIED)])
    assert waiting(ledger) == (498, 3)
    assert reserve_path(tmp_path / "ledger.sqlite").exists()


@pytest.mark.parametrize("settled", [497, 8])
def test_what_a_full_disk_keeps_from_being_entered_is_when_there_is_room(
    ledger: SqliteLedger, tmp_path: Path, settled: int
) -> None:
    run = begin(ledger)
    sent = [deliver(row) for row in range(2, 499)]
    ledger.commit(run, [intend(each) for each in sent])
    ledger.commit(run, [settle(each, APPLIED) for each in sent[:settled]])
    fill_disk(ledger)
    with pytest.raises(LedgerError) as raised:
        entries(ledger)
    assert raised.value.code == "disk-full"
    # The room that is kept is for outcomes, while any are to come.
    assert reserve_path(tmp_path / "ledger.sqlite").exists() == (settled < len(sent))
    assert waiting(ledger) == (497, settled)
    connection_of(ledger).execute("PRAGMA max_page_count = 1000000")
    states = [entry.state for entry in entries(ledger, 498).values()]
    assert (states.count(LedgerState.CREATED), len(states)) == (settled, 497)
