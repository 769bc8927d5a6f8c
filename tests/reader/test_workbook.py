"""Bytes of a workbook → its rows as read, or the refusal. Every read starts a real child."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Literal

import openpyxl
import pytest

from importer.errors import SourceError, UsageError
from importer.reader.workbook import read_workbook
from importer.reader.workbook_process import explain_exit
from tests.reader.raw_workbook import cell, row, sheet_xml, workbook

if TYPE_CHECKING:
    from pathlib import Path

    from importer.reader.table import Table

HEAD = row(1, "a", "b")


def read(
    tmp_path: Path,
    content: bytes,
    *,
    sheet: str | None = None,
    header_row: int | None = None,
    hidden_rows: Literal["include", "skip"] | None = None,
) -> Table:
    path = tmp_path / "orders.xlsx"
    path.write_bytes(content)
    return read_workbook(
        path, "orders.xlsx", sheet=sheet, header_row=header_row, hidden_rows=hidden_rows
    )


def first_row(cells: str) -> bytes:
    return one_sheet(f'<row r="1">{cells}</row>')


def one_sheet(rows: str, **around: str) -> bytes:
    return workbook(sheet_xml(rows, **around))


def value(reference: str, text: str, kind: str = "n", style: int = 0) -> str:
    return f'<c r="{reference}" t="{kind}" s="{style}"><v>{text}</v></c>'


VALUES = [
    ("text", cell("A2", "00123"), ("00123", "text")),
    ("blanks around text", cell("A2", " x "), (" x ", "text")),
    ("a line break", cell("A2", "x&#10;y"), ("x\ny", "text")),
    ("a separator of units", cell("A2", "x_x001F_y"), ("x\x1fy", "text")),
    ("an apostrophe", cell("A2", "'x"), ("'x", "text")),
    ("text that looks like a number", value("A2", "1e5", "str"), ("1e5", "text")),
    ("a whole number", value("A2", "1001"), ("1001", "number")),
    ("binary noise", value("A2", "0.30000000000000004"), ("0.3", "number")),
    ("digits, not noise", value("A2", "12345678901234.56"), ("12345678901234.56", "number")),
    ("twenty digits", value("A2", "12345678901234567890"), ("12345678901234567000", "number")),
    ("tiny", value("A2", "1E-7"), ("0.0000001", "number")),
    ("minus nought", value("A2", "-0"), ("0", "number")),
    ("beyond any number", value("A2", "1e999"), ("#NUM!", "error")),
    ("a date", value("A2", "46085", style=1), ("2026-03-04", "date")),
    ("a date as text", value("A2", "2026-03-04", "d"), ("2026-03-04", "date")),
    (
        "a date with a time",
        value("A2", "46085.43090277778", style=2),
        ("2026-03-04T10:20:30", "date"),
    ),
    ("midnight", value("A2", "46085", style=2), ("2026-03-04", "date")),
    ("a number without a date's format", value("A2", "46085"), ("46085", "number")),
    ("a time", value("A2", "0.5", style=2), ("12:00:00", "time")),
    ("a duration", value("A2", "1.25", style=3), ("30:00:00", "time")),
    ("a percentage", value("A2", "0.125", style=4), ("12.5%", "text")),
    ("a percentage of many digits", value("A2", "0.30000000000000004", style=5), ("30%", "text")),
    ("a mere percent sign", value("A2", "12.5", style=6), ("12.5", "number")),
    ("a text with a percent format", value("A2", "x", "str", style=4), ("x", "text")),
    ("true", value("A2", "1", "b"), ("TRUE", "boolean")),
    ("false", value("A2", "0", "b"), ("FALSE", "boolean")),
    ("an error", value("A2", "#DIV/0!", "e"), ("#DIV/0!", "error")),
    ("a formula's value", '<c r="A2"><f>1+1</f><v>2</v></c>', ("2", "number")),
    ("a formula's text", '<c r="A2" t="str"><f>B1</f><v>x</v></c>', ("x", "text")),
    ("a formula's error", '<c r="A2" t="e"><f>1/0</f><v>#N/A</v></c>', ("#N/A", "error")),
    ("a formula never computed", '<c r="A2"><f>B1*2</f><v/></c>', ("=B1*2", "formula")),
    ("a formula without a value", '<c r="A2"><f>B1*2</f></c>', ("=B1*2", "formula")),
    ("an empty cell with a format", '<c r="A2" s="1"/>', (None, None)),
    ("an empty text", cell("A2", ""), (None, None)),
    ("a formula that gives nothing", '<c r="A2" t="str"><f>""</f><v></v></c>', (None, None)),
]


@pytest.mark.parametrize(("xml", "expected"), [v[1:] for v in VALUES], ids=[v[0] for v in VALUES])
def test_a_cell_has_the_text_and_kind_that_excel_shows(
    tmp_path: Path, xml: str, expected: tuple[str | None, str | None]
) -> None:
    content = one_sheet(f'{HEAD}<row r="2">{xml}{cell("B2", "x")}</row>')
    assert read(tmp_path, content).cells.rows() == [(2, *expected, "x", "text")]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ('<calcPr fullCalcOnLoad="1"/>', [("=B1", "formula"), ("5", "number")]),
        ('<calcPr calcId="191029"/>', [("0", "number"), ("5", "number")]),
    ],
)
def test_a_formula_of_0_that_is_yet_to_be_computed_is_not_believed(
    tmp_path: Path, settings: str, expected: list[tuple[str, str]]
) -> None:
    """XlsxWriter writes 0 for every formula and leaves it to Excel to compute them."""
    formulas = '<c r="A2"><f>B1</f><v>0</v></c><c r="B2"><f>C1</f><v>5</v></c>'
    content = workbook(sheet_xml(f'{HEAD}<row r="2">{formulas}</row>'), settings=settings)
    assert read(tmp_path, content).cells.rows() == [(2, *expected[0], *expected[1])]


def test_a_time_beyond_all_years_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a time beyond all years"):
        read(tmp_path, one_sheet(f'{HEAD}<row r="2">{value("A2", "1e12", style=3)}</row>'))


def test_dates_of_a_1904_workbook_are_those_that_it_shows(tmp_path: Path) -> None:
    content = workbook(
        sheet_xml(f'{HEAD}<row r="2">{value("A2", "44623", style=1)}</row>'),
        settings='<workbookPr date1904="1"/>',
    )
    assert read(tmp_path, content).cells["cell_0"].to_list() == ["2026-03-04"]


def test_shared_strings_are_read_without_their_phonetics(tmp_path: Path) -> None:
    shared = (
        "<si><t>a</t></si><si><r><t>To</t></r><r><t>kyo</t></r><rPh sb='0' eb='1'><t>x</t></rPh>"
        "</si><si><t/></si>"
    )
    cells = "".join(value(f"{c}{r}", str(i), "s") for r, c, i in ((2, "A", 1), (2, "B", 2)))
    content = workbook(
        sheet_xml(f'<row r="1">{value("A1", "0", "s")}</row><row r="2">{cells}</row>'),
        shared=shared,
    )
    assert read(tmp_path, content).cells.rows() == [(2, "Tokyo", "text")]


def rows_of(table: Table) -> list[tuple[object, ...]]:
    return table.cells.select("row", "cell_0", "cell_1").rows()


PLACES = [
    (
        "blank rows at the top and in the middle",
        row(4, "a", "b") + row(9, "1", "2"),
        [(9, "1", "2")],
    ),
    ("rows of blanks", HEAD + row(2, " ", "") + row(3, "1", "2"), [(3, "1", "2")]),
    (
        "an error alone is no blank row",
        HEAD + f'<row r="7">{value("B7", "#N/A", "e")}</row>',
        [(7, None, "#N/A")],
    ),
    (
        "a formula below all values",
        HEAD + '<row r="8"><c r="A8"><f>B1</f></c></row>',
        [(8, "=B1", None)],
    ),
    (
        "no references at all",
        "<row><c><v>7</v></c><c><v>8</v></c></row><row><c><v>1</v></c></row>",
        [(2, "1", None)],
    ),
    ("a header and no rows", HEAD, []),
    (
        "far formatted cells",
        HEAD + row(2, "1", "2") + '<row r="1048576"><c r="XFD1048576" s="1"/></row>',
        [(2, "1", "2")],
    ),
]


@pytest.mark.parametrize(("rows", "expected"), [p[1:] for p in PLACES], ids=[p[0] for p in PLACES])
def test_rows_have_the_numbers_that_excel_shows(
    tmp_path: Path, rows: str, expected: list[tuple[object, ...]]
) -> None:
    assert rows_of(read(tmp_path, one_sheet(rows))) == expected


@pytest.mark.parametrize("dimension", ["A1", "A1:B2", "A1:XFD1048576"])
def test_a_lying_dimension_changes_nothing(tmp_path: Path, dimension: str) -> None:
    rows = HEAD + "".join(row(n, str(n), "x") for n in range(2, 40))
    table = read(tmp_path, one_sheet(rows, before=f'<dimension ref="{dimension}"/>'))
    assert table.cells["row"].to_list() == list(range(2, 40))


def test_a_list_that_begins_in_column_c_is_named_by_its_own_letters(tmp_path: Path) -> None:
    rows = f'<row r="3">{cell("C3", "a")}{cell("E3", "b")}</row><row r="4">{cell("E4", "x")}</row>'
    table = read(tmp_path, one_sheet(rows))
    assert table.headers == ("a", "b")
    assert table.cells.rows() == [(4, None, None, "x", "text")]
    assert table.place(4, 1) == "Sheet1!E4"


def test_a_namespace_prefix_changes_nothing(tmp_path: Path) -> None:
    xml = sheet_xml(HEAD + row(2, "1", "2")).replace("</", "\0").replace("<", "<x:")
    content = workbook(xml.replace("\0", "</x:").replace("xmlns=", "xmlns:x="))
    assert rows_of(read(tmp_path, content)) == [(2, "1", "2")]


def test_text_of_a_footer_is_not_taken_for_the_last_cell(tmp_path: Path) -> None:
    footer = "<headerFooter><oddFooter>&amp;Lpage</oddFooter></headerFooter>"
    rows = f'{HEAD}<row r="2">{cell("A2", "1")}{value("B2", "#N/A", "e")}</row>'
    assert rows_of(read(tmp_path, one_sheet(rows, after=footer))) == [(2, "1", "#N/A")]


def test_what_openpyxl_writes_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["lead", "amount", None])
    book.active.append(["x", 12.5, None])
    content = io.BytesIO()
    book.save(content)
    table = read(tmp_path, content.getvalue())
    assert (table.headers, table.sheet, table.format) == (("lead", "amount"), "Sheet", "xlsx")
    assert table.cells.rows() == [(2, "x", "text", "12.5", "number")]


def test_header_row_leaves_out_what_stands_above(tmp_path: Path) -> None:
    content = one_sheet(row(1, "Orders") + row(3, "a", "b") + row(4, "1", "2"))
    table = read(tmp_path, content, header_row=3)
    assert rows_of(table) == [(4, "1", "2")]
    assert "Rows 1 to 2" in table.notes[0]
    with pytest.raises(UsageError, match="no header in row 2"):
        read(tmp_path, content, header_row=2)


def test_header_cells_that_are_no_text_are_named_by_what_they_show(tmp_path: Path) -> None:
    content = one_sheet(f'<row r="1">{value("A1", "2026")}{cell("B1", "b")}</row>')
    assert read(tmp_path, content).headers == ("2026", "b")


FULL = sheet_xml(HEAD + row(2, "1", "2"))
OTHER = sheet_xml(HEAD + row(2, "8", "9"))
BLANK = sheet_xml('<row r="1"><c r="A1" s="1"/></row>')


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_first_sheet_is_not_read_by_accident(tmp_path: Path, state: str) -> None:
    content = workbook(OTHER, FULL, states=(state, "visible"))
    assert read(tmp_path, content).sheet == "Sheet2"
    assert read(tmp_path, content, sheet="Sheet1").cells["cell_0"].to_list() == ["8"]


def test_the_only_sheet_with_content_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, workbook(BLANK, FULL, BLANK)).sheet == "Sheet2"


SHEETS = [
    ("several", workbook(FULL, OTHER), None, SourceError, "“Sheet1”, “Sheet2”. Say which"),
    (
        "only hidden",
        workbook(FULL, states=("hidden",)),
        None,
        SourceError,
        "no visible sheet with content",
    ),
    ("only blank ones", workbook(BLANK, BLANK), None, SourceError, "no visible sheet with content"),
    ("one blank one", workbook(BLANK), None, SourceError, "has no content"),
    (
        "unknown",
        workbook(FULL, OTHER, states=("visible", "hidden")),
        "May",
        UsageError,
        "“Sheet2” (hidden)",
    ),
]


@pytest.mark.parametrize(
    ("content", "wanted", "kind", "part"),
    [s[1:] for s in SHEETS],
    ids=[s[0] for s in SHEETS],
)
def test_a_sheet_that_is_not_certain_is_asked_for(
    tmp_path: Path, content: bytes, wanted: str | None, kind: type[Exception], part: str
) -> None:
    with pytest.raises(kind) as caught:
        read(tmp_path, content, sheet=wanted)
    assert part in str(caught.value)


HIDDEN = HEAD + row(2, "1", "2") + row(3, "3", "4", attributes='hidden="1"') + row(4, "5", "6")


def test_hidden_rows_with_content_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"Row 3 of .* is hidden and has content.*--skip-hidden"):
        read(tmp_path, one_sheet(HIDDEN))


def test_filtered_rows_are_named_as_such(tmp_path: Path) -> None:
    after = '<autoFilter ref="A1:B4"><filterColumn colId="0"/></autoFilter>'
    with pytest.raises(SourceError, match=r"Row 3 of .* is hidden by a filter"):
        read(tmp_path, one_sheet(HIDDEN, after=after))


def test_hidden_rows_are_read_or_left_out_as_told(tmp_path: Path) -> None:
    kept = read(tmp_path, one_sheet(HIDDEN), hidden_rows="include")
    left = read(tmp_path, one_sheet(HIDDEN), hidden_rows="skip")
    assert kept.cells["row"].to_list() == [2, 3, 4]
    assert left.cells["row"].to_list() == [2, 4]
    assert "it is imported too" in kept.notes[0]
    assert "it is left out" in left.notes[0]


def test_a_row_of_no_height_is_hidden_and_a_blank_hidden_row_is_no_matter(tmp_path: Path) -> None:
    flat = HEAD + row(2, "1", "2") + row(3, "3", "4", attributes='ht="0"')
    with pytest.raises(SourceError, match=r"Row 3 of .* is hidden"):
        read(tmp_path, one_sheet(flat))
    blank = HEAD + row(2, "1", "2") + row(3, "", "", attributes='hidden="1"')
    assert rows_of(read(tmp_path, one_sheet(blank))) == [(2, "1", "2")]


def test_many_hidden_rows_are_counted_and_the_first_ones_named(tmp_path: Path) -> None:
    rows = "".join(row(n, "1", "2", attributes='hidden="1"') for n in range(2, 15))
    with pytest.raises(SourceError, match=r"13 rows .* \(rows 2, 3, .*, 11 and 3 more\)"):
        read(tmp_path, one_sheet(HEAD + rows))


def test_merged_cells_are_named_together(tmp_path: Path) -> None:
    rows = HEAD + row(2, "1", "2") + row(3, "3", "4")
    after = '<mergeCells><mergeCell ref="A2:A3"/><mergeCell ref="B2:B3"/></mergeCells>'
    with pytest.raises(SourceError, match="the cells A2:A3, B2:B3 are merged"):
        read(tmp_path, one_sheet(rows, after=after))


def merged(reference: str) -> str:
    return f'<mergeCells count="1"><mergeCell ref="{reference}"/></mergeCells>'


@pytest.mark.parametrize("reference", ["A2:A3", "A1:A2", "A3:B3", "B3:D9"])
def test_merged_cells_in_the_data_are_refused(tmp_path: Path, reference: str) -> None:
    rows = HEAD + row(2, "1", "2") + row(3, "3", "4")
    with pytest.raises(SourceError, match=f"cells {reference} are merged"):
        read(tmp_path, one_sheet(rows, after=merged(reference)))


@pytest.mark.parametrize("reference", ["A1:B1", "A4:B5", "D2:E3"])
def test_merged_cells_elsewhere_are_no_matter(tmp_path: Path, reference: str) -> None:
    rows = row(1, "Orders") + row(2, "a", "b") + row(3, "3", "4")
    table = read(tmp_path, one_sheet(rows, after=merged(reference)), header_row=2)
    assert rows_of(table) == [(3, "3", "4")]


def bloated() -> bytes:
    return one_sheet(HEAD + row(2, "1", "2"), after=" " * (20 * 1024**2))


BOMB = '<!DOCTYPE x [<!ENTITY a "bbbb"><!ENTITY c "&a;&a;">]>'
STRAY = '<row r="1048576"><c r="{}1048576"><v>1</v></c></row>'
UTF16 = {"xl/worksheets/sheet1.xml": FULL.encode("utf-16")}
LED_TO_PICTURE = {
    "xl/worksheets/_rels/sheet1.xml.rels": (
        b'<Relationships><Relationship Id="a" Type="http://x/hyperlink" TargetMode="External" '
        b'Target="http://x/y.svg"/><Relationship Id="b" Type="http://x/image" '
        b'Target="../media/y.svg"/><Relationship Id="c" Type="http://x/worksheet" '
        b'Target="../media/./x.svg"/></Relationships>'
    )
}
REFUSED = [
    ("stray cell in the last corner", one_sheet(HEAD + STRAY.format("XFD")), "cell XFD1048576"),
    ("stray cell that makes it too large", one_sheet(HEAD + STRAY.format("BZ")), "cell BZ1048576"),
    ("two cells in one place", first_row(f"{cell('A1', 'x') * 2}"), "two cells Sheet1!A1"),
    ("two rows of one number", one_sheet(HEAD + HEAD), "a row '1' after row 1"),
    ("rows out of order", one_sheet(row(3, "a") + row(2, "b")), "a row '2' after row 3"),
    ("a cell of another row", first_row(f"{cell('A5', 'x')}"), "cell 'A5' in row 1"),
    (
        "a second block of rows",
        one_sheet(HEAD, after=f"<sheetData>{row(2, '1')}</sheetData>"),
        "2 blocks",
    ),
    ("a value in CDATA", first_row('<c r="A1"><v><![CDATA[1]]></v></c>'), "CDATA"),
    ("a value before its formula", first_row('<c r="A1"><v>1</v><f>1</f></c>'), "Sheet1!A1"),
    (
        "inline text outside its place",
        first_row('<c r="A1" t="inlineStr"><v>x</v></c>'),
        "Sheet1!A1",
    ),
    (
        "a number that is none",
        one_sheet(f'{HEAD}<row r="2"><c r="A2"><v>abc</v></c></row>'),
        "two readers disagree",
    ),
    ("a sheet in UTF-16", workbook(FULL, extra=UTF16), "not UTF-8"),
    (
        "a sheet in Latin-1",
        workbook('<?xml version="1.0" encoding="iso-8859-1"?>' + FULL),
        "written in iso-8859-1",
    ),
    (
        "a string that is not there",
        workbook(sheet_xml(f'<row r="1">{value("A1", "9", "s")}</row>'), shared=""),
        "cannot be read",
    ),
    (
        "a string of number -1",
        workbook(
            sheet_xml(f'<row r="1">{value("A1", "-1", "s")}</row>'), shared="<si><t>x</t></si>"
        ),
        "no text for Sheet1!A1",
    ),
    ("an entity bomb in the sheet", workbook(BOMB + FULL), "DOCTYPE (xl/worksheets/sheet1.xml)"),
    (
        "an entity bomb in the strings",
        workbook(FULL, extra={"xl/sharedStrings.xml": BOMB.encode()}),
        "DOCTYPE (xl/sharedStrings.xml)",
    ),
    (
        "an entity bomb in a part of another ending",
        workbook(FULL, extra={"xl/worksheets/sheet2.XML": BOMB.encode()}),
        "DOCTYPE (xl/worksheets/sheet2.XML)",
    ),
    (
        "an entity bomb in a part without an ending",
        workbook(FULL, extra={"xl/worksheets/sheet2": BOMB.encode()}),
        "DOCTYPE (xl/worksheets/sheet2)",
    ),
    (
        "an entity bomb below a megabyte of blanks",
        workbook(FULL, extra={"xl/worksheets/sheet2": b" " * (1 << 20) + BOMB.encode()}),
        "DOCTYPE (xl/worksheets/sheet2)",
    ),
    *(
        (
            f"an entity bomb in a sheet that is called a picture, {part}",
            workbook(FULL, extra={part: BOMB.encode(), **LED_TO_PICTURE}),
            f"DOCTYPE ({part})",
        )
        for part in ("xl/media/x.SVG", "xl\\media\\x.svg")
    ),
    *(
        (
            f"a part without an ending in {encoding}",
            workbook(FULL, extra={"xl/worksheets/sheet2": f" {BOMB}".encode(encoding)}),
            "its part xl/worksheets/sheet2 is not UTF-8",
        )
        for encoding in ("utf-16", "utf-16-le", "utf-16-be")
    ),
    ("a zip bomb of blanks", bloated(), "out of all proportion (xl/worksheets/sheet1.xml)"),
    ("XML cut short", workbook(FULL[:-40]), "cannot be read"),
    (
        "no list of sheets",
        workbook(FULL, extra={"xl/workbook.xml": b"<workbook/>"}),
        "no visible sheet",
    ),
    *(
        (
            f"an encoding that nobody knows in {part}",
            workbook(FULL, extra={f"xl/{part}.xml": b'<?xml version="1.0" encoding="x"?><x/>'}),
            "cannot be read (unknown encoding: x)",
        )
        for part in ("workbook", "styles")
    ),
    (
        "a sheet that is missing",
        workbook(FULL, extra={"xl/_rels/workbook.xml.rels": b"<x/>"}),
        "“Sheet1” is missing",
    ),
    ("repeated header", one_sheet(row(1, "a", "a ")), "two columns named “a” (A and B)"),
    ("unnamed column with content", one_sheet(HEAD + row(2, "1", "2", "3")), "column C (row 2)"),
    ("no zip archive", b"PK\x03\x04 nothing else", "archive cannot be read"),
]


@pytest.mark.parametrize(("content", "part"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_workbook_that_cannot_be_trusted_is_refused(
    tmp_path: Path, content: bytes, part: str
) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, content)
    assert part in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("xl/media/y.svg", b"<!DOCTYPE svg><svg/>"),
        ("xl/embeddings/page.bin", b"\0\0MIME <!DOCTYPE html>"),
        ("xl/printerSettings/settings.bin", bytes(9)),
    ],
)
def test_parts_that_nothing_parses_may_hold_anything(
    tmp_path: Path, part: str, content: bytes
) -> None:
    book = workbook(FULL, extra={part: content, **LED_TO_PICTURE})
    assert rows_of(read(tmp_path, book)) == [(2, "1", "2")]


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    content = io.BytesIO(workbook(FULL))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("xl/worksheets/SHEET1.xml", OTHER)
    with pytest.raises(SourceError, match="two parts of the same name"):
        read(tmp_path, content.getvalue())


def test_a_workbook_that_is_packed_otherwise_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO(workbook(FULL))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("docProps/app.xml", "<x/>")
    with pytest.raises(SourceError, match="packed as no spreadsheet program"):
        read(tmp_path, content.getvalue())


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
def test_a_truncated_workbook_is_refused(tmp_path: Path, share: float) -> None:
    content = workbook(FULL)
    with pytest.raises(SourceError, match="damaged"):
        read(tmp_path, content[: int(len(content) * share)])


def test_no_flipped_bit_changes_a_row_without_a_word(tmp_path: Path) -> None:
    content = workbook(FULL)
    step = len(content) // 40
    for at in range(0, len(content), step):
        flipped = bytearray(content)
        flipped[at] ^= 1 << (at % 8)
        try:
            table = read(tmp_path, bytes(flipped))
        except (SourceError, UsageError):
            continue
        assert rows_of(table) == [(2, "1", "2")]


def test_a_sheet_of_many_batches_keeps_its_order(tmp_path: Path) -> None:
    rows = HEAD + "".join(
        f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(2, 45_003)
    )
    cells = read(tmp_path, one_sheet(rows)).cells
    assert cells["cell_0"].to_list() == [str(n) for n in range(2, 45_003)]
    assert cells["row"].to_list() == list(range(2, 45_003))


def test_nothing_is_left_beside_the_copy(tmp_path: Path) -> None:
    read(tmp_path, workbook(FULL))
    assert [path.name for path in tmp_path.iterdir()] == ["orders.xlsx"]


def test_the_child_starts_without_polars() -> None:
    code = "import sys, importer.reader.workbook_child; sys.exit('polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("returncode", "report", "kind", "part"),
    [
        (-6, "memory allocation of 9 bytes failed\nstack", SourceError, "too much memory"),
        (1, "Traceback\nMemoryError", SourceError, "too much memory"),
        (1, "Traceback\npyo3_runtime.PanicException: x", SourceError, "crashes its reader"),
        (-11, "", SourceError, "crashes its reader (exit code -11)"),
        (-9, "", SourceError, "crashes its reader (exit code -9)"),
        (1, "Traceback\nKeyError: 'path'", RuntimeError, "KeyError"),
    ],
)
def test_a_failed_child_is_the_files_fault_unless_python_raised(
    returncode: int, report: str, kind: type[Exception], part: str
) -> None:
    error = explain_exit("orders.xlsx", returncode, report)
    assert type(error) is kind
    assert part in str(error)
