"""Intents and outcomes → the ledger's rows. Touches its file through the connection it is given."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from importer.ledger import group_statements, statements
from importer.ledger.contract import TRANSITIONS, Cause, Intent
from importer.ledger.records import intent_parameters, read_entry, settlement_parameters
from importer.ledger.refusals import refuse_change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from importer.ledger.contract import Change, Entry
    from importer.ledger.records import Parameters

MOST: Final = 64
"""Rows of one statement at most. Sizes are powers of two, so that few statements are compiled."""

_intent_columns: Final = itemgetter(*group_statements.INTENT_COLUMNS)
_outcome_columns: Final = itemgetter(*group_statements.OUTCOME_COLUMNS)


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

        A statement for each would hand Python's lock to and fro at each, and while rows are sent
        another thread wants it. Raises TogetherError where a change did not fit or a key comes
        twice; what was made until then has to be rolled back.
        """
        intents: list[tuple[Any, ...]] = []
        created: list[tuple[Any, ...]] = []
        others: list[Change] = []
        keys = set()
        for change in self.changes:
            if change.cause is Cause.INTENT and isinstance(change, Intent):
                keys.add(change.delivery.key)
                intents.append(_intent_columns(self._parameters(change)))
            elif change.cause is Cause.APPLIED and not isinstance(change, Intent):
                keys.add(change.key)
                created.append(_outcome_columns(self._parameters(change)))
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
        if isinstance(change, Intent):
            return intent_parameters(
                change, scope_id=self.scope_id, batch=self.batch, run_id=self.run_id
            )
        return settlement_parameters(change, scope_id=self.scope_id)


def _make_many(
    connection: sqlite3.Connection,
    statement: Callable[[int], str],
    rows: list[tuple[Any, ...]],
) -> None:
    """Run a statement for many on all rows; TogetherError where it did not change each of them."""
    while rows:
        size = min(MOST, 1 << (len(rows).bit_length() - 1))
        page, rows = rows[:size], rows[size:]
        made = connection.execute(statement(size), tuple(chain.from_iterable(page)))
        if made.rowcount != size:
            raise TogetherError


def find_entry(connection: sqlite3.Connection, parameters: Parameters) -> Entry | None:
    """Return the entry of a key in a scope, both by name in `parameters`."""
    row = connection.execute(statements.ENTRY, parameters).fetchone()
    return None if row is None else read_entry(row)
