"""The fast reader gives what the record by record reader gives, or leaves the file to it."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.reader.delimited import _read_cells
from importer.reader.pieces import Spool
from importer.reader.plain_lines import read_plain_lines
from importer.reader.records import Records
from tests.reader.frames import spooled

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

PIECES = st.sampled_from(
    [
        "a",
        "1,5",
        '"',
        '""',
        '"x"',
        '"x,y"',
        '"x""y"',
        ",",
        ";",
        " ",
        "\t",
        "",
        "é",
        "\u2028",
        "\x1c",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        "a,b,c\n",
        '"a","",c\r\n',
        ",,\n",
        "\x85",
        "😀",
        '"a\nb"',
    ]
)


def read_fast(tmp_path: Path, text: str, *, encoding: str = "utf-8") -> pl.DataFrame | None:
    path = tmp_path / "lines.csv"
    path.write_bytes(text.encode(encoding))
    spool = Spool(tmp_path)
    read = read_plain_lines(path, encoding, ",", 3, spool, above="x,y,z\n", row=2)
    return spooled(spool) if read else None


def read_slowly(tmp_path: Path, text: str) -> pl.DataFrame:
    records = Records(io.StringIO(text, newline=""), ",", 0, "lines.csv")
    next(records.rows)
    spool = Spool(tmp_path)
    _read_cells(records, 3, spool)
    return spooled(spool)


@settings(max_examples=600, deadline=None)
@given(body=st.lists(PIECES, max_size=12).map("".join))
@example(body='"",b,c\n')
@example(body="1,2,3\n\n \n4,5,6")
@example(body=' , ,\n\x1c,"",\xa0\n1,2,3\n')
@example(body="1,2,3\r\n4,5,6\r")
def test_what_it_reads_is_what_the_strict_reader_reads(
    tmp_path_factory: pytest.TempPathFactory, body: str
) -> None:
    text = "x,y,z\n" + body
    folder = tmp_path_factory.mktemp("lines")
    fast = read_fast(folder, text)
    if fast is not None:
        slow = read_slowly(folder, text)
        assert fast.rows() == slow.rows()
        assert fast.schema == slow.schema


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_files_of_many_blocks_are_read_whole_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    lines = [f'{number},"Té, {number}",{"x" * 60}' for number in range(260_000)]
    fast = read_fast(tmp_path, "x,y,z\n" + "\r\n".join(lines), encoding=encoding)
    assert fast is not None
    assert fast["row"].to_list() == list(range(2, 260_002))
    assert fast["cell_1"].to_list() == [f"Té, {number}" for number in range(260_000)]


@pytest.mark.parametrize(
    "line",
    [
        "1,2",
        "1,2,3,4",
        '1,2,"3',
        '1,2"x,3',
        '1,"2"x,3',
        "1,2\r,3",
        '"1\n2",3,4',
        "1,\0,3",
        f"1,2,{'x' * (csv.field_size_limit() + 1)}",
    ],
)
def test_a_line_that_does_not_prove_itself_leaves_the_file_to_the_strict_reader(
    tmp_path: Path, line: str
) -> None:
    assert read_fast(tmp_path, f"x,y,z\n1,2,3\n{line}\n4,5,6\n") is None


def test_bytes_that_the_encoding_cannot_read_leave_the_file_to_others(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    for encoding, line in [("utf-8", b"1,T\xe9,3\n"), ("cp1252", b"1,\x81,3\n")]:
        path.write_bytes(b"x,y,z\n" + b"1,2,3\n" * 10 + line)
        spool = Spool(tmp_path)
        assert not read_plain_lines(path, encoding, ",", 3, spool, above="x,y,z\n", row=2)


def test_a_line_longer_than_a_block_is_left_to_the_strict_reader(tmp_path: Path) -> None:
    cells = ",".join(["x" * 100_000] * 50)
    path = tmp_path / "lines.csv"
    path.write_text(f"x\n{cells}\n{cells}", "utf-8")
    assert not read_plain_lines(path, "utf-8", ",", 50, Spool(tmp_path), above="x\n", row=2)
