"""The plan's rows to send → deliveries, lazily and a page at a time. Reads the ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from importer.ledger.contract import LedgerState
from importer.model import Delivery
from importer.reader.identity import RECIPE, add_keys
from importer.reader.validation import build_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    import polars as pl

    from importer.ledger.contract import Entry, Ledger

PAGE_ROWS: Final = 500
"""Rows looked up at once, while all that is on its way waits: a few milliseconds."""


def make_deliveries(
    to_send: pl.DataFrame, ledger: Ledger, *, scope: str, action: str
) -> Iterator[Delivery]:
    """Yield a delivery for each row of the plan's `to_send` frame, in its order.

    The ledger is read before a page's first delivery is taken, never between two of a page.
    """
    for page in to_send.iter_slices(PAGE_ROWS):
        rows = add_keys(page)
        tried = {entry.key: entry for entry in ledger.find(scope, rows["key"].to_list())}
        bodies = {key: ledger.body(scope, key) for key in tried}
        for row in rows.iter_rows(named=True):
            key = row["key"]
            yield _delivery(row, tried.get(key), bodies.get(key), action)


def _delivery(
    row: Mapping[str, Any], entry: Entry | None, stored: bytes | None, action: str
) -> Delivery:
    request = build_request(row)
    return Delivery(
        row=row["row"],
        key=row["key"],
        recipe=RECIPE,
        content=row["content"],
        occurrence=row["occurrence"],
        identity=row["identity_key"],
        request=request,
        body=_same_bytes(entry, stored, action) or request.body(action),
        attempts=0 if entry is None else entry.attempts,
        in_doubt=entry is not None and entry.state is LedgerState.IN_DOUBT,
        first_sent_at=None if entry is None else entry.first_sent_at,
        retention=0.0 if entry is None else entry.retention,
    )


def _same_bytes(entry: Entry | None, stored: bytes | None, action: str) -> bytes | None:
    """Return the bytes of earlier attempts, which every attempt of a key repeats.

    Only a row that was provably never applied may go to another action in another body: a Keen
    that moved to a new URL may know the new action alone.
    """
    if entry is None or not stored:
        return None
    if entry.state is LedgerState.IN_DOUBT or json.loads(stored)["action"] == action:
        return stored
    return None
