"""A ledger of an older version → one of this version, a copy of the older kept beside it.

Touches the ledger's file and its folder.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from importer.filesystem import sync_folder

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

SCHEMA_VERSION: Final = 6

STEPS: Final[dict[int, str]] = {
    1: """
        ALTER TABLE runs ADD COLUMN bodies INTEGER NOT NULL DEFAULT 1;
        CREATE INDEX runs_with_bodies ON runs (started_at) WHERE bodies = 1;
    """,
    2: """
        DROP INDEX entries_by_content;
        DROP INDEX entries_by_lead;
        CREATE TABLE filed (up_to INTEGER NOT NULL);
        INSERT INTO filed VALUES (0);
        CREATE TABLE filed_contents (
            content  BLOB NOT NULL,
            entry_id INTEGER NOT NULL,
            PRIMARY KEY (content, entry_id)
        ) WITHOUT ROWID;
        CREATE TABLE filed_leads (
            lead     BLOB NOT NULL,
            entry_id INTEGER NOT NULL,
            PRIMARY KEY (lead, entry_id)
        ) WITHOUT ROWID;
    """,
    3: "DROP INDEX entries_by_purchase;",
    4: """
        CREATE TABLE journal_intents (
            id         INTEGER PRIMARY KEY,
            scope_id   INTEGER NOT NULL,
            key        BLOB NOT NULL CHECK (length(key) = 16),
            batch      TEXT NOT NULL,
            recipe     INTEGER NOT NULL,
            content    BLOB NOT NULL,
            occurrence INTEGER NOT NULL,
            identity   BLOB,
            lead       BLOB NOT NULL CHECK (length(lead) = 16),
            product    BLOB,
            amount     TEXT,
            date       INTEGER,
            at         INTEGER NOT NULL,
            retention  REAL NOT NULL,
            run_id     INTEGER NOT NULL,
            row        INTEGER NOT NULL,
            body       BLOB NOT NULL
        );
        CREATE TABLE journal_outcomes (
            intent_id   INTEGER PRIMARY KEY,
            state       TEXT NOT NULL
                CHECK (state IN ('created', 'rejected', 'in_doubt', 'unsent')),
            at          INTEGER NOT NULL,
            purchase_id TEXT,
            http_status INTEGER,
            code        TEXT,
            message     TEXT
        );
    """,
    5: """
        ALTER TABLE resolutions ADD COLUMN import_content BLOB;
        ALTER TABLE resolutions ADD COLUMN said_beside BLOB;
        ALTER TABLE resolutions ADD COLUMN after_run INTEGER;
    """,
}
"""Version → what makes the next one of it. Never edited once released."""


def kept_path(ledger: Path, version: int) -> Path:
    """Return where the copy of a ledger of an older version is kept."""
    return ledger.with_name(f"{ledger.name}.v{version}")


def migrate(ledger: Path, connection: sqlite3.Connection) -> None:
    """Bring the ledger up to SCHEMA_VERSION, all steps in one transaction, or leave it as it was.

    The copy is whole and durable before anything changes. Raises sqlite3.Error or OSError.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        return
    _keep_copy(kept_path(ledger, version), connection)
    steps = "".join(STEPS[number] for number in range(version, SCHEMA_VERSION))
    connection.executescript(f"BEGIN; {steps}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def _keep_copy(kept: Path, connection: sqlite3.Connection) -> None:
    fresh = kept.with_name(f"{kept.name}.new")
    fresh.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(fresh),))
    with fresh.open("r+b") as file:
        os.fsync(file.fileno())
    fresh.replace(kept)
    sync_folder(kept.parent)
