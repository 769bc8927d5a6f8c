"""The ledger's SQL: one look-up or change each, transitions read off TRANSITIONS. Pure."""

# ruff: noqa: S608 - every text put into a statement here is a constant of this program

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from importer.ledger.contract import TRANSITIONS, Cause, LedgerState
from importer.ledger.records import ENTRY_COLUMNS

_GUARDED: Final = (LedgerState.CREATED, LedgerState.IN_DOUBT, LedgerState.SENDING)

SCOPE_ID: Final = "SELECT id FROM scopes WHERE name = ?"
SCOPE_URL: Final = "SELECT url FROM scopes WHERE name = ?"
ADD_SCOPE: Final = "INSERT OR IGNORE INTO scopes (name) VALUES (?)"
REMEMBER_SCOPE: Final = """
INSERT INTO scopes (name, url) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET url = excluded.url
"""
IDENTITY_SETTINGS: Final = f"""
SELECT settings FROM identity_settings WHERE scope_id = ({SCOPE_ID}) ORDER BY id DESC LIMIT 1
"""
REMEMBER_IDENTITY_SETTINGS: Final = """
INSERT INTO identity_settings (scope_id, settings) VALUES (?, ?)
"""

BEGIN_IMPORT: Final = """
INSERT OR IGNORE INTO imports (scope_id, batch, content, file, started_at)
VALUES (:scope_id, :batch, :content, :file, :at)
"""
BEGIN_RUN: Final = """
INSERT INTO runs (import_id, file, plan, started_at)
SELECT id, :file, :plan, :at FROM imports
WHERE scope_id = :scope_id AND batch = :batch AND content = :content
"""
END_RUN: Final = "UPDATE runs SET ended_at = ?, exit_code = ?, summary = ? WHERE id = ?"
SUMMARIES: Final = """
SELECT r.summary FROM runs r JOIN imports i ON i.id = r.import_id JOIN scopes s ON s.id = i.scope_id
WHERE s.name = ? AND i.batch = ? AND i.content = ? AND r.summary IS NOT NULL ORDER BY r.id
"""
SCOPE_OF_RUN: Final = """
SELECT i.scope_id, i.batch FROM runs r JOIN imports i ON i.id = r.import_id WHERE r.id = ?
"""


def _listed(states: frozenset[LedgerState | None] | tuple[LedgerState, ...]) -> str:
    return ", ".join(sorted(f"'{state.value}'" for state in states if state is not None))


def _start(cause: Cause) -> str:
    """Return the condition that an entry is in a state from which `cause` may lead."""
    return f"entries.state IN ({_listed(TRANSITIONS[cause][0])})"


def _end(cause: Cause) -> str:
    return f"'{TRANSITIONS[cause][1].value}'"


# The first intent of a key. Two statements and no upsert: that would cost a statement journal.
FIRST_INTENT: Final = f"""
INSERT INTO entries (
    scope_id, key, batch, recipe, content, occurrence, identity, lead, product, amount, date,
    state, attempts, first_sent_at, last_sent_at, retention, run_id, row, body
) VALUES (
    :scope_id, :key, :batch, :recipe, :content, :occurrence, :identity, :lead, :product, :amount,
    :date, {_end(Cause.INTENT)}, 1, :at, :at, :retention, :run_id, :row, :body
)
ON CONFLICT (key, scope_id) DO NOTHING
"""

_SAME: Final = "batch = :batch AND content = :content AND occurrence = :occurrence"

# A later intent may carry another body (another action, say): its start states mean that no
# attempt was applied. Another purchase under the same key is a bug.
_INTENT: Final = f"""
UPDATE entries SET
    state = {_end(Cause.INTENT)}, attempts = attempts + 1, last_sent_at = :at, settled_at = NULL,
    retention = min(retention, :retention), run_id = :run_id, row = :row, by_person = 0,
    purchase_id = NULL, http_status = NULL, code = NULL, message = NULL, body = :body
WHERE key = :key AND scope_id = :scope_id AND {_start(Cause.INTENT)} AND {_SAME}
"""

# Keen tells a repetition by key and body, so the bytes must be those of the attempt in doubt.
_RETENTION: Final = f"""
UPDATE entries SET
    state = {_end(Cause.RETENTION)}, standing_doubt = 1, attempts = attempts + 1,
    last_sent_at = :at, settled_at = NULL, retention = min(retention, :retention),
    run_id = :run_id, row = :row, http_status = NULL, code = NULL, message = NULL
WHERE key = :key AND scope_id = :scope_id AND {_start(Cause.RETENTION)} AND {_SAME}
    AND body = :body
"""


def _outcome(cause: Cause) -> str:
    return f"""
UPDATE entries SET
    state = {_end(cause)}, settled_at = :at, purchase_id = :purchase_id,
    http_status = :http_status, code = :code, message = :message
WHERE key = :key AND scope_id = :scope_id AND {_start(cause)}
"""


