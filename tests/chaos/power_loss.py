"""A record of writes and syncs → the disk as it is after the power failed: only what was synced.

A file's bytes are durable from the last sync of that file, a name from the last sync of its
folder. Whatever came later is lost, or, as a real disk may have it, survives by chance: each write
and each name for itself, in no order, a write perhaps torn.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

SECTOR = 512


@dataclass
class Node:
    """A file's bytes, or a folder's names, and what is not durable of them yet."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, bytes) written, or (length, None) cut."""

    def sync(self) -> None:
        for offset, written in self.pending:
            _write(self.durable, offset, written)
        self.pending.clear()

    def after(self, chance: random.Random | None) -> bytes:
        """Return what is left; with `chance`, some of what was never synced as well."""
        left = bytearray(self.durable)
        for offset, written in self.pending if chance is not None else ():
            assert chance is not None
            fate = chance.randrange(3)
            if fate == 0:
                continue
            if fate == 1 and written is not None and len(written) > SECTOR:
                written = written[: chance.randrange(1, len(written) // SECTOR + 1) * SECTOR]  # noqa: PLW2901
            _write(left, offset, written)
        return bytes(left)


@dataclass
class Folder:
    """Names and what they mean."""

    durable: dict[str, Node | Folder] = field(default_factory=dict)
    now: dict[str, Node | Folder] = field(default_factory=dict)

    def sync(self) -> None:
        self.durable = dict(self.now)

    def after(self, chance: random.Random | None) -> dict[str, Node | Folder]:
        names = dict(self.durable)
        if chance is not None:
            for name in sorted({*self.durable, *self.now}):
                if self.durable.get(name) is not self.now.get(name) and chance.random() < 0.5:
                    names.pop(name, None)
                    if name in self.now:
                        names[name] = self.now[name]
        return names


Tree: TypeAlias = "Node | Folder"


class Disk:
    """The files under one folder; all that stands there at first is durable."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._inodes: dict[int, Node] = {}
        self._top = self._take(root)

    def _take(self, path: Path) -> Folder:
        folder = Folder()
        for each in path.iterdir():
            if each.is_dir():
                folder.now[each.name] = self._take(each)
            else:
                node = self._inodes[each.stat().st_ino] = Node(bytearray(each.read_bytes()))
                folder.now[each.name] = node
        folder.sync()
        return folder

    def replay(self, record: Path) -> int:
        """Take in what a run did until it died; return how often it synced a file."""
        syncs = 0
        for kind, numbers, texts in _read(record):
            if kind == "S":
                node = self._inodes.get(numbers[0])
                if node is not None:
                    node.sync()
                    syncs += 1
            elif kind == "W":
                self._inodes[numbers[0]].pending.append((numbers[1], texts[0]))
            elif kind == "T":
                self._inodes[numbers[0]].pending.append((numbers[1], None))
            else:
                self._rename(kind, numbers, [text.decode() for text in texts])
        return syncs

    def _rename(self, kind: str, numbers: list[int], paths: list[str]) -> None:
        if kind == "D":
            folder = self._find(paths[0])
            assert isinstance(folder, Folder)
            folder.sync()
            return
        parent, name = self._place(paths[0])
        if kind == "O":
            # A number that is used again is another file.
            if numbers[1] or numbers[0] not in self._inodes:
                parent.now[name] = self._inodes[numbers[0]] = Node()
        elif kind == "M":
            parent.now[name] = Folder()
        elif kind in "UX":
            parent.now.pop(name, None)
        else:
            there, new = self._place(paths[1])
            there.now[new] = parent.now[name]
            if kind == "R":
                del parent.now[name]

    def _find(self, path: str) -> Tree:
        found: Tree = self._top
        for part in Path(path).relative_to(self.root).parts:
            assert isinstance(found, Folder)
            found = found.now[part]
        return found

    def _place(self, path: str) -> tuple[Folder, str]:
        parent = self._find(str(Path(path).parent))
        assert isinstance(parent, Folder)
        return parent, Path(path).name

    def write_image(self, chance: random.Random | None = None) -> None:
        """Replace what stands under the root by what survived."""
        for each in self.root.iterdir():
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()
        _put(self.root, self._top, chance)


def _put(path: Path, folder: Folder, chance: random.Random | None) -> None:
    for name, found in folder.after(chance).items():
        if isinstance(found, Folder):
            (path / name).mkdir(mode=0o700)
            _put(path / name, found, chance)
        else:
            (path / name).write_bytes(found.after(chance))


def _write(content: bytearray, offset: int, written: bytes | None) -> None:
    if written is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(written)] = written


def _read(record: Path) -> Iterator[tuple[str, list[int], list[bytes]]]:
    """Yield (kind, numbers, texts); a record cut by the kill ends it."""
    lengths = {"O": 1, "W": 1, "D": 1, "U": 1, "M": 1, "X": 1, "R": 2, "L": 2, "T": 0, "S": 0}
    counts = {"O": 3, "W": 3, "D": 1, "U": 1, "M": 1, "X": 1, "R": 2, "L": 2, "T": 2, "S": 1}
    whole = record.read_bytes()
    at = 0
    while at < len(whole):
        kind = chr(whole[at])
        at += 2
        numbers: list[int] = []
        for left in range(counts[kind], 0, -1):
            # A head ends with a blank where texts follow, else with the record's newline.
            mark = b" " if left > 1 or lengths[kind] else b"\n"
            end = whole.find(mark, at)
            if end < 0:
                return
            numbers.append(int(whole[at:end]))
            at = end + 1
        texts = []
        for length in numbers[len(numbers) - lengths[kind] :] if lengths[kind] else ():
            texts.append(whole[at : at + length])
            at += length
        if at > len(whole) or (lengths[kind] and at >= len(whole)):
            return
        at += 1 if lengths[kind] else 0
        yield kind, numbers, texts
