"""Records → the bytes of an .xlsb file, for what no spreadsheet program would write."""

from __future__ import annotations

import io
import struct
import zipfile

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = (
    f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="bin" ContentType="application/vnd.ms-excel.worksheet"/>'
    '<Override PartName="/xl/workbook.bin" '
    'ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>'
    '<Override PartName="/xl/styles.bin" ContentType="application/vnd.ms-excel.styles"/>'
    '<Override PartName="/xl/sharedStrings.bin" '
    'ContentType="application/vnd.ms-excel.sharedStrings"/></Types>'
)
FORMATS = ((165, "[h]:mm"), (166, '"EUR" 0.00'), (167, "0.0%"), (168, "yyyy-mm-dd hh:mm"))
STYLES = (0, 14, 165, 166, 167, 168, 10)
"""Number format of each cell style: 1 date, 2 duration, 3 euros, 4 and 6 percentages, 5 moment."""


def record(kind: int, body: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size = len(body)
    while size >= 0x80:
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    return head + bytes([size]) + body


def letters(text: str) -> bytes:
    spelt = text.encode("utf-16-le")
    return struct.pack("<I", len(spelt) // 2) + spelt


def cell(kind: int, column: int, value: bytes = b"", style: int = 0) -> bytes:
    return record(kind, struct.pack("<II", column, style) + value)


def short(kind: int, value: bytes = b"", style: int = 0) -> bytes:
    return record(kind, struct.pack("<I", style) + value)


def text(column: int, value: str) -> bytes:
    return cell(6, column, letters(value))


def number(column: int, value: float, style: int = 0) -> bytes:
    return cell(5, column, struct.pack("<d", value), style)


def row(number: int, *cells: bytes, flags: int = 0, height: int = 300) -> bytes:
    return record(0, struct.pack("<IIHBBB", number - 1, 0, height, 0, flags, 0)) + b"".join(cells)


def sheet(*rows: bytes, after: bytes = b"", before: bytes = b"") -> bytes:
    table = record(145) + b"".join(rows) + record(146)
    return record(129) + before + table + after + record(130)


def xlsb(
    *sheets: bytes,
    states: tuple[int, ...] = (),
    settings: bytes = b"",
    shared: tuple[str, ...] = (),
    kind: str = "worksheet",
) -> bytes:
    """Return a workbook with these sheets, named Sheet1, Sheet2, …"""
    relations = _relation("styles", "styles", "styles.bin")
    relations += _relation("texts", "sharedStrings", "sharedStrings.bin")
    listed = b""
    parts: dict[str, bytes | str] = {}
    for index, content in enumerate(sheets, 1):
        state = states[index - 1] if states else 0
        name = letters(f"rId{index}") + letters(f"Sheet{index}")
        listed += record(156, struct.pack("<II", state, index) + name)
        relations += _relation(f"rId{index}", kind, f"worksheets/sheet{index}.bin")
        parts[f"xl/worksheets/sheet{index}.bin"] = content
    codes = b"".join(record(44, struct.pack("<H", at) + letters(code)) for at, code in FORMATS)
    before = record(626) + record(47, struct.pack("<HH12x", 0, 9)) + record(627)
    styles = b"".join(record(47, struct.pack("<HH12x", 0, index)) for index in STYLES)
    codes = record(615, struct.pack("<I", len(FORMATS))) + codes + record(616)
    cells = record(617, struct.pack("<I", len(STYLES))) + styles + record(618)
    texts = b"".join(record(19, b"\0" + letters(each)) for each in shared)
    parts |= {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _relations(_relation("book", "officeDocument", "xl/workbook.bin")),
        "xl/workbook.bin": record(131)
        + settings
        + record(143)
        + listed
        + record(144)
        + record(132),
        "xl/_rels/workbook.bin.rels": _relations(relations),
        "xl/styles.bin": record(278) + codes + before + cells + record(279),
        "xl/sharedStrings.bin": record(159) + texts + record(160),
    }
    return packed(parts)


def packed(parts: dict[str, bytes | str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, written in parts.items():
            archive.writestr(part, written)
    return content.getvalue()


def _relations(listed: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _relation(relation_id: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{relation_id}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
