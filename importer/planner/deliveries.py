"""The plan's rows to send → deliveries, lazily and a page at a time. Reads the ledger."""

from __future__ import annotations

import json
from itertools import starmap
from typing import TYPE_CHECKING, Final

from importer.ledger.contract import LedgerState
from importer.model import Delivery
from importer.planner.bodies import write_bodies
from importer.reader.identity import RECIPE
from importer.reader.keys import make_keys
from importer.reader.validation import build_requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from importer.ledger.contract import Entry, Ledger

PAGE_ROWS: Final = 1_000
"""Rows made at once, while all that is on its way waits: a few milliseconds."""
ASKED_PAGE_ROWS: Final = 250
"""The same where the ledger may know some: to ask it for each takes longer than to make them."""


def make_deliveries(
    to_send: Iterable[pl.DataFrame], ledger: Ledger, *, scope: str, action: str
) -> Iterator[Delivery]:
    """Yield a delivery for each row of the plan's `to_send`, in its order.

    `to_send` has all that validation typed beside, a piece at a time. The ledger is read before a
    page's first delivery is taken, never between two of a page, and only for the rows that the plan
    found to be `asked`: nobody else has had it since.
    """
    for page in (page for piece in to_send for page in _pages(piece)):
        keys = make_keys(page)
        tried = {entry.key: entry for entry in ledger.find(scope, keys.filter(page["asked"]))}
        bodies = {key: ledger.body(scope, key) for key in tried}
        rows = zip(  # in the order of Delivery's fields
            page["row"].to_list(),
            keys.to_list(),
            [RECIPE] * page.height,
            *(page[name].to_list() for name in ("content", "occurrence", "identity_key")),
            build_requests(page),
            write_bodies(page, action),
            strict=True,
        )
        for delivery in starmap(Delivery, rows):
            entry = tried.get(delivery.key)
            yield delivery if entry is None else _go_on(delivery, entry, bodies[entry.key], action)


def _pages(piece: pl.DataFrame) -> Iterator[pl.DataFrame]:
    return piece.iter_slices(ASKED_PAGE_ROWS if piece["asked"].any() else PAGE_ROWS)


def _go_on(delivery: Delivery, entry: Entry, stored: bytes | None, action: str) -> Delivery:
    """Return the delivery of a row that was tried before."""
    return delivery._replace(
        body=_same_bytes(entry, stored, action) or delivery.body,
        attempts=entry.attempts,
        in_doubt=entry.state is LedgerState.IN_DOUBT,
        first_sent_at=entry.first_sent_at,
        retention=entry.retention,
    )


def _same_bytes(entry: Entry, stored: bytes | None, action: str) -> bytes | None:
    """Return the bytes of earlier attempts, which every attempt of a key repeats.

    Only a row that was provably never applied may go to another action in another body: a Keen
    that moved to a new URL may know the new action alone.
    """
    if not stored:
        return None
    if entry.state is LedgerState.IN_DOUBT or json.loads(stored)["action"] == action:
        return stored
    return None
