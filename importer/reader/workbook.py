"""An Excel workbook → a Table, or a refusal that names the cells. Starts a child process.

The child reads the file and this module judges what it found, so a file that crashes a parser or
eats its memory becomes a sentence.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from importer.errors import SourceError, UsageError
from importer.reader.book_sheets import is_results_book
from importer.reader.header_row import SEARCHED_ROWS, find_header_row
from importer.reader.headers import name_columns
from importer.reader.results_book import MORE_SHEETS, has_results_header, merge_sheets
from importer.reader.table import CELL_KIND, Table, cell_name, kind_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SECONDS: Final = 600.0
"""A million rows of six columns take 20 seconds on a slow machine."""
_ROWS_SHOWN: Final = 10


def read_workbook(
    path: Path,
    name: str,
    *,
    sheet: str | None,
    header_row: int | None,
    hidden_rows: Literal["include", "skip"] | None,
    is_header: Callable[[Sequence[str | None]], bool] | None = None,
) -> Table:
    """Return the data rows of one sheet of the workbook at `path`; `name` is what messages call it.

    `is_header` says whether a row names the columns; see header_row.py.

    A results workbook of this program gives the rows of `Results` with what was edited on its other
    sheets, unless `sheet` names one.

    Raises SourceError where the file is damaged or unsafe, where several sheets could be meant,
    where hidden rows have content and `hidden_rows` does not say what to do with them, and where
    merged cells touch the data; UsageError where `sheet` or `header_row` is not there.
    """
    table, others = _read_sheet(path, name, sheet, header_row, hidden_rows, is_header=is_header)
    if sheet is not None or not is_results_book([str(table.sheet), *others]):
        return table
    if not has_results_header(table.headers):
        raise _several_sheets(name, [str(table.sheet), *others])
    more: dict[str, Table] = {
        other: _read_sheet(path, name, other, None, "include")[0]
        for other in MORE_SHEETS
        if other in others
    }
    return merge_sheets(table, more)


def _several_sheets(name: str, sheets: Sequence[str]) -> SourceError:
    names = ", ".join(f"“{sheet}”" for sheet in sheets)
    return SourceError(
        f"{name} has {len(sheets)} sheets with content: {names}.",
        "Say which one to import: --sheet NAME.",
        code="several-sheets",
    )


def _read_sheet(
    path: Path,
    name: str,
    sheet: str | None,
    header_row: int | None,
    hidden_rows: Literal["include", "skip"] | None,
    *,
    is_header: Callable[[Sequence[str | None]], bool] | None = None,
) -> tuple[Table, list[str]]:
    """Return one sheet, and the names of the others."""
    with tempfile.TemporaryDirectory(prefix="workbook-", dir=path.parent) as folder:
        output = Path(folder) / "cells.jsonl"
        _run_child({"path": str(path), "name": name, "sheet": sheet, "output": str(output)})
        found, cells = _collect(output)
    title = found["sheet"]
    place = f"Sheet “{title}” of {name}"
    sought = header_row or _find_header_row(place, cells, is_header)
    header_at, header, data = _split_header(cells, place, sought)
    notes: tuple[str, ...] = ()
    if sought is not None and header_at > 1:
        notes += (f"Rows 1 to {header_at - 1} of “{title}” stand above the header: left out.",)
    data, noted = _judge_hidden(data, found, name, hidden_rows)
    headers, positions, data = name_columns(name, header, data)
    _judge_merged(data["row"], positions or range(len(headers)), found, name)
    table = Table(
        name=name,
        format="xlsx",
        headers=headers,
        cells=data,
        header_row=header_at,
        sheet=title,
        notes=notes + noted,
        positions=positions,
    )
    return table, found["others"]


def _run_child(request: dict[str, str | None]) -> None:
    command = [sys.executable, "-P", "-m", "importer.reader.workbook_child", json.dumps(request)]
    try:
        ended = subprocess.run(  # noqa: S603 - this program itself
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
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
    """Return the sheet's description and all its rows that are not blank."""
    with output.open(encoding="utf-8") as lines:
        found = json.loads(next(lines))
        _refuse(found)
        frames = list(_frames(lines))
    return found, pl.concat(frames) if frames else pl.DataFrame()


