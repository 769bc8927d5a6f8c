"""A column's cells → amounts as canonical decimal text, or faults. Pure.

How the column is written is proven by all of its cells (`amount_style.py`). Whatever stays unproven
is refused.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

import polars as pl

from importer.reader.amount_shapes import SIMPLE_DECIMALS, shape, simple_texts, tidy
from importer.reader.amount_style import (
    AmountStyle,
    inexact,
    need_judging,
    prove_style,
    weigh_amounts,
)
from importer.reader.cells import EXACT_DIGITS, Reading
from importer.reader.currencies import SIGNS
from importer.reader.faults import FaultCode
from importer.reader.plain_cells import complete, faultless
from importer.reader.texts import fill

if TYPE_CHECKING:
    from importer.config import FormatSection, RulesSection


def read_amounts(
    cells: pl.DataFrame,
    layout: FormatSection,
    rules: RulesSection,
    style: AmountStyle | None = None,
) -> Reading:
    """Return amounts in fixed point: `.`, no leading or trailing zeros, `-` only below zero.

    `style` is that of the whole column, of which `cells` may be a piece; without it they are all.
    Nothing is ever rounded. `detail` holds both readings of an ambiguous cell, all currencies
    of a mixed column, or the one that is configured.
    """
    style = style or prove_style(weigh_amounts(cells, layout, rules), layout)
    texts = simple_texts(cells, layout.decimal)
    values, others = tidy(texts), need_judging(cells, texts)
    if rules.max_amount:
        too_large = pl.select(_exceeds(pl.lit(values), rules.max_amount)).to_series()
        others |= too_large.fill_null(value=False)
    if not others.any() and rules.max_decimals >= SIMPLE_DECIMALS:
        return faultless(values.alias("value").to_frame(), style.notes)
    if 2 * others.sum() >= cells.height or rules.max_decimals < SIMPLE_DECIMALS:
        return _read(cells, layout, rules, style)
    return complete(values, others, _read(cells.filter(others), layout, rules, style))


def _read(
    cells: pl.DataFrame, layout: FormatSection, rules: RulesSection, style: AmountStyle
) -> Reading:
    """Do what `read_amounts` does for cells of every spelling."""
    proven = {".": pl.coalesce("point", "comma"), ",": pl.coalesce("comma", "point")}
    certain = pl.when(~pl.col("ambiguous")).then(pl.coalesce("point", "comma"))
    believed = proven.get(style.decimal, certain)
    if style.doubtful:
        believed = (
            pl.when(pl.col("before_three") == style.decimal).then(certain).otherwise(believed)
        )
    judged = (
        shape(cells, layout.decimal)
        .lazy()
        .with_columns(value=believed)
        .with_columns(
            code=pl.coalesce("refused", _judge(rules, _other_currency(layout, style.currencies)))
        )
        .select(
            value=pl.when(pl.col("code").is_null()).then("value"),
            code="code",
            detail=pl.when(pl.col("code") == FaultCode.AMBIGUOUS_AMOUNT)
            .then(fill("{} or {}", "point", "comma"))
            .when(pl.col("code") == FaultCode.MIXED_CURRENCIES)
            .then(pl.lit(", ".join(style.currencies)))
            .when(pl.col("code") == FaultCode.WRONG_CURRENCY)
            .then(pl.lit(layout.currency)),
        )
    )
    return Reading(judged.collect(), style.notes)


def _other_currency(layout: FormatSection, currencies: tuple[str, ...]) -> pl.Expr:
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
                inexact(value, rules),
                pl.when(negative).then(pl.lit(FaultCode.NEGATIVE_AMOUNT)),
                pl.when(_exceeds(value, rules.max_amount)).then(pl.lit(FaultCode.AMOUNT_TOO_LARGE)),
            )
        )
    )
    return pl.when(pl.col("clean").is_not_null()).then(code)


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
