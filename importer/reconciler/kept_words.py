"""A kept results file as read again, and this run's results → rows whose words still wait. Pure.

Only looks into the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.ledger.contract import LedgerState
from importer.model import SETTLED_BY_WORDS

if TYPE_CHECKING:
    from importer.ledger.contract import Ledger
    from importer.reader.reader import Reading


def count_waiting_words(
    kept: Reading,
    results: pl.DataFrame,
    ledger: Ledger,
    scope: str,
    import_content: bytes,
) -> int:
    """Return how many rows of `kept` have a keen_resolution that was never taken.

    `import_content` is that of the import at hand: where neither date nor identity values tell a
    row from equal ones, a word has to be said in it. A word for a row that was settled or released
    since, or sent again, waits no more.
    """
    rows = kept.rows
    named = rows.filter("valid").filter(kept.contents["identity_key"].is_not_null())["row"]
    told_apart = rows["date"].is_not_null() | rows["row"].is_in(named.implode())
    wanted = ("resolution", "carried_key", "carried_attempts", "told_apart")
    words = (
        rows.with_columns(told_apart.alias("told_apart"))
        .select(wanted)
        .drop_nulls(["resolution", "carried_key"])
    )
    if words.is_empty():
        return 0
    keys = words["carried_key"].unique().to_list()
    entries = {entry.key: entry for entry in ledger.find(scope, keys)}
    released = ledger.released(scope, keys)
    held = set(results.filter(pl.col("status").is_in(SETTLED_BY_WORDS))["idempotency_key"])
    waiting = 0
    for _, key, attempts, told_apart in words.iter_rows():
        entry = entries.get(key)
        said = released.get(key, ())
        is_taken = any(told_apart or word.import_content == import_content for word in said)
        if entry is None:
            waits = not is_taken
        elif entry.state is LedgerState.IN_DOUBT:
            waits = attempts == str(entry.attempts)
        else:
            waits = key in held and not is_taken and attempts == str(entry.attempts)
        waiting += waits
    return waiting
