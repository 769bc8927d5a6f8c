"""A column's cells → the amounts that each could mean, under either decimal sign. Pure."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from importer.reader.cells import compact, holds, refuse_kinds, replace_some, with_blanks
from importer.reader.currencies import CURRENCY_CODES, LOCAL_NAMES, ONE_CURRENCY
from importer.reader.faults import FaultCode

_MINUS: Final = "\u2212"
_APOSTROPHES: Final = "'\u2019"

_LOCAL: Final = "|".join(re.escape(name) for name in sorted(LOCAL_NAMES, key=len, reverse=True))
_CURRENCY: Final = rf"{_LOCAL}|\p{{Sc}}|[A-Za-z]{{3}}"

_DIGITS: Final = r"^[0-9.,]+$"
"""What nearly all amounts consist of; only the others need the slower pattern."""

_WRITTEN: Final = (
    rf"^(?P<a>[-+]?)(?P<b>\(?) ?(?P<before>{_CURRENCY})? ?(?P<c>\(?)(?P<d>[-+]?) ?"
    rf"(?P<body>[0-9., {_APOSTROPHES}]*[0-9])"
    rf"(?P<e>-?) ?(?P<f>\)?) ?(?P<after>{_CURRENCY})?(?P<g>\)?)(?P<h>-?)$"
)
"""Sign, brackets and currency stand in many places; _SIGNS says which combinations count."""

_SIGNS: Final = ("", "+", "-", "()")

SIMPLE_DECIMALS: Final = 2


def _certain(decimal: str, thousands: str) -> str:
    """Return the pattern of digits that mean one amount, under this decimal sign only."""
    groups = f"[1-9][0-9]{{0,2}}(?:{thousands}[0-9]{{3}}){{1,3}}"
    return f"(?:[0-9]{{1,12}}|{groups}){decimal}[0-9]{{1,{SIMPLE_DECIMALS}}}"


PROOFS: Final = {".": rf"^{_certain(r'[.]', ',')}$", ",": rf"^{_certain(',', '[.]')}$"}
"""Decimal sign → the simple cells that prove it: nobody groups by one or two digits."""
_SIMPLE: Final = {
    "auto": rf"^(?:[0-9]{{1,12}}|{_certain('[.]', ',')}|{_certain(',', '[.]')})$",
    ".": rf"^(?:[0-9]{{1,12}}|{_certain('[.]', ',')})$",
    ",": rf"^(?:[0-9]{{1,12}}|{_certain(',', '[.]')})$",
}
_CANONICAL: Final = r"^(?:0|[1-9][0-9]*)(?:\.[0-9]?[1-9])?$"
"""What of `simple_texts` is canonical as it stands."""

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
    be read so or where `decimal` rules that out; `before_three` is the sign before its last digits,
    where these are three or more; `currency` is the one that stands beside it, or that its number
    format shows.
    """
    shown = pl.col("shown") if "shown" in cells.columns else pl.lit(None, dtype=pl.String)
    plain = with_blanks(compact(cells), cells)
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
            before_three=pl.col("body").str.extract("([.,])[0-9]{3,}$"),
            currency=pl.coalesce(
                pl.when(pl.coalesce("point", "comma").is_not_null()).then("currency"), shown
            ),
        )
        .collect()
    )


def simple_texts(cells: pl.DataFrame, decimal: str) -> pl.Series:
    """Return the texts that mean one amount whatever the other cells say, as most do; else null."""
    texts, kinds = cells["text"], cells["kind"]
    simple = texts.str.contains(_SIMPLE[decimal])
    if kinds.null_count() < len(kinds):
        simple &= kinds.is_null() | kinds.is_in(["text", "number"])
        simple &= kinds.ne_missing("number") | texts.str.contains(_NUMBER)
    return texts.set(~simple.fill_null(value=False), None)


def tidy(simple: pl.Series) -> pl.Series:
    """Return the canonical amounts of `simple_texts`."""
    pointed = _with_points(simple)
    untidy = ~pointed.str.contains(_CANONICAL).fill_null(value=True)
    if not untidy.any():
        return pointed
    rest = pointed.filter(untidy).to_frame("text").with_columns(minus=pl.lit(""))
    tidied = rest.select(_canonical(pl.lit(value=True), None, pl.col("text"))).to_series()
    return replace_some(pointed, untidy, tidied)


def _with_points(simple: pl.Series) -> pl.Series:
    """Return `simple_texts` with a point for the decimal sign and nothing between thousands."""
    written = simple.str.contains(",", literal=True).fill_null(value=False)
    if not written.any():
        return simple
    text = pl.col("text")
    by_comma = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    by_point = text.str.replace_all(",", "", literal=True)
    proven = pl.when(text.str.contains(PROOFS[","])).then(by_comma).otherwise(by_point)
    return replace_some(
        simple, written, simple.filter(written).to_frame("text").select(proven).to_series()
    )


def _unwrap() -> list[pl.Expr]:
    """Return `body` (digits and their separators), `minus` ("-" or "") and `currency`."""
    part = pl.col("parts").struct.field
    sign = pl.concat_str(part(name) for name in "abcdefgh")
    before, after = part("before"), part("after")
    spelt = pl.coalesce(before, after)
    local = spelt.replace_strict(LOCAL_NAMES, default=None, return_dtype=pl.String)
    currency = pl.coalesce(local, spelt.str.to_uppercase())
    known = (
        local.is_not_null()
        | currency.str.contains(r"^\p{Sc}")
        | currency.is_in(sorted(CURRENCY_CODES))
    )
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
