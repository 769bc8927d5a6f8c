"""Bytes of an .xls file → its rows as read, or the refusal."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import ImporterError, SourceError, UsageError
from importer.reader.biff_strings import TextReader
from importer.reader.binary_damage import CutShortError
from importer.reader.sheet_choice import choose_sheet
from importer.reader.xls_book import open_xls
from tests.reader.batches import as_rows
from tests.reader.raw_xls import (
    CONTINUE,
    DEFAULT_ROW,
    EOF,
    FILTER_MODE,
    MERGED,
    computed,
    container,
    formula,
    letters,
    mini_container,
    number,
    place,
    record,
    row_record,
    special,
    start,
    stream,
    text,
    xls,
)

if TYPE_CHECKING:
    from importer.reader.book import Row, SheetContent
    from importer.reader.sheet_values import Cell

FILES = Path(__file__).parent / "files"
HEAD = text(1, 0, "a") + text(1, 1, "b")


def read(path: Path, content: bytes, sheet: str | None = None) -> tuple[SheetContent, list[Row]]:
    path.write_bytes(content)
    book = open_xls(path, "orders.xls")
    found = book.read(choose_sheet(book, "orders.xls", sheet))
    return found, as_rows(found.batches)


def cells(path: Path, content: bytes) -> list[Cell]:
    """Return the cells of the second row that is read."""
    return read(path, content)[1][1][1]


def rk(row: int, column: int, bits: int, style: int = 0) -> bytes:
    return record(0x027E, place(row, column, style) + struct.pack("<I", bits))


VALUES = [
    ("a double", number(2, 0, 0.1 + 0.2), ("0.3", "number")),
    ("30 bits, whole", rk(2, 0, 1234 << 2 | 2), ("1234", "number")),
    ("30 bits, whole, below 0", rk(2, 0, -5 << 2 & 0xFFFFFFFF | 2), ("-5", "number")),
    ("30 bits, hundredths", rk(2, 0, 1234 << 2 | 3), ("12.34", "number")),
    ("30 bits of a double", rk(2, 0, 0x3FF80000), ("1.5", "number")),
    ("30 bits, hundredths of a double", rk(2, 0, 0x40590001), ("1", "number")),
    (
        "several in one record",
        record(0x00BD, struct.pack("<HHHIH", 1, 0, 0, 7 << 2 | 2, 0)),
        ("7", "number"),
    ),
    ("no number", number(2, 0, float("nan")), ("#NUM!", "error")),
    ("a text of its own", text(2, 0, "Café 漢😀"), ("Café 漢😀", "text")),
    ("a text that looks like a number", text(2, 0, "007"), ("007", "text")),
    ("rich text", record(0x00D6, place(2, 0) + letters("x") + b"\1\0\0\0\1\0"), ("x", "text")),
    ("an empty text", text(2, 0, ""), (None, None)),
    ("true", record(0x0205, place(2, 0) + b"\1\0"), ("TRUE", "boolean")),
    ("false", record(0x0205, place(2, 0) + b"\0\0"), ("FALSE", "boolean")),
    ("an error", record(0x0205, place(2, 0) + b"\x2a\1"), ("#N/A", "error")),
    ("an unknown error", record(0x0205, place(2, 0) + b"\x63\1"), ("#ERROR 99", "error")),
    ("a style alone", record(0x0201, place(2, 0)), (None, None)),
    ("a date", number(2, 0, 46085, 1), ("2026-03-04", "date")),
    ("a moment", number(2, 0, 46085.43090277778, 5), ("2026-03-04T10:20:30", "date")),
    ("a time", number(2, 0, 0.5, 5), ("12:00:00", "time")),
    ("a duration", number(2, 0, 1.25, 2), ("30:00:00", "time")),
    ("a percentage", number(2, 0, 0.125, 4), ("12.5%", "text")),
    ("Excel's own percentage", number(2, 0, 0.5, 6), ("50%", "text")),
    ("a style that is not there", number(2, 0, 2, 99), ("2", "number")),
    ("a formula's number", formula(2, 0, computed(2.5)), ("2.5", "number")),
    ("a formula's text", formula(2, 0, special(0), "x"), ("x", "text")),
    ("a formula's truth", formula(2, 0, special(1, 1)), ("TRUE", "boolean")),
    ("a formula's falsehood", formula(2, 0, special(1, 0)), ("FALSE", "boolean")),
    ("a formula's error", formula(2, 0, special(2, 0x07)), ("#DIV/0!", "error")),
    (
        "a formula of 0 in a sheet where none is computed",
        formula(2, 0, computed(0)),
        ("=…", "formula"),
    ),
    ("a formula of nothing where none is computed", formula(2, 0, special(3)), ("=…", "formula")),
]


@pytest.mark.parametrize(("found", "cell"), [v[1:] for v in VALUES], ids=[v[0] for v in VALUES])
def test_a_cell_has_the_text_and_kind_that_excel_shows(
    tmp_path: Path, found: bytes, cell: Cell
) -> None:
    content = xls(HEAD + found + text(2, 1, "x"))
    assert cells(tmp_path / "o.xls", content) == [cell, ("x", "text")]


def test_a_formula_of_nothing_is_believed_where_another_one_was_computed(tmp_path: Path) -> None:
    content = xls(HEAD + formula(2, 0, computed(2)) + formula(2, 1, special(3)))
    assert cells(tmp_path / "o.xls", content) == [("2", "number")]


def test_a_formula_of_0_may_be_a_text_that_was_not_saved(tmp_path: Path) -> None:
    content = xls(HEAD + formula(2, 0, computed(2)) + formula(2, 1, computed(0)))
    assert cells(tmp_path / "o.xls", content) == [("2", "number"), ("=…", "formula")]


def test_a_formula_does_not_vanish_with_its_text(tmp_path: Path) -> None:
    content = xls(HEAD + formula(2, 0, special(0)) + formula(2, 1, special(0), "x"))
    with pytest.raises(SourceError, match="a formula has no text"):
        read(tmp_path / "o.xls", content)


def test_a_workbook_that_was_put_into_a_sheet_is_not_read_in_its_place(tmp_path: Path) -> None:
    content = container(stream(HEAD), inserted=stream(text(1, 0, "no")))
    assert read(tmp_path / "o.xls", content)[1] == [(1, [("a", "text"), ("b", "text")], {})]


def test_a_short_stream_is_found_among_the_short_ones(tmp_path: Path) -> None:
    content = mini_container(stream(HEAD + text(2, 0, "x" * 300)))
    assert cells(tmp_path / "o.xls", content) == [("x" * 300, "text")]


def test_sectors_that_run_in_a_circle_are_damage(tmp_path: Path) -> None:
    content = bytearray(xls(HEAD))
    struct.pack_into("<I", content, 512 + 4 * 2, 2)  # the stream's first sector leads to itself
    with pytest.raises(SourceError, match="a chain of its sectors is broken"):
        read(tmp_path / "o.xls", bytes(content))


def test_dates_of_a_1904_workbook_are_those_that_it_shows(tmp_path: Path) -> None:
    content = xls(HEAD + number(2, 0, 44623, 1), settings=record(0x0022, b"\1\0"))
    assert cells(tmp_path / "o.xls", content) == [("2026-03-04", "date")]


def test_a_number_tells_the_currency_of_its_format(tmp_path: Path) -> None:
    _, rows = read(tmp_path / "o.xls", xls(HEAD + number(2, 0, 5, 3) + number(2, 1, 5)))
    assert rows[1] == (2, [("5", "number"), ("5", "number")], {0: "EUR"})


def test_blank_rows_are_counted_and_left_out(tmp_path: Path) -> None:
    _, rows = read(tmp_path / "o.xls", xls(HEAD + text(3, 0, " ") + text(7, 1, "x")))
    assert rows[1:] == [(7, [(None, None), ("x", "text")], {})]


HIDDEN = [
    ("a hidden row", row_record(2, flags=0x20), [2]),
    ("a row of no height", row_record(2, height=0), [2]),
    ("rows hidden unless they are listed", record(DEFAULT_ROW, b"\2\0\0\0") + row_record(1), [2]),
    ("a row whose outline is folded", row_record(2, flags=0x11), []),
]


@pytest.mark.parametrize(("found", "rows"), [h[1:] for h in HIDDEN], ids=[h[0] for h in HIDDEN])
def test_hidden_rows_are_seen(tmp_path: Path, found: bytes, rows: list[int]) -> None:
    content, _ = read(tmp_path / "o.xls", xls(found + HEAD + text(2, 0, "x")))
    assert content.hidden == rows
    assert not content.filtered


def test_filters_and_merged_cells_are_seen(tmp_path: Path) -> None:
    merged = record(MERGED, struct.pack("<H8H", 2, 1, 2, 0, 0, 4, 4, 1, 3))
    content, _ = read(tmp_path / "o.xls", xls(record(FILTER_MODE) + HEAD + merged))
    assert content.filtered
    assert [each.reference for each in content.merged] == ["A2:A3", "B5:D5"]


def test_cells_of_a_chart_inside_the_sheet_are_none_of_the_sheet(tmp_path: Path) -> None:
    chart = start(0x0020) + number(2, 0, 99) + record(EOF)
    _, rows = read(tmp_path / "o.xls", xls(HEAD + chart + text(2, 0, "x")))
    assert rows[1] == (2, [("x", "text")], {})


@pytest.mark.parametrize("state", [1, 2])
def test_a_hidden_first_sheet_is_not_read_by_accident(tmp_path: Path, state: int) -> None:
    content = xls(text(1, 0, "secret"), HEAD, states=(state, 0))
    assert read(tmp_path / "o.xls", content)[1] == [(1, [("a", "text"), ("b", "text")], {})]


def test_a_sheet_that_is_not_certain_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="2 sheets with content: “Sheet1”, “Sheet2”"):
        read(tmp_path / "o.xls", xls(HEAD, HEAD))
    with pytest.raises(UsageError, match="no sheet “Orders”"):
        read(tmp_path / "o.xls", xls(HEAD), "Orders")
    with pytest.raises(SourceError, match="no visible sheet"):
        read(tmp_path / "o.xls", container(stream(HEAD, sheet_kind=2)))


REFUSED = [
    ("a password", xls(HEAD, settings=record(0x002F, bytes(4))), "protected by a password"),
    ("Excel 95", (FILES / "excel-95.xls").read_bytes(), "Excel 95 or older"),
    ("Excel 95 by its version", container(stream(HEAD, version=0x0500)), "Excel 95 or older"),
    ("Excel 95 by its stream", container(stream(HEAD), "Book"), "Excel 95 or older"),
    ("another document", container(stream(HEAD), "WordDocument"), "no stream “Workbook”"),
    (
        "two cells in one place",
        xls(HEAD + text(2, 0, "x") + text(2, 0, "y")),
        "two cells Sheet1!A2",
    ),
    ("rows out of order", xls(text(2, 0, "x") + text(1, 0, "y")), "out of order"),
    ("a cell of Excel 4", xls(HEAD + record(0x0003, bytes(15))), "cells of an older format"),
    ("a text that is not there", xls(HEAD + record(0x00FD, place(2, 0) + bytes(4))), "damaged"),
    ("a formula without its text", xls(HEAD + formula(2, 0, special(0))), "damaged"),
    ("a record cut short", xls(HEAD + record(0x0203, place(2, 0))), "damaged"),
    (
        "half a letter",
        xls(record(0x0204, place(1, 0) + b"\1\0\1a")),
        r"\(a text goes on where no record does\)",
    ),
    (
        "half an emoji",
        xls(record(0x0204, place(1, 0) + b"\1\0\1\x3d\xd8")),
        r"cannot be read \(a text has half a letter in it, such as half an emoji\)",
    ),
    ("no record at all", container(b"\x09\x08"), r"cannot be read \(a record is cut short\)"),
    ("no end", container(stream(HEAD)[:-4]), "damaged"),
]


@pytest.mark.parametrize(("content", "part"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_workbook_that_cannot_be_trusted_is_refused(
    tmp_path: Path, content: bytes, part: str
) -> None:
    with pytest.raises(SourceError, match=part) as caught:
        read(tmp_path / "o.xls", content)
    assert caught.value.remedy


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_a_truncated_workbook_is_refused(tmp_path: Path, share: float) -> None:
    content = (FILES / "orders.xls").read_bytes()
    with pytest.raises(SourceError, match="damaged"):
        read(tmp_path / "o.xls", content[: int(len(content) * share)])


SMALL = (FILES / "orders.xls").read_bytes()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    changes=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), min_size=1, max_size=4)
)
def test_no_damage_is_anything_but_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(SMALL)
    for share, byte in changes:
        content[int(share * len(content))] = byte
    try:
        read(tmp_path_factory.mktemp("xls") / "o.xls", bytes(content))
    except ImporterError as error:
        assert error.remedy  # noqa: PT017 - it need not be raised


@given(
    texts=st.lists(st.tuples(st.text(max_size=12), st.booleans(), st.integers(0, 3)), max_size=4),
    cuts=st.lists(st.integers(1, 9), max_size=12),
)
def test_shared_texts_are_whole_wherever_the_records_break(
    texts: list[tuple[str, bool, int]], cuts: list[int]
) -> None:
    records = [struct.pack("<II", len(texts), len(texts))]
    for value, narrow, runs in texts:
        units = value.encode("utf-16-le")
        count = len(units) // 2
        one_byte = narrow and all(ord(letter) < 256 for letter in value)
        flags = (0 if one_byte else 1) | (0x08 if runs else 0) | (0x04 if runs else 0)
        records[-1] += struct.pack("<HB", count, flags)
        if runs:
            records[-1] += struct.pack("<HI", runs, 5)
        at = 0
        wide = not one_byte
        while at < count:
            if cuts and at:
                wide = not one_byte or bool(cuts[-1] % 2)
                records.append(bytes([wide]))
            take = cuts.pop() if cuts else count
            part = units[2 * at : 2 * (at + take)]
            records[-1] += part if wide else part[::2]
            at += take
        records[-1] += bytes(runs * 4 + 5) if runs else b""
    assert TextReader(records).read_table() == [value for value, _, _ in texts]


def test_a_text_longer_than_its_records_is_cut_short() -> None:
    with pytest.raises(CutShortError):
        TextReader([b"\5\0\0abc"]).read_text()
    assert TextReader([b"\5\0\0abc", b"\1d\0e\0"]).read_text() == "abcde"
    assert CONTINUE == 0x003C
