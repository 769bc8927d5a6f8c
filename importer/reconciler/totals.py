"""Amounts as canonical decimal texts → their exact sum, and how people read it. Pure."""

from __future__ import annotations

from decimal import Decimal

import polars as pl


def total(amounts: pl.Series) -> Decimal:
    """Return the exact sum of canonical decimal texts; nulls count nothing."""
    summed = amounts.cast(pl.Decimal(38, 6)).sum()
    return Decimal(0) if summed is None else _plain(Decimal(summed))


def spell_amount(amount: str | None) -> str:
    """Return an amount with its thousands apart; empty where there is none."""
    if amount is None:
        return ""
    whole, _, decimals = amount.partition(".")
    grouped = f"{int(whole):,}" if int(whole) else whole
    return f"{grouped}.{decimals}" if decimals else grouped


def _plain(amount: Decimal) -> Decimal:
    """Return the amount with at least two decimals and no idle zeros behind them."""
    shortest = amount.normalize()
    exponent = shortest.as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) and exponent < -2 else 2  # noqa: PLR2004
    return amount.quantize(Decimal(1).scaleb(-decimals))
