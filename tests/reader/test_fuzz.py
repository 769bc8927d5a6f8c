"""Mutated files: refused with a sentence, or read as the strict reader of the language reads them.

Seeds are Hypothesis's own, so a failure is replayed and shrunk.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zipfile
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.config import Config, Order
from importer.errors import ImporterError
from importer.reader.reader import Reading, read_file
from tests.reader.raw_workbook import row, sheet_xml, workbook

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

LEAD = "cd613e30-d8f1-4adf-91b7-584a2265b1f{}"
HEAD = ("Lead ID", "Product", "Description", "Amount", "Date")
PURCHASES = [
    (LEAD.format(number), f"Tea {number}", 'two\nlines, "quoted"' * (number % 2), amount, date)
    for number, amount, date in (
        (0, "1.234,50", "2026-03-04"),
        (1, "12,00", "4.3.2026"),
        (2, "€ 7", ""),
        (3, "(3,10)", "2026-03-04T10:20:30Z"),
    )
]


def as_csv(delimiter: str, line_end: str, encoding: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows([HEAD, *PURCHASES])
    return text.getvalue().encode(encoding)


FILES = [
    as_csv(";", "\r\n", "utf-8"),
    as_csv(",", "\n", "utf-8-sig"),
    as_csv("\t", "\r\n", "utf-16"),
    as_csv("|", "\r", "cp1252"),
]
SHEET = sheet_xml(
    row(1, *HEAD)
    + "".join(
        row(number, *map(str, each[:2]), "", "12.50") for number, each in enumerate(PURCHASES, 2)
    )
    + '<row r="6"><c r="A6"><v>1</v></c><c r="D6" t="e"><v>#N/A</v></c><c r="E6" s="1"><v>46085</v>'
    '</c></row><row r="7" hidden="1"><c r="D7"><f>SUM(D2:D5)</f><v>50</v></c></row>',
    after='<mergeCells count="1"><mergeCell ref="H1:I1"/></mergeCells>',
)
BOOK = workbook(SHEET)
SHOWN = workbook(SHEET.replace('hidden="1"', ""))
INSERTED = st.sampled_from(
    [
        *(bytes([byte]) for byte in b"\",;|\t\n\r\0 '=1-\x1a\xa0\xff\xc3"),
        *(b'""', b"\xef\xbb\xbf", b"sep=;\n", b"\xe2\x80\x8b", b"\xff\xfe"),
    ]
)
TAGS = re.findall(r"<[^>]*>", SHEET)
PIECES = st.sampled_from(
    [
        *dict.fromkeys(TAGS),
        *("&amp;", "&#0;", "&x;", "<![CDATA[x]]>", "<!DOCTYPE x>", "XFD1048576", "1e999", "-"),
        *('r="A1"', 't="s"', 't="b"', 's="99"', "\x01", 'hidden="1"', "<v>", "</row>"),
    ]
)


@st.composite
def mutated(draw: st.DrawFn, content: bytes, inserted: st.SearchStrategy[bytes]) -> bytes:
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.sampled_from([0, 0, 1, 2, 7, 60]))
        how = draw(st.sampled_from(["insert", "cut", "repeat", "flip", "truncate"]))
        piece = content[start : start + length]
        if how == "insert":
            content = content[:start] + draw(inserted) + content[start:]
        elif how == "cut":
            content = content[:start] + content[start + length :]
        elif how == "repeat":
            content = content[:start] + piece * 2 + content[start + length :]
        elif how == "flip" and start < len(content):
            flipped = content[start] ^ (1 << draw(st.integers(0, 7)))
            content = content[:start] + bytes([flipped]) + content[start + 1 :]
        elif how == "truncate":
            content = content[:start]
    return content


def attempt(folder: Path, name: str, content: bytes) -> Reading | None:
    """Return the reading, or None where it is refused in words; all else is a failure."""
    path = folder / name
    path.write_bytes(content)
    refusal = None
    try:
        return read_file(path, folder, Config(), Order())
    except ImporterError as error:
        refusal = error
    assert refusal.message
    assert refusal.remedy
    return None


def read_strictly(content: bytes, reading: Reading) -> list[tuple[object, ...]]:
    """Return what the standard library makes of the rows below the header, blank ones left out."""
    table = reading.table.about
    assert table.encoding is not None
    text = io.StringIO(content.decode(table.encoding), newline="")
    if re.match(r'"?sep=[,;\t|]"?[\r\n]', text.getvalue(), re.IGNORECASE):
        text.readline()
    records = enumerate(csv.reader(text, delimiter=table.delimiter or ",", strict=True), 1)
    kept = table.positions or range(len(table.headers))
    return [
        (number, *(record[at] or None for at in kept))
        for number, record in records
        if number > table.header_row and "".join(record).strip()
    ]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=st.sampled_from(FILES).flatmap(lambda file: mutated(file, INSERTED)))
def test_a_mutated_csv_is_refused_or_read_as_it_stands(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    reading = attempt(tmp_path_factory.mktemp("csv"), "orders.csv", content)
    if reading is not None:
        assert reading.table.whole().cells.rows() == read_strictly(content, reading)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=mutated(gzip.compress(FILES[0], mtime=0), INSERTED))
def test_a_mutated_archive_never_changes_a_row(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    reading = attempt(tmp_path_factory.mktemp("gz"), "orders.csv.gz", content)
    if reading is not None:
        assert reading.table.whole().cells.rows() == read_strictly(FILES[0], reading)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=mutated(SHOWN, INSERTED))
def test_a_mutated_workbook_never_changes_a_row(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("zip")
    reading = attempt(folder, "orders.xlsx", content)
    if reading is not None:
        whole = attempt(folder, "whole.xlsx", SHOWN)
        assert whole is not None
        assert reading.table.whole().cells.equals(whole.table.whole().cells)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(xml=mutated(SHEET.encode(), PIECES.map(str.encode)))
def test_mutated_xml_in_a_whole_archive_is_refused_or_read_without_a_crash(
    tmp_path_factory: pytest.TempPathFactory, xml: bytes
) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(BOOK)) as origin, zipfile.ZipFile(content, "w") as target:
        for part in origin.namelist():
            sheet = part == "xl/worksheets/sheet1.xml"
            target.writestr(part, xml if sheet else origin.read(part))
    attempt(tmp_path_factory.mktemp("xml"), "orders.xlsx", content.getvalue())
