"""A workbook → the cells of one of its sheets, read by a child process. Starts that process.

A file that crashes a parser or eats its memory becomes a sentence.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from importer.errors import SourceError, UsageError
from importer.reader.book import SEPARATOR
from importer.reader.table import CELL_KIND, cell_name, currency_name, kind_name

if TYPE_CHECKING:
    from typing import BinaryIO

_SECONDS: Final = 600.0
"""A million rows of six columns take 20 seconds on a slow machine."""
_KIND: Final = kind_name(0)[:-1]
_CURRENCY: Final = currency_name(0)[:-1]


def read_cells(
    path: Path, name: str, kind: str, sheet: str | None
) -> tuple[dict[str, Any], pl.DataFrame]:
    """Return what is true of the sheet as a whole, and its rows that are not blank.

    The frame is as in Table, the header's row included. Raises SourceError, and UsageError where
    there is no such sheet.
    """
    with tempfile.TemporaryDirectory(prefix="workbook-", dir=path.parent) as folder:
        output = Path(folder) / "cells"
        request = {"path": str(path), "name": name, "kind": kind, "sheet": sheet}
        _run_child({**request, "output": str(output)})
        return _collect(output)


def _run_child(request: dict[str, str | None]) -> None:
    command = [sys.executable, "-P", "-m", "importer.reader.workbook_child", json.dumps(request)]
    # A file that takes its parser over shall find no key there.
    environment = {name: value for name, value in os.environ.items() if name != "KEEN_API_KEY"}
    try:
        ended = subprocess.run(  # noqa: S603 - this program itself
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise _unreadable(request["name"], f"reading took more than {_SECONDS:.0f} s") from error
    if ended.returncode:
        raise explain_exit(
            request["name"], ended.returncode, ended.stderr.decode(errors="replace").strip()
        )


def explain_exit(name: str | None, returncode: int, report: str) -> Exception:
    """Return what a failed child means: the file broke its reader, or the program is wrong.

    `report` is what it wrote to stderr. Rust's allocator aborts and names the memory it missed; a
    panic or a MemoryError ends Python with 1, as a bug of our own does.
    """
    last = report.rpartition("\n")[2]
    if returncode == 1 and not last.startswith(("MemoryError", "pyo3_runtime.PanicException")):
        return RuntimeError(f"The workbook reader failed:\n{report}")
    starved = last.startswith("MemoryError") or "memory allocation" in report
    cause = "it takes too much memory" if starved else "it crashes its reader"
    return _unreadable(name, f"{cause} (exit code {returncode})")


def _unreadable(name: str | None, cause: str) -> SourceError:
    return SourceError(
        f"{name} cannot be read: {cause}.",
        "Copy the rows into a new workbook, or save the sheet as CSV.",
        code="unreadable-workbook",
    )


def _collect(output: Path) -> tuple[dict[str, Any], pl.DataFrame]:
    frames = []
    with output.open("rb") as stream:
        while line := stream.readline():
            batch = json.loads(line)
            _refuse(batch)
            if "total" not in batch:
                frames.append(_frame(batch, stream))
                continue
            read = sum(frame.height for frame in frames)
            if batch["total"] != read:
                raise RuntimeError(f"{read} rows arrived of {batch['total']}.")
            return batch, _join(frames)
    raise RuntimeError("The workbook reader ended without a last line.")


def _frame(batch: dict[str, Any], stream: BinaryIO) -> pl.DataFrame:
    """Return a batch, whose texts are what `stream` gives next."""
    columns = [pl.Series("row", batch["rows"], pl.UInt32)]
    for index, (packed, kinds) in enumerate(zip(batch["texts"], batch["kinds"], strict=True)):
        texts = _unpack(packed, stream)
        filled = pl.when(texts != "").then(texts)
        cells = pl.select(filled.alias(cell_name(index))).to_series()
        columns.append(cells)
        if isinstance(kinds, str):
            kind = pl.when(cells.is_not_null()).then(pl.lit(kinds, CELL_KIND))
            columns.append(pl.select(kind.alias(kind_name(index))).to_series())
        else:
            columns.append(pl.Series(kind_name(index), kinds, CELL_KIND))
    for index, currencies in batch["currencies"].items():
        columns.append(pl.Series(currency_name(int(index)), currencies, pl.String))
    return pl.DataFrame(columns)


def _unpack(packed: int | list[str], stream: BinaryIO) -> pl.Series:
    """Return the texts of a column, "" where a cell is empty; `packed` is what the line has."""
    if isinstance(packed, list):
        return pl.Series(packed, dtype=pl.String)
    return pl.Series([stream.read(packed).decode()]).str.split(SEPARATOR).explode()


def _join(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the batches as one frame; rows need not be equally long."""
    if not frames:
        return pl.DataFrame()
    joined = pl.concat(frames, how="diagonal")
    # A later batch may have brought columns that no earlier one has.
    width = sum(name.startswith(_KIND) for name in joined.columns)
    cells = [name(index) for index in range(width) for name in (cell_name, kind_name)]
    shown = [name for name in joined.columns if name.startswith(_CURRENCY)]
    return joined.select("row", *cells, *shown)


def _refuse(line: dict[str, Any]) -> None:
    if refusal := line.get("refusal"):
        kind = UsageError if refusal["usage"] else SourceError
        raise kind(refusal["message"], refusal["remedy"], code=refusal["code"])
