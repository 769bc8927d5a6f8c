"""A group of changes made together leaves what the same changes leave one by one."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from importer.errors import LedgerWriteError
from importer.ledger.contract import Cause, Intent, Settlement
from importer.ledger.sqlite import SqliteLedger
from importer.ledger.sqlite_changes import MOST, Changes
from tests.ledger.examples import OUTCOMES, SCOPE, begin, deliver, minutes, uuid

if TYPE_CHECKING:
    from importer.ledger.contract import Change, Entry

ROWS = 4
CHANGE = st.tuples(
    st.integers(2, ROWS + 1),
    st.sampled_from(
        [Cause.INTENT, Cause.INTENT, Cause.RETENTION, Cause.APPLIED, Cause.APPLIED, *OUTCOMES]
    ),
)


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
    """Make each change by itself, in one transaction; return why not."""
    try:
        with ledger._session.writing() as connection:
            run = ledger._run(connection, run_id)
            Changes(changes, *run, run_id).make_each(connection)
    except LedgerWriteError as error:
        return error.message
    return None


@given(st.lists(st.lists(CHANGE, min_size=1, max_size=6), max_size=6))
def test_together_or_one_by_one_is_the_same(groups: list[list[tuple[int, Cause]]]) -> None:
    with closing(SqliteLedger.open(None)) as together, closing(SqliteLedger.open(None)) as single:
        runs = begin(together), begin(single)
        for minute, group in enumerate(groups):
            changes = [change(row, cause, minute) for row, cause in group]
            refusals = commit(together, runs[0], changes), commit_each(single, runs[1], changes)
            assert refusals[0] == refusals[1]
            assert entries(together) == entries(single)


def test_a_group_larger_than_a_statement_is_stored_whole() -> None:
    count = 2 * MOST + 3
    with closing(SqliteLedger.open(None)) as ledger:
        run_id = begin(ledger)
        for cause in (Cause.INTENT, Cause.APPLIED):
            ledger.commit(run_id, [change(row, cause) for row in range(2, count + 2)])
        states = [entry.state.value for entry in entries(ledger, count + 1).values()]
    assert states == ["created"] * count
