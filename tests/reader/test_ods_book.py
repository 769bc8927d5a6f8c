"""Bytes of an .ods file → its rows as read, or the refusal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.errors import ImporterError, SourceError
from importer.reader.ods_book import open_ods
from importer.reader.sheet_choice import choose_sheet
from tests.reader.batches import as_rows
from tests.reader.raw_ods import STYLES, cell, content, manifest, ods, row, table

if TYPE_CHECKING:
    from pathlib import Path

    from importer.reader.book import Row, SheetContent
    from importer.reader.sheet_values import Cell

HEAD = row(cell("a"), cell("b"))


def read(path: Path, data: bytes) -> tuple[SheetContent, list[Row]]:
    path.write_bytes(data)
    book = open_ods(path, "orders.ods")
    found = book.read(choose_sheet(book, "orders.ods", None))
    return found, as_rows(found.batches)


def rows_of(tmp_path: Path, *rows: str) -> list[Row]:
    return read(tmp_path / "o.ods", ods(table(HEAD, *rows)))[1][1:]


def value(kind: str, name: str, text: str, shown: str = "", more: str = "") -> str:
    return cell(shown, f'office:value-type="{kind}" office:{name}="{text}" {more}')


def number(text: str, shown: str = "", more: str = "") -> str:
    return value("float", "value", text, shown, more)


def columns(count: int) -> str:
    return f'table:number-columns-repeated="{count}"'


def lines(count: int) -> str:
    return f'table:number-rows-repeated="{count}"'


ERROR = 'table:formula="of:=1/0" office:value-type="string" office:string-value=""'
VALUES = [
    ("a text", cell("00123"), ("00123", "text")),
    ("blanks side by side", cell("x  y "), ("x  y ", "text")),
    ("blanks by an element", cell('x<text:s text:c="3"/>y<text:s/>'), ("x   y ", "text")),
    ("a text that was wrapped", cell("\n  x\n  y\t"), ("x y", "text")),
    ("a line break", cell("x<text:line-break/>y"), ("x\ny", "text")),
    ("a tab", cell("x<text:tab/>y"), ("x\ty", "text")),
    ("paragraphs", cell("x</text:p><text:p/><text:p>y"), ("x\n\ny", "text")),
    (
        "parts in bold and links",
        cell("a<text:span>b<text:a>c</text:a></text:span>d"),
        ("abcd", "text"),
    ),
    ("a field", cell("<text:sheet-name>Orders</text:sheet-name>!"), ("Orders!", "text")),
    (
        "a reading aid",
        cell(
            "<text:ruby><text:ruby-base>x</text:ruby-base>"
            "<text:ruby-text>y</text:ruby-text></text:ruby>"
        ),
        ("x", "text"),
    ),
    (
        "a comment and a drawing",
        cell(
            "x</text:p><office:annotation><text:p>secret</text:p></office:annotation>"
            "<draw:frame><text:p>drawn</text:p></draw:frame><text:p>y"
        ),
        ("x\ny", "text"),
    ),
    (
        "a comment alone",
        (
            "<table:table-cell><office:annotation><text:p>z</text:p></office:annotation>"
            "</table:table-cell>"
        ),
        (None, None),
    ),
    ("a text without a kind", cell("x", ""), ("x", "text")),
    ("a text as attribute", value("string", "string-value", "x", "x"), ("x", "text")),
    ("a number", number("12.50", "12,5"), ("12.5", "number")),
    ("binary noise", number("0.30000000000000004"), ("0.3", "number")),
    ("an exponent", number("1E3"), ("1000", "number")),
    ("no number", number("NaN"), ("#NUM!", "error")),
    ("a percentage", value("percentage", "value", "0.125", "12,5 %"), ("12.5%", "text")),
    ("a percentage by its style", number("0.5", "", 'table:style-name="child"'), ("50%", "text")),
    ("a date", value("date", "date-value", "2026-03-04", "04.03.26"), ("2026-03-04", "date")),
    ("midnight", value("date", "date-value", "2026-03-04T00:00:00"), ("2026-03-04", "date")),
    (
        "a moment",
        value("date", "date-value", "2026-03-04T10:20:30"),
        ("2026-03-04T10:20:30", "date"),
    ),
    (
        "a moment with noise",
        value("date", "date-value", "2026-03-04T10:20:29.999999999"),
        ("2026-03-04T10:20:30", "date"),
    ),
    (
        "a moment in milliseconds",
        value("date", "date-value", "2026-03-04T10:20:30.12"),
        ("2026-03-04T10:20:30.120000", "date"),
    ),
    ("a date that is none", value("date", "date-value", "2026-02-30"), ("2026-02-30", "text")),
    ("a time", value("time", "time-value", "PT09H05M00S"), ("09:05:00", "time")),
    ("a duration", value("time", "time-value", "PT30H00M00S"), ("30:00:00", "time")),
    ("a duration below 0", value("time", "time-value", "-PT1H"), ("-1:00:00", "time")),
    ("a time that is none", value("time", "time-value", "soon"), ("soon", "text")),
    ("true", value("boolean", "boolean-value", "true", "WAHR"), ("TRUE", "boolean")),
    ("an error", cell("#DIV/0!", f'{ERROR} calcext:value-type="error"'), ("#DIV/0!", "error")),
    (
        "an error of older programs",
        number("0", "Err:502", 'table:formula="of:=X()"'),
        ("Err:502", "error"),
    ),
    (
        "an error in another language",
        number("0", "#WERT!", 'table:formula="of:=X()"'),
        ("#WERT!", "error"),
    ),
    (
        "a formula's truth as LibreOffice writes it",
        number("1", "WAHR", 'table:formula="of:=TRUE()"'),
        ("TRUE", "boolean"),
    ),
    ("a 0 that shows as a dash", number("0", "-"), ("0", "number")),
    ("a formula's 0", number("0", "0", 'table:formula="of:=[.B1]*2"'), ("=[.B1]*2", "formula")),
    ("a percentage that no style tells of", number("0.5", "50%"), ("50%", "text")),
    (
        "a percentage that a part of the style shows",
        number("0.5", "50%", 'table:style-name="partly"'),
        ("50%", "text"),
    ),
    ("a sign that a style adds", number("5", "5%", 'table:style-name="sign"'), ("5", "number")),
    (
        "a formula that gives no letter, as LibreOffice writes it",
        '<table:table-cell table:formula="of:=&quot;&quot;"><text:p/></table:table-cell>',
        (None, None),
    ),
    (
        "a time beyond all years",
        value("time", "time-value", "P999999999DT999999999H"),
        ("P999999999DT999999999H", "text"),
    ),
    ("a formula's number", number("5", "5", 'table:formula="of:=[.B1]*2"'), ("5", "number")),
    (
        "a formula that gives nothing",
        value("string", "string-value", "", "", 'table:formula="of:=T()"'),
        (None, None),
    ),
    ("a formula never computed", cell("", 'table:formula="of:=[.B1]*2"'), ("=[.B1]*2", "formula")),
    (
        "a covered cell",
        "<table:covered-table-cell><text:p>x</text:p></table:covered-table-cell>",
        ("x", "text"),
    ),
]


@pytest.mark.parametrize(("xml", "expected"), [v[1:] for v in VALUES], ids=[v[0] for v in VALUES])
def test_a_cell_has_the_text_and_kind_that_it_shows(
    tmp_path: Path, xml: str, expected: Cell
) -> None:
    assert rows_of(tmp_path, row(xml, cell("x"))) == [(2, [expected, ("x", "text")], {})]


def test_a_formula_of_0_is_believed_where_another_one_was_computed(tmp_path: Path) -> None:
    nought = number("0", "0", 'table:formula="of:=[.B1]*2"')
    computed = value("string", "string-value", "x", "x", 'table:formula="of:=T()"')
    assert rows_of(tmp_path, row(nought), row(computed))[0][1] == [("0", "number")]


CURRENCIES = [
    (value("currency", "value", "5", "5 kr", 'office:currency="EUR"'), {0: "EUR"}),
    (value("currency", "value", "5", "$5.00"), {0: "$"}),
    (number("5", "5 EUR", 'table:style-name="euros"'), {0: "EUR"}),
    (value("currency", "value", "5", "5", 'table:style-name="dollars"'), {0: "$"}),
    (number("5", "5.00 €"), {0: "EUR"}),
    (number("5", "5 USD", 'table:style-name="euros"'), {0: "USD"}),
    (number("5", "5 apples"), {}),
    (cell("5 EUR"), {}),
]


@pytest.mark.parametrize(("xml", "currencies"), CURRENCIES)
def test_a_number_tells_the_currency_that_it_shows(
    tmp_path: Path, xml: str, currencies: dict[int, str]
) -> None:
    assert rows_of(tmp_path, row(xml))[0][2] == currencies


def test_styles_of_rows_and_columns_count_where_the_cell_has_none(tmp_path: Path) -> None:
    styled = '<table:table-column/><table:table-column table:default-cell-style-name="euros"/>'
    rows = row(number("5"), number("6")) + row(
        number("0.5"), number("7"), attributes='table:default-cell-style-name="percent"'
    )
    assert read(tmp_path / "o.ods", ods(table(styled, HEAD, rows)))[1][1:] == [
        (2, [("5", "number"), ("6", "number")], {1: "EUR"}),
        (3, [("50%", "text"), ("700%", "text")], {}),
    ]


def test_of_two_styles_with_one_name_the_sheet_s_own_counts(tmp_path: Path) -> None:
    common = (
        '<number:percentage-style style:name="N2"><number:text>$</number:text>'
        "</number:percentage-style>"
    )
    styles = content().replace(STYLES, common)
    cell_of_own_style = number("5", "5 EUR", 'table:style-name="euros"')
    found = ods(table(HEAD, row(cell_of_own_style)), more={"styles.xml": styles})
    assert read(tmp_path / "o.ods", found)[1][1] == (2, [("5", "number")], {0: "EUR"})


def test_repeated_rows_and_cells_stand_as_often_as_they_show(tmp_path: Path) -> None:
    found = rows_of(
        tmp_path,
        row(cell(attributes=columns(16384)), attributes=lines(3)),
        row(
            cell(attributes=columns(2)),
            cell("x", columns(2)),
            attributes=lines(2),
        ),
        row(cell(attributes=columns(16384)), attributes=lines(1048570)),
    )
    line = [(None, None), (None, None), ("x", "text"), ("x", "text")]
    assert found == [(5, line, {}), (6, line, {})]


def group(rows: str, attributes: str = "") -> str:
    return f"<table:table-row-group {attributes}>{rows}</table:table-row-group>"


HIDDEN = [
    (row(cell("x"), attributes='table:visibility="collapse"'), [2], False),
    (row(cell("x"), attributes='table:visibility="filter"'), [2], True),
    (row(cell("x"), attributes='table:style-name="flat"'), [2], False),
    (row(cell("x"), attributes='table:style-name="tall" table:visibility="visible"'), [], False),
    (group(row(cell("x")), 'table:display="false"'), [2], False),
    (group(row(cell("x"))), [], False),
    (row(cell(), attributes='table:visibility="collapse"'), [], False),
]


@pytest.mark.parametrize(("xml", "hidden", "filtered"), HIDDEN)
def test_hidden_rows_with_content_are_seen(
    tmp_path: Path, xml: str, hidden: list[int], *, filtered: bool
) -> None:
    found, _ = read(tmp_path / "o.ods", ods(table(HEAD, xml)))
    assert (found.hidden, found.filtered) == (hidden, filtered)


def test_a_style_of_the_content_replaces_the_hidden_one_of_its_name(tmp_path: Path) -> None:
    hidden = STYLES.replace("0.45cm", "0cm").replace("true", "false")
    tall, flat = (f'table:style-name="{name}"' for name in ("tall", "flat"))
    rows = row(cell("x"), attributes=tall) + row(cell("y"), attributes=flat)
    sheet = table(HEAD, rows, attributes='table:style-name="shown"')
    styles = content().replace(STYLES, hidden)
    found, read_rows = read(tmp_path / "o.ods", ods(sheet, more={"styles.xml": styles}))
    assert [each[0] for each in read_rows] == [1, 2, 3]
    assert found.hidden == [3]


def test_merged_cells_are_seen(tmp_path: Path) -> None:
    spanned = 'table:number-columns-spanned="2" table:number-rows-spanned="3"'
    alone = 'table:number-columns-spanned="1" table:number-rows-spanned="1"'
    found, _ = read(tmp_path / "o.ods", ods(table(HEAD, row(cell("x", alone), cell("y", spanned)))))
    assert [each.reference for each in found.merged] == ["B2:C4"]


def test_only_a_visible_sheet_of_the_document_itself_is_read(tmp_path: Path) -> None:
    other = table(row(cell("no")))
    found = read(
        tmp_path / "o.ods",
        ods(
            f"<table:tracked-changes>{other}</table:tracked-changes>",
            table(row(cell("no")), name="Unseen", attributes='table:style-name="unseen"'),
            table("<table:scenario/>", row(cell("no")), name="What if"),
            table(f"<table:shapes>{other}</table:shapes>", HEAD, "<table:named-expressions/>"),
            f"<table:dde-links>{other}</table:dde-links>",
        ),
    )[1]
    assert found == [(1, [("a", "text"), ("b", "text")], {})]


BOMB = lines(1_048_000)
REFUSED = [
    (
        "a password",
        ods(manifest=manifest("<manifest:encryption-data/>")),
        "protected by a password",
    ),
    (
        "two sheets",
        ods(table(HEAD), table(HEAD, name="More")),
        "2 sheets with content: “Orders”, “More”",
    ),
    ("a text document", ods(content="<x/>"), "it is no spreadsheet"),
    ("broken XML", ods(content=content(table(HEAD))[:-30]), "cannot be read"),
    (
        "a DOCTYPE",
        ods(content='<!DOCTYPE x [<!ENTITY e "x">]>' + content(table(HEAD))),
        "holds a DOCTYPE",
    ),
    (
        "another encoding",
        ods(content='<?xml version="1.0" encoding="latin1"?>' + content(table(HEAD))),
        "instead of UTF-8",
    ),
    (
        "an encoding that nobody knows",
        ods(content='<?xml version="1.0" encoding="x"?>' + content(table(HEAD))),
        "written in x instead of UTF-8",
    ),
    ("a stray cell", ods(table(HEAD, row(cell(attributes=columns(16383)), cell("x")))), "XFD2"),
    (
        "a row below the last one",
        ods(table(HEAD, row(attributes=lines(1048575)), row(cell("x")))),
        "stray cell",
    ),
    (
        "cells repeated out of proportion",
        ods(table(row(cell("x", columns(900)), attributes=BOMB))),
        "stray cell",
    ),
    (
        "a long text repeated out of proportion",
        ods(table(row(cell("x" * 5000), attributes=BOMB))),
        "out of all proportion",
    ),
    ("endless blanks", ods(table(row(cell('<text:s text:c="99999999"/>')))), "99999999 blanks"),
    (
        "a count that is none",
        ods(table(row(cell("x", columns(-1))))),
        "number-columns-repeated '-1'",
    ),
    (
        "two texts",
        ods(table(row(value("string", "string-value", "x", "y")))),
        "Orders!A1 shows another text than it holds",
    ),
    ("a number that only Python reads", ods(table(row(number("1_000")))), "the number '1_000'"),
    ("a number that is none", ods(table(row(number("1,5")))), "Orders!A1 has the number '1,5'"),
    (
        "a kind that nobody knows",
        ods(table(row(value("colour", "value", "x")))),
        "has the kind 'colour' and no value",
    ),
    (
        "a number without a value",
        ods(table(row(cell("5", 'office:value-type="float"')))),
        "no value",
    ),
    (
        "a truth that is none",
        ods(table(row(value("boolean", "boolean-value", "1")))),
        "the truth value '1'",
    ),
    (
        "a list in a cell",
        ods(table(row("<table:table-cell><text:list/></table:table-cell>"))),
        "holds a list",
    ),
    (
        "a table in a cell",
        ods(table(row(f"<table:table-cell>{table(HEAD)}</table:table-cell>"))),
        "holds a table",
    ),
]


@pytest.mark.parametrize(("data", "part"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_workbook_that_cannot_be_trusted_is_refused(
    tmp_path: Path, data: bytes, part: str
) -> None:
    with pytest.raises(SourceError, match=re.escape(part)) as caught:
        read(tmp_path / "o.ods", data)
    assert caught.value.remedy


def test_a_part_whose_name_is_damaged_is_refused(tmp_path: Path) -> None:
    whole = bytearray(ods(table(HEAD), more={"Bilder/ü.png": "x"}))
    at = whole.index("ü".encode())
    whole[at : at + 2] = b"\xff\xff"
    with pytest.raises(SourceError, match="a part whose name cannot be read"):
        read(tmp_path / "o.ods", bytes(whole))


WHOLE = content(
    table(
        HEAD,
        row(
            number("5", "5 EUR", 'table:style-name="euros"'), cell("x<text:s/>y</text:p><text:p>z")
        ),
        row(cell("x", 'table:number-columns-spanned="2"'), attributes='table:visibility="filter"'),
        row(value("date", "date-value", "2026-03-04"), value("time", "time-value", "PT1H")),
    )
)
PIECES = st.sampled_from(
    [
        *dict.fromkeys(re.findall(r"<[^>]*>", WHOLE)),
        *('"', "'", "<", "&amp;", "&x;", "1", "-", "\x01", 'table:number-rows-repeated="2"'),
        *('office:value-type="float"', 'office:value="x"', "<![CDATA[x]]>", "<!-- -->"),
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([0, 0, 1, 6, 40]), PIECES),
        min_size=1,
        max_size=3,
    )
)
def test_no_damage_is_anything_but_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int, str]]
) -> None:
    xml = WHOLE
    for share, cut, piece in changes:
        at = int(share * len(xml))
        xml = xml[:at] + piece + xml[at + cut :]
    try:
        read(tmp_path_factory.mktemp("ods") / "o.ods", ods(content=xml))
    except ImporterError as error:
        assert error.remedy  # noqa: PT017 - it need not be raised
