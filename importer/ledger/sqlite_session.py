"""One connection, one caller at a time: look-ups in pages, changes in durable transactions.

Touches the ledger's file through the connection that it is given.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from importer.errors import LedgerError, LedgerWriteError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.ledger.records import Row

DISK_FULL: Final = "disk-full"

_PAGE: Final = 500


class Session:
    """The ledger's connection until it is closed. Calls come from a worker thread too."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._lock = threading.Lock()

    def close(self) -> None:
        """Release the file; closing twice is allowed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for queries; LedgerError where they fail."""
        with self._lock:
            try:
                yield self._lent()
            except sqlite3.Error as error:
                raise LedgerError(
                    f"The ledger cannot be read: {error}.",
                    "Restore it from a backup, or check its disk.",
                    code="ledger-unreadable",
                ) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction: on disk at the end, or nothing of it at all.

        Raises LedgerWriteError where SQLite fails, with the code `disk-full` for a full disk.
        """
        with self._lock:
            connection = self._lent()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                _roll_back(connection)
                full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
                raise LedgerWriteError(
                    f"The ledger could not be written: {error}.",
                    "Make room on its disk and run again." if full else "Check its disk.",
                    code=DISK_FULL if full else "ledger-unwritable",
                ) from error
            except BaseException:
                _roll_back(connection)
                raise

    def value(self, query: str, parameters: tuple[bytes | str, ...]) -> Any:  # noqa: ANN401
        """Return the only column of the first row, or None."""
        with self.reading() as connection:
            row = connection.execute(query, parameters).fetchone()
        return None if row is None else row[0]

    def look_up(
        self, query: str, first: tuple[str, ...], values: Iterable[bytes | str]
    ) -> Iterator[Row]:
        """Yield the rows of `query`, its `{page}` filled with up to 500 distinct values at a time.

        `first` are the parameters before the page. Nothing is held while a row is out.
        """
        distinct = iter(set(values))
        while page := tuple(islice(distinct, _PAGE)):
            with self.reading() as connection:
                rows = connection.execute(
                    query.format(page=", ".join("?" * len(page))), (*first, *page)
                ).fetchall()
            yield from rows

    def _lent(self) -> sqlite3.Connection:
        if self._connection is None:
            raise LedgerError("The ledger is closed already.", code="ledger-closed")
        return self._connection


def _roll_back(connection: sqlite3.Connection) -> None:
    # A full disk may have rolled back already; what cannot be rolled back now is when it is opened.
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
