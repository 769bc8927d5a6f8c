"""A workbook → the cells of one sheet as lines of JSON. The program of the child process.

Started by `workbook.py` as `python -m importer.reader.workbook_child REQUEST`, with a JSON object
`{"path", "name", "sheet", "output"}`. Reads `path` and writes `output`: one line that describes
the sheet, a line for each batch of rows, a last line with their number; or one line with a refusal.
It lives apart because calamine aborts its whole process on some files. It touches nothing else.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import sys
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from python_calamine import CalamineError, CalamineWorkbook

from importer.errors import ImporterError, SourceError, UsageError
from importer.reader.book_sheets import SHEET_RESULTS, is_results_book
from importer.reader.sheet_scan import has_cells, scan_sheet
from importer.reader.sheet_values import EMPTY, read_value
from importer.reader.workbook_package import Sheet, damaged, read_sheets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from python_calamine import CalamineSheet

    from importer.reader.sheet_values import Cell
    from importer.reader.sheet_xml import SheetScan

_MEMORY_BYTES: Final = 4 * 1024**3
_BATCH_ROWS: Final = 20_000
_TEXT_KINDS: Final = frozenset({None, "text"})


def main() -> None:
    """Read one sheet, or write down why not. Anything unforeseen ends the process with 1."""
    _limit_memory()
    gc.disable()  # nothing here has cycles, and looking for them takes a fifth of the time
    request = json.loads(sys.argv[1])
    with Path(request["output"]).open("w", encoding="utf-8") as output:
        try:
            _read(Path(request["path"]), request["name"], request["sheet"], output)
        except ImporterError as error:
            refusal = {
                "usage": isinstance(error, UsageError),
                "message": error.message,
                "remedy": error.remedy,
                "code": error.code,
            }
            _write(output, {"refusal": refusal})


def _limit_memory() -> None:
    """Let a memory bomb end this process rather than the machine, where the system can."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit = _MEMORY_BYTES if most == resource.RLIM_INFINITY else min(_MEMORY_BYTES, most)
    with suppress(ValueError, OSError):  # macOS refuses some limits
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _read(path: Path, name: str, wanted: str | None, output: TextIO) -> None:
    sheets = read_sheets(path, name)
    sheet = _choose_sheet(path, name, sheets, wanted)
    scan = scan_sheet(path, name, sheet)
    calamine = _load(path, name, sheet, scan)
    description = {
        "sheet": sheet.name,
        "others": [other.name for other in sheets if other.worksheet and other != sheet],
        "hidden": scan.hidden,
        "filtered": scan.filtered,
        "merged": [dataclasses.astuple(merged) for merged in scan.merged],
    }
    _write(output, description)
    _write_rows(_rows(calamine, scan, name), _width(calamine, scan), output)


def _choose_sheet(path: Path, name: str, sheets: Sequence[Sheet], wanted: str | None) -> Sheet:
    """Return the sheet that is meant: the one named, else the only visible one with content.

    A hidden sheet is never taken unless it is named. Of what looks like our own results workbook
    it is `Results`; whether it is one shows in the headers.
    """
    cells = [sheet for sheet in sheets if sheet.worksheet]
    listed = ", ".join(f"“{s.name}”{'' if s.visible else ' (hidden)'}" for s in cells)
    if wanted is not None:
        named = next((sheet for sheet in cells if sheet.name == wanted), None)
        if named is None:
            raise UsageError(
                f"{name} has no sheet “{wanted}”.", f"Its sheets are {listed}.", code="no-sheet"
            )
        return named
    filled = [sheet for sheet in cells if sheet.visible]
    if len(filled) > 1:
        filled = [sheet for sheet in filled if has_cells(path, name, sheet)]
    if len(filled) == 1:
        return filled[0]
    if is_results_book([sheet.name for sheet in filled]):
        return next(sheet for sheet in filled if sheet.name == SHEET_RESULTS)
    if filled:
        names = ", ".join(f"“{sheet.name}”" for sheet in filled)
        raise SourceError(
            f"{name} has {len(filled)} sheets with content: {names}.",
            "Say which one to import: --sheet NAME.",
            code="several-sheets",
        )
    raise SourceError(
        f"{name} has no visible sheet with content (its sheets: {listed or 'none'}).",
        "Say which one to import: --sheet NAME." if cells else "Export it again.",
        code="no-sheet",
    )


def _load(path: Path, name: str, sheet: Sheet, scan: SheetScan) -> CalamineSheet:
    try:
        return CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet.name)
    except CalamineError as error:
        errors = [cell for row in scan.overrides.values() for cell in row.values()]
        seen = sorted({text for text, kind in errors if kind == "error" and text})
        also = f" It holds the errors {', '.join(seen)}." if seen else ""
        raise damaged(name, f"sheet “{sheet.name}” cannot be read ({error}).{also}") from error


def _rows(calamine: CalamineSheet, scan: SheetScan, name: str) -> Iterator[tuple[int, list[Cell]]]:
    """Yield number and cells of each row that is not blank.

    Raises SourceError at the end where calamine gave fewer or more numbers than the XML has.
    """
    start = calamine.start
    offset = [EMPTY] * (start[1] if start else 0)
    width = _width(calamine, scan)
    numbers = 0
    # calamine begins at row 1 but at the first filled column, and ends with its last value.
    values = calamine.iter_rows()
    for row in range(1, max(scan.last_row, calamine.total_height) + 1):
        cells = offset + [read_value(value) for value in next(values, ())]
        cells += [EMPTY] * (width - len(cells))
        numbers += sum(kind not in _TEXT_KINDS for _, kind in cells)
        for column, cell in scan.overrides.get(row, {}).items():
            cells[column] = cell
        if any(text and not text.isspace() for text, _ in cells):
            yield row, cells
    if not scan.numbers <= numbers <= scan.numbers + scan.dates:
        raise damaged(
            name, f"two readers disagree on how many numbers it holds ({numbers}, {scan.numbers})."
        )


def _width(calamine: CalamineSheet, scan: SheetScan) -> int:
    return max(scan.last_column + 1, calamine.total_width)


def _write_rows(rows: Iterator[tuple[int, list[Cell]]], width: int, output: TextIO) -> None:
    total = 0
    while batch := list(islice(rows, _BATCH_ROWS)):
        # Column by column, as the frame wants them.
        columns = [[cells[at] for _, cells in batch] for at in range(width)]
        line = {
            "rows": [row for row, _ in batch],
            "texts": [[text for text, _ in column] for column in columns],
            "kinds": [[kind for _, kind in column] for column in columns],
        }
        _write(output, line)
        total += len(batch)
    _write(output, {"total": total})


def _write(output: TextIO, line: dict[str, object]) -> None:
    output.write(json.dumps(line, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
