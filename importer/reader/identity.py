"""Typed valid rows → the content of each, of which its idempotency key is made. Pure.

A key names one purchase for ever, so it must come out the same from CSV and Excel, in any order,
spacing, letter case and spelling, and on every version of this program. Therefore a recipe is
never edited: it fixes its own canonical form here, independent of how cells are read today, and
golden vectors in the tests freeze it. A changed canonical form is a new recipe beside the old.

Recipe 1:
    content = SHA-256 of the netstrings of
              "importer", "1", scope, batch, n, the n identity values,
              lead, name, description, amount, date, trigger ids
    key     = the first 16 bytes of SHA-256(content ‖ netstring of the occurrence) as a UUID,
              version 8, variant 10 (RFC 9562, section 5.8)

A netstring is `<bytes>:<UTF-8>,`; an absent value is `-,`. Names and identity values are NFC with
every run of Unicode white space folded to one blank; descriptions NFC; the amount fixed-point
without trailing zeros; the date in microseconds since 1970 UTC; trigger ids sorted, joined by `,`.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.cells import replace_some
from importer.reader.keys import PART_ROWS, hash_each, netstring
from importer.reader.texts import fill

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.config import Config

RECIPE: Final = 1
"""The recipe of new keys. With a second one, look-ups must try both."""

_PREFIX: Final = "8:importer,1:1,"
_UNFOLDED: Final = "[^ -~]|  |^ | $"
"""What `_fold` may change in a text."""


def add_contents(rows: pl.DataFrame, *, scope: str, batch: str) -> pl.DataFrame:
    """Return `rows` with `content` (Binary, 32 bytes) and `identity_key` (Binary or null) added.

    `rows` are valid rows as validation.judge types them. Rows equal in all that tells purchases
    apart have equal contents. `identity_key` stands for the identity columns' values where every
    one of them is filled; a half-empty order number tells nothing apart.
    """
    prefix = _PREFIX + netstring(scope) + netstring(batch)
    identity, told_apart = _identity(rows)
    values = rows.select(identity.alias("identity"), **_values(rows))
    spelling, parts = _netstrings(values.drop("identity"))
    canonical = values.lazy().select(
        fill("{}{}" + spelling, pl.lit(prefix), "identity", *parts).cast(pl.Binary)
    )
    return rows.with_columns(
        _digests(canonical, rows.height).alias("content"),
        _identity_keys(rows.select(identity.alias("identity"), told_apart.alias("told_apart")))
        if rows["identity"].null_count() < rows.height
        else pl.lit(None, dtype=pl.Binary).alias("identity_key"),
    )


def _identity_keys(named: pl.DataFrame) -> pl.Series:
    """Return the SHA-256 of each `identity` (netstrings) that is `told_apart`, else null."""
    keys = [
        hashlib.sha256(identity.encode()).digest() if told_apart else None
        for identity, told_apart in named.iter_rows()
    ]
    return pl.Series("identity_key", keys, dtype=pl.Binary)


def _identity(rows: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """Return the netstrings of the identity values, and whether they tell purchases apart."""
    if rows["identity"].null_count() == rows.height:
        return pl.lit("1:0,"), pl.lit(value=False)
    names = pl.col("identity").list.eval(_fold(pl.element()))
    written = pl.concat_str(
        _value(names.list.len().cast(pl.String)),
        names.list.eval(_value(pl.element())).list.join(""),
    )
    filled = names.list.eval(pl.element() != "").list.all()
    return written.fill_null("1:0,"), filled.fill_null(value=False)


def _values(rows: pl.DataFrame) -> dict[str, pl.Expr]:
    """Return a purchase's values as they are hashed, in the recipe's order.

    What would change nothing is not done.
    """
    triggers, counts = pl.col("trigger_ids"), rows["trigger_ids"].list.len()
    several = pl.when(triggers.list.len() > 1).then(triggers).list.sort().list.join(",")
    joined = pl.when(triggers.list.len() == 1).then(triggers.list.first()).otherwise(several)
    if (counts == 1).fill_null(value=False).all():
        joined = triggers.list.first()
    description = pl.col("product_description")
    if not _is_ascii(rows["product_description"]):
        description = description.str.normalize("NFC")
    name = pl.col("product_name")
    if rows["product_name"].str.contains(_UNFOLDED).any():
        name = _fold(name)
    return {
        "lead_id": pl.col("lead_id").str.to_lowercase(),
        "product_name": name,
        "product_description": description,
        "purchase_amount": pl.col("purchase_amount"),
        "date": pl.col("date").dt.epoch("us").cast(pl.String),
        "trigger_ids": joined,
    }


def _netstrings(values: pl.DataFrame) -> tuple[str, list[pl.Expr]]:
    """Return how the netstrings of the columns are spelt, and what fills the `{}` in that."""
    spelling, parts = "", []
    for text in values:
        lengths = text.str.len_bytes()
        if text.has_nulls():
            spelling += "{}"
            parts.append(_value(pl.col(text.name)))
        elif lengths.min() == lengths.max():  # as of ids and dates; so it is not written per row
            spelling += f"{lengths.max()!s}:{{}},"
            parts.append(pl.col(text.name))
        else:
            spelling += "{}:{},"
            parts += [pl.col(text.name).str.len_bytes().cast(pl.String), pl.col(text.name)]
    return spelling, parts


def _is_ascii(texts: pl.Series) -> bool:
    return not texts.str.contains(r"[^\x00-\x7f]").any()


def _digests(canonical: pl.LazyFrame, height: int) -> pl.Series:
    """Return the SHA-256 of each of one column's values (Binary), none of which is null."""
    digests = pl.Series([], dtype=pl.Binary)
    for start in range(0, height, PART_ROWS):
        digests.append(hash_each(canonical.slice(start, PART_ROWS).collect().to_series()))
    return digests


