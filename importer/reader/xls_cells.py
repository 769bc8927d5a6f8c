"""A record of an .xls sheet → the cells that it holds. Pure. Source: [MS-XLS] 2.4."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from importer.reader.biff_strings import TextReader
from importer.reader.binary_cells import FoundCell, read_error, read_rk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from importer.reader.binary_cells import CellError

WAITS: Final = "\0"
"""Stands for a formula's text, which follows in a record of its own; no text holds it."""


def read_formula(body: bytes) -> FoundCell:
    """Return a formula's cell; raises struct.error where the record is cut short."""
    row, column, style, result, kind = struct.unpack_from("<HHH6sH", body)
    value: float | str | bool | CellError
    if kind != 0xFFFF:  # noqa: PLR2004 - the mark of a value that is no number
        (value,) = struct.unpack_from("<d", body, 6)
    elif result[0] == 0:
        value = WAITS
    elif result[0] == 1:
        value = bool(result[2])
    elif result[0] == 2:  # noqa: PLR2004 - as the others: [MS-XLS] 2.5.133
        value = read_error(result[2])
    else:
        value = ""
    return FoundCell(row + 1, column, style, value, is_formula=True)


def _read_number(body: bytes, _more: list[bytes], _texts: list[str]) -> Iterator[FoundCell]:
    row, column, style, value = struct.unpack_from("<HHHd", body)
    yield FoundCell(row + 1, column, style, value)


def _read_rk(body: bytes, _more: list[bytes], _texts: list[str]) -> Iterator[FoundCell]:
    row, column, style, bits = struct.unpack_from("<HHHI", body)
    yield FoundCell(row + 1, column, style, read_rk(bits))


def _read_many_rk(body: bytes, _more: list[bytes], _texts: list[str]) -> Iterator[FoundCell]:
    row, first = struct.unpack_from("<HH", body)
    for number, at in enumerate(range(4, len(body) - 2, 6)):
        style, bits = struct.unpack_from("<HI", body, at)
        yield FoundCell(row + 1, first + number, style, read_rk(bits))


def _read_shared_text(body: bytes, _more: list[bytes], texts: list[str]) -> Iterator[FoundCell]:
    row, column, style, number = struct.unpack_from("<HHHI", body)
    yield FoundCell(row + 1, column, style, texts[number])


def _read_own_text(body: bytes, more: list[bytes], _texts: list[str]) -> Iterator[FoundCell]:
    row, column, style = struct.unpack_from("<HHH", body)
    yield FoundCell(row + 1, column, style, TextReader([body, *more], 6).read_text())


def _read_truth(body: bytes, _more: list[bytes], _texts: list[str]) -> Iterator[FoundCell]:
    row, column, style, value, is_error = struct.unpack_from("<HHHBB", body)
    yield FoundCell(row + 1, column, style, read_error(value) if is_error else bool(value))


CELLS: Final[dict[int, Callable[[bytes, list[bytes], list[str]], Iterator[FoundCell]]]] = {
    0x0203: _read_number,
    0x027E: _read_rk,
    0x00BD: _read_many_rk,
    0x00FD: _read_shared_text,
    0x0204: _read_own_text,
    0x00D6: _read_own_text,
    0x0205: _read_truth,
}
"""What holds a value. BLANK and MULBLANK hold a style alone."""
