"""Rows and what people released with `send` → the rows that may go out. Reads the ledger.

The key of a row with a date or identity values names its purchase, wherever the row stands. Without
them equal rows claim whichever key is free, so a word has to be held to what its speaker saw: it
counts for the import in which it was said, and not for one more purchase where another import has
made one since.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.ledger.contract import Choice
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
        entry.state in LIVE and entry.import_content != import_content and _is_later(entry, word)
        for entry in equals
    )


def _is_later(entry: Entry, word: Release) -> bool:
    """Whether the entry's last attempt came after the word; by the order of runs, not by clocks."""
    if entry.run_id:
        return entry.run_id > word.after_run
    return entry.last_sent_at > word.at  # a person settled it, and its run is not known any more


def find_used_words(rows: pl.DataFrame, ledger: Ledger, scope: str) -> set[int]:
    """Return those of the plan's rows whose `send` was taken, for another key than they have now.

    A word counts once. The key beside it tells the word: what was released beside it and has been
    tried since is what was meant. Nor is it for one more purchase where its own key was sent by
    another row that nothing tells from this one. Where no key stands beside a word, nothing tells
    whether it was taken, so of such a row it counts only where the row's values tell it apart.
    """
    # However it is spelt: `resolve` takes `Send_`, too.
    word = pl.col("resolution").str.to_lowercase().str.contains(Choice.SEND.value, literal=True)
    said = add_keys(rows.filter(word))
    if said.is_empty():
        return set()
    released: defaultdict[str, set[str]] = defaultdict(set)
    for beside, key in ledger.said_beside(scope, said["carried_key"].drop_nulls().to_list()):
        released[beside].add(key)
    asked = {*said["carried_key"].drop_nulls(), *chain.from_iterable(released.values())}
    contents = {entry.key: entry.content for entry in ledger.find(scope, asked)}
    used = set()
    wanted = ("row", "key", "carried_key", "content", "told_apart")
    for row, key, beside, content, told_apart in (
        said.with_columns(_TOLD_APART.alias("told_apart")).select(wanted).iter_rows()
    ):
        taken = any(other != key and other in contents for other in released[beside or ""])
        equal = beside is None or (beside != key and contents.get(beside) == content)
        if taken or (equal and not told_apart):
            used.add(row)
    return used
