"""Typed valid rows → the content of each and the idempotency key of each occurrence. Pure.

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

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.config import Config

RECIPE: Final = 1
"""The recipe of new keys. With a second one, look-ups must try both."""

_PREFIX: Final = "8:importer,1:1,"


def add_contents(rows: pl.DataFrame, *, scope: str, batch: str) -> pl.DataFrame:
    """Return `rows` with `content` (Binary, 32 bytes) and `identity_key` (Binary or null) added.

    `rows` are valid rows as validation.judge types them. Rows equal in all that tells purchases
    apart have equal contents. `identity_key` stands for the identity columns' values where every
    one of them is filled; a half-empty order number tells nothing apart.
    """
    prefix = _PREFIX + _netstring(scope) + _netstring(batch)
    names = pl.col("identity").list.eval(_fold(pl.element()))
    canonical = rows.select(
        pl.concat_str(
            _value(names.list.len().cast(pl.String)),
            names.list.eval(_value(pl.element())).list.join(""),
        )
        .fill_null("1:0,")
        .alias("identity"),
        names.list.eval(pl.element() != "").list.all().fill_null(False).alias("told_apart"),
        pl.concat_str(
            _value(pl.col("lead_id").str.to_lowercase()),
            _value(_fold(pl.col("product_name"))),
            _value(pl.col("product_description").str.normalize("NFC")),
            _value(pl.col("purchase_amount")),
            _value(pl.col("date").dt.epoch("us").cast(pl.String)),
            _value(
                pl.when(pl.col("trigger_ids").list.len() > 0).then(
                    pl.col("trigger_ids").list.sort().list.join(",")
                )
            ),
        ).alias("purchase"),
    )
    contents = [
        hashlib.sha256(f"{prefix}{identity}{purchase}".encode()).digest()
        for identity, purchase in canonical.select("identity", "purchase").iter_rows()
    ]
    identity_keys = [
        hashlib.sha256(identity.encode()).digest() if told_apart else None
        for identity, told_apart in canonical.select("identity", "told_apart").iter_rows()
    ]
    return rows.with_columns(
        pl.Series("content", contents, dtype=pl.Binary),
        pl.Series("identity_key", identity_keys, dtype=pl.Binary),
    )


def make_key(content: bytes, occurrence: int) -> str:
    """Return the idempotency key of the `occurrence`-th (from 1) purchase with this content."""
    digest = hashlib.sha256(content + _netstring(str(occurrence)).encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 0b11]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def import_content(contents: Iterable[bytes]) -> bytes:
    """Return the SHA-256 over the contents of a file's valid rows in any order.

    The same rows in another order, spelling or format are the same import.
    """
    return hashlib.sha256(b"".join(sorted(contents))).digest()


def identity_settings(config: Config) -> str:
    """Return, as canonical JSON, the settings that change the keys of correctly read cells."""
    return json.dumps(
        {
            "identity.columns": list(config.identity.columns),
            "format.timezone": config.format.timezone,
        },
        ensure_ascii=False,
        sort_keys=True,
    )


def _netstring(text: str) -> str:
    return f"{len(text.encode())}:{text},"


def _value(text: pl.Expr) -> pl.Expr:
    present = pl.concat_str(text.str.len_bytes().cast(pl.String), pl.lit(":"), text, pl.lit(","))
    return present.fill_null(pl.lit("-,"))


def _fold(text: pl.Expr) -> pl.Expr:
    return text.str.normalize("NFC").str.replace_all(r"\s+", " ").str.strip_chars(" ")
