"""A column's cells → amounts as canonical decimal text, or faults. Pure.

Which sign is the decimal one is proven by the column itself: `1,234` alone can be two amounts, and
only cells that can be read in one way decide which. Whatever stays unproven is refused.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.cells import EXACT_DIGITS, Reading, compact, count_refused, quote, refuse_kinds
from importer.reader.currencies import CURRENCY_CODES, ONE_CURRENCY
from importer.reader.faults import FaultCode

if TYPE_CHECKING:
    from importer.config import FormatSection, RulesSection

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


def read_amounts(cells: pl.DataFrame, layout: FormatSection, rules: RulesSection) -> Reading:
    """Return amounts in fixed point: `.`, no leading or trailing zeros, `-` only below zero.

    Nothing is ever rounded. `detail` holds both readings of an ambiguous cell, or all currencies.
    """
    shaped = _shape(cells, layout.decimal)
    decimal, notes = _prove_decimal(shaped, rules)
    if layout.decimal != "auto":
        notes = (f'Amounts read with "{layout.decimal}" as the decimal sign, as configured.',)
    currencies = shaped["currency"].drop_nulls().unique().sort().to_list()
    proven = {".": pl.coalesce("point", "comma"), ",": pl.coalesce("comma", "point")}
    value = proven.get(decimal, pl.when(~pl.col("ambiguous")).then(pl.coalesce("point", "comma")))
    judged = (
        shaped.lazy()
        .with_columns(value=value)
        .with_columns(code=pl.coalesce("refused", _judge(rules, mixed=len(currencies) > 1)))
        .select(
            value=pl.when(pl.col("code").is_null()).then("value"),
            code="code",
            detail=pl.when(pl.col("code") == FaultCode.AMBIGUOUS_AMOUNT)
            .then(pl.format("{} or {}", "point", "comma"))
            .when(pl.col("code") == FaultCode.MIXED_CURRENCIES)
            .then(pl.lit(", ".join(currencies))),
        )
    )
    return Reading(judged.collect(), (*notes, *_note_currency(shaped, currencies)))


def _shape(cells: pl.DataFrame, decimal: str) -> pl.DataFrame:
    """Return what each cell could mean.

    `point` and `comma` are its canonical amounts under either decimal sign, null where it cannot
    be read so or where `decimal` rules that out.
    """
    plain = compact(pl.col("text")).str.replace_all(_BLANK, " ").str.replace_all(_MINUS, "-")
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


def _canonical(possible: pl.Expr, spelling: str, digits: pl.Expr) -> pl.Expr:
    """Return the amount where the body is spelt so; `digits` are its digits and decimal point."""
    bare = digits.str.strip_chars_start("0")
    short = (
        pl.when(bare.str.contains(".", literal=True))
        .then(bare.str.strip_chars_end("0").str.strip_chars_end("."))
        .otherwise(bare)
    )
    whole = pl.when(short.str.contains(r"^(?:\.|$)")).then("0" + short).otherwise(short)
    signed = pl.when(whole == "0").then(whole).otherwise(pl.col("minus") + whole)
    return pl.when(possible & pl.col("body").str.contains(spelling)).then(signed)


def _prove_decimal(shaped: pl.DataFrame, rules: RulesSection) -> tuple[str, tuple[str, ...]]:
    """Return the decimal sign that the column proves ("" = none or both), and how it is known.

    What would have to be rounded proves nothing, but it can contradict. Workbook numbers have no
    decimal sign of their own, so they neither need nor give proof.
    """
    texts = shaped.filter(~pl.col("is_number"))
    alone = {
        ".": texts.filter(pl.col("point").is_not_null() & pl.col("comma").is_null()),
        ",": texts.filter(pl.col("comma").is_not_null() & pl.col("point").is_null()),
    }
    witnesses = {sign: cells for sign, cells in alone.items() if cells.height}
    if len(witnesses) == 1:
        ((sign, cells),) = witnesses.items()
        sound = cells.filter(_inexact(pl.coalesce("point", "comma"), rules).is_null())
        if sound.height:
            return sign, (
                f'Amounts read with "{sign}" as the decimal sign, proven by {quote(sound)}.',
            )
    ambiguous = texts.filter("ambiguous")
    told = []
    if len(witnesses) > 1:
        both = " and ".join(f'"{sign}" ({quote(cells)})' for sign, cells in witnesses.items())
        told.append(f"Some amounts have {both} as the decimal sign.")
    if ambiguous.height:
        refused = count_refused(ambiguous, "ambiguous amount")
        told.append(f"Nothing proves the decimal sign, and {refused}, like {quote(ambiguous)}.")
    return "", tuple(told)


def _judge(rules: RulesSection, *, mixed: bool) -> pl.Expr:
    """Return the fault of each cell that is not empty, the first that applies."""
    value = pl.col("value")
    negative = value.str.starts_with("-") & pl.lit(not rules.allow_negative)
    code = (
        pl.when(pl.col("currency").is_not_null() & pl.lit(mixed))
        .then(pl.lit(FaultCode.MIXED_CURRENCIES))
        .when(value.is_null() & pl.col("ambiguous"))
        .then(pl.lit(FaultCode.AMBIGUOUS_AMOUNT))
        .when(value.is_null())
        .then(pl.lit(FaultCode.NOT_AN_AMOUNT))
        .otherwise(
            pl.coalesce(
                _inexact(value, rules),
                pl.when(negative).then(pl.lit(FaultCode.NEGATIVE_AMOUNT)),
                pl.when(_exceeds(value, rules.max_amount)).then(pl.lit(FaultCode.AMOUNT_TOO_LARGE)),
            )
        )
    )
    return pl.when(pl.col("clean").is_not_null()).then(code)


def _inexact(value: pl.Expr, rules: RulesSection) -> pl.Expr:
    """Return the fault of a canonical amount that would have to be rounded, else null."""
    decimals = value.str.extract(r"\.([0-9]+)$").str.len_bytes()
    digits = value.str.replace_all(r"[-.]", "").str.strip_chars_start("0").str.len_bytes()
    return (
        pl.when(decimals > rules.max_decimals)
        .then(pl.lit(FaultCode.TOO_MANY_DECIMALS))
        .when(digits > EXACT_DIGITS)
        .then(pl.lit(FaultCode.AMOUNT_TOO_PRECISE))
    )


def _exceeds(value: pl.Expr, limit: Decimal) -> pl.Expr:
    """Return whether an amount, refunds included, is larger than `limit` (0 = none).

    Amounts that come this far have at most 15 digits and 6 decimals, so the cast is exact, and a
    limit beyond that binds nothing.
    """
    if not limit:
        return pl.lit(value=False)
    exact = min(limit, Decimal(10) ** (EXACT_DIGITS + 1)).quantize(Decimal("1e-6"), ROUND_FLOOR)
    amount = value.str.strip_chars_start("-").cast(pl.Decimal(38, 6), strict=False)
    return amount > pl.lit(exact, dtype=pl.Decimal(38, 6))


def _note_currency(shaped: pl.DataFrame, currencies: list[str]) -> tuple[str, ...]:
    if len(currencies) != 1:
        return ()
    proof = quote(shaped.filter(pl.col("currency").is_not_null()))
    told = f"Amounts name the currency {currencies[0]} ({proof}); only the number is sent"
    return (f"{told}, and Keen takes it in the channel's currency.",)
