"""SQL for the two changes that nearly all rows go through, many rows a statement. Pure."""

# ruff: noqa: S608 - every text put into a statement here is a constant of this program

from __future__ import annotations

import functools
from typing import Final

from importer.ledger.contract import TRANSITIONS, Cause
from importer.ledger.records import INTENT_COLUMNS, OUTCOME_COLUMNS

_SENDING: Final = TRANSITIONS[Cause.INTENT][1].value
_CREATED: Final = TRANSITIONS[Cause.APPLIED][1].value
_BEFORE: Final = ", ".join(f"'{state}'" for state in sorted(TRANSITIONS[Cause.APPLIED][0], key=str))


@functools.cache
def first_intents(rows: int) -> str:
    """Return statements.FIRST_INTENT for so many rows at once; one whose key is null counts not."""
    named = {name: f"column{number}" for number, name in enumerate(INTENT_COLUMNS, 1)}
    *read, at = named.values()
    return f"""
INSERT INTO entries (
    {", ".join(INTENT_COLUMNS[:-1])}, first_sent_at, last_sent_at, state, attempts
)
SELECT {", ".join(read)}, {at}, {at}, '{_SENDING}', 1
FROM {_values(INTENT_COLUMNS, rows)} WHERE {named["key"]} IS NOT NULL
ON CONFLICT (key, scope_id) DO NOTHING
"""


@functools.cache
def created(rows: int) -> str:
    """Return statements.CHANGES[APPLIED] for so many rows at once; it finds them by their keys.

    One whose key is null counts not.
    """
    return f"""
UPDATE entries SET
    state = '{_CREATED}', settled_at = told.column3, purchase_id = told.column4,
    http_status = told.column5, code = told.column6, message = told.column7
FROM {_values(OUTCOME_COLUMNS, rows)} AS told
WHERE entries.scope_id = told.column1 AND entries.key = told.column2
    AND +entries.state IN ({_BEFORE})
"""


def _values(columns: tuple[str, ...], rows: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"(VALUES {', '.join([row] * rows)})"
