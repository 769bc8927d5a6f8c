"""Keyless rows and a ledger → each row's occurrence and key, and which row stands for its twins.

Reads the ledger, page by page. Whole columns at once where nothing has to be told apart.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.ledger.contract import LedgerState
from importer.planner.claims import Claim, Claimant, claim
from importer.reader.identity import stand_alone
from importer.reader.keys import add_keys, make_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from importer.ledger.contract import Entry, Ledger

PAGE_ROWS: Final = 5_000
"""Rows looked at one by one at once; bounds how many ledger entries are in memory."""


def add_claims(
    rows: pl.DataFrame, ledger: Ledger, scope: str, import_content: Callable[[], bytes]
) -> pl.DataFrame:
    """Return `rows` (with `content`) with `occurrence`, `alone`, `is_created` and `asked`.

    `import_content` returns the import's own, for where anything is known. `alone`: no other row
    has this content; `is_created`: the row's purchase is known to be created; `asked`: the ledger
    has to be asked what it knows of the key. Of the others it knows nothing: such a row is the
    first of its content.
    """
    content = b"" if ledger.is_blank(scope) else import_content()
    rows = rows.with_columns(stand_alone(rows["content"]).alias("alone"))
    plain = _claim_plainly(rows, ledger, scope, content)
    claims = _claim_one_by_one(rows.filter(~plain["plain"]), ledger, scope, content)
    created = plain["plain"] & plain["state"].eq_missing(LedgerState.CREATED.value)
    return rows.with_columns(
        _occurrences(rows, claims),
        created.alias("is_created"),
        (~plain["plain"] | (plain["state"].is_not_null() & ~created)).alias("asked"),
    )


def _occurrences(rows: pl.DataFrame, claims: list[Claim]) -> pl.Series:
    """Return the occurrence that each row claims, the first where it has no claim of its own."""
    if not claims:
        return pl.repeat(1, rows.height, dtype=pl.UInt32, eager=True).alias("occurrence")
    claimed = pl.DataFrame(
        {"row": [one.row for one in claims], "occurrence": [one.occurrence for one in claims]},
        schema={"row": pl.UInt32, "occurrence": pl.UInt32},
    )
    told = rows.select("row").join(claimed, on="row", how="left", maintain_order="left")
    return told["occurrence"].fill_null(1)


def _claim_plainly(
    rows: pl.DataFrame, ledger: Ledger, scope: str, import_content: bytes
) -> pl.DataFrame:
    """Return, a row each, `plain` and `state` (String; null: nothing is known of the content).

    Plain is a row that is the first of its content by `claim`'s rules, told of whole columns: it
    stands alone in the file, carries no key but its own, and of its content the ledger knows
    nothing, or one entry that is the first and is not passed over.
    """
    known = _read_standings(rows, ledger, scope, import_content)
    if known.is_empty():  # to join a million rows with nothing takes a tenth of a gigabyte
        return rows.select(
            pl.lit(None, dtype=pl.String).alias("state"),
            (pl.col("alone") & _carries_no_other_key(rows)).alias("plain"),
        )
    told_apart = pl.col("date").is_not_null() | pl.col("identity_key").is_not_null()
    passed_over = ~told_apart & ~pl.col("here") & (pl.col("state") != LedgerState.REJECTED.value)
    only_first = (pl.col("entries") == 1) & (pl.col("first") == 1)
    return (
        # Few columns: a copy of a million rows takes a quarter of a gigabyte.
        rows.select("content", "date", "identity_key", "alone")
        .with_columns(_carries_no_other_key(rows).alias("carries_no_other"))
        .join(known, on="content", how="left", maintain_order="left")
        .select(
            "state",
            (
                pl.col("alone")
                & pl.col("carries_no_other")
                & (pl.col("state").is_null() | (only_first & ~passed_over))
            ).alias("plain"),
        )
    )


def _carries_no_other_key(rows: pl.DataFrame) -> pl.Series:
    """Return whether each row carries no key, or the one that it has as first of its content."""
    carried = rows["carried_key"]
    if carried.null_count() == rows.height:
        return carried.is_null()
    own = make_keys(rows.select("content", pl.lit(1).alias("occurrence")))
    return carried.is_null() | (carried == own)


def _read_standings(
    rows: pl.DataFrame, ledger: Ledger, scope: str, import_content: bytes
) -> pl.DataFrame:
    """Return what the ledger knows of the rows' contents, one row a content.

    `entries` counts those of the content, `first` is the occurrence of one of them, `state` its
    state; `here`: its last attempt was made by the import of `import_content`.
    """
    schema = {
        "content": pl.Binary(),
        "first": pl.UInt32(),
        "state": pl.String(),
        "here": pl.UInt8(),
    }
    found = [pl.DataFrame(schema=schema)]
    if not ledger.is_blank(scope):
        for page in ledger.standings(scope, rows["content"], import_content=import_content):
            columns = zip(schema.items(), zip(*page, strict=True), strict=True)
            found.append(pl.DataFrame([pl.Series(n, v, dtype=t) for (n, t), v in columns]))
    standings = pl.concat(found).with_columns(pl.col("here").cast(pl.Boolean))
    if stand_alone(standings["content"]).all():
        return standings.with_columns(pl.lit(1, dtype=pl.UInt32).alias("entries"))
    return standings.group_by("content").agg(
        pl.col("first", "state", "here").first(), pl.len().alias("entries")
    )


def _claim_one_by_one(
    odd: pl.DataFrame, ledger: Ledger, scope: str, import_content: bytes
) -> list[Claim]:
    """Return the claims of those rows; all rows of a content must be among them."""
    twins = odd.filter(~pl.col("alone"))
    pages = [*odd.filter("alone").iter_slices(PAGE_ROWS), *([twins] if twins.height else [])]
    claims: list[Claim] = []
    for page in pages:
        entries = ledger.find_content(scope, page["content"].unique().to_list())
        claims += _claim_page(page, entries, import_content)
    return claims


def add_twins(rows: pl.DataFrame, live: Collection[str]) -> pl.DataFrame:
    """Return `rows` with `twin_row`: the row that stands for the same purchase, null in that row.

    That is one whose key may have been applied (`live`), wherever it stands in the file, else the
    one of the lowest occurrence: else a held duplicate would go out as soon as somebody sorts the
    file so that it stands before the created row. `rows` are those of `add_claims`.
    """
    twins = add_keys(rows.filter(~pl.col("alone"))).select(
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