def import_content(contents: Iterable[bytes]) -> bytes:
    """Return the SHA-256 over the contents of a file's valid rows in any order.

    The same rows in another order, spelling or format are the same import.
    """
    return hashlib.sha256(b"".join(sorted(contents))).digest()


def import_content_of(contents: pl.Series) -> bytes:
    """Return `import_content` of a column of contents (Binary), a part at a time."""
    # polars sorts numbers ten times as fast as bytes, and their beginnings hardly ever agree.
    begin = _beginnings(contents)
    apart = begin.is_unique().all()
    ordered = contents.gather(begin.arg_sort()) if apart else contents.sort()
    digest = hashlib.sha256()
    for part in ordered.to_frame().iter_slices(PART_ROWS):
        digest.update(b"".join(part.to_series().to_list()))
    return digest.digest()


def stand_alone(contents: pl.Series) -> pl.Series:
    """Return whether each of `contents` (Binary) stands there once only (Boolean).

    In nearly every file nearly all of them do, which their first bytes, sorted, tell at a tenth
    of the cost; only those that begin alike are compared.
    """
    begin = _beginnings(contents)
    ordered = begin.sort()
    again = ordered.filter(ordered == ordered.shift(1))
    if again.is_empty():
        return pl.repeat(True, len(contents), dtype=pl.Boolean, eager=True)
    alike = begin.is_in(again.unique().implode())
    return replace_some(~alike, alike, contents.filter(alike).is_unique())


def _beginnings(contents: pl.Series) -> pl.Series:
    """Return the first 8 bytes of each as a number, which sorts as they do."""
    first = pl.Series([], dtype=pl.UInt64)
    for part in contents.to_frame().iter_slices(PART_ROWS):
        bytes_ = part.to_series().bin.slice(0, 8)
        first.append(bytes_.bin.reinterpret(dtype=pl.UInt64, endianness="big"))
    return first.rechunk()


def identity_settings(config: Config) -> str:
    """Return, as canonical JSON, the settings that change the keys of correctly read cells."""
    settings: dict[str, object] = {
        "identity.columns": list(config.identity.columns),
        "format.timezone": config.format.timezone,
    }
    # The others only where they are set, so that a ledger from before they existed agrees. What
    # makes a date another one is among them: the guard cannot see such a change, it compares dates.
    if config.columns.constants:
        settings["columns.constants"] = config.columns.constants
    if config.format.dates != "auto":
        settings["format.dates"] = config.format.dates
    if config.columns.date != type(config.columns)().date:
        settings["columns.date"] = config.columns.date
    return json.dumps(settings, ensure_ascii=False, sort_keys=True)


def _value(text: pl.Expr) -> pl.Expr:
    return fill("{}:{},", text.str.len_bytes(), text).fill_null(pl.lit("-,"))


def _fold(text: pl.Expr) -> pl.Expr:
    return text.str.normalize("NFC").str.replace_all(r"\s+", " ").str.strip_chars(" ")
