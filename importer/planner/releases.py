"""Held rows and what people released → the rows that may go out. Reads the ledger.

The key of a row with a date or identity values names its purchase, wherever the row stands. Without
them equal rows of other files may claim the same key, of which perhaps only one was meant: so the
word has to be said of a row of this very import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.reader.keys import add_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.ledger.contract import Ledger


def find_released(
    held: pl.DataFrame, ledger: Ledger, scope: str, import_content: Callable[[], bytes]
) -> set[int]:
    """Return those of the `held` rows (the plan's) that a person released.

    `import_content` returns that of the file at hand.
    """
    if held.is_empty():
        return set()
    told_apart = pl.col("date").is_not_null() | pl.col("identity_key").is_not_null()
    keyed = add_keys(held).select("row", "key", told_apart.alias("told_apart"))
    released = ledger.released(scope, keyed["key"].to_list())
    return {
        row
        for row, key, is_told_apart in keyed.iter_rows()
        if key in released and (is_told_apart or import_content() in released[key])
    }
