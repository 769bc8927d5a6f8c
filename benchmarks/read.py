"""How fast `importer check` reads, with its peers beside it. Writes temporary files.

    python benchmarks/read.py [--rows 1000000] [--sheet-rows 100000]

CSV: `importer check` of a file (the whole program: start, copy, proof of structure, typing, keys,
plan), and of its results file, beside `csv.DictReader` with pydantic a row. Excel: reading one
sheet beside bare python-calamine, in turns; what is printed is the median. Every figure is a
process of its own, whose modules are compiled already; the peers run between the runs of the
importer, so that a busy machine shows.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl

if TYPE_CHECKING:
    import resource

HEADER = (
    "lead_id",
    "product_name",
    "product_description",
    "purchase_amount",
    "date",
    "trigger_ids",
)
PEER = """
import csv, sys
from datetime import date
from decimal import Decimal
from uuid import UUID
from pydantic import BaseModel
class Row(BaseModel):
    lead_id: UUID
    product_name: str
    product_description: str
    purchase_amount: Decimal
    date: date
    trigger_ids: UUID
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    rows = [Row.model_validate(row) for row in csv.DictReader(file, strict=True)]
"""
CALAMINE = """
import sys
from python_calamine import CalamineWorkbook
CalamineWorkbook.from_path(sys.argv[1]).get_sheet_by_index(0).to_python(skip_empty_area=False)
"""
SHEET = """
import sys
from pathlib import Path
from importer.reader.workbook import read_workbook
read_workbook(Path(sys.argv[1]), "sheet.xlsx", sheet=None, header_row=None, hidden_rows=None)
"""
DRY = ("run", "--limit", "0", "--yes")
"""Writes the results of a file of which nothing is sent."""
ENDED = (0, 5)
"""Exit codes of what went well; rows that were not sent give 5."""
TURNS = 5
NOTHING = "import python_calamine"
NOTHING_MORE = "import importer.reader.workbook"


def main() -> None:
    """Measure everything and print a table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--sheet-rows", type=int, default=100_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        table = write_csv(folder / "rows.csv", asked.rows)
        importer = [sys.executable, "-m", "importer"]
        check = [*importer, "check", str(table)]
        run([*importer, *DRY, str(write_csv(folder / "few.csv", 3))], folder)
        run([sys.executable, "-c", PEER, str(folder / "few.csv")], folder)
        print(f"{'':34}{'rows':>10}{'seconds':>9}{'CPU':>8}{'rows/s':>10}{'peak MiB':>10}")
        first = report("importer check, CSV", check, asked.rows, folder)
        peer = report(
            "csv.DictReader + pydantic",
            [sys.executable, "-c", PEER, str(table)],
            asked.rows,
            folder,
        )
        again = report("importer check, CSV, again", check, asked.rows, folder)
        print(f"  times the peer's rate: {peer / min(first, again):.1f}")
        run([*importer, *DRY, str(table)], folder)
        results = [*importer, "check", str(folder / "rows.results.csv")]
        report("importer check, its results file", results, asked.rows, folder)
        print()
        sheet = write_sheet(folder / "sheet.xlsx", asked.sheet_rows)
        report_sheet(sheet, asked.sheet_rows, folder)


def report_sheet(sheet: Path, rows: int, folder: Path) -> None:
    """Read a sheet with and without the importer in turns, and print the medians."""
    read = [
        ("python-calamine, no file", NOTHING, 1),
        ("python-calamine, bare", CALAMINE, rows),
        ("importer, no file", NOTHING_MORE, 1),
        ("importer, one sheet", SHEET, rows),
    ]
    turns = [
        [measure([sys.executable, "-c", code, str(sheet)], folder) for _, code, _ in read]
        for _ in range(TURNS)
    ]
    for (name, _, count), figures in zip(read, zip(*turns, strict=True), strict=True):
        show(name, count, *map(statistics.median, zip(*figures, strict=True)))
    seconds, cpu = (
        statistics.median(
            (ours[k] - ready[k]) / (bare[k] - no[k]) for no, bare, ready, ours in turns
        )
        for k in (0, 1)
    )
    print(f"  times bare calamine, without the start of either: {seconds:.1f} (CPU: {cpu:.1f})")


def report(name: str, command: list[str], rows: int, folder: Path) -> float:
    """Run a command, print what it took, return the seconds."""
    seconds, cpu, peak = measure(command, folder)
    show(name, rows, seconds, cpu, peak)
    return seconds


def measure(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Run a command to its end; return its seconds, those of the processor, and its peak in MiB."""
    seconds, used = run(command, folder)
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def show(name: str, rows: int, seconds: float, cpu: float, peak: float) -> None:
    """Print what a command took."""
    rate = f"{rows / seconds:,.0f}" if rows > 1 else ""
    print(f"{name:34}{rows:>10,}{seconds:>9.2f}{cpu:>8.2f}{rate:>10}{peak:>10,.0f}", flush=True)


def run(command: list[str], folder: Path) -> tuple[float, resource.struct_rusage]:
    """Run a command to its end; return the seconds and what it used."""
    environ = os.environ | {
        "IMPORTER_WORKSPACE__PATH": str(folder / "workspace"),
        "IMPORTER_API__URL": "http://127.0.0.1:9/",  # nobody is asked there
        "KEEN_API_KEY": "benchmark",
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    said = folder / "stderr.txt"
    with said.open("w") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - this program and its peers
            command, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ENDED:
        sys.exit(f"{' '.join(command[1:3])} ended with {process.returncode}: {said.read_text()}")
    return seconds, used


def write_csv(path: Path, rows: int) -> Path:
    """Write `rows` purchases and return the path."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(purchase(number) for number in range(rows))
    return path


def write_sheet(path: Path, rows: int) -> Path:
    """Write `rows` purchases with numbers and dates as such, and return the path."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Orders")
    sheet.append(HEADER)
    for number in range(rows):
        cells = purchase(number)
        sheet.append([*cells[:3], float(cells[3]), dt.date.fromisoformat(cells[4]), cells[5]])
    book.save(path)
    return path


def purchase(number: int) -> tuple[str, ...]:
    """Return the cells of a row, the same for the same number."""
    drawn = random.Random(number)  # noqa: S311 - replayable
    day = dt.date(2026, 1, 1) + dt.timedelta(drawn.randrange(300))
    return (
        str(uuid.UUID(int=drawn.getrandbits(128), version=4)),
        f"Product {number % 1000}",
        f"Order {number}, monthly",
        f"{drawn.randrange(1, 99_999)}.{drawn.randrange(100):02}",
        day.isoformat(),
        str(uuid.UUID(int=drawn.getrandbits(128), version=4)),
    )


if __name__ == "__main__":
    main()
