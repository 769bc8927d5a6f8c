"""Records → the bytes of an .xls file, for what no spreadsheet program would write."""

from __future__ import annotations

import struct

BOF, EOF, CONTINUE = 0x0809, 0x000A, 0x003C
ROW, DEFAULT_ROW, MERGED, FILTER_MODE = 0x0208, 0x0225, 0x00E5, 0x009B
_SECTOR = 512
_FREE, _END, _TABLE = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
FORMATS = ((165, "[h]:mm"), (166, '"EUR" 0.00'), (167, "0.0%"), (168, "yyyy-mm-dd hh:mm"))
STYLES = (0, 14, 165, 166, 167, 168, 10)
"""Number format of each cell style: 1 date, 2 duration, 3 euros, 4 and 6 percentages, 5 moment."""


def record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def letters(text: str) -> bytes:
    return struct.pack("<HB", len(text.encode("utf-16-le")) // 2, 1) + text.encode("utf-16-le")


def place(row: int, column: int, style: int = 0) -> bytes:
    return struct.pack("<HHH", row - 1, column, style)


def number(row: int, column: int, value: float, style: int = 0) -> bytes:
    return record(0x0203, place(row, column, style) + struct.pack("<d", value))


def text(row: int, column: int, value: str) -> bytes:
    return record(0x0204, place(row, column) + letters(value))


def formula(row: int, column: int, result: bytes, string: str | None = None) -> bytes:
    found = record(0x0006, place(row, column) + result + bytes(8))
    return found if string is None else found + record(0x0207, letters(string))


def computed(value: float) -> bytes:
    return struct.pack("<d", value)


def special(kind: int, value: int = 0) -> bytes:
    """Return a formula's result that is no number: 0 text, 1 truth, 2 error, 3 nothing."""
    return bytes([kind, 0, value, 0, 0, 0, 0xFF, 0xFF])


def row_record(row: int, *, height: int = 255, flags: int = 0) -> bytes:
    return record(ROW, struct.pack("<HHHHHHI", row - 1, 0, 9, height, 0, 0, flags))


def start(kind: int, version: int = 0x0600) -> bytes:
    return record(BOF, struct.pack("<HHHHII", version, kind, 0, 0, 0, 0))


def stream(
    *sheets: bytes,
    states: tuple[int, ...] = (),
    settings: bytes = b"",
    sheet_kind: int = 0,
    version: int = 0x0600,
) -> bytes:
    """Return a workbook with these sheets, named Sheet1, Sheet2, …"""
    head = start(0x0005, version) + settings
    for index, code in FORMATS:
        head += record(0x041E, struct.pack("<H", index) + letters(code))
    head += b"".join(record(0x00E0, struct.pack("<HH16x", 0, index)) for index in STYLES)
    names = [f"Sheet{index}".encode() for index in range(1, len(sheets) + 1)]
    sizes = sum(4 + 8 + len(name) for name in names) + len(record(EOF))
    at = len(head) + sizes
    listed, bodies = b"", b""
    for index, (name, sheet) in enumerate(zip(names, sheets, strict=True)):
        state = states[index] if states else 0
        position = struct.pack("<IBB", at + len(bodies), state, sheet_kind)
        listed += record(0x0085, position + bytes([len(name), 0]) + name)
        bodies += start(0x0010, version) + sheet + record(EOF)
    return head + listed + record(EOF) + bodies


def mini_container(content: bytes, name: str = "Workbook") -> bytes:
    """Return a compound file whose stream is so short that it stands among the short ones."""
    whole = content.ljust(-(-len(content) // _SECTOR) * _SECTOR, b"\0")
    count, pieces = len(whole) // _SECTOR, -(-len(content) // 64)
    chain = [_TABLE, _END, _END, *range(4, 3 + count), _END]
    pieces_chain = [*range(1, pieces), _END]
    header = struct.pack(
        "<8s16xHHHHH6x9I",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, 1, 0, 4096, 2, 1, _END, 0),
    )
    header += struct.pack("<109I", 0, *[_FREE] * 108)
    tables = [struct.pack(f"<{len(each)}I", *each) for each in (chain, pieces_chain)]
    directory = _entry("Root Entry", 5, 3, len(whole), child=1) + _entry(name, 2, 0, len(content))
    fat, short = (each.ljust(_SECTOR, b"\xff") for each in tables)
    return header + fat + directory.ljust(_SECTOR, b"\0") + short + whole


def container(content: bytes, name: str = "Workbook", inserted: bytes = b"") -> bytes:
    """Return a compound file with one stream; a short one is filled up behind its end.

    `inserted` is the stream of a workbook that was put into a sheet of this one.
    """
    streams = [
        each.ljust(max(4096, -(-len(each) // _SECTOR) * _SECTOR), b"\0")
        for each in (content, inserted)
        if each
    ]
    counts = [len(each) // _SECTOR for each in streams]
    count = sum(counts)
    tables = -(-(count + 2) * 4 // _SECTOR)
    while tables * _SECTOR // 4 < count + 1 + tables:
        tables += 1
    first = tables + 1
    second = first + counts[0]
    chain = [_TABLE] * tables + [_END] + [*range(first + 1, second), _END]
    if inserted:
        chain += [*range(second + 1, first + count), _END]
    table = struct.pack(f"<{len(chain)}I", *chain).ljust(tables * _SECTOR, b"\xff")
    header = struct.pack(
        "<8s16xHHHHH6x9I",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, tables, tables, 0, 4096, _END, 0, _END, 0),
    )
    header += struct.pack("<109I", *range(tables), *[_FREE] * (109 - tables))
    directory = _entry("Root Entry", 5, _END, 0, child=1)
    directory += _entry(name, 2, first, len(streams[0]), right=2 if inserted else _FREE)
    if inserted:
        directory += _entry("MBD00012E97", 1, _END, 0, child=3)
        directory += _entry(name, 2, second, len(streams[1]))
    return header + table + directory.ljust(_SECTOR, b"\0") + b"".join(streams)


def xls(*sheets: bytes, settings: bytes = b"", states: tuple[int, ...] = ()) -> bytes:
    return container(stream(*sheets, settings=settings, states=states))


def _entry(
    name: str, kind: int, first: int, size: int, *, right: int = _FREE, child: int = _FREE
) -> bytes:
    spelt = name.encode("utf-16-le") + b"\0\0"
    links = struct.pack("<III", _FREE, right, child)
    return struct.pack("<64sHBB12s16x4x16xIQ", spelt, len(spelt), kind, 1, links, first, size)
