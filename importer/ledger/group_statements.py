"""SQL for the two changes that nearly all rows go through, many rows a statement. Pure."""

# ruff: noqa: S608 - every text put into a statement here is a constant of this program

from __future__ import annotations

import functools
from typing import Final

from importer.ledger.contract import TRANSITIONS, Cause

INTENT_COLUMNS: Final = (
    *("scope_id", "batch", "run_id", "key", "recipe", "content", "occurrence", "identity"),
    *("lead", "product", "amount", "date", "retention", "row", "body", "at"),
)
"""What `first_intents` takes of each row, by the names of statements.FIRST_INTENT's parameters."""

OUTCOME_COLUMNS: Final = (
    *("scope_id", "key", "at", "purchase_id", "http_status", "code", "message"),
)
"""What `created` takes of each row, by the names of statements.CHANGES' parameters."""

_SENDING: Final = TRANSITIONS[Cause.INTENT][1].value
_CREATED: Final = TRANSITIONS[Cause.APPLIED][1].value
_BEFORE: Final = ", ".join(f"'{state}'" for state in sorted(TRANSITIONS[Cause.APPLIED][0], key=str))


@functools.cache
def first_intents(rows: int) -> str:
    """Return statements.FIRST_INTENT for so many rows at once."""
    *read, at = (f"column{number + 1}" for number in range(len(INTENT_COLUMNS)))
    return f"""
INSERT INTO entries (
    {", ".join(INTENT_COLUMNS[:-1])}, first_sent_at, last_sent_at, state, attempts
)
SELECT {", ".join(read)}, {at}, {at}, '{_SENDING}', 1
FROM {_values(INTENT_COLUMNS, rows)} WHERE true
ON CONFLICT (key, scope_id) DO NOTHING
"""


@functools.cache
def created(rows: int) -> str:
    """Return statements.CHANGES[APPLIED] for so many rows at once; it finds them by their keys."""
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
