"""Typed valid rows → the JSON body of each, whole columns at a time. Pure.

`PurchaseRequest.body` says what a body is; a property test holds the two to the same bytes. That
one spells out what pydantic has read; here ids and amounts go out as they are, so they are looked
at once more.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from importer.model import encode_json
from importer.reader.plain_cells import ONE_ID
from importer.reader.texts import fill

_ESCAPED: Final = r'["\\\x00-\x1f]'
"""What a text in JSON cannot hold as it is (RFC 8259 7)."""
_AMOUNT: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
"""A canonical amount, which is a number in JSON too."""


def write_bodies(rows: pl.DataFrame, action: str) -> list[bytes]:
    """Return `PurchaseRequest.body` of each of the valid rows, typed as validation.judge does.

    Raises ValueError where an id or an amount is not spelt as there, which is a bug.
    """
    for texts, spelling in (
        (rows["lead_id"].fill_null(""), ONE_ID.pattern),
        (rows["trigger_ids"].explode(), ONE_ID.pattern),
        (rows["purchase_amount"], _AMOUNT),
    ):
        if not texts.str.contains(spelling).all():
            raise ValueError(f"A {texts.name} is not spelt canonically.")
    date = pl.col("date")
    seconds = date.dt.strftime('"date":"%Y-%m-%dT%H:%M:%S')
    fraction = date.dt.strftime("%.6f").str.strip_chars_end("0").str.strip_chars_end(".")
    ids = pl.col("trigger_ids").list.join('","')
    members = (
        pl.lit(f'"action":{encode_json(action)}'),
        fill('"lead_id":"{}"', "lead_id"),
        fill('"product_name":{}', _quote(rows["product_name"])),
        fill('"product_description":{}', _quote(rows["product_description"])),
        fill('"purchase_amount":{}', "purchase_amount"),
        fill('{}{}Z"', seconds, fraction),
        pl.when(ids != "").then(fill('"trigger_ids":["{}"]', ids)),
    )
    joined = pl.concat_str(members, separator=",", ignore_nulls=True)
    written = rows.select(body=pl.concat_str(pl.lit("{"), joined, pl.lit("}")).cast(pl.Binary))
    return written["body"].to_list()


def _quote(texts: pl.Series) -> pl.Expr:
    """Return how the texts of a column are spelt in JSON."""
    if not texts.str.contains(_ESCAPED).any():
        return fill('"{}"', pl.col(texts.name))
    spelt = [None if text is None else encode_json(text) for text in texts]
    return pl.lit(pl.Series(spelt, dtype=pl.String))
