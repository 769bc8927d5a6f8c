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

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from importer.ledger.contract import Change, Entry
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

        A statement for each would cost twice as much. Raises TogetherError where a change did not
        fit or a key comes twice; what was made until then has to be rolled back.
        """
        intents: list[Row] = []
        created: list[Row] = []
        others: list[Change] = []
        keys = set()
        for change in self.changes:
            if change.cause is Cause.INTENT and isinstance(change, Intent):
                keys.add(change.delivery.key)
                intents.append(self._row(change))
            elif change.cause is Cause.APPLIED and not isinstance(change, Intent):
                keys.add(change.key)
                created.append(self._row(change))
            else:
                keys.add(change.delivery.key if isinstance(change, Intent) else change.key)
                others.append(change)
        if len(keys) < len(self.changes):
            raise TogetherError
        _make_many(connection, group_statements.first_intents, intents)
        _make_many(connection, group_statements.created, created)
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
        columns = INTENT_COLUMNS if isinstance(change, Intent) else OUTCOME_COLUMNS
        return dict(zip(columns, self._row(change), strict=True))

    def _row(self, change: Change) -> Row:
        if isinstance(change, Intent):
            return intent_row(change, scope_id=self.scope_id, batch=self.batch, run_id=self.run_id)
        return outcome_row(change, scope_id=self.scope_id)


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
