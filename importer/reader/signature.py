"""A file's first bytes → what it really is, whatever its name says. Reads the file."""

from __future__ import annotations

import codecs
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD_BYTES: Final = 4096
UNPACKING: Final = (zlib.error, EOFError, NotImplementedError, OSError)
"""What a damaged part of a zip archive raises while it is read, beside BadZipFile."""
PACKED_AS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""How both OPC and OpenDocument let the parts of a workbook be packed."""

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"(\xb5/\xfd"

_BINARY: Final[tuple[tuple[bytes, str], ...]] = (
    (b"PK\x05\x06", "an empty zip archive"),
    (b"%PDF", "a PDF document"),
    (GZIP, "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (ZSTD, "a Zstandard archive"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "an RTF document"),
)
_MARKUP: Final[tuple[tuple[bytes, str], ...]] = (
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<table", "a web page"),
    (b"<?xml", "an XML document"),
)
XLSX: Final = "an Excel workbook (.xlsx)"
XLSB: Final = "a binary Excel workbook (.xlsb)"
XLS: Final = "an old Excel workbook (.xls)"
ODS: Final = "an OpenDocument spreadsheet (.ods)"
PROTECTED: Final = "a workbook protected by a password"
_RAW_SHEETS: Final = (b"\x09\x00\x04\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00")
"""A sheet of Excel 2, 3 and 4 begins so, without a container around it."""
_MIMETYPE: Final = b"application/vnd.oasis.opendocument.spreadsheet"
_ARCHIVES: Final[tuple[tuple[str, str], ...]] = (
    ("xl/workbook.bin", XLSB),
    ("xl/workbook.xml", XLSX),
    ("encrypted-package", PROTECTED),
    ("content.xml", "an OpenDocument file"),
    ("word/document.xml", "a Word document"),
    ("Index/Document.iwa", "an Apple Numbers document"),
)


def recognise(path: Path) -> str | None:
    """Return what the file's content is, None where it is text.

    A workbook comes back as XLSX, XLSB, XLS or ODS, so the caller can hold it against the name.
    Source of the signatures: the formats' own specifications.
    """
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        if head.startswith(OLE):
            return _recognise_ole(head + stream.read())
    if head.startswith(ZIP):
        return _recognise_zip(path)
    if head.startswith(_RAW_SHEETS):
        return "an Excel workbook of before 1995"
    for signature, meaning in _BINARY:
        if head.startswith(signature):
            return meaning
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return next((meaning for mark, meaning in _MARKUP if text.startswith(mark)), None)


def _recognise_ole(content: bytes) -> str:
    # Office keeps an encrypted workbook as a stream of this name; names are UTF-16 in OLE.
    if "EncryptedPackage".encode("utf-16-le") in content:
        return PROTECTED
    return XLS


def _recognise_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            packed_as = {part.compress_type for part in archive.infolist()}
            if {"content.xml", "mimetype"} <= names and packed_as <= PACKED_AS:
                with archive.open("mimetype") as stream:
                    if stream.read(_HEAD_BYTES).startswith(_MIMETYPE):
                        return ODS
    except (zipfile.BadZipFile, RuntimeError, ValueError, *UNPACKING):
        return "a damaged zip archive or workbook"
    return next((meaning for name, meaning in _ARCHIVES if name in names), "a zip archive")
