"""A file's name and what its first bytes say → how it is read, or a refusal. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias

from importer.errors import SourceError
from importer.reader.book import encrypted
from importer.reader.compressed import ENDINGS
from importer.reader.signature import ODS, PROTECTED, XLS, XLSB, XLSX

Kind: TypeAlias = Literal["csv", "xlsx", "xlsb", "xls", "ods"]

FORMATS: Final[dict[str, Kind]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xlsb": "xlsb",
    ".xls": "xls",
    ".ods": "ods",
}
NAMED: Final[dict[Kind, str]] = {"xlsx": XLSX, "xlsb": XLSB, "xls": XLS, "ods": ODS}
"""Kind → what signature.py calls such a content; a CSV file has no signature."""
CONTENTS: Final[dict[str, Kind]] = {content: kind for kind, content in NAMED.items()}
PACKED: Final = {ending: f"a {called} archive" for ending, called in ENDINGS.items()}
PACKINGS: Final = {called: ending for ending, called in PACKED.items()}
_UNREADABLE: Final = {".numbers": "an Apple Numbers document", ".fods": "a flat OpenDocument file"}
_ENDINGS: Final[dict[str | None, str]] = {
    None: ".csv",
    **{content: f".{kind}" for content, kind in CONTENTS.items()},
    **{called: f".csv{ending}" for ending, called in PACKED.items()},
}


def judge_name(path: Path) -> tuple[Kind, str | None]:
    """Return what a file's endings say: its kind, and which of compressed.ENDINGS it has.

    Raises SourceError where they say that it cannot be read.
    """
    ending = path.suffix.lower()
    packing = ending if ending in ENDINGS else None
    inner = Path(path.stem).suffix.lower() if packing else ending
    kind = FORMATS.get(inner)
    if kind is not None and (packing is None or kind == "csv"):
        return kind, packing
    if ending in _UNREADABLE:
        raise SourceError(
            f"{path.name} is {_UNREADABLE[ending]} ({ending}), which is not read here.",
            "Open it in the program it comes from, export it as .xlsx, and run again.",
            code="unsupported-workbook",
        )
    known = f"CSV or a workbook ({', '.join(FORMATS)}; CSV also as .csv.gz or .csv.zst)"
    raise SourceError(
        f"{path.name} is no spreadsheet that can be read here: its name ends in “{ending}”."
        if ending
        else f"{path.name} has no ending that says what it is.",
        f"Save it as {known}.",
        code="unknown-format",
    )


def judge_content(name: str, content: str | None, expected: str | None) -> None:
    """Raise SourceError where an ending lies, or a password protects the content.

    The wrong reader would find 0 rows, or rows of rubbish. Both texts are those of signature.py.
    """
    if content == expected:
        return
    if content == PROTECTED:
        raise encrypted(name)
    raise SourceError(
        f"{name} is not what its name says: its content is {content or 'text'}.",
        f"Give it the ending {_ENDINGS[content]}."
        if content in _ENDINGS
        else "Open it in the program it comes from and save it as CSV or as an Excel workbook "
        "(.xlsx).",
        code="not-what-it-says",
    )
