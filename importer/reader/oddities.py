"""The cells of a file that are hardly meant as they stand → a sentence each. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.model import PurchaseField
from importer.reader.columns import fold
from importer.reader.currencies import SIGNS, name_currency
from importer.reader.notes import Note, note
from importer.reader.table import cell_name
from importer.reader.understanding import braced, name_column

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.reader.columns import ColumnMap
    from importer.reader.notes import Example
    from importer.reader.pieces import Pieces

_TEXTS: Final = (PurchaseField.PRODUCT_NAME, PurchaseField.PRODUCT_DESCRIPTION)
_NOTHING: Final = ("NULL", "null", "(null)", "\\N", "NaN", "nan", "NaT", "<NA>", "None")
"""What databases and pandas write into a text file where there is no value."""
_LOST: Final = "\ufffd"
_FLOATED: Final = r"^[0-9]+\.0$"
"""What pandas makes of the order numbers of a column in which one is missing."""
_CURRENCY_HEADERS: Final = ("currency", "währung", "devise", "divisa", "moneda", "valuta", "waluta")
_SHOWN: Final = 3


@dataclass(slots=True)
class _Seen:
    """How many cells are odd in one way, and the first of them."""

    count: int = 0
    first: Example | None = None

    def add(self, found: pl.DataFrame) -> None:
        self.count += found.height
        self.first = self.first or next(found.head(1).iter_rows(), None)


@dataclass(frozen=True, slots=True)
class _Text:
    """What is odd in a column of texts."""

    nothing: _Seen = field(default_factory=_Seen)
    lost: _Seen = field(default_factory=_Seen)


def note_oddities(pieces: Pieces, columns: ColumnMap, currency: str) -> Iterator[Note]:
    """Yield what people should look at before anything is sent; `currency` is format.currency."""
    headers = pieces.about.headers
    texts = {columns.fields[name]: _Text() for name in _TEXTS if name in columns.fields}
    currencies: dict[int, dict[str, Example]] = {
        index: {}
        for index in columns.ignored
        if any(word in fold(headers[index]) for word in _CURRENCY_HEADERS)
    }
    named = {*columns.identity.values()} - {*columns.fields.values()}
    floated = {index: _Seen() for index in sorted(named)}
    for piece in pieces:
        for index, seen in floated.items():
            cells = piece.cells.select("row", text=cell_name(index))
            seen.add(cells.filter(pl.col("text").str.contains(_FLOATED)))
        for index, text in texts.items():
            cells = piece.cells.select("row", text=cell_name(index))
            text.nothing.add(cells.filter(pl.col("text").is_in(_NOTHING)))
            text.lost.add(cells.filter(pl.col("text").str.contains(_LOST, literal=True)))
        for index, firsts in currencies.items():
            for code, cell in _name_currencies(piece.cells.select("row", cell_name(index))):
                firsts.setdefault(code, cell)
    for index, text in texts.items():
        yield from _note_text(braced(name_column(pieces.about, index)), text)
    for index, seen in floated.items():
        told = "is a number with .0 behind: without that it would be another purchase"
        yield from _note_seen(braced(name_column(pieces.about, index)), told, seen)
    for index, firsts in currencies.items():
        yield from _note_currencies(braced(name_column(pieces.about, index)), firsts, currency)


def _note_text(column: str, text: _Text) -> Iterator[Note]:
    yield from _note_seen(column, "is sent as it stands: empty what means nothing", text.nothing)
    yield from _note_seen(
        column, f"has {_LOST} where an earlier program has lost letters", text.lost
    )


def _note_seen(column: str, told: str, seen: _Seen) -> Iterator[Note]:
    if seen.first is not None:
        rows = f"{seen.count:,} row{'s' * (seen.count > 1)}"
        yield note(f"In {rows} {column} {told}, for example {{}}.", seen.first)


def _name_currencies(cells: pl.DataFrame) -> Iterator[tuple[str, Example]]:
    row, text = cells.columns
    first = cells.drop_nulls(text).unique(text, keep="first", maintain_order=True)
    for number, told in first.select(row, text).iter_rows():
        named = name_currency(told.strip())
        if named is not None:
            yield named, (number, told)


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
