"""A column's cells → amounts as canonical decimal text, or faults. Pure.

Which sign is the decimal one is proven by the column itself: `1,234` alone can be two amounts, and
only cells that can be read in one way decide which. Whatever stays unproven is refused.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.amount_shapes import PROOFS, SIMPLE_DECIMALS, shape, simple_texts, tidy
from importer.reader.cells import EXACT_DIGITS, Reading, count_refused
from importer.reader.currencies import SIGNS
from importer.reader.faults import FaultCode
from importer.reader.notes import note
from importer.reader.plain_cells import complete

if TYPE_CHECKING:
    from importer.config import FormatSection, RulesSection
    from importer.reader.notes import Note


_PART_ROWS: Final = 50_000


def read_amounts(cells: pl.DataFrame, layout: FormatSection, rules: RulesSection) -> Reading:
    """Return amounts in fixed point: `.`, no leading or trailing zeros, `-` only below zero.

    Nothing is ever rounded. `detail` holds both readings of an ambiguous cell, all currencies
    of a mixed column, or the one that is configured.
    """
    texts = simple_texts(cells, layout.decimal)
    values, others = tidy(texts), _need_judging(cells, texts)
    if rules.max_amount:
        too_large = pl.select(_exceeds(pl.lit(values), rules.max_amount)).to_series()
        others |= too_large.fill_null(value=False)
    if 2 * others.sum() >= cells.height or rules.max_decimals < SIMPLE_DECIMALS:
        return _read(cells, layout, rules)
    # Of the simple cells, whose amounts are certain, only the first of either decimal sign proves
    # more.
    typed = texts.set(cells["kind"].eq_missing("number"), None)
    first = [_first(typed, pattern) for pattern in PROOFS.values()]
    others |= pl.int_range(cells.height, eager=True).is_in(first)
    return complete(values, others, _read(cells.filter(others), layout, rules))


def _first(texts: pl.Series, pattern: str) -> int | None:
    """Return where the first text is that has the pattern."""
    before = 0
    for part in texts.to_frame().iter_slices(_PART_ROWS):
        found = part.to_series().str.contains(pattern).arg_true()
        if len(found):
            return before + int(found[0])
        before += part.height
    return None


def _need_judging(cells: pl.DataFrame, simple: pl.Series) -> pl.Series:
    """Return which cells are neither empty nor `simple` (texts), or say more than their text."""
    others = simple.is_null() & cells["text"].is_not_null()
    if cells["kind"].null_count() < cells.height:
        others |= simple.is_null() & cells["kind"].is_not_null()
    if "shown" in cells.columns:
        others |= cells["shown"].is_not_null()
    return others


def _read(cells: pl.DataFrame, layout: FormatSection, rules: RulesSection) -> Reading:
    """Do what `read_amounts` does for cells of every spelling."""
    shaped = shape(cells, layout.decimal)
    if "shown" in cells.columns:
        shaped = shaped.with_columns(currency=pl.coalesce("currency", cells["shown"]))
    decimal, notes = _prove_decimal(shaped, rules)
    if layout.decimal != "auto":
        notes = (note(f'Amounts read with "{layout.decimal}" as the decimal sign, as configured.'),)
    currencies = shaped["currency"].drop_nulls().unique().sort().to_list()
    proven = {".": pl.coalesce("point", "comma"), ",": pl.coalesce("comma", "point")}
    value = proven.get(decimal, pl.when(~pl.col("ambiguous")).then(pl.coalesce("point", "comma")))
    judged = (
        shaped.lazy()
        .with_columns(value=value)
        .with_columns(
            code=pl.coalesce("refused", _judge(rules, _other_currency(layout, currencies)))
        )
        .select(
            value=pl.when(pl.col("code").is_null()).then("value"),
            code="code",
            detail=pl.when(pl.col("code") == FaultCode.AMBIGUOUS_AMOUNT)
            .then(pl.format("{} or {}", "point", "comma"))
            .when(pl.col("code") == FaultCode.MIXED_CURRENCIES)
            .then(pl.lit(", ".join(currencies)))
            .when(pl.col("code") == FaultCode.WRONG_CURRENCY)
            .then(pl.lit(layout.currency)),
        )
    )
    return Reading(judged.collect(), (*notes, *_note_currency(shaped, currencies)))


def _prove_decimal(shaped: pl.DataFrame, rules: RulesSection) -> tuple[str, tuple[Note, ...]]:
    """Return the decimal sign that the column proves ("" = none or both), and how it is known.

    What would have to be rounded proves nothing, but it can contradict. Workbook numbers have no
    decimal sign of their own, so they neither need nor give proof.
    """
    texts = shaped.lazy().filter(~pl.col("is_number"))
    alone = {
        ".": texts.filter(pl.col("point").is_not_null() & pl.col("comma").is_null()),
        ",": texts.filter(pl.col("comma").is_not_null() & pl.col("point").is_null()),
    }
    first = {sign: cells.head(1).collect() for sign, cells in alone.items()}
    witnesses = {sign: cells for sign, cells in first.items() if cells.height}
    if len(witnesses) == 1:
        (sign,) = witnesses
        exact = _inexact(pl.coalesce("point", "comma"), rules).is_null()
        sound = alone[sign].filter(exact).head(1).collect()
        if sound.height:
            return sign, (
                note(f'Amounts read with "{sign}" as the decimal sign, proven by {{}}.', sound),
            )
    ambiguous = texts.filter("ambiguous").collect()
    told = []
    if len(witnesses) > 1:
        both = " and ".join(f'"{sign}" ({{}})' for sign in witnesses)
        told.append(note(f"Some amounts have {both} as the decimal sign.", *witnesses.values()))
    if ambiguous.height:
        refused = count_refused(ambiguous, "ambiguous amount")
        told.append(
            note(f"Nothing proves the decimal sign, and {refused}, for example {{}}.", ambiguous)
        )
    return "", tuple(told)


def _other_currency(layout: FormatSection, currencies: list[str]) -> pl.Expr:
    """Return the fault of each cell that carries a currency which cannot be the file's, else null.

    A sign that several countries use, such as `$`, is the configured currency where it can be.
    """
    currency = pl.col("currency")
    if layout.currency:
        allowed = [layout.currency, *(s for s, m in SIGNS.items() if layout.currency in m)]
        return pl.when(~currency.is_in(allowed)).then(pl.lit(FaultCode.WRONG_CURRENCY))
    mixed = currency.is_not_null() & pl.lit(len(currencies) > 1)
    return pl.when(mixed).then(pl.lit(FaultCode.MIXED_CURRENCIES))


def _judge(rules: RulesSection, other_currency: pl.Expr) -> pl.Expr:
    """Return the fault of each cell that is not empty, the first that applies."""
    value = pl.col("value")
    negative = value.str.starts_with("-") & pl.lit(not rules.allow_negative)
    code = (
        pl.when(other_currency.is_not_null())
        .then(other_currency)
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


def _note_currency(shaped: pl.DataFrame, currencies: list[str]) -> tuple[Note, ...]:
    if len(currencies) != 1:
        return ()
    proof = shaped.filter(pl.col("currency").is_not_null())
    named = currencies[0].replace("{", "{{").replace("}", "}}")  # a format may name anything
    told = f"Amounts name the currency {named} ({{}}); only the number is sent"
    return (note(f"{told}, and Keen takes it in the channel's currency.", proof),)
