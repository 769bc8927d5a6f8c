"""Typed valid rows → the JSON body of each, whole columns at a time. Pure.

`PurchaseRequest.body` says what a body is; a property test holds the two to the same bytes. That
one spells out what pydantic has read; here ids and amounts go out as they are, so they are looked
at once more. A page is so short that a query costs more than its rows: there are two in all.
"""

from __future__ import annotations

import functools
from typing import Final

import polars as pl

from importer.model import encode_json
from importer.reader.plain_cells import ONE_ID
from importer.reader.texts import fill

_ESCAPED: Final = r'["\\\x00-\x1f]'
"""What a text in JSON cannot hold as it is (RFC 8259 7)."""
_AMOUNT: Final = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
"""A canonical amount, which is a number in JSON too."""
_CANONICAL: Final = {
    "lead_id": pl.col("lead_id").fill_null("").str.contains(ONE_ID.pattern).all(),
    "trigger_ids": pl.col("trigger_ids").explode().str.contains(ONE_ID.pattern).all(),
    "purchase_amount": pl.col("purchase_amount").str.contains(_AMOUNT).all(),
}
"""Column → whether all of it is spelt as it goes out."""
_TEXTS: Final = ("product_name", "product_description")
_PLAIN: Final = {name: ~pl.col(name).str.contains(_ESCAPED).any() for name in _TEXTS}
"""Column → whether JSON spells every text of it as it stands."""
_WHOLE_SECONDS: Final = (pl.col("date").dt.microsecond() == 0).all()


def write_bodies(rows: pl.DataFrame, action: str) -> list[bytes]:
    """Return `PurchaseRequest.body` of each of the valid rows, typed as validation.judge does.

    Raises ValueError where an id or an amount is not spelt as there, which is a bug.
    """
    seen = rows.select(**_CANONICAL, **_PLAIN, whole_seconds=_WHOLE_SECONDS).row(0, named=True)
    for name in _CANONICAL:
        if not seen[name]:
            raise ValueError(f"A {name} is not spelt canonically.")
    for name in _TEXTS:
        if not seen[name]:
            rows = rows.with_columns(_escape(rows[name]))
    body = _body(action, whole_seconds=seen["whole_seconds"])
    return rows.select(body=body).to_series().to_list()


@functools.lru_cache(maxsize=4)
def _body(action: str, *, whole_seconds: bool) -> pl.Expr:
    """Return how a row whose texts are escaped is spelt; to build it takes as long as a query."""
    date = pl.col("date")
    instant = date.dt.strftime("%Y-%m-%dT%H:%M:%S")
    if not whole_seconds:
        fraction = date.dt.strftime("%.6f").str.strip_chars_end("0").str.strip_chars_end(".")
        instant = pl.concat_str(instant, fraction)
    ids = pl.col("trigger_ids").list.join('","')
    members = (
        pl.lit(f'{{"action":{encode_json(action)}'),
        fill(',"lead_id":"{}"', "lead_id"),
        fill(',"product_name":"{}"', "product_name"),
        fill(',"product_description":"{}"', "product_description"),
        fill(',"purchase_amount":{}', "purchase_amount"),
        fill(',"date":"{}Z"', instant),
        pl.when(ids != "").then(fill(',"trigger_ids":["{}"]', ids)),
        pl.lit("}"),
    )
    return pl.concat_str(members, ignore_nulls=True).cast(pl.Binary)


def _escape(texts: pl.Series) -> pl.Series:
    """Return how the texts are spelt between the quotes of JSON."""
    spelt = [None if text is None else encode_json(text)[1:-1] for text in texts]
    return pl.Series(texts.name, spelt, dtype=pl.String)
