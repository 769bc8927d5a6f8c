"""Refused amounts whose currency only their number format shows → amounts that say it. Pure.

The results and the problems file have texts and numbers, no number formats. A refused amount that
lost its currency on the way into them would pass when that file is imported.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.faults import FaultCode
from importer.reader.table import CELL_KIND, cell_name, currency_name, kind_name

if TYPE_CHECKING:
    from importer.reader.table import Table

_REFUSED: Final = (FaultCode.MIXED_CURRENCIES, FaultCode.WRONG_CURRENCY)
_GROUP: Final = 3
"""So many digits behind a sign could be thousands."""


def refuses_currencies(faults: pl.DataFrame) -> bool:
    """Return whether any of validation's `faults` refuses an amount for its currency."""
    return bool(faults["code"].is_in(_REFUSED).any())


def write_out_currencies(table: Table, faults: pl.DataFrame, decimal: str) -> Table:
    """Return the table with `12.50 USD` as text for each number refused for its currency.

    `faults` are validation's, `decimal` is format.decimal.
    """
    refused = faults.filter(pl.col("code").is_in(_REFUSED))
    cells = table.cells
    for index in refused["index"].unique():
        shown = currency_name(index)
        if shown not in cells.columns:
            continue
        rows = refused.filter(pl.col("index") == index)["row"]
        named = pl.col("row").is_in(rows.implode()) & pl.col(shown).is_not_null()
        text = pl.concat_str(spell_out(pl.col(cell_name(index)), decimal), shown, separator=" ")
        cells = cells.with_columns(
            pl.when(named).then(text).otherwise(cell_name(index)).alias(cell_name(index)),
            pl.when(named)
            .then(pl.lit("text", CELL_KIND))
            .otherwise(kind_name(index))
            .alias(kind_name(index)),
        )
    return table if cells is table.cells else replace(table, cells=cells)


def spell_out(amount: pl.Expr, decimal: str) -> pl.Expr:
    """Return canonical amounts so that nobody takes their decimals for thousands.

    `decimal` is format.decimal. Neither three decimals nor none would prove the sign.
    """
    decimals = amount.str.extract(r"\.([0-9]+)$").fill_null("")
    whole = amount.str.extract(r"^(-?[0-9]+)")
    padded = (
        pl.when(decimals.str.len_bytes() == _GROUP)
        .then(decimals + "0")
        .otherwise(decimals.str.pad_end(2, "0"))
    )
    return pl.concat_str(whole, pl.lit("," if decimal == "," else "."), padded)
