"""A column's cells → the amounts that each could mean, under either decimal sign. Pure."""

from __future__ import annotations

from typing import Final

import polars as pl

from importer.reader.cells import compact, holds, refuse_kinds
from importer.reader.currencies import CURRENCY_CODES, ONE_CURRENCY
from importer.reader.faults import FaultCode

_BLANK: Final = "[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
"""The blanks on one line that people group digits with; a tab or line break is no such thing."""

_MINUS: Final = "\u2212"
_APOSTROPHES: Final = "'\u2019"

_CURRENCY: Final = r"\p{Sc}|[A-Za-z]{3}"

_DIGITS: Final = r"^[0-9.,]+$"
"""What nearly all amounts consist of; only the others need the slower pattern."""

_WRITTEN: Final = (
    rf"^(?P<a>[-+]?)(?P<b>\(?) ?(?P<before>{_CURRENCY})? ?(?P<c>\(?)(?P<d>[-+]?) ?"
    rf"(?P<body>[0-9., {_APOSTROPHES}]*[0-9])"
    rf"(?P<e>-?) ?(?P<f>\)?) ?(?P<after>{_CURRENCY})?(?P<g>\)?)(?P<h>-?)$"
)
"""Sign, brackets and currency stand in many places; _SIGNS says which combinations count."""

_SIGNS: Final = ("", "+", "-", "()")

_SIMPLE: Final = r"^[0-9]{1,12}(?:\.[0-9]{1,2})?$"

_NUMBER: Final = r"^-?[0-9]+(?:\.[0-9]+)?$"
"""How a workbook's numbers arrive (table.CELL_KIND)."""

_REFUSED_KINDS: Final = dict.fromkeys(("boolean", "date", "time"), FaultCode.NOT_AN_AMOUNT)


def _spelling(decimal: str, thousands: str) -> str:
    """Return the pattern of an amount's digits under one decimal sign."""
    groups = "|".join(
        f"[1-9][0-9]{{0,2}}(?:{gap}[0-9]{{3}})+" for gap in (thousands, f"[{_APOSTROPHES}]", " ")
    )
    return rf"^(?:(?:[0-9]+|{groups})(?:{decimal}[0-9]+)?|{decimal}[0-9]+)$"


_POINT_SPELLING: Final = _spelling(r"\.", ",")
_COMMA_SPELLING: Final = _spelling(",", r"\.")


def shape(cells: pl.DataFrame, decimal: str) -> pl.DataFrame:
    """Return what each cell could mean.

    `point` and `comma` are its canonical amounts under either decimal sign, null where it cannot
    be read so or where `decimal` rules that out.
    """
    simple = _shape_simple(cells, decimal)
    if simple is not None:
        return simple
    plain = compact(cells)
    if holds(cells, _BLANK):
        plain = plain.str.replace_all(_BLANK, " ")
    if holds(cells, _MINUS):
        plain = plain.str.replace_all(_MINUS, "-")
    is_number = pl.col("kind").eq_missing("number")
    points, commas = is_number | pl.lit(decimal != ","), ~is_number & pl.lit(decimal != ".")
    digits = pl.col("body").str.replace_all(f"[ {_APOSTROPHES}]", "")
    return (
        cells.lazy()
        .with_columns(clean=plain)
        .with_columns(clean=pl.when(pl.col("clean") != "").then("clean"), is_number=is_number)
        .with_columns(
            refused=refuse_kinds(pl.col("clean"), _REFUSED_KINDS),
            plain=pl.col("clean").str.contains(_DIGITS),
            readable=~pl.col("is_number") | pl.col("clean").str.contains(_NUMBER),
        )
        .with_columns(
            parts=pl.when(~pl.col("plain")).then("clean").str.extract_groups(_WRITTEN),
        )
        .with_columns(_unwrap())
        .with_columns(
            point=_canonical(points, _POINT_SPELLING, digits.str.replace_all(",", "")),
            comma=_canonical(
                commas,
                _COMMA_SPELLING,
                digits.str.replace_all(".", "", literal=True).str.replace(",", "."),
            ),
        )
        .select(
            "row",
            "text",
            "clean",
            "is_number",
            "refused",
            "point",
            "comma",
            ambiguous=pl.col("point").ne(pl.col("comma")).fill_null(value=False),
            currency=pl.when(pl.coalesce("point", "comma").is_not_null()).then("currency"),
        )
        .collect()
    )


def _shape_simple(cells: pl.DataFrame, decimal: str) -> pl.DataFrame | None:
    """Return what `shape` does where the whole column is written like `1234.50`, else None.

    So are most columns, and all that `shape` looks for would take ten times as long. A point
    before one or two digits is no thousands separator, so only whole numbers have a `comma`.
    """
    if decimal == "," or not cells["text"].str.contains(_SIMPLE).fill_null(value=True).all():
        return None
    unknown = cells["kind"].drop_nulls().unique().to_list()
    if not set(unknown) <= {"number", "text"}:
        return None
    is_number = pl.col("kind").eq_missing("number")
    no_text = pl.lit(None, dtype=pl.String)
    text = pl.col("text")
    typed = cells.with_columns(body=text, minus=pl.lit(""))
    whole = ~text.str.contains(".", literal=True) & ~is_number & pl.lit(decimal != ".")
    return typed.with_columns(
        clean="text",
        is_number=is_number,
        refused=no_text,
        point=_canonical(pl.lit(value=True), None, text),
    ).select(
        *("row", "text", "clean", "is_number", "refused", "point"),
        comma=pl.when(whole).then("point"),
        ambiguous=pl.lit(value=False),
        currency=no_text,
    )


def _unwrap() -> list[pl.Expr]:
    """Return `body` (digits and their separators), `minus` ("-" or "") and `currency`."""
    part = pl.col("parts").struct.field
    sign = pl.concat_str(part(name) for name in "abcdefgh")
    before, after = part("before"), part("after")
    currency = pl.coalesce(before, after).str.to_uppercase()
    known = currency.str.contains(r"^\p{Sc}") | currency.is_in(sorted(CURRENCY_CODES))
    sound = sign.is_in(_SIGNS) & (before.is_null() | after.is_null()) & known.fill_null(value=True)
    return [
        pl.when(~pl.col("readable"))
        .then(None)
        .when(pl.col("plain"))
        .then("clean")
        .when(sound)
        .then(part("body"))
        .alias("body"),
        pl.when(sign.is_in(["-", "()"])).then(pl.lit("-")).otherwise(pl.lit("")).alias("minus"),
        currency.replace(ONE_CURRENCY).alias("currency"),
    ]


def _canonical(possible: pl.Expr, spelling: str | None, digits: pl.Expr) -> pl.Expr:
    """Return the amount where the body is spelt so; `digits` are its digits and decimal point.

    Without a `spelling` the body is known to be sound.
    """
    bare = digits.str.strip_chars_start("0")
    short = (
        pl.when(bare.str.contains(".", literal=True))
        .then(bare.str.strip_chars_end("0").str.strip_chars_end("."))
        .otherwise(bare)
    )
    whole = pl.when(short.str.contains(r"^(?:\.|$)")).then("0" + short).otherwise(short)
    signed = pl.when(whole == "0").then(whole).otherwise(pl.col("minus") + whole)
    sound = possible if spelling is None else possible & pl.col("body").str.contains(spelling)
    return pl.when(sound).then(signed)
