"""A workbook's zip archive → its parts, once it is proven whole and of sane size. Reads the file.

Everything is looked at before a parser meets it: a 2 MB file can hold 2 GB of blanks, and calamine
takes an entity it does not know for an empty cell. Part names and attributes: ECMA-376.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from importer.errors import SourceError
from importer.reader.book import Sheet, damaged, encrypted
from importer.reader.signature import PACKED_AS, UNPACKING

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

MAX_BYTES: Final = 1_500 * 1024**2
"""Uncompressed, all parts together; a million rows of six columns take a sixth of it."""
MAX_RATIO: Final = 250
"""Uncompressed to compressed, of one part; sheets reach 10 to 60, blanks 1,000."""
_RATIO_COUNTS_FROM: Final = 16 * 1024**2
_BLOCK_BYTES: Final = 1 << 20
_BEGINS: Final = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?+[\0\s]*+(.)", re.DOTALL)
"""Up to the first byte that is no blank."""
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")
_DOCTYPE: Final = b"<!DOCTYPE"


@contextmanager
def open_package(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    """Yield the workbook's archive, proven whole.

    Raises SourceError where it is no archive, damaged (every part's checksum is compared),
    encrypted, out of proportion, or holds a DOCTYPE; also where what is read in the block is.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _judge_sizes(archive, name)
            _judge_content(archive, name)
            yield archive
    except UnicodeDecodeError as error:
        raise damaged(name, "its archive has a part whose name cannot be read.") from error
    except (zipfile.BadZipFile, *UNPACKING) as error:
        raise damaged(name, f"its archive cannot be read ({error}).") from error
    except expat.ExpatError as error:
        raise damaged(name, f"its list of sheets cannot be read ({error}).") from error


def read_blocks(path: Path, part: str) -> Generator[bytes, None, None]:
    """Yield the content of one part."""
    with zipfile.ZipFile(path) as archive, archive.open(part) as stream:
        while block := stream.read(_BLOCK_BYTES):
            yield block


def _judge_sizes(archive: zipfile.ZipFile, name: str) -> None:
    parts = archive.infolist()
    # Two readers may pick different ones of two parts with one name.
    if len({part.filename.casefold() for part in parts}) != len(parts):
        raise damaged(name, "its archive holds two parts of the same name.")
    if any(part.compress_type not in PACKED_AS for part in parts):
        raise damaged(name, "its archive is packed as no spreadsheet program does it.")
    if any(part.flag_bits & 1 for part in parts):
        raise encrypted(name)
    bloated = [
        part.filename
        for part in parts
        if part.file_size > _RATIO_COUNTS_FROM
        and part.file_size > MAX_RATIO * max(part.compress_size, 1)
    ]
    total = sum(part.file_size for part in parts)
    if bloated or total > MAX_BYTES:
        raise SourceError(
            f"{name} unpacks to {total // 1024**2:,} MiB, which is out of all proportion"
            + (f" ({bloated[0]})." if bloated else "."),
            "Copy the rows into a new workbook, or save the sheet as CSV.",
            code="oversized-workbook",
        )


def _judge_content(archive: zipfile.ZipFile, name: str) -> None:
    """Read every part to its end, which compares its checksum, and refuse a DOCTYPE.

    Pictures may have one, as SVG has had; nothing here parses them.
    """
    drawn = {part for part in archive.namelist() if part.lower().endswith(".svg")}
    for part in archive.namelist():
        if part not in drawn:
            _judge_part(archive, part, name)
    # What leads to pictures can be read now that it was judged itself.
    pictures = _find_pictures(archive, drawn)
    for part in drawn:
        _judge_part(archive, part, name, is_picture=part in pictures)


def _judge_part(
    archive: zipfile.ZipFile, part: str, name: str, *, is_picture: bool = False
) -> None:
    """Refuse a DOCTYPE in a part that may be parsed as XML, whatever its name ends with."""
    named = part.lower().endswith((".xml", ".rels"))
    markup: bool | None = None  # until something else than a blank was read
    wide = False
    tail = b""
    with archive.open(part) as stream:
        while block := stream.read(_BLOCK_BYTES):
            if markup is None:
                wide = wide or block.startswith(_WIDE) or b"\0" in block[:2]
                first = _BEGINS.match(block)
                if first is not None:
                    markup = named or (first[1] == b"<" and not is_picture)
            if markup and wide:
                raise damaged(name, f"its part {part} is not UTF-8.")
            if markup and _DOCTYPE in tail + block:
                raise SourceError(
                    f"{name} holds a DOCTYPE ({part}), which no spreadsheet program writes and "
                    "which can hide or multiply content.",
                    "Open it in your spreadsheet program, save it again as .xlsx, and run again.",
                    code="doctype",
                )
            tail = block[-len(_DOCTYPE) :]


def _find_pictures(archive: zipfile.ZipFile, parts: set[str]) -> set[str]:
    """Return those of the parts that nothing refers to as anything but an image.

    Compared by their last names: readers differ in which folder a reference starts from.
    """
    if not parts:
        return parts
    others = {
        _last_name(relation.get("Target", ""))
        for part in archive.namelist()
        if part.lower().endswith(".rels")
        for relation in read_elements(archive, part, "Relationship")
        if relation.get("TargetMode") != "External"
        and not relation.get("Type", "").endswith("/image")
    }
    return {part for part in parts if _last_name(part) not in others}


def _last_name(part: str) -> str:
    return posixpath.basename(posixpath.normpath(part.replace("\\", "/"))).casefold()


def find_book(archive: zipfile.ZipFile, name: str) -> str:
    """Return the part that lists the sheets; raises SourceError where there is not one."""
    books = [part for kind, part in relations(archive, "").values() if kind == "officeDocument"]
    if len(books) != 1 or books[0] not in archive.namelist():
        raise damaged(name, "its archive does not say where the list of sheets is.")
    return books[0]


def find_part(archive: zipfile.ZipFile, book: str, wanted: str) -> str | None:
    """Return the part that the workbook calls its `wanted`, such as its styles, or None."""
    parts = [part for kind, part in relations(archive, book).values() if kind == wanted]
    return parts[0] if parts and parts[0] in archive.namelist() else None


def find_sheet(
    name: str, title: str, targets: Mapping[str, tuple[str, str]], relation: str, *, visible: bool
) -> Sheet:
    """Return the sheet whose content stands where `relation` leads, one of `targets`."""
    kind, part = targets.get(relation, ("", ""))
    if not part or not title:
        raise damaged(name, f"the content of its sheet “{title}” is missing.")
    return Sheet(title, part, visible, kind == "worksheet")


def relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Return what a part (or, for `""`, the whole package) refers to: id → kind and part.

    Only parts that are there.
    """
    folder, base = posixpath.split(part)
    parts = set(archive.namelist())
    found = read_elements(archive, posixpath.join(folder, "_rels", f"{base}.rels"), "Relationship")
    targets = {
        relation["Id"]: (
            relation["Type"].rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, relation["Target"])).lstrip("/"),
        )
        for relation in found
        if {"Id", "Type", "Target"} <= relation.keys()
    }
    return {key: target for key, target in targets.items() if target[1] in parts}


def read_elements(archive: zipfile.ZipFile, part: str, element: str) -> list[dict[str, str]]:
    """Return the attributes of every `element` in a part, whatever its namespace prefix."""
    found: list[dict[str, str]] = []
    if part not in archive.namelist():
        return found

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == element:
            found.append(attributes)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parse(parser, archive.read(part))
    return found


def refuse_encodings(parser: expat.XMLParserType, name: str, place: str) -> None:
    """Have `parser` raise SourceError where the XML of `place` is declared to be no UTF-8.

    calamine finds no cells at all in UTF-16.
    """

    def judge(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.upper() not in {"UTF-8", "US-ASCII"}:
            raise damaged(name, f"{place} is written in {encoding} instead of UTF-8.")

    parser.XmlDeclHandler = judge


def parse(parser: expat.XMLParserType, content: bytes) -> None:
    """Have `parser` read a whole part.

    Raises ExpatError, also where the part is in an encoding that nobody knows.
    """
    try:
        parser.Parse(content, True)
    except (LookupError, ValueError) as error:
        raise expat.ExpatError(str(error)) from error
