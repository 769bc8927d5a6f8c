"""A kept results file as read again, and this run's results → rows whose words still wait. Pure.

Only looks into the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.ledger.contract import LedgerState
from importer.model import RELEASABLE

if TYPE_CHECKING:
    from importer.ledger.contract import Ledger


def count_waiting_words(
    kept: pl.DataFrame,
    results: pl.DataFrame,
    ledger: Ledger,
    scope: str,
    import_content: bytes,
) -> int:
    """Return how many rows of `kept` (a Reading's) have a keen_resolution that was never taken.

    `import_content` is that of the import at hand, of which a word on a row without a date has to
    be said. A word for a row that was settled or released since, or sent again, waits no more.
    """
    wanted = ("resolution", "carried_key", "carried_attempts", "date")
    words = kept.select(wanted).drop_nulls(["resolution", "carried_key"])
    if words.is_empty():
        return 0
    keys = words["carried_key"].unique().to_list()
    entries = {entry.key: entry for entry in ledger.find(scope, keys)}
    released = ledger.released(scope, keys)
    held = set(results.filter(pl.col("status").is_in(RELEASABLE))["idempotency_key"])
    waiting = 0
    for _, key, attempts, date in words.iter_rows():
        entry = entries.get(key)
        if entry is None:
            imports = released.get(key)
            waits = imports is None or (date is None and import_content not in imports)
        elif entry.state is LedgerState.IN_DOUBT:
            waits = attempts == str(entry.attempts)
        else:
            waits = key in held
        waiting += waits
    return waiting