def _disproof(cause: Cause) -> str:
    """Return the change by an outcome that proves *this* attempt idle, and no earlier one."""
    return f"""
UPDATE entries SET
    state = CASE WHEN standing_doubt THEN {_end(Cause.UNPROVEN)} ELSE {_end(cause)} END,
    settled_at = :at, purchase_id = :purchase_id, http_status = :http_status, code = :code,
    message = CASE WHEN standing_doubt
        THEN :message || ' An earlier attempt is still in doubt.' ELSE :message END
WHERE key = :key AND scope_id = :scope_id AND {_start(cause)}
"""


def _verdict_of_person(cause: Cause) -> str:
    return f"""
UPDATE entries SET
    state = {_end(cause)}, standing_doubt = 0, settled_at = :at, by_person = 1,
    purchase_id = :purchase_id, http_status = NULL, code = 'resolved', message = :message
WHERE key = :key AND scope_id = :scope_id AND {_start(cause)}
"""


CHANGES: Final[dict[Cause, str]] = {
    Cause.INTENT: _INTENT,
    Cause.RETENTION: _RETENTION,
    Cause.APPLIED: _outcome(Cause.APPLIED),
    Cause.REFUSED: _disproof(Cause.REFUSED),
    Cause.NOT_APPLIED: _disproof(Cause.NOT_APPLIED),
    Cause.UNPROVEN: _outcome(Cause.UNPROVEN),
    Cause.PERSON_FOUND: _verdict_of_person(Cause.PERSON_FOUND),
    Cause.PERSON_MISSED: _verdict_of_person(Cause.PERSON_MISSED),
}
"""Each changes exactly one row, or none where the transition is not legal."""

# The very words of the partial index entries_open: SQLite takes it for no others.
_OPEN: Final = "state IN ('sending', 'in_doubt')"

LEFT_SENDING: Final = f"""
SELECT id, last_sent_at FROM entries WHERE {_OPEN} AND {_start(Cause.RUN_DIED)}
"""

INTERRUPT: Final = f"""
UPDATE entries SET state = {_end(Cause.RUN_DIED)}, settled_at = :at, code = 'interrupted',
    message = :message
WHERE id = :id AND {_start(Cause.RUN_DIED)}
"""

# Runs say whether any body is left, so that a ledger of millions is not searched at every start.
BLANK_BODIES: Final = """
UPDATE entries SET body = x'' WHERE id IN (
    SELECT e.id FROM runs r JOIN entries e ON e.run_id = r.id
    WHERE r.bodies = 1 AND r.started_at < :before AND e.state IN ('created', 'rejected', 'unsent')
        AND e.settled_at < :before AND e.body <> x''
    LIMIT :limit
)
"""
NOTE_BLANKED_RUNS: Final = """
UPDATE runs SET bodies = 0 WHERE bodies = 1 AND started_at < :before
    AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.run_id = runs.id AND e.body <> x'')
"""

RESOLUTION: Final = """
INSERT INTO resolutions (
    scope_id, key, choice, purchase_id, who, note, file, at, import_content, said_beside, after_run
) VALUES (
    :scope_id, :key, :choice, :purchase_id, :who, :note, :file, :at, :import_content, :said_beside,
    (SELECT coalesce(max(id), 0) FROM runs)
)
"""

_ENTRIES: Final = f"""
SELECT {ENTRY_COLUMNS}
FROM entries e JOIN runs r ON r.id = e.run_id JOIN imports i ON i.id = r.import_id
"""

FILED: Final = "SELECT up_to FROM filed"
UNFILED: Final = "SELECT up_to, coalesce((SELECT max(id) FROM entries), 0) FROM filed"
_NEW: Final = "FROM entries WHERE id > :up_to AND id <= :last"
FILE: Final = (
    f"INSERT INTO filed_contents SELECT content, id {_NEW} ORDER BY content",
    f"INSERT INTO filed_leads SELECT lead, id {_NEW} ORDER BY lead",
    "UPDATE filed SET up_to = :last",
)


def _found_by(column: str) -> str:
    """Return the condition on `e` that `column` is in the page, by what is filed and what is not.

    So it is right whatever has been filed; the longer ago that was, the more is read through.
    """
    return f"""e.id IN (
        SELECT entry_id FROM filed_{column}s WHERE {column} IN ({{page}})
        UNION ALL SELECT id FROM entries
        WHERE id > ({FILED}) AND {column} IN ({{page}})
    )"""


