"""New entries → where they are found by content and by lead. Touches the ledger's file.

An index would be kept at every commit, while rows are sent: two random places for each row, written
to disk as two pages, a third of what the ledger costs. Filled in their order, many at a time, they
share pages; the less so, the more was filed before. Look-ups find what is not filed too, only
slower.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from importer.errors import LedgerWriteError
from importer.ledger.statements import FILE, UNFILED

if TYPE_CHECKING:
    import sqlite3

    from importer.ledger.sqlite_session import Session

PIECE: Final = 50_000
"""Entries of one transaction at least: about a third of a second."""

_COUNTS: Final = """
SELECT (SELECT count(*) FROM entries WHERE id <= up_to),
    (SELECT count(*) FROM filed_contents), (SELECT count(*) FROM filed_leads) FROM filed
"""


def file_entries(session: Session, *, piece: int = PIECE) -> None:
    """File all entries that are not yet, as far as the disk allows."""
    with suppress(LedgerWriteError):
        while _file_piece(session, piece):
            pass


def find_unfiled(connection: sqlite3.Connection) -> list[str]:
    """Return a fault where what was filed is not there any more. Reads all of it."""
    entries, contents, leads = connection.execute(_COUNTS).fetchone()
    if entries == contents == leads:
        return []
    return [f"of {entries} entries {contents} are found by their content and {leads} by their lead"]


def _file_piece(session: Session, piece: int) -> bool:
    with session.reading() as connection:
        up_to, highest = connection.execute(UNFILED).fetchone()
    if up_to >= highest:
        return False
    # Many random values touch nearly every page of what is filed, so many small pieces would write
    # all of it again and again: an older ledger of millions is filed in a few large ones.
    last = min(up_to + max(piece, up_to), highest)
    with session.writing() as connection:
        for statement in FILE:
            connection.execute(statement, {"up_to": up_to, "last": last})
    return True
