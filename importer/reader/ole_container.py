"""A compound file (OLE, the container of .xls) → one of its streams. Reads the file.

Only what stands in the root is looked at: a workbook that was put into a sheet has a stream
“Workbook” of its own, in a storage. Every chain of sectors is followed once and must have the
length that the directory says; a loop, a gap or a sector outside the file is damage.
Source: [MS-CFB].
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 512 * 1024**2
"""65,536 rows of .xls take a tenth of it."""
_HEADER_BYTES: Final = 512
_END: Final = 0xFFFFFFFE
_LAST_SECTOR: Final = 0xFFFFFFFA
_HEADER: Final = struct.Struct("<8s16xHHHHH6x9I")
_ENTRY_BYTES: Final = 128
_STREAM: Final = 2
_ROOT: Final = 5
_NO_ENTRY: Final = 0xFFFFFFFF


class DamagedContainerError(Exception):
    """The file is no whole compound file; the message says why."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: int
    first: int
    size: int
    beside: tuple[int, int]
    """The entries to its left and right, of the same storage."""
    child: int
    """One of those that it holds."""


def read_streams(path: Path) -> Container:
    """Return the compound file at `path`; raises DamagedContainerError."""
    if path.stat().st_size > MAX_BYTES:
        raise DamagedContainerError(f"it is larger than {MAX_BYTES // 1024**2} MiB")
    return Container(path.read_bytes())


class Container:
    """A compound file in memory."""

    def __init__(self, content: bytes) -> None:
        if len(content) < _HEADER_BYTES:
            raise DamagedContainerError("it is cut short")
        header = _HEADER.unpack_from(content)
        shift, mini_shift = header[4], header[5]
        if header[3] != 0xFFFE or (header[2], shift) not in {(3, 9), (4, 12)} or mini_shift != 6:  # noqa: PLR2004 - the two versions that exist
            raise DamagedContainerError("its header is wrong")
        _, fats, directory, _, self._cutoff, mini_fat, _, difat, _ = header[6:15]
        self._content = content
        self._size = 1 << shift
        self._table = self._read_table(fats, difat)
        entries = [self._read_entry(raw) for raw in _cut(self._chain(directory), _ENTRY_BYTES)]
        root = entries[0] if entries else None
        if root is None or root.kind != _ROOT:
            raise DamagedContainerError("its directory has no root")
        self.entries = _list_streams(entries, root)
        self._mini = self._chain(root.first) if root.first < _LAST_SECTOR else b""
        table = self._chain(mini_fat) if mini_fat < _LAST_SECTOR else b""
        self._mini_table = struct.unpack(f"<{len(table) // 4}I", table)

    def read(self, name: str) -> bytes | None:
        """Return the content of a stream, None where there is none of that name."""
        entry = self.entries.get(name.casefold())
        if entry is None:
            return None
        if entry.size == 0:
            return b""
        if entry.size < self._cutoff:
            content = _follow(entry.first, self._mini_table, self._mini, 0, 64)
        else:
            content = self._chain(entry.first)
        if len(content) < entry.size:
            raise DamagedContainerError(f"its stream {entry.name} is cut short")
        return content[: entry.size]

    def _read_table(self, fats: int, difat: int) -> tuple[int, ...]:
        """Return the sector that follows each sector."""
        listed = list(struct.unpack_from("<109I", self._content, 76))
        seen = set()
        each = self._size // 4
        while difat < _LAST_SECTOR:
            if difat in seen:
                raise DamagedContainerError("its list of tables runs in a circle")
            seen.add(difat)
            *more, difat = struct.unpack(f"<{each}I", self._sector(difat))
            listed += more
        tables = [sector for sector in listed if sector < _LAST_SECTOR]
        if len(tables) < fats or len(tables) > len(self._content) // self._size + 1:
            raise DamagedContainerError("its table of sectors is incomplete")
        whole = b"".join(map(self._sector, tables[:fats]))
        return struct.unpack(f"<{len(whole) // 4}I", whole)

    def _sector(self, number: int) -> bytes:
        at = (number + 1) * self._size
        sector = self._content[at : at + self._size]
        if len(sector) != self._size:
            raise DamagedContainerError("it is cut short")
        return sector

    def _chain(self, first: int) -> bytes:
        return _follow(first, self._table, self._content, self._size, self._size)

    def _read_entry(self, raw: bytes) -> _Entry:
        length, kind = struct.unpack_from("<HB", raw, 64)
        left, right, child = struct.unpack_from("<III", raw, 68)
        first, size = struct.unpack_from("<IQ", raw, 116)
        if self._size == _HEADER_BYTES:
            size &= 0xFFFFFFFF  # writers of small files leave rubbish above
        name = raw[: max(min(length, 64) - 2, 0)].decode("utf-16-le", "replace")
        return _Entry(name, kind, first, size, (left, right), child)


def _list_streams(entries: list[_Entry], root: _Entry) -> dict[str, _Entry]:
    """Return the streams that stand in the root itself, by name without case."""
    found: dict[str, _Entry] = {}
    waiting = [root.child]
    seen = {0}
    while waiting:
        number = waiting.pop()
        if number == _NO_ENTRY:
            continue
        if number >= len(entries) or number in seen:
            raise DamagedContainerError("its directory is broken")
        seen.add(number)
        entry = entries[number]
        waiting += entry.beside
        if entry.kind == _STREAM:
            if entry.name.casefold() in found:
                raise DamagedContainerError(f"it has two streams {entry.name}")
            found[entry.name.casefold()] = entry
    return found


def _follow(first: int, table: tuple[int, ...], content: bytes, start: int, size: int) -> bytes:
    """Return the sectors of a chain, one after the other."""
    sectors = []
    seen = bytearray(len(table))
    at = first
    while at != _END:
        if at >= len(table) or seen[at]:
            raise DamagedContainerError("a chain of its sectors is broken")
        seen[at] = 1
        begin = start + at * size
        if begin >= len(content):
            raise DamagedContainerError("it is cut short")
        sectors.append(content[begin : begin + size])
        at = table[at]
    return b"".join(sectors)


def _cut(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content) - size + 1, size)]
