"""A workbook → the cells of one sheet as JSON and texts. The program of the child process.

Started by `workbook_process.py` as `python -m importer.reader.workbook_child REQUEST`, with a JSON
object `{"path", "name", "kind", "sheet", "output"}`. Reads `path` and writes `output`: a line of
JSON for each batch of rows, with its texts behind it, and a last line that describes the sheet and
says how many rows there are; or a refusal, which ends it wherever it stands. It lives apart because
calamine aborts its whole process on some files, and any parser can be made to eat all memory. It
touches nothing else.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from importer.errors import ImporterError, UsageError
from importer.reader.book import SEPARATOR
from importer.reader.ods_book import open_ods
from importer.reader.sheet_choice import choose_sheet
from importer.reader.xls_book import open_xls
from importer.reader.xlsb_book import open_xlsb
from importer.reader.xlsx_book import open_xlsx

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from importer.reader.book import Batch, Book

_MEMORY_BYTES: Final = 4 * 1024**3
_OPENERS: Final[dict[str, Callable[[Path, str], Book]]] = {
    "xlsx": open_xlsx,
    "xls": open_xls,
    "xlsb": open_xlsb,
    "ods": open_ods,
}


def main() -> None:
    """Read one sheet, or write down why not. Anything unforeseen ends the process with 1."""
    _limit_memory()
    gc.disable()  # nothing here has cycles, and looking for them takes a fifth of the time
    request = json.loads(sys.argv[1])
    with Path(request["output"]).open("wb") as output:
        try:
            _read(request, output)
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


def _read(request: dict[str, str | None], output: BinaryIO) -> None:
    name, kind = str(request["name"]), str(request["kind"])
    book = _OPENERS[kind](Path(str(request["path"])), name)
    sheet = choose_sheet(book, name, request["sheet"])
    content = book.read(sheet)
    total = sum(_write_batch(batch, output) for batch in content.batches)
    description = {
        "total": total,
        "sheet": sheet.name,
        "others": [other.name for other in book.sheets if other.worksheet and other != sheet],
        "hidden": content.hidden,
        "filtered": content.filtered,
        "merged": [dataclasses.astuple(merged) for merged in content.merged],
    }
    _write(output, description)


def _write_batch(batch: Batch, output: BinaryIO) -> int:
    """Write a batch as the frame wants it; return how many rows it has.

    The texts of a column follow the line as one text, of which the line has the length in bytes:
    to spell every text as JSON would take longer than to read it from the workbook.
    """
    packed = [_pack(texts) for texts, _ in batch.columns]
    line = {
        "rows": list(batch.rows),
        "texts": [len(each) if isinstance(each, bytes) else each for each in packed],
        "kinds": [kinds for _, kinds in batch.columns],
        "currencies": dict(batch.currencies),
    }
    _write(output, line)
    output.writelines(each for each in packed if isinstance(each, bytes))
    return len(batch.rows)


def _pack(texts: list[str]) -> bytes | list[str]:
    """Return the texts as one, or as they are where one of them holds what would part them."""
    joined = SEPARATOR.join(texts)
    return joined.encode() if joined.count(SEPARATOR) == len(texts) - 1 else texts


def _write(output: BinaryIO, line: dict[str, object]) -> None:
    output.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


if __name__ == "__main__":
    main()
