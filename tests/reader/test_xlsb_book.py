"""Bytes of an .xlsb file → its rows as read, or the refusal."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import ImporterError, SourceError
from importer.reader.sheet_choice import choose_sheet
from importer.reader.workbook import read_workbook
from importer.reader.xlsb_book import open_xlsb
from tests.reader.batches import as_rows
from tests.reader.raw_xlsb import (
    cell,
    letters,
    number,
    packed,
    record,
    row,
    sheet,
    short,
    text,
    xlsb,
)
from tests.spreadsheet import needs_office, save_with_office

if TYPE_CHECKING:
    from importer.reader.book import Row, SheetContent
    from importer.reader.sheet_values import Cell

FILES = Path(__file__).parent / "files"
HEAD = row(1, text(0, "a"), text(1, "b"))


def read(path: Path, content: bytes) -> tuple[SheetContent, list[Row]]:
    path.write_bytes(content)
    book = open_xlsb(path, "orders.xlsb")
    found = book.read(choose_sheet(book, "orders.xlsb", None))
    return found, as_rows(found.batches)


def rk(column: int, bits: int) -> bytes:
    return cell(2, column, struct.pack("<I", bits))


VALUES = [
    ("a double", number(0, 0.1 + 0.2), ("0.3", "number")),
    ("30 bits, whole", rk(0, 1234 << 2 | 2), ("1234", "number")),
    ("30 bits, hundredths below 0", rk(0, -1234 << 2 & 0xFFFFFFFF | 3), ("-12.34", "number")),
    ("a text of its own", text(0, "Café 漢😀"), ("Café 漢😀", "text")),
    ("a shared text", cell(7, 0, struct.pack("<I", 1)), ("shared", "text")),
    ("rich text", cell(62, 0, b"\1" + letters("x") + bytes(8)), ("x", "text")),
    ("an empty text", text(0, ""), (None, None)),
    ("an absent text", cell(6, 0, b"\xff\xff\xff\xff"), (None, None)),
    ("true", cell(4, 0, b"\1"), ("TRUE", "boolean")),
    ("an error", cell(3, 0, b"\x2a"), ("#N/A", "error")),
    ("a style alone", cell(1, 0), (None, None)),
    ("a date", number(0, 46085, 1), ("2026-03-04", "date")),
    ("a moment", number(0, 46085.43090277778, 5), ("2026-03-04T10:20:30", "date")),
    ("a duration", number(0, 1.25, 2), ("30:00:00", "time")),
    ("a percentage", number(0, 0.125, 4), ("12.5%", "text")),
    ("Excel's own percentage", number(0, 0.5, 6), ("50%", "text")),
    ("a formula's number", cell(9, 0, struct.pack("<d", 2.5) + bytes(6)), ("2.5", "number")),
    ("a formula's text", cell(8, 0, letters("x") + bytes(6)), ("x", "text")),
    ("a formula's truth", cell(10, 0, b"\0" + bytes(6)), ("FALSE", "boolean")),
    ("a formula's error", cell(11, 0, b"\7" + bytes(6)), ("#DIV/0!", "error")),
    ("a formula of 0 where none is computed", cell(9, 0, bytes(14)), ("=…", "formula")),
]


@pytest.mark.parametrize(("found", "expected"), [v[1:] for v in VALUES], ids=[v[0] for v in VALUES])
def test_a_cell_has_the_text_and_kind_that_excel_shows(
    tmp_path: Path, found: bytes, expected: Cell
) -> None:
    content = xlsb(sheet(HEAD, row(2, found, text(1, "x"))), shared=("other", "shared"))
    assert read(tmp_path / "o.xlsb", content)[1][1] == (2, [expected, ("x", "text")], {})


def test_short_cells_stand_right_behind_the_one_before(tmp_path: Path) -> None:
    shorts = [
        *(short(12), short(13, struct.pack("<I", 5 << 2 | 2)), short(14, b"\x2a")),
        *(short(15, b"\1"), short(16, struct.pack("<d", 2.5), 3), short(17, letters("own"))),
        short(18, struct.pack("<I", 0)),
    ]
    content = xlsb(sheet(HEAD, row(2, text(1, "x"), *shorts)), shared=("shared",))
    assert read(tmp_path / "o.xlsb", content)[1][1] == (
        2,
        [
            *((None, None), ("x", "text"), (None, None), ("5", "number"), ("#N/A", "error")),
            *(("TRUE", "boolean"), ("2.5", "number"), ("own", "text"), ("shared", "text")),
        ],
        {6: "EUR"},
    )


def test_dates_of_a_1904_workbook_are_those_that_it_shows(tmp_path: Path) -> None:
    content = xlsb(sheet(HEAD, row(2, number(0, 44623, 1))), settings=record(153, b"\1\0\0\0"))
    assert read(tmp_path / "o.xlsb", content)[1][1] == (2, [("2026-03-04", "date")], {})


@pytest.mark.parametrize(
    ("found", "hidden"),
    [
        (row(2, text(0, "x"), flags=0x10), [2]),
        (row(2, text(0, "x"), height=0), [2]),
        (row(2, text(0, "x"), flags=0x0F), []),
    ],
)
def test_hidden_rows_are_seen(tmp_path: Path, found: bytes, hidden: list[int]) -> None:
    assert read(tmp_path / "o.xlsb", xlsb(sheet(HEAD, found)))[0].hidden == hidden


def test_filters_and_merged_cells_are_seen(tmp_path: Path) -> None:
    after = record(163, bytes(8)) + record(176, struct.pack("<4I", 1, 2, 0, 1))
    content, _ = read(tmp_path / "o.xlsb", xlsb(sheet(HEAD, after=after)))
    assert content.filtered
    assert [each.reference for each in content.merged] == ["A2:B3"]


@pytest.mark.parametrize("state", [1, 2])
def test_a_hidden_first_sheet_is_not_read_by_accident(tmp_path: Path, state: int) -> None:
    content = xlsb(sheet(row(1, text(0, "secret"))), sheet(HEAD), states=(state, 0))
    assert read(tmp_path / "o.xlsb", content)[1] == [(1, [("a", "text"), ("b", "text")], {})]


def without(part: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(xlsb(sheet(HEAD)))) as archive:
        return packed({name: archive.read(name) for name in archive.namelist() if name != part})


REFUSED = [
    ("two sheets", xlsb(sheet(HEAD), sheet(HEAD)), "2 sheets with content"),
    ("no sheet with cells", xlsb(sheet(HEAD), kind="chartsheet"), "no visible sheet"),
    (
        "two cells in one place",
        xlsb(sheet(row(1, text(0, "a"), text(0, "b")))),
        "two cells Sheet1!A1",
    ),
    ("rows out of order", xlsb(sheet(row(2, text(0, "a")), row(1))), "row 1 stands after row 2"),
    ("a stray cell", xlsb(sheet(HEAD, row(1_048_576, text(16_383, "x")))), "XFD1048576"),
    ("an unknown record", xlsb(sheet(HEAD, record(63, bytes(9)))), "a record 63 stands among"),
    ("a shared text that is not there", xlsb(sheet(row(1, cell(7, 0, bytes(4))))), "damaged"),
    ("a text cut short", xlsb(sheet(row(1, cell(6, 0, b"\x09\0\0\0x")))), "a text is cut short"),
    ("a number cut short", xlsb(sheet(row(1, cell(5, 0, b"x")))), "damaged"),
    ("a table without an end", xlsb(record(145) + HEAD), "cut short"),
    ("two tables", xlsb(sheet(HEAD) + sheet()), "cut short"),
    ("a record cut short", xlsb(sheet(HEAD) + b"\x05"), "cut short"),
    ("a sheet that is not there", without("xl/worksheets/sheet1.bin"), "“Sheet1” is missing"),
    ("no list of sheets", without("xl/workbook.bin"), "does not say where"),
]


@pytest.mark.parametrize(("content", "part"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_workbook_that_cannot_be_trusted_is_refused(
    tmp_path: Path, content: bytes, part: str
) -> None:
    with pytest.raises(SourceError, match=part) as caught:
        read(tmp_path / "o.xlsb", content)
    assert caught.value.remedy


with zipfile.ZipFile(FILES / "orders.xlsb") as whole:
    PARTS = {name: whole.read(name) for name in whole.namelist()}
BINARY = sorted(name for name in PARTS if name.endswith(".bin"))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    part=st.sampled_from(BINARY),
    changes=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_no_damage_is_anything_but_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, part: str, changes: list[tuple[float, int]]
) -> None:
    content = bytearray(PARTS[part])
    for share, byte in changes:
        content[int(share * len(content))] = byte
    try:
        read(tmp_path_factory.mktemp("xlsb") / "o.xlsb", packed({**PARTS, part: bytes(content)}))
    except ImporterError as error:
        assert error.remedy  # noqa: PT017 - it need not be raised


@needs_office
def test_libreoffice_reads_the_same_rows_from_such_a_file(tmp_path: Path) -> None:
    """The files above are made by hand; another reader has to agree with what they say."""
    rows = [
        row(2, text(0, "x"), number(1, 46085, 1), number(2, 0.5, 4), number(3, 12.5, 3)),
        row(3, rk(0, 1234 << 2 | 3), cell(4, 1, b"\1"), cell(3, 2, b"\x2a"), flags=0x10),
        row(5, cell(7, 0, bytes(4)), number(1, 46085.43090277778, 5)),
    ]
    after = record(177, b"\1\0\0\0") + record(176, struct.pack("<4I", 5, 6, 0, 1)) + record(178)
    path = tmp_path / "o.xlsb"
    path.write_bytes(xlsb(sheet(HEAD, *rows, after=after), shared=("shared",)))
    saved = save_with_office(path, "xlsx", tmp_path / "saved")
    tables = [
        read_workbook(each, "o", kind=kind, sheet=None, header_row=2, hidden_rows="include")
        for each, kind in ((path, "xlsb"), (saved, "xlsx"))
    ]
    assert tables[0].cells.equals(tables[1].cells)
    assert tables[0].notes == tables[1].notes
    assert "Row 3" in tables[0].notes[1]
