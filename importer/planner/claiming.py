"""Keyless rows and a ledger → each row's occurrence and key, and which row stands for its twins.

Reads the ledger, page by page. Whole columns at once where nothing has to be told apart.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.planner.claims import Claim, Claimant, claim
from importer.reader.identity import make_first_keys

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from importer.ledger.contract import Entry, Ledger

PAGE_ROWS: Final = 5_000
"""Rows looked up at once; bounds how many ledger entries are in memory."""


def add_claims(rows: pl.DataFrame, ledger: Ledger, scope: str, content: bytes) -> pl.DataFrame:
    """Return `rows` (with `content`) with `occurrence` and `key`; `content` is the import's.

    A row of which nothing is known is the first of its content.
    """
    unique = rows.select(pl.col("content").is_unique()).to_series()
    blank = ledger.is_blank(scope)
    claims: list[Claim] = []
    for page in rows.filter(unique).iter_slices(PAGE_ROWS):
        entries = [] if blank else list(ledger.find_content(scope, page["content"].to_list()))
        known = pl.Series([entry.content for entry in entries], dtype=pl.Binary).implode()
        told = page.filter(pl.col("carried_key").is_not_null() | pl.col("content").is_in(known))
        claims += _claim_page(told, entries, content)
    twins = rows.filter(~unique)
    if twins.height:
        contents = twins["content"].unique().to_list()
        entries = [] if blank else list(ledger.find_content(scope, contents))
        claims += _claim_page(twins, entries, content)
    claimed = pl.DataFrame(
        {
            "row": [one.row for one in claims],
            "occurrence": [one.occurrence for one in claims],
            "claimed_key": [one.key for one in claims],
        },
        schema={"row": pl.UInt32, "occurrence": pl.UInt32, "claimed_key": pl.String},
    )
    keyed = rows.with_columns(make_first_keys(rows["content"]).alias("key"))
    if claims:
        keyed = keyed.join(claimed, on="row", how="left", maintain_order="left").with_columns(
            pl.col("occurrence").fill_null(1), pl.coalesce("claimed_key", "key").alias("key")
        )
    else:
        keyed = keyed.with_columns(pl.lit(1, dtype=pl.UInt32).alias("occurrence"))
    return keyed.drop("claimed_key", strict=False)


def add_twins(rows: pl.DataFrame, live: Collection[str]) -> pl.DataFrame:
    """Return `rows` with `twin_row`: the row that stands for the same purchase, null in that row.

    That is one whose key may have been applied (`live`), wherever it stands in the file, else the
    one of the lowest occurrence: else a held duplicate would go out as soon as somebody sorts the
    file so that it stands before the created row.
    """
    twins = rows.filter(pl.col("content").is_duplicated()).select(
        "row",
        "content",
        "occurrence",
        pl.col("key").is_in(pl.Series(list(live), dtype=pl.String).implode()).alias("live"),
    )
    if not twins.height:
        return rows.with_columns(pl.lit(None, dtype=pl.UInt32).alias("twin_row"))
    first = twins.sort(~pl.col("live"), "occurrence").group_by("content", maintain_order=True)
    standing = twins.join(
        first.agg(pl.col("row").first().alias("twin_row")), on="content", maintain_order="left"
    ).filter(pl.col("row") != pl.col("twin_row"))
    return rows.join(
        standing.select("row", "twin_row"), on="row", how="left", maintain_order="left"
    )


def _claim_page(page: pl.DataFrame, entries: Iterable[Entry], import_content: bytes) -> list[Claim]:
    """Return the rows' claims; all rows and entries of a content must be among those given."""
    groups: defaultdict[bytes, list[Claimant]] = defaultdict(list)
    for row, content, carried_key, carried_status, dated, identity in page.select(
        "row",
        "content",
        "carried_key",
        "carried_status",
        pl.col("date").is_not_null(),
        "identity_key",
    ).iter_rows():
        told_apart = dated or identity is not None
        groups[content].append(Claimant(row, carried_key, carried_status, told_apart))
    known: defaultdict[bytes, list[Entry]] = defaultdict(list)
    for entry in entries:
        known[entry.content].append(entry)
    return [
        made
        for content, claimants in groups.items()
        for made in claim(content, claimants, known[content], import_content)
    ]