def _frames(lines: Iterator[str]) -> Iterator[pl.DataFrame]:
    read = 0
    for line in lines:
        batch = json.loads(line)
        _refuse(batch)
        if "total" in batch:
            if batch["total"] != read:
                raise RuntimeError(f"{read} rows arrived of {batch['total']}.")
            return
        columns = [pl.Series("row", batch["rows"], pl.UInt32)]
        for index, (texts, kinds) in enumerate(zip(batch["texts"], batch["kinds"], strict=True)):
            columns.append(pl.Series(cell_name(index), texts, pl.String))
            columns.append(pl.Series(kind_name(index), kinds, CELL_KIND))
        read += len(batch["rows"])
        yield pl.DataFrame(columns)
    raise RuntimeError("The workbook reader ended without a last line.")


def _refuse(line: dict[str, Any]) -> None:
    if refusal := line.get("refusal"):
        kind = UsageError if refusal["usage"] else SourceError
        raise kind(refusal["message"], refusal["remedy"], code=refusal["code"])


def _find_header_row(
    place: str, cells: pl.DataFrame, is_header: Callable[[Sequence[str | None]], bool] | None
) -> int | None:
    """Return the row of the header where title lines stand above it, else None."""
    if is_header is None or cells.is_empty():
        return None
    texts = cells.head(SEARCHED_ROWS).select("row", pl.col(r"^cell_\d+$"))
    found = find_header_row(place, ((row[0], row[1:]) for row in texts.iter_rows()), is_header)
    return None if found == texts["row"][0] else found


def _split_header(
    cells: pl.DataFrame, place: str, header_row: int | None
) -> tuple[int, list[str | None], pl.DataFrame]:
    if cells.is_empty():
        raise SourceError(f"{place} has no content.", "Export it again.", code="empty-file")
    header_at = header_row or cells["row"][0]
    header = cells.filter(pl.col("row") == header_at)
    if header.is_empty():
        raise UsageError(
            f"{place} has no header in row {header_at}: that row is blank, or it ends before.",
            "Say --header-row with the number of the row that names the columns.",
        )
    width = (cells.width - 1) // 2
    texts = [header[cell_name(index)][0] for index in range(width)]
    return header_at, texts, cells.filter(pl.col("row") > header_at)


def _judge_hidden(
    data: pl.DataFrame,
    found: dict[str, Any],
    name: str,
    hidden_rows: Literal["include", "skip"] | None,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the data with or without the hidden rows, as asked, and a note; refuse unasked."""
    hidden = set(found["hidden"])
    rows = [row for row in data["row"] if row in hidden] if hidden else []
    if not rows:
        return data, ()
    by = "a filter hides" if found["filtered"] else "hidden are"
    what = f"In sheet “{found['sheet']}” of {name} {by} {_count_rows(rows)}"
    if hidden_rows == "include":
        return data, (f"{what}; they are imported too.",)
    if hidden_rows == "skip":
        kept = data.filter(~pl.col("row").is_in(rows))
        return kept, (f"{what}; they are left out.",)
    raise SourceError(
        f"{what}, and nobody can tell whether they are meant.",
        "Say --include-hidden-rows or --skip-hidden-rows, or show them in Excel first.",
        code="hidden-rows",
    )


def _judge_merged(
    rows: pl.Series, positions: Sequence[int], found: dict[str, Any], name: str
) -> None:
    """Refuse merged cells in the data: only their first cell has the value that all of them show.

    `positions` are the columns in use, from 0 in the sheet.
    """
    for reference, first_row, last_row, first_column, last_column in found["merged"]:
        touched = rows.filter(rows.is_between(first_row, last_row))
        if len(touched) and any(first_column <= at <= last_column for at in positions):
            raise SourceError(
                f"In sheet “{found['sheet']}” of {name} the cells {reference} are merged, so "
                f"row {touched[0]} does not hold all that it shows.",
                "Unmerge them and fill every cell.",
                code="merged-cells",
            )


def _count_rows(rows: Sequence[int]) -> str:
    shown = ", ".join(str(row) for row in rows[:_ROWS_SHOWN])
    more = f" and {len(rows) - _ROWS_SHOWN} more" if len(rows) > _ROWS_SHOWN else ""
    return f"{len(rows)} row{'s' if len(rows) > 1 else ''} with content ({shown}{more})"
