"""The SQL of the journal: rows put into it many at a time, and all of it entered. Pure."""

# ruff: noqa: S608 - every text put into a statement here is a constant of this program

from __future__ import annotations

import functools
from typing import Final

from importer.ledger.contract import TRANSITIONS, Cause
from importer.ledger.records import INTENT_COLUMNS, OUTCOME_COLUMNS

_SENDING: Final = TRANSITIONS[Cause.INTENT][1].value
_SAID: Final = INTENT_COLUMNS[:-1]
_ANSWERED: Final = OUTCOME_COLUMNS[1:]

_ENTER: Final = f"""
INSERT INTO entries (
    {", ".join(_SAID)}, first_sent_at, last_sent_at, attempts, state, settled_at,
    {", ".join(_ANSWERED)}
)
SELECT {", ".join(f"i.{name}" for name in _SAID)}, i.at, i.at, 1,
    coalesce(o.state, '{_SENDING}'), o.at,
    {", ".join(f"o.{name}" for name in _ANSWERED)}
FROM journal_intents i LEFT JOIN journal_outcomes o ON o.intent_id = i.id
"""
_IN_ORDER: Final = "ORDER BY i.id"
ENTER_ALL: Final = (
    f"{_ENTER} {_IN_ORDER}",
    "DELETE FROM journal_outcomes",
    "DELETE FROM journal_intents",
)
ENTER_UP_TO: Final = (
    f"{_ENTER} WHERE i.id <= :up_to {_IN_ORDER}",
    "DELETE FROM journal_outcomes WHERE intent_id <= :up_to",
    "DELETE FROM journal_intents WHERE id <= :up_to",
)
"""The same for the intents up to an id. (SQLite forgets all of a table faster than parts of it.)"""
LAST_ID: Final = "SELECT coalesce(max(id), 0) FROM journal_intents"


@functools.cache
def add_intents(rows: int) -> str:
    """Return what adds so many intents, each an id and INTENT_COLUMNS; without an id it is none."""
    return f"""
INSERT INTO journal_intents (id, {", ".join(INTENT_COLUMNS)})
SELECT * FROM ({_values(1 + len(INTENT_COLUMNS), rows)}) WHERE column1 IS NOT NULL
"""


@functools.cache
def add_outcomes(rows: int) -> str:
    """Return what adds so many outcomes, each of them only where the intent of its key is there.

    Each is an intent's id, its key, the state that it ends in, and OUTCOME_COLUMNS.
    """
    told = [f"told.column{number}" for number in range(3, 4 + len(OUTCOME_COLUMNS))]
    return f"""
INSERT INTO journal_outcomes (intent_id, state, {", ".join(OUTCOME_COLUMNS)})
SELECT i.id, {", ".join(told)}
FROM ({_values(3 + len(OUTCOME_COLUMNS), rows)}) AS told
JOIN journal_intents i ON i.id = told.column1 AND i.key = told.column2
"""


@functools.cache
def known_keys(keys: int) -> str:
    """Return what finds those of so many keys of a scope that have an entry."""
    # For `IN` SQLite would make an index of the keys first; for a join, where somebody has analysed
    # the ledger, a Bloom filter of all entries.
    return f"""
SELECT column1 FROM ({_values(1, keys)}) WHERE EXISTS (
    SELECT 1 FROM entries e WHERE e.key = column1 AND e.scope_id = ?
)
"""


def _values(columns: int, rows: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return f"VALUES {', '.join([row] * rows)}"
