"""Rows and what people released with `send` → the rows that may go out. Reads the ledger.

The key of a row with a date or identity values names its purchase, wherever the row stands. Without
them equal rows claim whichever key is free, so a word has to be held to what its speaker saw: it
counts for the import in which it was said, and not for one more purchase where another import has
made one since.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.planner.guard import LIVE
from importer.reader.keys import add_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.ledger.contract import Entry, Ledger, Release

_TOLD_APART: Final = pl.col("date").is_not_null() | pl.col("identity_key").is_not_null()


def find_released(
    held: pl.DataFrame, ledger: Ledger, scope: str, import_content: Callable[[], bytes]
) -> set[int]:
    """Return those of the `held` rows (the plan's) that a person released.

    `import_content` returns that of the file at hand.
    """
    if held.is_empty():
        return set()
    keyed = add_keys(held).select("row", "key", "content", _TOLD_APART.alias("told_apart"))
    words = ledger.released(scope, keyed["key"].to_list())
    keyed = keyed.filter(keyed["key"].is_in(list(words)))
    found = set(keyed.filter("told_apart")["row"])
    alike = keyed.filter(~keyed["told_apart"])
    if alike.is_empty():
        return found
    equals: defaultdict[bytes, list[Entry]] = defaultdict(list)
    for entry in ledger.find_content(scope, alike["content"].unique().to_list()):
        equals[entry.content].append(entry)
    for row, key, content, _ in alike.iter_rows():
        if any(_counts(word, import_content(), equals[content]) for word in words[key]):
            found.add(row)
    return found


def _counts(word: Release, import_content: bytes, equals: Sequence[Entry]) -> bool:
    """Whether the word was said of this import, and no other has made an equal purchase since."""
    return word.import_content == import_content and not any(
        entry.state in LIVE
        and entry.import_content != import_content
        and entry.last_sent_at > word.at
        for entry in equals
    )


def find_used_words(rows: pl.DataFrame, ledger: Ledger, scope: str) -> set[int]:
    """Return those of the plan's rows whose word stands beside the key of an equal purchase.

    The row is another one by now: its own was sent meanwhile, or another import tried it.
    """
    said = rows.filter(
        pl.col("resolution").is_not_null() & pl.col("carried_key").is_not_null() & ~_TOLD_APART
    )
    moved = add_keys(said).filter(pl.col("key") != pl.col("carried_key"))
    contents = {
        entry.key: entry.content for entry in ledger.find(scope, moved["carried_key"].to_list())
    }
    return {
        row
        for row, carried_key, content in moved.select("row", "carried_key", "content").iter_rows()
        if contents.get(carried_key) == content
    }
