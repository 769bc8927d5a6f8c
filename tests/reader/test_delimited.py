"""Bytes of a CSV → its rows as read, or the refusal."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.errors import ImporterError, SourceError, UsageError
from importer.reader.delimited import _Asked, _read_rows, _read_unseen, read_delimited
from importer.reader.encoding import find_encoding
from importer.reader.pieces import Spool
from tests.reader.frames import spooled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.reader.delimited import _Rows
    from importer.reader.table import Table


def read(tmp_path: Path, content: bytes, header_row: int | None = None) -> Table:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    return read_delimited(path, "orders.csv", header_row=header_row).whole()


READ = [
    ("plain", b"a,b\n1,2\n3,4\n", [(2, "1", "2"), (3, "3", "4")]),
    ("leading zeros and exponents stay text", b"a,b\n00123,12e45678\n", [(2, "00123", "12e45678")]),
    ("blanks in a cell stay", b"a,b\n 1 ,\t2\n", [(2, " 1 ", "\t2")]),
    ("an empty cell is null", b'a,b\n1,\n"",2\n', [(2, "1", None), (3, None, "2")]),
    ("blank rows are counted", b"a,b\n\n1,2\n,\n , \n\n3,4\n", [(3, "1", "2"), (7, "3", "4")]),
    ("blank rows of another width", b"a,b,c\n,,,,\n1,2,3\n", [(3, "1", "2", "3")]),
    ("blank lines above the header", b"\n\na,b\n1,2\n", [(4, "1", "2")]),
    (
        "a line break in quotes is one row",
        b'a,b\n"x\ny",2\n3,4\n',
        [(2, "x\ny", "2"), (3, "3", "4")],
    ),
    ("doubled quotes", b'a,b\n"5"" pipe",2\n', [(2, '5" pipe', "2")]),
    ("delimiter in quotes", b'a,b\n"1,5",2\n', [(2, "1,5", "2")]),
    ("CRLF", b"a,b\r\n1,2\r\n", [(2, "1", "2")]),
    ("CR only", b"a,b\r1,2\r3,4\r", [(2, "1", "2"), (3, "3", "4")]),
    ("mixed line breaks", b"a,b\r\n1,2\n3,4\r5,6\n", [(2, "1", "2"), (3, "3", "4"), (4, "5", "6")]),
    ("semicolons", b"a;b\n1,5;2\n", [(2, "1,5", "2")]),
    ("tabs", b"a\tb\n1,5\t2;3\n", [(2, "1,5", "2;3")]),
    ("pipes", b"a|b\n1|2\n", [(2, "1", "2")]),
    ("one column", b"a\n1\n2;3\n", [(2, "1"), (3, "2;3")]),
    ("commas in a quoted header", b'"a, b";c\n1;2\n', [(2, "1", "2")]),
    ("sep line is no row", b"sep=;\r\na;b\r\n1;2\r\n", [(2, "1", "2")]),
    ("sep line with a BOM", codecs.BOM_UTF8 + b'"sep=|"\na|b\n1,2|3;4\n', [(2, "1,2", "3;4")]),
    ("UTF-8", "a,b\nTé,2\n".encode(), [(2, "Té", "2")]),
    ("UTF-8 with BOM", "a,b\nTé,2\n".encode("utf-8-sig"), [(2, "Té", "2")]),
    (
        "UTF-16 little-endian",
        codecs.BOM_UTF16_LE + "a;b\nTé;2\n".encode("utf-16-le"),
        [(2, "Té", "2")],
    ),
    (
        "UTF-16 big-endian",
        codecs.BOM_UTF16_BE + "a;b\nTé;2\n".encode("utf-16-be"),
        [(2, "Té", "2")],
    ),
    ("cp1252", b"a,b\nT\xe9 \x80,2\n", [(2, "Té €", "2")]),
    ("a header and no rows", b"a,b\n", []),
    ("an unnamed empty column", b"a,,b,\n1,,2,\n3,,4,\n", [(2, "1", "2"), (3, "3", "4")]),
    ("line separators of Unicode", "a,b\n1\u2028x,2\x0b\n".encode(), [(2, "1\u2028x", "2\x0b")]),
]


@pytest.mark.parametrize(("content", "rows"), [c[1:] for c in READ], ids=[c[0] for c in READ])
def test_rows_are_read_with_the_numbers_of_a_spreadsheet(
    tmp_path: Path, content: bytes, rows: list[tuple[object, ...]]
) -> None:
    assert read(tmp_path, content).cells.rows() == rows


REFUSED = [
    ("short row", b"a,b,c\n1,2,3\n4,5\n", ["row 3 has 2 cells where the header has 3"]),
    ("long row", b"a,b\n1,2,\n", ["row 2 has 3 cells where the header has 2"]),
    ("cut at the end", b"id,name,amount,date\nx,Tea,100.00,2026\ny,Tea,1", ["row 3 has 3 cells"]),
    ("row and line differ", b'a,b\n"x\ny",2\n\n4\n', ["row 4 (line 5 of the text) has 1 cell "]),
    ("lines before a sep line count", b"sep=,\na,b\n1\n", ["row 2 (line 3 of the text)"]),
    (
        "the first few of many",
        b"a,b\n" + b"1\n" * 8,
        ["row 2 ", "row 6 ", "and 3 more"],
    ),
    ("unclosed quote", b'a,b\n1,2\n"x,2\n3,4\n', ["row 3 opens a quotation mark that is never"]),
    (
        "unclosed quote in a long file",
        b'a,b\n1,"2\n' + b"3,4\n" * 40_000,
        ["row 2 has a cell of more than 131,072 characters", "never closed"],
    ),
    ("text after a quote", b'a,b\n"x"y,2\n', ["row 2 goes on after a closing quotation mark"]),
    ("quote in a cell", b'a,b\n5" pipe,2\n', ["row 2 has a quotation mark in a cell"]),
    ("blank before a quote", b'a,b\n "x, y",2\n', ["row 2 has a quotation mark in a cell"]),
    ("quote in the header", b'a"x,b\n1,2\n', ["row 1 has a quotation mark"]),
    ("all in one line", b"a,b\n" + b"1,2;" * 1_100_000, ["more than 4,194,304", "line 2 of"]),
    ("NUL", b"a,b\n1,\0\n", ["NUL character in line 2"]),
    ("UTF-16 without BOM", "a,b\n1,2\n".encode("utf-16-le"), ["NUL character", "UTF-16"]),
    ("UTF-32", "a,b\n1,2\n".encode("utf-32"), ["NUL character"]),
    ("damaged UTF-8", "a,b\nTé,2\n".encode() + b"\xff,3\n", ["byte 10, line 3", "damaged"]),
    ("UTF-8 cut in a character", b"a,b\n1,T\xc3", ["UTF-8", "cut short"]),
    ("UTF-16 cut in a character", codecs.BOM_UTF16_LE + b"a\0,", ["UTF-16"]),
    ("neither UTF-8 nor cp1252", b"a,b\nT\xe9,\x81\n", ["neither UTF-8", "line 2"]),
    ("repeated header", b"a,b, a\n1,2,3\n", ["two columns named “a” (A and C)"]),
    ("unnamed column with content", b"a,,b\n1,,2\n1,x,2\n", ["column B (row 3)", "no name"]),
    ("nothing but blank lines", b"\n\n,,\n", ["nothing but blank lines"]),
    ("only a sep line", b"sep=;\n", ["nothing but blank lines"]),
    ("only a BOM", codecs.BOM_UTF8, ["nothing but blank lines"]),
]


@pytest.mark.parametrize(
    ("content", "parts"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_what_cannot_be_read_for_certain_is_refused_with_its_place(
    tmp_path: Path, content: bytes, parts: list[str]
) -> None:
    with pytest.raises(SourceError) as caught:
        read(tmp_path, content)
    assert caught.value.remedy
    for part in parts:
        assert part in str(caught.value)


def test_thousands_of_empty_columns_are_read_a_few_rows_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    wide = "," * 4_000
    path.write_text(f"a,b{wide}\n" + f'"1\n",2{wide}\n' * 1_000)
    pieces = read_delimited(path, "orders.csv", header_row=None)
    assert pieces.about.headers == ("a", "b")
    assert max(pieces.heights) < sum(pieces.heights) == 1_000
    path.write_text(f"a,b{wide}\n1,2{wide[:-2]}x,,\n3,4{wide[:-1]}y,\n5,6{wide[:-2]}z,,\n")
    with pytest.raises(SourceError, match=r"content in column EWV \(row 2 and 1 more\)"):
        read_delimited(path, "orders.csv", header_row=None)


def test_table_says_how_the_file_was_read(tmp_path: Path) -> None:
    table = read(tmp_path, b"lead;Name\r\n1;T\xe9\r\n")
    assert (table.headers, table.header_row, table.delimiter, table.encoding, table.sheet) == (
        ("lead", "Name"),
        1,
        ";",
        "cp1252",
        None,
    )
    assert not table.has_kinds
    assert "not UTF-8 (line 2)" in table.notes[0]


def test_headers_keep_their_spelling(tmp_path: Path) -> None:
    assert read(tmp_path, b'" Lead ID ","two\nlines"\n1,2\n').headers == (" Lead ID ", "two\nlines")


def test_a_dropped_column_shows_in_the_positions(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,,b\n1,,2\n").positions == (0, 2)


def test_header_row_leaves_out_what_stands_above(tmp_path: Path) -> None:
    table = read(tmp_path, b"Orders of May\nmade by Jo,x,y\n\na,b\n1,2\n", header_row=4)
    assert table.header_row == 4
    assert table.cells.rows() == [(5, "1", "2")]
    assert "Rows 1 to 3 of orders.csv stand above" in table.notes[0]
    table = read(tmp_path, b"Orders of May\na,b\n1,2\n", header_row=2)
    assert "Row 1 of orders.csv stands above" in table.notes[0]


@pytest.mark.parametrize(("row", "reason"), [(2, "that row is blank"), (9, "it ends before")])
def test_a_header_row_that_is_not_there_is_wrong_usage(
    tmp_path: Path, row: int, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        read(tmp_path, b"a,b\n\n1,2\n", header_row=row)


def test_a_missing_last_line_break_is_no_matter(tmp_path: Path) -> None:
    assert read(tmp_path, b"a,b\n1,2").notes == ()


def test_a_file_longer_than_the_sample_and_a_batch_keeps_its_order(tmp_path: Path) -> None:
    lines = [f"{i},x{i}" for i in range(100_003)]
    cells = read(tmp_path, ("a,b\n" + "\n".join(lines) + "\n").encode()).cells
    assert cells["row"].to_list() == list(range(2, 100_005))
    assert cells["cell_1"].to_list() == [f"x{i}" for i in range(100_003)]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@settings(max_examples=200, deadline=None)
@given(
    records=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    line_break=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_csv_writer_writes_is_read_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory,
    records: list[list[str]],
    delimiter: str,
    line_break: str,
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_break, quoting=csv.QUOTE_ALL)
    writer.writerows([["a", "b", "c"], *records])
    folder = tmp_path_factory.mktemp("csv")
    expected = [
        (number, *(field or None for field in record))
        for number, record in enumerate(records, 2)
        if any(field.strip() for field in record)
    ]
    assert read(folder, text.getvalue().encode("utf-8-sig")).cells.rows() == expected


PIECES = st.sampled_from(
    [
        *(
            b"a,b\n",
            b"1,2\n",
            b"1,2\r\n",
            b"1,2",
            b"\n",
            b"\r",
            b" ,\t\n",
            b",",
            b'"',
            b'"1\n2",3\n',
        ),
        *("T\u00e9,2\n".encode(), b"T\xe9,2\n", b"\xc3", b"\x81", b"\0", b"\xed\xa0\x80,1\n", b";"),
    ]
)
MARKS = st.sampled_from([b"", b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"sep=;\n"])


def outcome(read: Callable[[Spool], _Rows | None], spool: Spool) -> object:
    """Return what was read, or how it was refused."""
    try:
        rows = read(spool)
    except ImporterError as error:
        return type(error), error.code, error.message
    assert rows is not None
    return rows.encoding, rows.header_at, rows.header, spooled(spool).rows()


@settings(max_examples=300)
@given(mark=MARKS, body=st.lists(PIECES, max_size=10).map(b"".join))
@example(mark=b"", body=b"a,b\n" + b"1,2\n" * 1_000 + b"1,\0\n")
@example(mark=b"", body=b"a,b\n" + b"1,2\n" * 1_000 + b"T\xe9,2\n")
@example(mark=b"", body=b"a,b\n" + "T\u00e9,2\n".encode() * 1_000 + b"T\xe9,2\n")
@example(mark=b"", body=b"a,b\n" + b"1,2\n" * 1_000 + b"1,T\xc3")
@example(mark=codecs.BOM_UTF8, body=b"a,b\n" + b"1,2\n" * 1_000 + b"1\n")
def test_a_file_is_read_or_refused_as_after_a_look_at_all_its_bytes(
    tmp_path_factory: pytest.TempPathFactory, mark: bytes, body: bytes
) -> None:
    path = tmp_path_factory.mktemp("orders") / "orders.csv"
    path.write_bytes(mark + body)
    asked = _Asked(path, "orders.csv", None, "auto", None)

    def read_after_proof(spool: Spool) -> _Rows | None:
        encoding, _ = find_encoding(path, "orders.csv")
        return _read_rows(encoding, asked, spool, plainly=False)

    one, other = Spool(path.parent), Spool(path.parent)
    unseen = _read_unseen(asked, one)
    if unseen is not None:
        assert outcome(lambda _: unseen, one) == outcome(read_after_proof, other)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_plain_lines_in_unicode_are_read_without_a_look_at_all_their_bytes(
    tmp_path: Path, encoding: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(("a,b\n" + "T\u00e9,2\n" * 1_000).encode(encoding))
    spool = Spool(tmp_path)
    rows = _read_unseen(_Asked(path, "orders.csv", None, "auto", None), spool)
    assert rows is not None
    assert (rows.encoding, spooled(spool).height) == (encoding, 1_000)
