"""One connection, one caller at a time: look-ups in pages, changes in durable transactions.

Either has what stands in the journal entered before. Touches the ledger's file through the
connection that it is given.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from importer.errors import LedgerError, LedgerWriteError
from importer.ledger.journal import DISK_FULL, UNWRITABLE, Journal
from importer.ledger.journal_statements import LAST_ID
from importer.ledger.statements import HIGHEST_ID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from importer.ledger.records import Row
    from importer.ledger.reserve import Reserve
    from importer.ledger.statements import Bulk

_PAGE: Final = 500
_PIECE: Final = 500
"""Rows of the journal that are entered at once where there is little room: up to 3 MiB of WAL."""
_LOOKED_UP_COST: Final = 3
"""What one row looked up costs, in rows read through."""


class Session:
    """The ledger's connection until it is closed. All calls come from one thread."""

    def __init__(self, connection: sqlite3.Connection, reserve: Reserve | None = None) -> None:
        """Take the disk space that is kept back; None: the ledger is in memory."""
        self.journal = Journal()
        self._connection: sqlite3.Connection | None = connection
        self._reserve = reserve

    def close(self) -> bool:
        """Release the file; return whether it was open: closing twice is allowed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        return connection is not None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for queries; LedgerError where they fail."""
        self._have_entered()
        with self._querying() as connection:
            yield connection

    @contextmanager
    def _querying(self) -> Iterator[sqlite3.Connection]:
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
        """Do as `transaction`, once all that stands in the journal is entered."""
        self._have_entered()
        with self.transaction() as connection:
            yield connection

    def enter(self) -> None:
        """Make entries of what stands in the journal. Raises LedgerWriteError."""
        if self.journal.is_empty:
            return
        last = self.journal.last_id if self.journal.is_known else self._last_id()
        if not last:  # an empty one is left alone: who only looks writes nothing
            self.journal.forget()
        elif self._reserve is None or self._reserve.has_space():
            self._enter()
        else:
            self._enter_piecewise(last)

    def _have_entered(self) -> None:
        try:
            self.enter()
        except LedgerWriteError as error:
            # Outcomes that are still to come need the room more than whoever looks.
            spare = None if self.journal.awaits_outcomes else self._reserve
            if error.code != DISK_FULL or spare is None or not spare.release():
                raise
            self.enter()

    def _enter_piecewise(self, last: int) -> None:
        """Enter all up to the last id: what room one piece took, the next one takes again."""
        for up_to in (*range(_PIECE, last, _PIECE), None):
            with suppress(sqlite3.Error):  # what follows says so, if it matters
                self._lent().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._enter(up_to)

    def _enter(self, up_to: int | None = None) -> None:
        with self.journal.watched():
            with self.transaction() as connection:
                self.journal.enter(connection, up_to)
            self.journal.forget(up_to)

    def _last_id(self) -> int:
        with self._querying() as connection:
            (last,) = connection.execute(LAST_ID).fetchone()
        return int(last)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction: on disk at the end, or nothing of it at all.

        Raises LedgerWriteError where SQLite fails, with the code `disk-full` for a full disk.
        """
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
                code=DISK_FULL if full else UNWRITABLE,
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
            yield from self._rows(_paged(query, first, page), (*first, *page))

    def read_bulk(
        self, bulk: Bulk, first: tuple[bytes | str, ...], values: Iterable[bytes], *, count: int
    ) -> Iterator[list[Row]]:
        """Yield pages of at least the rows of the `count` `values`, the id at each end.

        Where a good part of the ledger is asked for, all of it is read through: rows found one by
        one cost three times as much.
        """
        if count * _LOOKED_UP_COST < self._highest():
            yield from self._look_up_bulk(bulk, first, set(values))
        else:
            yield from self.read_through(bulk.scan, first)

    def read_newest(
        self,
        bulk: Bulk,
        first: tuple[str, ...],
        missing: Callable[[], Iterable[bytes]],
        *,
        count: int,
        after: int,
    ) -> Iterator[list[Row]]:
        """Do as `read_bulk`, for values whose rows are mostly expected behind the id `after`.

        What is there is read through first, where that is worth it. Then `missing` says which
        values no row has told yet.
        """
        highest, cost = self._highest(), count * _LOOKED_UP_COST
        if cost >= highest:
            yield from self.read_through(bulk.scan, first)
            return
        if cost > highest - after:
            yield from self.read_through(bulk.scan, first, after=after)
        yield from self._look_up_bulk(bulk, first, set(missing()))

    def read_through(
        self, scan: str, first: tuple[bytes | str, ...], *, after: int = 0
    ) -> Iterator[list[Row]]:
        """Yield pages of what a `scan` finds, which ends in an id after `first` and in each row."""
        last = after
        while rows := self._rows(scan, (*first, last)):
            yield rows
            last = rows[-1][-1]

    def _look_up_bulk(
        self, bulk: Bulk, first: tuple[bytes | str, ...], values: set[bytes]
    ) -> Iterator[list[Row]]:
        asked = iter(sorted(values))  # neighbours lie on one page of the index
        while page := tuple(islice(asked, _PAGE)):
            if rows := self._rows(_paged(bulk.look_up, first, page), (*first, *page)):
                yield rows

    def _highest(self) -> int:
        return self.value(HIGHEST_ID, ()) or 0

    def _rows(self, query: str, parameters: tuple[bytes | str | int, ...]) -> list[Row]:
        with self.reading() as connection:
            return connection.execute(query, parameters).fetchall()

    def _lent(self) -> sqlite3.Connection:
        if self._connection is None:
            raise LedgerError("The ledger is closed already.", code="ledger-closed")
        return self._connection


def _paged(query: str, first: tuple[object, ...], page: tuple[object, ...]) -> str:
    """Return `query` with a placeholder for each value of the page, which may stand in it twice."""
    numbers = range(len(first) + 1, len(first) + len(page) + 1)
    return query.format(page=", ".join(f"?{number}" for number in numbers))


def _roll_back(connection: sqlite3.Connection) -> None:
    # A full disk may have rolled back already; what cannot be rolled back now is when it is opened.
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
