-- The ledger, version 6 (PRAGMA user_version). Times are microseconds since 1970 in UTC.
-- Plain SQLite 3.24: no STRICT, no RETURNING, since some systems' Python 3.11 still links 3.34.

-- One Keen each. `url` is the one last used; null until a run used the scope.
CREATE TABLE scopes (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    url  TEXT
);

-- What shaped the keys of a scope, as canonical JSON; the latest row counts.
CREATE TABLE identity_settings (
    id       INTEGER PRIMARY KEY,
    scope_id INTEGER NOT NULL REFERENCES scopes (id),
    settings TEXT NOT NULL
);
CREATE INDEX identity_settings_by_scope ON identity_settings (scope_id);

CREATE TABLE imports (
    id         INTEGER PRIMARY KEY,
    scope_id   INTEGER NOT NULL REFERENCES scopes (id),
    batch      TEXT NOT NULL,
    content    BLOB NOT NULL,
    file       TEXT NOT NULL, -- the name it first came under
    started_at INTEGER NOT NULL,
    UNIQUE (scope_id, batch, content)
);

-- The same rows may come back under another name, so a run has a file of its own.
CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    import_id  INTEGER NOT NULL REFERENCES imports (id),
    file       TEXT NOT NULL,
    plan       TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    exit_code  INTEGER, -- null: running, or dead
    summary    TEXT,
    bodies     INTEGER NOT NULL DEFAULT 1 -- 0: all bodies of its entries are blanked
);
CREATE INDEX runs_by_import ON runs (import_id);
CREATE INDEX runs_with_bodies ON runs (started_at) WHERE bodies = 1;

-- Every key ever sent. The primary key is an integer: random ones insert ten times slower. Nothing
-- finds a purchase_id: as random as the key, it would cost as much again, and only people ask.
CREATE TABLE entries (
    id             INTEGER PRIMARY KEY,
    scope_id       INTEGER NOT NULL REFERENCES scopes (id),
    key            BLOB NOT NULL CHECK (length(key) = 16),
    batch          TEXT NOT NULL,
    recipe         INTEGER NOT NULL,
    content        BLOB NOT NULL,
    occurrence     INTEGER NOT NULL,
    identity       BLOB,
    lead           BLOB NOT NULL CHECK (length(lead) = 16),
    product        BLOB, -- SHA-256 of the name
    amount         TEXT, -- decimal digits
    date           INTEGER,
    state          TEXT NOT NULL
        CHECK (state IN ('sending', 'created', 'rejected', 'in_doubt', 'unsent')),
    standing_doubt INTEGER NOT NULL DEFAULT 0, -- 1: an attempt before this one is still unproven
    attempts       INTEGER NOT NULL,
    first_sent_at  INTEGER NOT NULL,
    last_sent_at   INTEGER NOT NULL,
    settled_at     INTEGER, -- when the last attempt's outcome, or a person's word, was recorded
    retention      REAL NOT NULL, -- hours, the shortest of all attempts
    run_id         INTEGER NOT NULL REFERENCES runs (id), -- of the last attempt
    row            INTEGER NOT NULL, -- of the last attempt, in that run's file
    by_person      INTEGER NOT NULL DEFAULT 0,
    purchase_id    TEXT,
    http_status    INTEGER,
    code           TEXT,
    message        TEXT,
    body           BLOB NOT NULL -- empty: blanked. Last: all else is read without it
);
CREATE UNIQUE INDEX entries_by_key ON entries (key, scope_id); -- key first: it is looked up alone too
CREATE INDEX entries_by_identity ON entries (scope_id, identity) WHERE identity IS NOT NULL;
CREATE INDEX entries_open ON entries (state, last_sent_at) WHERE state IN ('sending', 'in_doubt');
CREATE INDEX entries_by_run ON entries (run_id, state);

-- What was committed since entries were last made of it (see journal.py): first intents, and their
-- outcomes.
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

-- Where entries are found by content and by lead: those whose id is at most `up_to`. Filled many at
-- a time, for a random value in an index costs as much as all the rest of an entry (see filing.py).
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

-- What people said, for ever. A key that was never sent stands here alone (`send`).
CREATE TABLE resolutions (
    id          INTEGER PRIMARY KEY,
    scope_id    INTEGER NOT NULL REFERENCES scopes (id),
    key         BLOB NOT NULL CHECK (length(key) = 16),
    choice      TEXT NOT NULL CHECK (choice IN ('created', 'not created', 'send')),
    purchase_id TEXT,
    who         TEXT NOT NULL,
    note        TEXT NOT NULL,
    file        TEXT NOT NULL,
    at          INTEGER NOT NULL,
    -- Of `send`: the import and the key beside which it was said. Null for other words.
    import_content BLOB,
    said_beside BLOB,
    after_run INTEGER -- the latest run by then; these three are null from before version 6
);
CREATE INDEX resolutions_by_key ON resolutions (scope_id, key);
