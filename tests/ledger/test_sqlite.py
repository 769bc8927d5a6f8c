from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from importer.errors import LedgerError, LedgerWriteError
from importer.ledger import statements
from importer.ledger.contract import TRANSITIONS, Cause, Choice, Intent, LedgerState
from importer.ledger.reserve import reserve_path
from importer.ledger.sqlite import SqliteLedger
from tests.ledger.contract_suite import LedgerContract
from tests.ledger.examples import (
    APPLIED,
    OUTCOMES,
    SCOPE,
    UNPROVEN,
    apply,
    begin,
    bring,
    deliver,
    entry_of,
    intend,
    minutes,
    say,
    settle,
    uuid,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from importer.ledger.contract import Ledger


class TestSqliteFile(LedgerContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        ledger = SqliteLedger.open(tmp_path / "ledger.sqlite")
        yield ledger
        ledger.close()


class TestSqliteInMemory(LedgerContract):
    @pytest.fixture
    def ledger(self) -> Iterator[Ledger]:
        ledger = SqliteLedger.open(None)
        yield ledger
        ledger.close()


def connection_of(ledger: SqliteLedger) -> sqlite3.Connection:
    return cast("sqlite3.Connection", ledger._session._connection)


def fill_disk(ledger: SqliteLedger) -> None:
    """Let the file grow no further, as on a full disk."""
    connection = connection_of(ledger)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


def queries() -> list[tuple[str, str]]:
    """Every statement that has to find something, with its name."""
    named = [(name, text) for name, text in vars(statements).items() if name[0] != "_"]
    texts = [(name, text) for name, text in named if isinstance(text, str) and "WHERE" in text]
    changes = [(cause.value, text) for cause, text in statements.CHANGES.items()]
    return [(name, text) for name, text in texts if name.isupper()] + changes


@pytest.mark.parametrize(("name", "query"), queries())
def test_every_way_to_look_up_goes_by_an_index(name: str, query: str) -> None:
    ledger = SqliteLedger.open(None)
    explain = f"EXPLAIN QUERY PLAN {query.format(page='?, ?')}"
    bound = re.findall(r":([a-z_]+)", explain)
    values = dict.fromkeys(bound) if bound else (None,) * explain.count("?")
    plan = [detail for *_, detail in connection_of(ledger).execute(explain, values)]
    ledger.close()

    assert any("USING" in step for step in plan)
    if name != "IMPORTS":  # the few runs are read whole, entries never
        scanned = {step for step in plan if "SCAN" in step}
        assert scanned <= {"SCAN filed"}  # a single row


def test_a_full_disk_changes_nothing(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(tmp_path / "ledger.sqlite")
    run = begin(ledger)
    ledger.commit(run, [intend(deliver(2))])
    fill_disk(ledger)
    many = [intend(deliver(row)) for row in range(3, 500)]
    with pytest.raises(LedgerWriteError) as raised:
        ledger.commit(run, [settle(deliver(2), APPLIED), *many])
    left = list(ledger.find(SCOPE, [uuid(row) for row in range(500)]))
    ledger.close()

    assert raised.value.code == "disk-full"
    assert [(entry.row, entry.state) for entry in left] == [(2, LedgerState.SENDING)]
    assert reserve_path(tmp_path / "ledger.sqlite").exists()  # intents never use it


def test_outcomes_that_meet_a_full_disk_use_up_the_reserve(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger.open(path)
    run = begin(ledger)
    sent = [deliver(row) for row in range(2, 200)]
    ledger.commit(run, [intend(each) for each in sent])
    fill_disk(ledger)
    with pytest.raises(LedgerWriteError):  # this disk stays full
        ledger.commit(run, [settle(each, APPLIED) for each in sent])
    assert not reserve_path(path).exists()
    connection_of(ledger).execute("PRAGMA max_page_count = 1000000")
    assert len(list(ledger.purchase_ids(SCOPE, ["purchase-1"]))) == 0
    ledger.commit(run, [settle(each, APPLIED) for each in sent])
    ledger.close()


def test_no_intent_is_taken_when_the_disk_is_nearly_full(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(tmp_path / "ledger.sqlite", minimum_free=1 << 60)
    with pytest.raises(LedgerWriteError) as raised:
        ledger.commit(begin(ledger), [intend(deliver(2))])
    assert raised.value.code == "disk-full"
    assert entry_of(ledger, uuid(2)) is None
    ledger.close()


def test_outcomes_are_taken_when_the_disk_is_nearly_full(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with_room = SqliteLedger.open(path)
    run = begin(with_room)
    with_room.commit(run, [intend(deliver(2))])
    with_room.close()
    ledger = SqliteLedger.open(path, minimum_free=1 << 60)
    ledger.commit(run, [settle(deliver(2), APPLIED)])
    entry = entry_of(ledger, uuid(2))
    ledger.close()

    assert entry is not None
    assert entry.state is LedgerState.CREATED


def test_what_people_said_is_kept_for_ever(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(tmp_path / "ledger.sqlite")
    run = begin(ledger)
    bring(ledger, run, deliver(2), LedgerState.IN_DOUBT)
    ledger.resolve(SCOPE, [say(uuid(2), Choice.NOT_CREATED)], file="first.csv")
    ledger.commit(run, [intend(deliver(2)), settle(deliver(2), UNPROVEN)])
    ledger.resolve(SCOPE, [say(uuid(2), Choice.CREATED, "found-9")], file="second.csv")
    query = "SELECT choice, purchase_id, who, note, file FROM resolutions ORDER BY id"
    history = connection_of(ledger).execute(query).fetchall()
    ledger.close()

    assert history == [
        ("not created", None, "ana", "seen in Keen", "first.csv"),
        ("created", "found-9", "ana", "seen in Keen", "second.csv"),
    ]


def test_a_look_up_may_be_left_halfway_and_written_between(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(tmp_path / "ledger.sqlite")
    run = begin(ledger)
    ledger.commit(run, [intend(deliver(row)) for row in range(2, 1000)])
    halfway = ledger.find(SCOPE, [uuid(row) for row in range(2, 1000)])
    next(halfway)
    ledger.commit(run, [intend(deliver(1000))])

    assert len(list(halfway)) == 997
    ledger.close()


KEYS = st.integers(2, 6)


class LedgerHistory(RuleBasedStateMachine):
    """Any history of changes, restarts and refusals, held against a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.states: dict[int, LedgerState] = {}
        self.attempts: dict[int, int] = {}
        self.doubted: set[int] = set()

    @initialize()
    def open(self) -> None:
        self.ledger = SqliteLedger.open(self.folder / "ledger.sqlite")
        self.run = begin(self.ledger)

    @rule()
    def reopen(self) -> None:
        self.ledger.close()
        self.open()

    @rule()
    def restart_after_a_death(self) -> None:
        self.reopen()
        left = [row for row, state in self.states.items() if state is LedgerState.SENDING]
        assert self.ledger.interrupted(minutes(1)) == len(left)
        self.states |= dict.fromkeys(left, LedgerState.IN_DOUBT)

    @rule(row=KEYS, cause=st.sampled_from([c for c in Cause if c is not Cause.RUN_DIED]))
    def change(self, row: int, cause: Cause) -> None:
        starts, end = TRANSITIONS[cause]
        if self.states.get(row) not in starts:
            with pytest.raises(LedgerError):
                apply(self.ledger, self.run, deliver(row), cause)
            return
        apply(self.ledger, self.run, deliver(row), cause)
        if end is LedgerState.SENDING:
            self.attempts[row] = self.attempts.get(row, 0) + 1
        if cause is Cause.RETENTION:
            self.doubted.add(row)
        elif cause in {Cause.PERSON_FOUND, Cause.PERSON_MISSED}:
            self.doubted.discard(row)
        elif cause in {Cause.NOT_APPLIED, Cause.REFUSED} and row in self.doubted:
            end = LedgerState.IN_DOUBT
        self.states[row] = end

    @precondition(lambda self: LedgerState.SENDING in self.states.values())
    @rule(bad=KEYS, cause=st.sampled_from(list(OUTCOMES)))
    def commit_a_group_that_ends_in_a_bug(self, bad: int, cause: Cause) -> None:
        if self.states.get(bad) is LedgerState.SENDING:
            return
        good = [
            settle(deliver(row), APPLIED)
            for row, state in self.states.items()
            if state is LedgerState.SENDING
        ]
        with pytest.raises(LedgerWriteError):
            self.ledger.commit(self.run, [*good, settle(deliver(bad), OUTCOMES[cause])])

    @rule(row=KEYS)
    def never_intend_a_created_row(self, row: int) -> None:
        if self.states.get(row) is LedgerState.CREATED:
            for cause in (Cause.INTENT, Cause.RETENTION):
                with pytest.raises(LedgerWriteError):
                    self.ledger.commit(self.run, [Intent(deliver(row), minutes(9), cause)])

    @invariant()
    def the_ledger_knows_what_the_dict_knows(self) -> None:
        found = {entry.row: entry for entry in self.ledger.find(SCOPE, map(uuid, range(2, 7)))}
        assert {row: entry.state for row, entry in found.items()} == self.states
        assert {row: entry.attempts for row, entry in found.items()} == self.attempts
        doubts = {row for row, state in self.states.items() if state is LedgerState.IN_DOUBT}
        assert {entry.row for _, entry in self.ledger.waiting()} == doubts

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)


TestLedgerHistory = LedgerHistory.TestCase
TestLedgerHistory.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
