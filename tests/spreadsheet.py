"""What people do to a results file: edit cells by header and row, save it in another program."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from openpyxl import load_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from openpyxl import Workbook

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
needs_office = pytest.mark.skipif(
    OFFICE is None, reason="LibreOffice is not installed: what it does on saving is NOT TESTED here"
)


@contextmanager
def edited(path: Path) -> Iterator[Workbook]:
    """Open a workbook, and save it where it was when the block ends."""
    book = load_workbook(path)
    yield book
    book.save(path)


def cell(book: Workbook, sheet: str, row: int, header: str) -> Any:  # noqa: ANN401 - openpyxl's
    """Return the cell of the row that has `row` in keen_row."""
    headers, *lines = book[sheet].iter_rows()
    names = [header.value for header in headers]
    line = next(line for line in lines if line[names.index("keen_row")].value == row)
    return line[names.index(header)]


def column(path: Path, sheet: str, header: str) -> list[object]:
    """Return the values of one column of a sheet, without its header."""
    names, *lines = load_workbook(path)[sheet].iter_rows(values_only=True)
    return [line[names.index(header)] for line in lines]


def save_with_office(path: Path, ending: str, folder: Path, options: str = "") -> Path:
    """Open a file in LibreOffice and save it as `ending` into `folder`; return the new file."""
    assert OFFICE is not None
    folder.mkdir(exist_ok=True)
    subprocess.run(
        [
            *(OFFICE, "--headless", f"-env:UserInstallation=file://{folder}/profile"),
            *(["--infilter=CSV:44,34,76"] if path.suffix == ".csv" else []),  # commas, UTF-8
            *("--convert-to", ending + options, "--outdir", str(folder), str(path)),
        ],
        check=True,
        capture_output=True,
        timeout=240,
    )
    saved = folder / f"{path.stem}.{ending}"
    assert saved.exists()
    return saved
