"""A CSV's texts and what the reader made of them → amounts and dates fit for a workbook. Pure.

A person sums amounts and filters dates, so a workbook made from a CSV file shows them as such. Only
what reads back as the very same value is retyped; every other text stays as it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from importer.model import PurchaseField
from importer.reader.table import CELL_KIND, cell_name

if TYPE_CHECKING:
    from collections.abc import Mapping

# Digits and what groups them: a currency, a word or brackets would be lost.
_AMOUNT: Final = "^-?[0-9][0-9., '\u00a0\u202f]*$"
_EXACT_CHARACTERS: Final = 15
"""So many characters of a decimal come back from a double as they were."""
_DATE: Final = r"^[^:Tt]{6,12}$"
"""A date alone: no time, no zone, no name of a month with its comma."""


def retype(
    frame: pl.DataFrame, rows: pl.DataFrame, fields: Mapping[PurchaseField, int], timezone: str
) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Return `frame` with amounts and dates in a workbook's spelling, and the kinds of these cells.

    `rows` is validation's frame of the same rows. A date is retyped where it stands alone and
    means midnight in `timezone`, as a date cell does; an amount where it is digits only.
    """
    changed: dict[str, pl.Series] = {}
    kinds: dict[str, pl.Series] = {}
    for field, retyped in (
        (PurchaseField.PURCHASE_AMOUNT, _retype_amounts),
        (PurchaseField.DATE, lambda texts, values: _retype_dates(texts, values, timezone)),
    ):
        if field not in fields or cell_name(fields[field]) not in frame.columns:
            continue
        name = cell_name(fields[field])
        spelt, kind = retyped(frame[name], rows[field.value])
        known = spelt.is_not_null() & rows["valid"]
        changed[name] = spelt.zip_with(known, frame[name]).alias(name)
        kinds[name] = pl.select(
            pl.when(known).then(pl.lit(kind)).otherwise(pl.lit("text")).cast(CELL_KIND).alias(name)
        ).to_series()
    return frame.with_columns(*changed.values()), kinds


def _retype_amounts(texts: pl.Series, amounts: pl.Series) -> tuple[pl.Series, str]:
    fit = texts.str.contains(_AMOUNT) & (amounts.str.len_chars() <= _EXACT_CHARACTERS)
    return amounts.set(~fit.fill_null(value=False), None), "number"


def _retype_dates(texts: pl.Series, moments: pl.Series, timezone: str) -> tuple[pl.Series, str]:
    local = moments.dt.convert_time_zone(timezone).dt.replace_time_zone(None)
    fit = texts.str.contains(_DATE) & (local.dt.truncate("1d") == local)
    return local.dt.strftime("%Y-%m-%d").set(~fit.fill_null(value=False), None), "date"
