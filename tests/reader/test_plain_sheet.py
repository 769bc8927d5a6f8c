"""The fast scan says what the full scan says, or leaves the sheet to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.reader.book import Sheet
from importer.reader.number_formats import NumberFormat
from importer.reader.places import column_letters
from importer.reader.plain_sheet import scan_plainly
from importer.reader.sheet_scan import _parse
from importer.reader.sheet_xml import SheetParser
from tests.reader.raw_workbook import cell, row, sheet_xml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.reader.sheet_facts import SheetScan

SHEET = Sheet("Orders", "xl/worksheets/sheet1.xml", visible=True, worksheet=True)
STYLES = [
    *(NumberFormat(), NumberFormat(currency="EUR"), NumberFormat(), NumberFormat(currency="$")),
    NumberFormat("percentage"),
]


def scan_fully(xml: bytes, *, uncomputed: bool = False) -> SheetScan:
    parser = SheetParser("orders.xlsx", SHEET.name, styles=STYLES, uncomputed=uncomputed)
    _parse([xml], "orders.xlsx", SHEET, parser)
    return parser.scan


def scan_fast(xml: bytes, size: int = 64, *, uncomputed: bool = False) -> SheetScan | None:
    def blocks() -> Iterator[bytes]:
        for start in range(0, len(xml), size):
            yield xml[start : start + size]

    plain = scan_plainly(blocks(), STYLES, uncomputed=uncomputed)
    if plain is None:
        return None
    parser = SheetParser("orders.xlsx", SHEET.name, styles=STYLES)
    parser.scan, before, behind = plain
    _parse([before, behind], "orders.xlsx", SHEET, parser)
    return parser.scan


PLAIN = sheet_xml(
    row(1, "Lead", "Amount &amp; tax").replace(" >", ">")
    + '<row r="3" spans="1:4" ht="15.75"><c r="A3" s="1"/><c r="B3"><v>1.5</v></c>'
    '<c r="C3" s="2" t="s"><v>7</v></c><c r="D3" t="b"><v>1</v></c></row>'
    '<row r="4" hidden="false"/>'
    '<row r="5"><c r="A5" s="2" t="n" /><c r="C5" s="3" /></row><row r="6" />'
    '<row r="7"><c r="A7" s="3"><f>B2*2</f><v>3</v></c><c r="B7" t="str"><f ca="1"/><v>x</v></c>'
    "</row>"
    '<row r="9"><c r="AA9" t="n" s="1"><v>46085</v></c><c r="AB9" t="str"><v>é x</v></c></row>',
    before='<dimension ref="A1"/>',
    after='<autoFilter ref="A1:D9"><filterColumn colId="0"/></autoFilter>'
    '<mergeCells count="1"><mergeCell ref="H1:I1"/></mergeCells>',
)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_plain_rows_are_counted_in_blocks_of_any_size(size: int) -> None:
    fast = scan_fast(PLAIN.encode(), size)
    assert fast == scan_fully(PLAIN.encode())
    assert fast is not None
    assert (fast.numbers, fast.box.last_row, fast.box.last_column) == (4, 9, 27)
    assert fast.filtered
    assert len(fast.merged) == 1


@pytest.mark.parametrize(
    "odd",
    [
        '<row r="10" hidden="1"/>',
        '<row r="10" hidden="true"/>',
        '<row r="10" ht="0"/>',
        '<row r="10"><c r="A10" t="e"><v>#N/A</v></c></row>',
        '<row r="10"><c r="A10" t="d"><v>2026-03-04</v></c></row>',
        '<row r="10"><c r="A10"><v>2</v><f>1+1</f></c></row>',
        '<row r="10"><c r="A10"><f>1+1</f><v></v></c></row>',
        '<row r="10"><c r="A10"><f si="0" si="0"/><v>2</v></c></row>',
        '<row r="10"><c r="A10"><f>1</f><f>1</f><v>2</v></c></row>',
        '<row r="10"><c r="A10" s="4"><f>1</f><v>0.5</v></c></row>',
        '<row r="10"><c r="A10"><f>1+1</f></c></row>',
        '<row r="10"><c r="A10" s="4"><v>0.5</v></c></row>',
        '<row r="10"><c r="A11"><v>1</v></c></row>',
        '<row r="10"><c r="B10"><v>1</v></c><c r="A10"><v>1</v></c></row>',
        '<row r="10"><c r="A10"><v>1</v></c><c r="A10"><v>2</v></c></row>',
        '<row r="10"><c r="XFD10"><v>1</v></c></row>',
        '<row r="10"><c r="A10" t="s"><v>1.5</v></c></row>',
        '<row r="10"><c r="A10"><v><![CDATA[1]]></v></c></row>',
        '<row r="10"><!-- <c r="A10"><v>1</v></c> --></row>',
        '<row r="8"><c r="A8"><v>1</v></c></row>',
        '<row r="10"><c r="A10" s="1" t="n" s="2"><v>1</v></c></row>',
        '<row r="10" ht="0e1"/>',
        '<row r="10" spans="1 " spans="1"/>',
        '<row r="10" r="11"/>',
        '<row r="10" spans="\x01"/>',
        '<row r="10" 1="x"/>',
        '<row r="10"><c r="A10"><v>1</v></c></row><row r="10"/>',
        ' <row r="10"><c r="A10"><v>1</v></c></row>',
        f'<row r="10">{cell("A10", "&x;")}</row>',
        f'<row r="10">{cell("A10", "&#1;")}</row>',
    ],
)
def test_a_row_of_any_other_kind_is_left_to_the_full_scan(odd: str) -> None:
    xml = PLAIN.replace("</sheetData>", f"{odd}</sheetData>")
    assert scan_fast(xml.encode()) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<sheetData>", "<!-- <sheetData> --><sheetData>"),
        ("</sheetData>", "</sheetData><sheetData></sheetData>"),
        ("<sheetData>", "<?x <row?><sheetData>"),
        ("<worksheet", '<?xml version="1.0" encoding="iso-8859-1"?><worksheet'),
        ("<sheetData>", "<x:sheetData>"),
        ("<sheetData>", "<f/><sheetData>"),
        ("</sheetData>", "</sheetData><v >1</v>"),
        ("</sheetData>", '</sheetData><c r="A1"><is><t>x</t></is></c>'),
    ],
)
def test_anything_odd_around_the_rows_is_left_to_the_full_scan(old: str, new: str) -> None:
    assert scan_fast(PLAIN.replace(old, new, 1).encode()) is None


@pytest.mark.parametrize("value", ["0", "-0.0", "0E5"])
def test_a_formula_of_0_that_is_yet_to_be_computed_is_left_to_the_full_scan(value: str) -> None:
    xml = PLAIN.replace("<v>3<", f"<v>{value}<").encode()
    assert scan_fast(xml) == scan_fully(xml)
    assert scan_fast(xml, uncomputed=True) is None
    assert scan_fast(PLAIN.encode(), uncomputed=True) == scan_fully(PLAIN.encode(), uncomputed=True)


@st.composite
def plain_cell(draw: st.DrawFn, reference: str) -> str:
    """Return a cell of any kind that the fast scan takes, spelled as some program does."""
    style = draw(st.sampled_from(["", ' s="0"', ' s="1"', ' s="3"']))
    kind, content = draw(
        st.sampled_from(
            [
                *(("", " />"), ("", "/>"), ("n", "/>"), ("n", "><v>1.5</v></c>")),
                *(("", "><v>-1E-7</v></c>"), ("b", "><v>1</v></c>"), ("s", "><v>12</v></c>")),
                *(("str", "><v>a&amp;b t=&quot;n&quot;</v></c>"), ("str", "><v></v></c>")),
                ("inlineStr", '><is><t xml:space="preserve"> s="3" é </t></is></c>'),
            ]
        )
    )
    if content.startswith("><v") and kind != "s":
        formula = ["", "<f>A1&lt;2</f>", "<f/>", '<f t="shared" ref="A1:B9" ca="1" si="0">1</f>']
        content = f">{draw(st.sampled_from(formula))}{content[1:]}"
    typed = f' t="{kind}"' if kind else ""
    attributes = style + typed if draw(st.booleans()) else typed + style
    return f'<c r="{reference}"{attributes}{content}'


@st.composite
def plain_sheet(draw: st.DrawFn) -> str:
    rows = ""
    for number in sorted(draw(st.sets(st.integers(1, 40), max_size=8))):
        columns = sorted(draw(st.sets(st.integers(0, 30), max_size=5)))
        cells = "".join(draw(plain_cell(f"{column_letters(at)}{number}")) for at in columns)
        spans = draw(st.sampled_from(["", ' spans="1:4"', ' ht="15" customHeight="1"']))
        rows += f'<row r="{number}"{spans}>{cells}</row>' if cells else f'<row r="{number}"/>'
    return sheet_xml(rows)


@settings(max_examples=400, deadline=None)
@given(xml=plain_sheet(), size=st.sampled_from([40, 300, 100_000]), uncomputed=st.booleans())
def test_plain_rows_of_any_make_are_all_taken_and_counted_alike(
    xml: str, size: int, *, uncomputed: bool
) -> None:
    fast = scan_fast(xml.encode(), size, uncomputed=uncomputed)
    assert fast == scan_fully(xml.encode(), uncomputed=uncomputed)


def test_a_sheet_of_very_many_columns_is_left_to_the_full_scan() -> None:
    def filled(columns: int) -> bytes:
        cells = (f'<c r="{column_letters(at)}1"><v>1</v></c>' for at in range(columns))
        return sheet_xml(f'<row r="1">{"".join(cells)}</row>').encode()

    assert scan_fast(filled(100)) == scan_fully(filled(100))
    assert scan_fast(filled(101)) is None


PIECES = st.sampled_from(
    [
        *dict.fromkeys(re.findall(r"<[^>]*>", PLAIN)),
        *("&amp;", "&#0;", "&x;", "<![CDATA[x]]>", "<!-- -->", "x", "1", "-", '"', " ", "/", "\r"),
        *(' r="A1"', ' t="s"', ' t="b"', ' s="4"', "\x01", ' hidden="1"', ' ht="0"', "]]>", "é"),
    ]
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([0, 0, 1, 6, 40]), PIECES),
        min_size=1,
        max_size=3,
    )
)
def test_on_mutated_sheets_both_scans_agree(changes: list[tuple[float, int, str]]) -> None:
    xml = PLAIN
    for share, cut, piece in changes:
        at = int(share * len(xml))
        xml = xml[:at] + piece + xml[at + cut :]
    plain = scan_plainly([xml.encode()], STYLES, uncomputed=False)
    if plain is not None:
        try:
            fast = scan_fast(xml.encode())
        except Exception as refused:  # noqa: BLE001 - whatever it is, the full scan has to raise it
            with pytest.raises(type(refused)):
                scan_fully(xml.encode())
        else:
            assert fast == scan_fully(xml.encode())
