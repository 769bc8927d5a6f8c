"""The cells of a file, a piece at a time, that are hardly meant as they stand → a sentence each.

Pure.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.model import PurchaseField
from importer.reader.columns import fold
from importer.reader.currencies import SIGNS, name_currency
from importer.reader.notes import Note, first_cell, note
from importer.reader.table import cell_name
from importer.reader.understanding import braced, name_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from importer.reader.columns import ColumnMap
    from importer.reader.notes import Example
    from importer.reader.table import Table

_TEXTS: Final = (PurchaseField.PRODUCT_NAME, PurchaseField.PRODUCT_DESCRIPTION)
_LOST: Final = "\ufffd"
_ODD: Final = {
    # What databases and pandas write into a text file where there is no value.
    "nothing": pl.col("text").is_in(
        ["NULL", "null", "(null)", "\\N", "NaN", "nan", "NaT", "<NA>", "None"]
    ),
    "lost": pl.col("text").str.contains(_LOST, literal=True),
    # What pandas makes of the order numbers of a column in which one is missing.
    "floated": pl.col("text").str.contains(r"^[0-9]+\.0$"),
}
_TOLD: Final = {
    "nothing": "is sent as it stands: empty what means nothing",
    "lost": f"has {_LOST} where an earlier program has lost letters",
    "floated": "is a number with .0 behind: without that it would be another purchase",
}
_CURRENCY_HEADERS: Final = ("currency", "währung", "devise", "divisa", "moneda", "valuta", "waluta")
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Oddities:
    """What is odd in some rows. That of two pieces of a file is added in the file's order."""

    counts: Mapping[tuple[int, str], int] = field(default_factory=dict)
    """Column and one of _ODD → how many cells are."""
    firsts: Mapping[tuple[int, str], Example] = field(default_factory=dict)
    """The same, or a column and a currency that it names → the first such cell."""

    def __add__(self, later: Oddities) -> Oddities:
        """Return what is odd in these rows and those below them."""
        counts = Counter(self.counts) + Counter(later.counts)
        return Oddities(counts, {**later.firsts, **self.firsts})


def find_oddities(piece: Table, columns: ColumnMap) -> Oddities:
    """Return what is odd in the rows of a piece."""
    counts: dict[tuple[int, str], int] = {}
    firsts: dict[tuple[int, str], Example] = {}
    for index, what in _looked_for(columns):
        odd = piece.cells.select("row", text=cell_name(index)).filter(_ODD[what])
        first = first_cell(odd)
        if first is not None:
            counts[index, what] = odd.height
            firsts[index, what] = first
    for index in _currency_columns(piece, columns):
        for code, cell in _name_currencies(piece.cells.select("row", text=cell_name(index))):
            firsts.setdefault((index, code), cell)
    return Oddities(counts, firsts)


def note_oddities(
    oddities: Oddities, about: Table, columns: ColumnMap, currency: str
) -> Iterator[Note]:
    """Yield what people should look at before anything is sent.

    `oddities` are those of the whole file, `about` its table, `currency` is format.currency.
    """
    for index, what in _looked_for(columns):
        count = oddities.counts.get((index, what), 0)
        if count:
            rows = f"{count:,} row{'s' * (count > 1)}"
            column = braced(name_column(about, index))
            first = oddities.firsts[index, what]
            yield note(f"In {rows} {column} {_TOLD[what]}, for example {{}}.", first)
    for index in _currency_columns(about, columns):
        named = {code: cell for (at, code), cell in oddities.firsts.items() if at == index}
        in_order = dict(sorted(named.items(), key=lambda each: each[1]))
        yield from _note_currencies(braced(name_column(about, index)), in_order, currency)


def _looked_for(columns: ColumnMap) -> Iterator[tuple[int, str]]:
    """Yield the columns in which something may be odd, each with one of _ODD."""
    for name in _TEXTS:
        if name in columns.fields:
            yield columns.fields[name], "nothing"
            yield columns.fields[name], "lost"
    for index in sorted({*columns.identity.values()} - {*columns.fields.values()}):
        yield index, "floated"


def _currency_columns(table: Table, columns: ColumnMap) -> Iterator[int]:
    """Yield the columns beside the amounts whose headers say that they name currencies."""
    for index in columns.ignored:
        if any(word in fold(table.headers[index]) for word in _CURRENCY_HEADERS):
            yield index


def _name_currencies(cells: pl.DataFrame) -> Iterator[tuple[str, Example]]:
    """Yield the currencies that cells (`row`, `text`) name, each spelling once."""
    distinct = cells.drop_nulls("text").unique("text", keep="first", maintain_order=True)
    for row, text in distinct.iter_rows():
        named = name_currency(text.strip())
        if named is not None:
            yield named, (row, text)


def _note_currencies(column: str, firsts: dict[str, Example], configured: str) -> Iterator[Note]:
    """Yield a note where a column beside the amounts says that they are not of one currency."""
    others = {
        named: cell
        for named, cell in firsts.items()
        if not configured or (named != configured and configured not in SIGNS.get(named, ()))
    }
    if not others or (not configured and len(others) == 1):
        return
    said = f"others than {configured}" if configured else "several currencies"
    shown = [*others.values()][:_SHOWN]
    yield note(
        f"{column} names {said} ({', '.join('{}' for _ in shown)}), but only the number of an "
        "amount is sent, and Keen takes it in the channel's currency.",
        *shown,
    )
