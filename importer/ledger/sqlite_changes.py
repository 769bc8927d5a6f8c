"""Intents and outcomes → the ledger's entries. Touches its file, by a connection it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.ledger import statements
from importer.ledger.contract import TRANSITIONS, Intent
from importer.ledger.records import (
    INTENT_COLUMNS,
    OUTCOME_COLUMNS,
    intent_row,
    outcome_row,
    pack_key,
    read_entry,
)
from importer.ledger.refusals import refuse_change

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from importer.ledger.contract import Change, Entry
    from importer.ledger.records import Parameters, Row


def make_changes(
    connection: sqlite3.Connection, changes: Iterable[Change], run: Row, scope_id: int
) -> None:
    """Make the changes one by one, in their order; LedgerWriteError for one that is illegal.

    `run` is what intent_row takes.
    """
    for change in changes:
        parameters = _parameters(change, run, scope_id)
        if None in TRANSITIONS[change.cause][0]:
            first = connection.execute(statements.FIRST_INTENT, parameters)
            if first.rowcount == 1:
                continue
        if connection.execute(statements.CHANGES[change.cause], parameters).rowcount != 1:
            raise refuse_change(change, find_entry(connection, parameters))


def find_entry(connection: sqlite3.Connection, parameters: Parameters) -> Entry | None:
    """Return the entry of a key in a scope, both by name in `parameters`."""
    row = connection.execute(statements.ENTRY, parameters).fetchone()
    return None if row is None else read_entry(row)


def _parameters(change: Change, run: Row, scope_id: int) -> Parameters:
    if isinstance(change, Intent):
        return dict(zip(INTENT_COLUMNS, intent_row(change, run), strict=True))
    columns = ("scope_id", "key", *OUTCOME_COLUMNS)
    return dict(zip(columns, outcome_row(change, scope_id, pack_key(change.key)), strict=True))
