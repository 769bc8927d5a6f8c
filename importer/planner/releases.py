"""Held rows and what people released → the rows that may go out. Reads the ledger.

The key of a row with a date or identity values names its purchase, wherever the row stands. Without
them equal rows of other files may claim the same key, of which perhaps only one was meant: so the
word has to be said of a row of this very import, or to stand in the row itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from importer.ledger.contract import Choice
from importer.reader.keys import add_keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.ledger.contract import Ledger


def find_released(
    held: pl.DataFrame,
    ledger: Ledger,
    scope: str,
    import_content: Callable[[], bytes],
    *,
    in_itself: bool = True,
) -> set[int]:
    """Return those of the `held` rows (the plan's) that a person released.

    `import_content` returns that of the file at hand. `in_itself`: whether `send` in the row counts
    for the key that it carries, once it was released at all.
    """
    if held.is_empty():
        return set()
    keyed = add_keys(held).select(
        "row",
        "key",
        pl.col("date").is_not_null() | pl.col("identity_key").is_not_null(),
        (pl.col("carried_key") == pl.col("key"))
        & (pl.col("resolution").str.strip_chars().str.to_lowercase() == Choice.SEND.value),
    )
    released = ledger.released(scope, keyed["key"].to_list())
    return {
        row
        for row, key, told_apart, says_so in keyed.iter_rows()
        if key in released
        and (told_apart or (in_itself and says_so) or import_content() in released[key])
    }
