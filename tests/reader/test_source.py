"""A path → a private copy that is what its name says, or a refusal."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import stat
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from importer.errors import SourceError, UsageError
from importer.reader.source import Source, read_table, take_source
from tests.reader import raw_ods, raw_xls, raw_xlsb
from tests.reader.raw_workbook import row, sheet_xml, workbook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CSV = b"a,b\n1,2\n"
XLSX = workbook(sheet_xml(row(1, "a", "b") + row(2, "1", "2")))
XLS = raw_xls.xls(
    b"".join(raw_xls.text(1 + at // 2, at % 2, text) for at, text in enumerate("ab12"))
)
XLSB = raw_xlsb.xlsb(
    raw_xlsb.sheet(
        raw_xlsb.row(1, raw_xlsb.text(0, "a"), raw_xlsb.text(1, "b")),
        raw_xlsb.row(2, raw_xlsb.text(0, "1"), raw_xlsb.text(1, "2")),
    )
)
ODS = raw_ods.ods(
    raw_ods.table(
        raw_ods.row(raw_ods.cell("a"), raw_ods.cell("b")),
        raw_ods.row(raw_ods.cell("1"), raw_ods.cell("2")),
    )
)
SPOILT_ODS = ODS.replace(ODS[38:60], bytes(reversed(ODS[38:60])), 1)
"""What follows the name of the first part, `mimetype`, is its content, deflated."""
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def take(tmp_path: Path, name: str, content: bytes) -> Source:
    folder = tmp_path / "private"
    folder.mkdir()
    path = tmp_path / name
    path.write_bytes(content)
    try:
        return take_source(path, folder)
    except SourceError:
        assert list(folder.iterdir()) == []
        raise


def unpacked(content: bytes) -> bytes:
    unpack = {b"\x1f\x8b": gzip.decompress, b"(\xb5": zstd.decompress}.get(content[:2])
    return unpack(content) if unpack else content


def archive(part: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        written.writestr(part, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("o.csv", CSV, "csv"),
        ("o.csv.gz", gzip.compress(CSV), "csv"),
        ("o.tsv.ZST", zstd.compress(CSV), "csv"),
        ("o.CSV", CSV, "csv"),
        ("o.tsv", b"a\tb\n1\t2\n", "csv"),
        ("o.txt", CSV, "csv"),
        ("o.xlsx", XLSX, "xlsx"),
        ("o.xlsm", XLSX, "xlsx"),
        ("o.xls", XLS, "xls"),
        ("o.XLSB", XLSB, "xlsb"),
        ("o.ods", ODS, "ods"),
    ],
)
def test_a_spreadsheet_is_copied_and_read(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    source = take(tmp_path, name, content)
    assert (source.name, source.format, source.size) == (name, kind, len(content))
    assert source.sha256 == hashlib.sha256(content).hexdigest()
    assert source.path.read_bytes() == (unpacked(content) if kind == "csv" else content)
    table = read_table(source).whole()
    assert (table.name, table.format, table.headers) == (name, kind, ("a", "b"))
    assert table.cells.select("row", "cell_0", "cell_1").rows() == [(2, "1", "2")]


def test_a_change_after_the_copy_changes_nothing(tmp_path: Path) -> None:
    source = take(tmp_path, "o.csv", CSV)
    (tmp_path / "o.csv").write_bytes(b"a,b\n8,9\n")
    assert read_table(source).whole().cells["cell_0"].to_list() == ["1"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_can_read_the_copy(tmp_path: Path) -> None:
    assert stat.S_IMODE(take(tmp_path, "o.csv", CSV).path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("o.csv", b"", "is empty (0 bytes)"),
        ("o.xlsx", b"", "is empty (0 bytes)"),
        ("o.pdf", b"x", "its name ends in “.pdf”"),
        ("o.ods", b"x", "its content is text. Give it the ending .csv"),
        ("o.ods", SPOILT_ODS, "a damaged zip archive or workbook"),
        ("o.xls", b"\x09\x02\x06\x00\0\0", "an Excel workbook of before 1995"),
        ("o.xls", b"<html><table>", "a web page"),
        ("o.xls", XLSX, "Give it the ending .xlsx"),
        ("o.xlsb", XLSX, "Give it the ending .xlsx"),
        ("o.numbers", b"x", "an Apple Numbers document (.numbers), which is not read here"),
        ("o.xlsx.gz", gzip.compress(XLSX), "its name ends in “.gz”"),
        ("o.csv.gz", CSV, "its content is text. Give it the ending .csv."),
        ("o.csv.gz", zstd.compress(CSV), "a Zstandard archive. Give it the ending .csv.zst."),
        ("o.csv.gz", gzip.compress(XLSX), "its content is an Excel workbook (.xlsx)"),
        ("o.csv.gz", gzip.compress(CSV * 99)[:-9], "no whole gzip file"),
        ("o.csv.zst", zstd.compress(CSV * 99)[:-9], "no whole Zstandard file"),
        ("o.csv.gz", gzip.compress(bytes(80 << 20)), "out of all proportion"),
        ("o.csv.zst", zstd.compress(bytes(80 << 20)), "out of all proportion"),
        ("orders", CSV, "has no ending"),
        ("o.csv", XLSX, "its content is an Excel workbook (.xlsx). Give it the ending .xlsx"),
        ("o.xlsx", CSV, "its content is text. Give it the ending .csv"),
        ("o.xlsx", archive("encrypted-package"), "o.xlsx is protected by a password"),
        ("o.xlsx", OLE, "an old Excel workbook (.xls). Give it the ending .xls"),
        ("o.csv", OLE, "an old Excel workbook (.xls)"),
        ("o.xlsx", OLE + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        ("o.csv", b"\xef\xbb\xbf\r\n<!DOCTYPE html><html>", "a web page"),
        ("o.xlsx", b"<html><table>", "a web page"),
        ("o.csv", b'<?xml version="1.0"?><Workbook/>', "an XML document"),
        ("o.csv", b"%PDF-1.7", "a PDF document"),
        ("o.csv", gzip.compress(CSV), "a gzip archive"),
        ("o.csv", archive("orders.csv"), "a zip archive"),
        ("o.xlsx", archive("content.xml"), "an OpenDocument file"),
        ("o.xlsx", archive("xl/workbook.bin"), "a binary Excel workbook (.xlsb)"),
        ("o.xlsx", XLSX[:400], "a damaged zip archive or workbook"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_by_what_it_is(
    tmp_path: Path, name: str, content: bytes, part: str
) -> None:
    with pytest.raises(SourceError) as caught:
        take(tmp_path, name, content)
    assert part in str(caught.value)
    assert caught.value.remedy


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no file"):
        take_source(tmp_path / "none.csv", tmp_path)


def test_a_folder_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        take_source(tmp_path / "orders.csv", tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_pipe_is_wrong_usage(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "orders.csv")
    with pytest.raises(UsageError, match="no regular file"):
        take_source(tmp_path / "orders.csv", tmp_path)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_wrong_usage(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    with pytest.raises(UsageError, match="cannot be read"):
        take_source(path, tmp_path)


def test_a_sheet_of_a_csv_and_a_header_in_row_0_are_wrong_usage(tmp_path: Path) -> None:
    source = take(tmp_path, "o.csv", CSV)
    with pytest.raises(UsageError, match="has no sheet “May”"):
        read_table(source, sheet="May")
    with pytest.raises(UsageError, match="--header-row 0"):
        read_table(source, header_row=0)


NO_ROOM = """
import resource, signal, sys
from pathlib import Path
from importer.errors import ConfigError
from importer.reader.source import take_source

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    take_source(Path(sys.argv[1]), Path(sys.argv[2]))
except ConfigError as error:
    print(error.code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of a file")
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["as it is", "unpacked"])
def test_a_copy_that_finds_no_room_is_named_and_removed(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    packed = pack(b"lead_id\n" + b"x\n" * 50_000)
    file = tmp_path / ("rows.csv" if packed.startswith(b"lead") else "rows.csv.gz")
    file.write_bytes(packed)
    folder = tmp_path / "copies"
    folder.mkdir()
    taker = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(file), str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert taker.stdout.strip() == "no-room"
    assert not list(folder.iterdir())
