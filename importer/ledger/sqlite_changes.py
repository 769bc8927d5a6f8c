"""Intents and outcomes → the ledger's rows. Touches its file through the connection it is given."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from importer.ledger import group_statements, statements
from importer.ledger.contract import TRANSITIONS, Cause, Intent
from importer.ledger.records import (
    INTENT_COLUMNS,
    OUTCOME_COLUMNS,
    intent_row,
    outcome_row,
    read_entry,
)
from importer.ledger.refusals import refuse_change
from importer.model import Verdict

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from importer.ledger.contract import Change, Entry, Settlement
    from importer.ledger.records import Parameters, Row

MOST: Final = 256
"""Rows of one statement at most. Sizes are powers of two, so that few statements are compiled; what
is left of one is filled with nulls, for a second statement costs more."""


class TogetherError(Exception):
    """Not every change of a group was one that a statement for many can make."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The intents and outcomes of one transaction, and the run that they belong to."""

    changes: Sequence[Change]
    scope_id: int
    batch: str
    run_id: int

    def make_together(self, connection: sqlite3.Connection) -> None:
        """Make all changes, the usual ones a statement for many.

        One for each would cost a quarter more, by `executemany` even. Raises TogetherError where a
        change did not fit or a key comes twice; what was made until then has to be rolled back.
        """
        intents: list[Intent] = []
        created: list[Settlement] = []
        others: list[Change] = []
        for change in self.changes:
            if isinstance(change, Intent):
                (intents if change.cause is Cause.INTENT else others).append(change)
            elif change.outcome.verdict is Verdict.APPLIED:
                created.append(change)
            else:
                others.append(change)
        if len(set(map(_key_of, self.changes))) < len(self.changes):
            raise TogetherError
        run, scope_id = (self.scope_id, self.batch, self.run_id), self.scope_id
        rows = [intent_row(intent, run) for intent in intents]
        _make_many(connection, group_statements.first_intents, rows)
        rows = [outcome_row(settlement, scope_id) for settlement in created]
        _make_many(connection, group_statements.created, rows)
        for change in others:
            self._make(connection, change)

    def make_each(self, connection: sqlite3.Connection) -> None:
        """Make the changes one by one, in their order; LedgerWriteError for one that is illegal."""
        for change in self.changes:
            self._make(connection, change)

    def _make(self, connection: sqlite3.Connection, change: Change) -> None:
        parameters = self._parameters(change)
        if None in TRANSITIONS[change.cause][0]:
            first = connection.execute(statements.FIRST_INTENT, parameters)
            if first.rowcount == 1:
                return
        if connection.execute(statements.CHANGES[change.cause], parameters).rowcount != 1:
            raise refuse_change(change, find_entry(connection, parameters))

    def _parameters(self, change: Change) -> Parameters:
        if isinstance(change, Intent):
            row = intent_row(change, (self.scope_id, self.batch, self.run_id))
            return dict(zip(INTENT_COLUMNS, row, strict=True))
        return dict(zip(OUTCOME_COLUMNS, outcome_row(change, self.scope_id), strict=True))


def _key_of(change: Change) -> str:
    return change.delivery.key if isinstance(change, Intent) else change.key


def _make_many(
    connection: sqlite3.Connection, statement: Callable[[int], str], rows: list[Row]
) -> None:
    """Run a statement for many on all rows; TogetherError where it did not change each of them."""
    while rows:
        page, rows = rows[:MOST], rows[MOST:]
        size = 1 << (len(page) - 1).bit_length()
        nothing = (None,) * len(page[0]) * (size - len(page))
        made = connection.execute(statement(size), (*chain.from_iterable(page), *nothing))
        if made.rowcount != len(page):
            raise TogetherError


def find_entry(connection: sqlite3.Connection, parameters: Parameters) -> Entry | None:
    """Return the entry of a key in a scope, both by name in `parameters`."""
    row = connection.execute(statements.ENTRY, parameters).fetchone()
    return None if row is None else read_entry(row)
