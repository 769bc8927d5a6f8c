"""A path → a connection to a sound ledger of this version, held by this process alone.

Touches the ledger's file and its folder: creates, inspects, locks, migrates; never repairs.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from importer.errors import LedgerError
from importer.filesystem import sync_folder
from importer.ledger.migrations import SCHEMA_VERSION, STEPS, migrate
from importer.ledger.reserve import reserve_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.ledger.checkup import Checkup

APPLICATION_ID: Final = 0x4B65656E
"""`Keen` in ASCII; SQLite keeps it at offset 68 of the file."""

_PREPARE: Final = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA fullfsync = 1",  # macOS: a plain fsync stops at the drive's cache
    "PRAGMA checkpoint_fullfsync = 1",
    "PRAGMA cache_size = -65536",  # KiB: the random keys of a large ledger, kept at hand
    "PRAGMA wal_autocheckpoint = 8192",  # pages: to enter 10,000 rows takes thousands
)


def connect_memory() -> sqlite3.Connection:
    """Return a new ledger that lasts as long as its connection."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _prepare(connection)
    connection.executescript(_creation())
    return connection


def connect_file(path: Path, checkup: Checkup) -> sqlite3.Connection:
    """Return the ledger at `path`, made where there is none: WAL, FULL, locked exclusively.

    Its pages are checked where that is due. One of an older version is brought up to this one, with
    a copy kept. Raises LedgerError, with nothing changed, where it is foreign, damaged, newer, or
    held by another process, and where the folder holds traces of a ledger that is gone.
    """
    with _explained(path):
        if not path.exists():
            _create(path)
        _inspect(path)
        return _lock(path, checkup)


def _create(path: Path) -> None:
    """Make an empty ledger that stands at `path` whole or not at all, also after a power loss.

    So an empty or half-written file there always means damage and is never taken for a new ledger.
    """
    for trace in (_wal(path), reserve_path(path)):
        if trace.exists():
            raise LedgerError(
                f"The ledger {path} is gone, but {trace.name} shows that there was one.",
                "Put it back: without it, rows sent before would be sent again. To begin anew"
                f" all the same, delete {trace}.",
                code="ledger-missing",
            )
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".new", dir=path.parent)
    os.close(descriptor)
    fresh = Path(name)
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = EXTRA")
            _prepare(connection)
            connection.executescript(_creation())
        os.link(fresh, path)  # unlike a rename it never replaces another run's ledger
    except FileExistsError:
        pass  # another process was first; its ledger is opened, or found to be held
    finally:
        fresh.unlink()
    sync_folder(path.parent)


def _creation() -> str:
    schema = resources.files("importer.ledger").joinpath("schema.sql").read_text("utf-8")
    return (
        f"BEGIN; {schema}; PRAGMA application_id = {APPLICATION_ID};"
        f" PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
    )


def _inspect(path: Path) -> None:
    """Refuse what is no ledger of ours before anything could change it.

    `immutable` takes no lock and leaves a journal or WAL beside the file alone. Reading the bytes
    with `open` instead would drop the locks of a connection that this process has (POSIX).
    """
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as probe:
        try:
            _require_ours(path, probe)
        except sqlite3.DatabaseError as error:
            # Killed while the WAL was copied into it, the file is shorter than it says. The WAL
            # still holds the rest, so only a connection that reads it can judge.
            if _family(error) != sqlite3.SQLITE_CORRUPT or not _wal(path).exists():
                raise


def _lock(path: Path, checkup: Checkup) -> sqlite3.Connection:
    due = checkup.is_due()
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
        uri=True,
        timeout=0,
        isolation_level=None,  # transactions begin and end where the code says so
    )
    try:
        _require_sound(path, connection)
        if due:
            _require_whole_pages(path, connection)
            checkup.passed()
        migrate(path, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_sound(path: Path, connection: sqlite3.Connection) -> None:
    # The lock comes first, so that WAL needs no shared memory. NORMAL loses commits at power loss.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA synchronous = FULL")
    if _pragma(connection, "journal_mode = WAL") != "wal":
        raise LedgerError(
            f"The ledger {path} cannot be written safely: its disk allows no WAL.",
            "Set [workspace] path to a folder on a local disk.",
            code="ledger-unusable",
        )
    _prepare(connection)
    _require_ours(path, connection)  # again: now with what the WAL holds


def _require_whole_pages(path: Path, connection: sqlite3.Connection) -> None:
    verdict = _pragma(connection, "quick_check(1)")
    if verdict != "ok":
        raise _damaged(path, str(verdict))


def _prepare(connection: sqlite3.Connection) -> None:
    for statement in _PREPARE:
        connection.execute(statement)


def _pragma(connection: sqlite3.Connection, pragma: str) -> Any:  # noqa: ANN401
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def _require_ours(path: Path, connection: sqlite3.Connection) -> None:
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise _foreign(path)
    version = _pragma(connection, "user_version")
    if version > SCHEMA_VERSION:
        raise LedgerError(
            f"The ledger {path} was made by a newer version of this program (schema {version}).",
            "Update the program, or use the one that made it.",
            code="ledger-newer",
        )
    if version != SCHEMA_VERSION and version not in STEPS:
        raise _damaged(path, f"schema {version}")


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _family(error: sqlite3.Error) -> int:
    """Return SQLite's primary code: extended ones (SQLITE_BUSY_RECOVERY) keep it in a byte."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _foreign(path: Path) -> LedgerError:
    return LedgerError(
        f"{path} is not a ledger.",
        "Set [workspace] path to another folder; the file was left as it is.",
        code="not-a-ledger",
    )


def _damaged(path: Path, detail: str) -> LedgerError:
    return LedgerError(
        f"The ledger {path} is damaged ({detail}).",
        "Restore it from a backup; it was left as it is.",
        code="ledger-damaged",
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what SQLite or the disk says of `path` into a LedgerError."""
    try:
        yield
    except sqlite3.Error as error:
        family = _family(error)
        if family == sqlite3.SQLITE_NOTADB:
            raise _foreign(path) from error
        if family == sqlite3.SQLITE_CORRUPT:
            raise _damaged(path, str(error)) from error
        if family in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise LedgerError(
                f"The ledger {path} is held by another process.",
                "Wait until it is done; two runs at once would send rows twice.",
                code="ledger-busy",
            ) from error
        raise _unusable(path, error) from error
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> LedgerError:
    return LedgerError(
        f"The ledger {path} cannot be opened: {error}.",
        "Check that its folder exists on a local disk and can be written.",
        code="ledger-unusable",
    )
