"""The SQL of the journal: rows put into it many at a time, and all of it entered. Pure."""

# ruff: noqa: S608 - every text put into a statement here is a constant of this program

from __future__ import annotations

import functools
from typing import Final

from importer.ledger.contract import TRANSITIONS, Cause
from importer.ledger.records import INTENT_COLUMNS, OUTCOME_COLUMNS

_SENDING: Final = TRANSITIONS[Cause.INTENT][1].value
_SAID: Final = INTENT_COLUMNS[:-1]
_ANSWERED: Final = OUTCOME_COLUMNS[3:]

ENTER: Final = f"""
INSERT INTO entries (
    {", ".join(_SAID)}, first_sent_at, last_sent_at, attempts, state, settled_at,
    {", ".join(_ANSWERED)}
)
SELECT {", ".join(f"i.{name}" for name in _SAID)}, i.at, i.at, 1,
    coalesce(o.state, '{_SENDING}'), o.at,
    {", ".join(f"o.{name}" for name in _ANSWERED)}
FROM journal_intents i LEFT JOIN journal_outcomes o ON o.intent_id = i.id ORDER BY i.id
"""
CLEAR: Final = ("DELETE FROM journal_outcomes", "DELETE FROM journal_intents")


@functools.cache
def add_intents(rows: int) -> str:
    """Return what adds so many intents, each an id and INTENT_COLUMNS; one without an id is none.

    The id is the place behind all others: then SQLite looks for none.
    """
    return _add("journal_intents", ("id", *INTENT_COLUMNS), rows)


@functools.cache
def add_outcomes(rows: int) -> str:
    """Return what adds so many outcomes; one without an id is none.

    Each is an intent's id, the state that it ends in, and OUTCOME_COLUMNS behind the key.
    """
    return _add("journal_outcomes", ("intent_id", "state", *OUTCOME_COLUMNS[2:]), rows)


@functools.cache
def known_keys(keys: int) -> str:
    """Return what finds those of so many keys of a scope that have an entry."""
    page = ", ".join("?" * keys)
    return f"SELECT key FROM entries WHERE scope_id = ? AND key IN ({page})"


def _add(table: str, columns: tuple[str, ...], rows: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"""
INSERT INTO {table} ({", ".join(columns)})
SELECT * FROM (VALUES {", ".join([row] * rows)}) WHERE column1 IS NOT NULL
"""