# Look-ups of a page: `{page}` becomes one numbered placeholder a value, after the scope's.
ANYTHING: Final = f"""
SELECT 1 FROM imports i JOIN runs r ON r.import_id = i.id JOIN entries e ON e.run_id = r.id
WHERE i.scope_id = ({SCOPE_ID})
UNION ALL SELECT 1 FROM resolutions WHERE scope_id = ({SCOPE_ID}) LIMIT 1
"""
FIND: Final = _ENTRIES + f"WHERE e.scope_id = ({SCOPE_ID}) AND e.key IN ({{page}})"
FIND_CONTENT: Final = _ENTRIES + f"WHERE e.scope_id = ({SCOPE_ID}) AND {_found_by('content')}"
# Whole columns for files of a million rows: looked up, or read through from an id on (`scan`).
_TAKEN_FROM: Final = "FROM entries e JOIN runs r ON r.id = e.run_id"
_PAGE_OF: Final = f"WHERE e.scope_id = ({SCOPE_ID}) AND"
# The plus keeps SQLite from walking an index, which takes three times as long as the table.
_SCAN_ON: Final = f"WHERE +e.scope_id = ({SCOPE_ID}) AND e.id > ?"
_SCANNED: Final = "ORDER BY e.id LIMIT 20000"
_STANDINGS: Final = f"""
SELECT e.content, e.occurrence, e.state, i.content = ?, e.id
{_TAKEN_FROM} JOIN imports i ON i.id = r.import_id
"""
_CREATED: Final = f"""
SELECT e.key, e.purchase_id, e.http_status, e.attempts, e.last_sent_at, r.file, e.row,
    e.message, CASE WHEN e.by_person THEN 0 ELSE e.run_id END, e.id
{_TAKEN_FROM}
"""
_IS_CREATED: Final = f"AND e.state = '{LedgerState.CREATED.value}'"


@dataclass(frozen=True, slots=True)
class Bulk:
    """The same columns twice: of a page of values, and of everything after an id (the last one)."""

    look_up: str
    scan: str


STANDINGS: Final = Bulk(
    f"{_STANDINGS} {_PAGE_OF} {_found_by('content')}", f"{_STANDINGS} {_SCAN_ON} {_SCANNED}"
)
CREATED: Final = Bulk(
    f"{_CREATED} {_PAGE_OF} e.key IN ({{page}}) {_IS_CREATED}",
    f"{_CREATED} {_SCAN_ON} {_IS_CREATED} {_SCANNED}",
)
HIGHEST_ID: Final = "SELECT max(id) FROM entries"

SCAN_PURCHASES: Final = f"""
SELECT e.purchase_id, e.key, e.id FROM entries e {_SCAN_ON} AND e.purchase_id IS NOT NULL {_SCANNED}
"""
_SIMILAR: Final = f"e.scope_id = ({SCOPE_ID}) AND e.batch = ? AND e.state IN ({_listed(_GUARDED)})"
FIND_BY_LEAD: Final = _ENTRIES + f"WHERE {_SIMILAR} AND {_found_by('lead')}"
FIND_BY_IDENTITY: Final = _ENTRIES + f"WHERE {_SIMILAR} AND e.identity IN ({{page}})"
ELSEWHERE: Final = """
SELECT e.key, s.name FROM entries e JOIN scopes s ON s.id = e.scope_id WHERE e.key IN ({page})
"""
RELEASED: Final = (
    f"SELECT key, import_content, at, after_run FROM resolutions WHERE scope_id = ({SCOPE_ID})"
    " AND choice = 'send' AND key IN ({page})"
)

SAID_BESIDE: Final = (
    f"SELECT said_beside, key FROM resolutions WHERE scope_id = ({SCOPE_ID})"
    " AND choice = 'send' AND said_beside IN ({page})"
)

ENTRY: Final = _ENTRIES + "WHERE e.scope_id = :scope_id AND e.key = :key"
BODY: Final = f"SELECT body FROM entries WHERE scope_id = ({SCOPE_ID}) AND key = ?"
WAITING: Final = f"""
SELECT {ENTRY_COLUMNS}, s.name
FROM entries e JOIN runs r ON r.id = e.run_id JOIN imports i ON i.id = r.import_id
    JOIN scopes s ON s.id = e.scope_id
WHERE e.{_OPEN} AND e.state = '{LedgerState.IN_DOUBT.value}' AND (:scope IS NULL OR s.name = :scope)
ORDER BY e.last_sent_at, e.id
"""

ENTRIES_AFTER: Final = f"""
SELECT {ENTRY_COLUMNS}, s.name, e.id
FROM entries e JOIN runs r ON r.id = e.run_id JOIN imports i ON i.id = r.import_id
    JOIN scopes s ON s.id = e.scope_id
WHERE e.id > ? ORDER BY e.id LIMIT 5000
"""

_IMPORTS: Final = """
SELECT i.id, s.name, i.batch, i.file, i.content, i.started_at, r.started_at, r.exit_code,
    r.id, r.summary, r.plan, r.file
FROM imports i JOIN scopes s ON s.id = i.scope_id JOIN runs r ON r.import_id = i.id
"""
IMPORTS: Final = (
    _IMPORTS
    + """
WHERE r.id = (SELECT max(id) FROM runs WHERE import_id = i.id)
ORDER BY r.id DESC LIMIT ?
"""
)
LATEST_RUN: Final = _IMPORTS + "ORDER BY r.id DESC LIMIT 1"
COUNTS: Final = """
SELECT e.state, count(*) FROM runs r JOIN entries e ON e.run_id = r.id
WHERE r.import_id = ? GROUP BY e.state
"""
