"""The embedded ledger: contract calls → one SQLite file, durable when each call returns.

Touches the ledger's file and its folder. This and the `sqlite_*` modules alone know sqlite3.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, cast

from importer.errors import LedgerError, LedgerWriteError
from importer.ledger import statements
from importer.ledger.checkup import Checkup
from importer.ledger.contract import (
    TRANSITIONS,
    Cause,
    Choice,
    ImportCounts,
    Intent,
    LedgerState,
    Release,
)
from importer.ledger.filing import file_entries, find_unfiled
from importer.ledger.journal import DISK_FULL
from importer.ledger.records import (
    interruption,
    is_uuid,
    pack_instant,
    pack_uuid,
    pack_uuids,
    read_entry,
    read_import,
    resolution_parameters,
    unpack_instant,
    unpack_uuid,
)
from importer.ledger.refusals import refuse_resolution
from importer.ledger.reserve import MINIMUM_FREE, Reserve
from importer.ledger.sqlite_changes import find_entry, make_changes
from importer.ledger.sqlite_file import connect_file, connect_memory
from importer.ledger.sqlite_session import Session

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from importer.ledger.contract import Change, Created, Entry, Import, Resolution, Standing


class SqliteLedger:
    """A `Ledger` in one file that this process alone holds, or in memory."""

    def __init__(
        self, session: Session, reserve: Reserve | None = None, checkup: Checkup | None = None
    ) -> None:
        self._session = session
        self._reserve = reserve
        self._checkup = checkup
        self._runs: dict[int, tuple[int, str]] = {}
        """A run's scope id and batch: they never change."""

    @classmethod
    def open(cls, path: Path | None, *, minimum_free: int = MINIMUM_FREE) -> SqliteLedger:
        """Open the ledger at `path`, made where there is none yet; None: a new one in memory.

        The folder must exist, on a local disk. Raises LedgerError, with nothing changed, where the
        file is foreign, damaged, newer, gone, or held by another process. With less than
        `minimum_free` bytes free on its disk no intent is taken.
        """
        if path is None:
            return cls(Session(connect_memory()))
        path = path.resolve()
        checkup = Checkup(path)
        reserve = Reserve(path, minimum_free=minimum_free)
        session = Session(connect_file(path, checkup), reserve)
        reserve.fill()
        return cls(session, reserve, checkup)

    def close(self) -> None:
        """See Ledger. Closing twice is allowed."""
        self.enter()  # or it is when the ledger is opened
        if self._session.close() and self._checkup is not None:
            self._checkup.seal()

    def scope_url(self, scope: str) -> str | None:
        """See Ledger."""
        return cast("str | None", self._session.value(statements.SCOPE_URL, (scope,)))

    def remember_scope(self, scope: str, url: str) -> None:
        """See Ledger."""
        with self._session.writing() as connection:
            connection.execute(statements.REMEMBER_SCOPE, (scope, url))

    def identity_settings(self, scope: str) -> str | None:
        """See Ledger."""
        return cast("str | None", self._session.value(statements.IDENTITY_SETTINGS, (scope,)))

    def remember_identity_settings(self, scope: str, settings: str) -> None:
        """See Ledger. All earlier settings are kept."""
        with self._session.writing() as connection:
            scope_id = _scope_id(connection, scope)
            connection.execute(statements.REMEMBER_IDENTITY_SETTINGS, (scope_id, settings))

    def begin_run(
        self, *, scope: str, batch: str, file: str, content: bytes, plan: str, at: datetime
    ) -> tuple[Import, int]:
        """See Ledger. An import keeps the file name and the time of its first run."""
        with self._session.writing() as connection:
            parameters = {
                "scope_id": _scope_id(connection, scope),
                "batch": batch,
                "content": content,
                "file": file,
                "plan": plan,
                "at": pack_instant(at),
            }
            connection.execute(statements.BEGIN_IMPORT, parameters)
            connection.execute(statements.BEGIN_RUN, parameters)
            row = connection.execute(statements.LATEST_RUN).fetchone()
        return read_import(row), row[8]

    def end_run(self, run_id: int, *, exit_code: int, summary: str, at: datetime) -> None:
        """See Ledger."""
        with self._session.writing() as connection:
            connection.execute(statements.END_RUN, (pack_instant(at), exit_code, summary, run_id))
        file_entries(self._session)

    def summaries(self, scope: str, batch: str, content: bytes) -> list[str]:
        """See Ledger."""
        with self._session.reading() as connection:
            found = connection.execute(statements.SUMMARIES, (scope, batch, content))
            return [summary for (summary,) in found]

    def commit(self, run_id: int, changes: Sequence[Change]) -> None:
        """See Ledger. On a full disk outcomes alone may use the reserve; intents never do."""
        intents = any(isinstance(change, Intent) for change in changes)
        if intents and self._reserve is not None:
            self._reserve.require_space()
        try:
            self._apply(run_id, changes)
        except LedgerWriteError as error:
            if intents or error.code != DISK_FULL:
                raise
            if self._reserve is None or not self._reserve.release():
                raise
            self._apply(run_id, changes)

    def enter(self, at_least: int = 1) -> None:
        """See Ledger."""
        if len(self._session.journal) >= at_least:
            with suppress(LedgerError):  # the journal is on disk; whoever looks is told
                self._session.enter()

    def _apply(self, run_id: int, changes: Sequence[Change]) -> None:
        journal = self._session.journal
        with journal.watched():
            with self._session.transaction() as connection:
                scope_id, batch = self._run(connection, run_id)
                run = (scope_id, batch, run_id)
                step = journal.take(connection, changes, run, scope_id)
                make_changes(connection, step.rest, run, scope_id)
            journal.remember(step)

    def _run(self, connection: sqlite3.Connection, run_id: int) -> tuple[int, str]:
        if run_id not in self._runs:
            row = connection.execute(statements.SCOPE_OF_RUN, (run_id,)).fetchone()
            if row is None:
                raise LedgerWriteError(f"Bug: run {run_id} was never begun.", code="unknown-run")
            self._runs[run_id] = row
        return self._runs[run_id]

    def interrupted(self, at: datetime) -> int:
        """See Ledger. For the time before a run begins: nothing is on its way then."""
        with self._session.writing() as connection:
            left = connection.execute(statements.LEFT_SENDING).fetchall()
            parameters = [
                {"id": entry_id, "at": pack_instant(at), "message": interruption(sent_at)}
                for entry_id, sent_at in left
            ]
            connection.executemany(statements.INTERRUPT, parameters)
        return len(left)

    def is_blank(self, scope: str) -> bool:
        """See Ledger."""
        return self._session.value(statements.ANYTHING, (scope, scope)) is None

    def find(self, scope: str, keys: Iterable[str]) -> Iterator[Entry]:
        """See Ledger. A text that is no lower-case UUID names no entry."""
        return map(read_entry, self._session.look_up(statements.FIND, (scope,), pack_uuids(keys)))

    def find_content(self, scope: str, contents: Iterable[bytes]) -> Iterator[Entry]:
        """See Ledger."""
        file_entries(self._session)
        return map(read_entry, self._session.look_up(statements.FIND_CONTENT, (scope,), contents))

    def standings(
        self, scope: str, contents: Collection[bytes], *, import_content: bytes
    ) -> Iterator[Sequence[Standing]]:
        """See Ledger."""
        file_entries(self._session)
        read_bulk, first = self._session.read_bulk, (import_content, scope)
        for rows in read_bulk(statements.STANDINGS, first, contents, count=len(contents)):
            yield [row[:-1] for row in rows]

    def created(
        self, scope: str, missing: Callable[[], Iterable[str]], *, count: int
    ) -> Iterator[Sequence[Created]]:
        """See Ledger. What is not filed yet is mostly this run's own: it is read through first.

        Where all of it is read through, no key is asked for.
        """

        def packed() -> Iterator[bytes]:
            return pack_uuids(missing())

        filed, read = self._session.value(statements.FILED, ()), self._session.read_newest
        for rows in read(statements.CREATED, (scope,), packed, count=count, after=filed):
            yield [row[:-1] for row in rows]

    def find_similar(
        self, scope: str, batch: str, *, leads: Iterable[str], identities: Iterable[bytes]
    ) -> Iterator[Entry]:
        """See Ledger. An entry that shares both comes once."""
        file_entries(self._session)
        asked = frozenset(leads)
        look_up, first = self._session.look_up, (scope, batch)
        yield from map(read_entry, look_up(statements.FIND_BY_LEAD, first, pack_uuids(asked)))
        for row in look_up(statements.FIND_BY_IDENTITY, first, identities):
            entry = read_entry(row)
            if entry.lead_id not in asked:
                yield entry

    def elsewhere(self, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """See Ledger."""
        for key, scope in self._session.look_up(statements.ELSEWHERE, (), pack_uuids(keys)):
            yield unpack_uuid(key), scope

    def body(self, scope: str, key: str) -> bytes | None:
        """See Ledger. After an attempt that was never applied it is the body of the next one."""
        if not is_uuid(key):
            return None
        return cast("bytes | None", self._session.value(statements.BODY, (scope, pack_uuid(key))))

    def waiting(self, scope: str | None = None) -> Iterator[tuple[str, Entry]]:
        """See Ledger. The oldest *last* attempt first."""
        with self._session.reading() as connection:
            rows = connection.execute(statements.WAITING, {"scope": scope}).fetchall()
        for row in rows:
            yield row[-1], read_entry(row[:-1])

    def resolve(self, scope: str, resolutions: Sequence[Resolution], *, file: str) -> None:
        """See Ledger. Raises LedgerError, with nothing changed, where a word does not fit."""
        with self._session.writing() as connection:
            scope_id = _scope_id(connection, scope)
            for resolution in resolutions:
                if not is_uuid(resolution.key):
                    raise refuse_resolution(resolution, None)
                parameters = resolution_parameters(resolution, scope_id=scope_id, file=file)
                entry = find_entry(connection, parameters)
                if resolution.choice is Choice.SEND:
                    fits = (entry and entry.state) in TRANSITIONS[Cause.INTENT][0]
                else:
                    found = resolution.choice is Choice.CREATED
                    cause = Cause.PERSON_FOUND if found else Cause.PERSON_MISSED
                    fits = connection.execute(statements.CHANGES[cause], parameters).rowcount == 1
                if not fits:
                    raise refuse_resolution(resolution, entry)
                connection.execute(statements.RESOLUTION, parameters)

    def released(self, scope: str, keys: Iterable[str]) -> dict[str, list[Release]]:
        """See Ledger."""
        released: dict[str, list[Release]] = {}
        rows = self._session.look_up(statements.RELEASED, (scope,), pack_uuids(keys))
        for key, import_content, at, after_run in rows:
            release = Release(import_content, unpack_instant(at), after_run or 0)
            released.setdefault(unpack_uuid(key), []).append(release)
        return released

    def said_beside(self, scope: str, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """See Ledger."""
        rows = self._session.look_up(statements.SAID_BESIDE, (scope,), pack_uuids(keys))
        for beside, key in rows:
            yield unpack_uuid(beside), unpack_uuid(key)

    def purchase_ids(self, scope: str, purchase_ids: Iterable[str]) -> Iterator[Entry]:
        """See Ledger. Reads all entries through, about a million in a second: only people ask."""
        asked = frozenset(each.lower() for each in purchase_ids)
        pages = self._session.read_through(statements.SCAN_PURCHASES, (scope,)) if asked else ()
        keys = [
            unpack_uuid(key) for page in pages for found, key, _ in page if found.lower() in asked
        ]
        return self.find(scope, keys)

    def blank_bodies(self, before: datetime, limit: int) -> int:
        """See Ledger."""
        parameters = {"before": pack_instant(before), "limit": limit}
        with self._session.writing() as connection:
            blanked = connection.execute(statements.BLANK_BODIES, parameters).rowcount
            if blanked < limit:
                connection.execute(statements.NOTE_BLANKED_RUNS, parameters)
        return blanked

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """See Ledger. A page at a time, so that a ledger of millions fits in memory."""
        last = 0
        while True:
            with self._session.reading() as connection:
                rows = connection.execute(statements.ENTRIES_AFTER, (last,)).fetchall()
            if not rows:
                return
            for row in rows:
                yield row[-2], read_entry(row[:-2])
            last = rows[-1][-1]

    def faults(self) -> list[str]:
        """See Ledger."""
        with self._session.reading() as connection:
            told = [text for (text,) in connection.execute("PRAGMA integrity_check")]
            strays = connection.execute("PRAGMA foreign_key_check").fetchall()
            unfiled = find_unfiled(connection)
        return [
            *(text for text in told if text != "ok"),
            *(
                f"row {row} of {table} refers to a missing row of {parent}"
                for table, row, parent, _ in strays
            ),
            *unfiled,
        ]

    def imports(self, limit: int = 20) -> list[ImportCounts]:
        """See Ledger. An entry counts for the import of its last attempt; every state is named."""
        with self._session.reading() as connection:
            return [
                ImportCounts(
                    imported=read_import(row),
                    last_run_at=unpack_instant(row[6]),
                    exit_code=row[7],
                    counts=_counts(connection, row[0]),
                    summary=row[9],
                    plan=row[10],
                    last_file=row[11],
                )
                for row in connection.execute(statements.IMPORTS, (limit,)).fetchall()
            ]


def _scope_id(connection: sqlite3.Connection, scope: str) -> int:
    """Return the id of `scope`, made where it is new."""
    connection.execute(statements.ADD_SCOPE, (scope,))
    (scope_id,) = connection.execute(statements.SCOPE_ID, (scope,)).fetchone()
    return int(scope_id)


def _counts(connection: sqlite3.Connection, import_id: int) -> dict[LedgerState, int]:
    counts = dict.fromkeys(LedgerState, 0)
    for state, count in connection.execute(statements.COUNTS, (import_id,)):
        counts[LedgerState(state)] = count
    return counts
