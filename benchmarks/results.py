"""How fast results are written, against the least that could be done.

CSV of a million rows: seconds and the process's peak memory. Workbook of a hundred thousand rows:
the whole of our workbook against a bare openpyxl one (write-only) with the same cells, in one run,
in turns. Each measurement is a process of its own, so that none warms up another's memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from importer.reader.table import Table
    from importer.reconciler.report import Summary

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

ROUNDS = 3


def main() -> None:
    """Measure everything and print it."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--rows", type=int, default=1_000_000, help="of the CSV file")
    options.add_argument("--sheet-rows", type=int, default=100_000, help="of the workbook")
    asked = options.parse_args()
    seconds, megabytes, base = measure("csv", asked.rows)
    print(f"CSV, {asked.rows:,} rows: {seconds:.2f} s, peak {megabytes:.0f} MiB")
    print(f"  (of it {base:.0f} MiB were there before: the rows, their results, the libraries)")
    ours, bare = [], []
    for _ in range(ROUNDS):
        ours.append(measure("book", asked.sheet_rows)[0])
        bare.append(measure("bare", asked.sheet_rows)[0])
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    print(
        f"Workbook, {asked.sheet_rows:,} rows: {min(ours):.2f} s; bare openpyxl {min(bare):.2f} s"
    )
    print(
        f"  ratio {statistics.median(ratios):.2f} ({', '.join(f'{each:.2f}' for each in ratios)})"
    )


def measure(what: str, rows: int) -> tuple[float, float, float]:
    """Return seconds, peak MiB and MiB before the writing of one process."""
    ended = subprocess.run(  # noqa: S603 - this file
        [sys.executable, __file__, what, str(rows)], capture_output=True, text=True, check=True
    )
    seconds, megabytes, base = json.loads(ended.stdout)
    return seconds, megabytes, base


def write(what: str, rows: int) -> None:
    """Write one file, timed; `what` is csv, book or bare."""
    from importer.model import PurchaseField  # noqa: PLC0415 - what is measured pays for it
    from importer.reader.pieces import spool_table  # noqa: PLC0415
    from importer.reconciler.background import Background  # noqa: PLC0415
    from importer.reconciler.results import write_results  # noqa: PLC0415

    table, results, judged = make_rows(rows)
    fields = {
        PurchaseField.LEAD_ID: 0,
        PurchaseField.PRODUCT_NAME: 1,
        PurchaseField.PURCHASE_AMOUNT: 2,
        PurchaseField.DATE: 3,
    }
    faults = pl.DataFrame(schema={"row": pl.UInt32, "index": pl.UInt32, "message": pl.String})
    background = Background(fields, judged, faults, "UTC", make_summary(rows))
    with tempfile.TemporaryDirectory() as folder:
        pieces = spool_table(table, Path(folder))
        del table
        base = peak()
        began = time.perf_counter()
        if what == "bare":
            write_bare(Path(folder) / "r.xlsx", results, judged)
        else:
            ending = "csv" if what == "csv" else "xlsx"
            write_results(Path(folder) / f"r.{ending}", pieces, results, background)
        print(json.dumps([time.perf_counter() - began, peak(), base]))


def make_rows(count: int) -> tuple[Table, pl.DataFrame, pl.DataFrame]:
    """Return a table, its results and its typed rows: all created but every thousandth."""
    from importer.reader.table import Table, cell_name  # noqa: PLC0415

    number = pl.int_range(count, eager=True)
    row = (number + 2).cast(pl.UInt32).alias("row")
    text = number.cast(pl.String).str.zfill(12)
    lead = ("3f2b8c1e-5d4a-4b6f-9c0d-" + text).alias(cell_name(0))
    amount = ((number % 100_000) / 100).round(2).cast(pl.String)
    day = pl.select(pl.lit(date(2026, 1, 1)) + pl.duration(days=pl.lit(number % 360))).to_series()
    cells = pl.DataFrame(
        [row, lead, ("Product " + text).alias(cell_name(1)), amount.alias(cell_name(2)),
         day.cast(pl.String).alias(cell_name(3)), ("O-" + text).alias(cell_name(4))]
    )  # fmt: skip
    headers = ("Lead ID", "Product", "Amount", "Date", "Order")
    table = Table(name="x.csv", format="csv", headers=headers, cells=cells, delimiter=",")
    at = pl.lit(datetime(2026, 3, 4, 10, 20, 30, tzinfo=UTC)).cast(pl.Datetime("us", "UTC"))
    doubt = pl.col("row") % 1000 == 0
    results = cells.select(
        "row",
        status=pl.when(doubt).then(pl.lit("in_doubt")).otherwise(pl.lit("created")),
        purchase_id=pl.when(~doubt).then(pl.lit("9c0d7e8f-5d4a-4b6f-9c0d-") + text),
        error_code=pl.when(doubt).then(pl.lit("read-timeout")),
        error=pl.when(doubt).then(pl.lit("No answer came within 180 seconds.")),
        http_status=pl.when(~doubt).then(pl.lit(200, dtype=pl.Int32)),
        attempts=pl.lit(1, dtype=pl.UInt32),
        idempotency_key=pl.lit("0190a1b2-c3d4-8e5f-8a6b-") + text,
        sent_at=at,
        resolution=pl.lit(None, dtype=pl.String),
        amount=amount,
    )
    judged = pl.DataFrame(
        [row, amount.alias("purchase_amount"),
         day.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias("date"),
         pl.repeat(True, count, eager=True).alias("valid")]
    )  # fmt: skip
    return table, results, judged


def write_bare(path: Path, results: pl.DataFrame, judged: pl.DataFrame) -> None:
    """Write the same cells of all sheets as plainly as openpyxl can."""
    from openpyxl import Workbook  # noqa: PLC0415

    keen = results.drop("amount").with_columns(
        pl.col("sent_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    number = pl.int_range(results.height, eager=True).cast(pl.String).str.zfill(12)
    amounts = judged["purchase_amount"].cast(pl.Float64)
    own = [
        ("3f2b8c1e-5d4a-4b6f-9c0d-" + number).to_list(),
        ("Product " + number).to_list(),
        amounts.to_list(),
        judged["date"].dt.replace_time_zone(None).dt.date().to_list(),
        ("O-" + number).to_list(),
    ]
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Results")
    sheet.append(["Lead ID", "Product", "Amount", "Date", "Order", *keen.columns])
    for line in zip(*own, *(column.to_list() for column in keen), strict=True):
        sheet.append(line)
    workbook.save(path)


def make_summary(rows: int) -> Summary:
    """Return what the sheet `Summary` shows."""
    from importer.reconciler.report import Summary  # noqa: PLC0415

    counts = dict.fromkeys(
        ["created", "already_created", "rejected", "in_doubt", "unsent", "invalid", "duplicate",
         "conflict"], 0
    ) | {"created": rows}  # fmt: skip
    now = datetime.now(UTC) - timedelta(seconds=1)
    return Summary(
        version=1, file="x.csv", path="/x.csv", file_sha256="0" * 64, scope="keen", batch="",
        run_id=1, rows=rows, counts=counts, amounts={"created": "1.00"}, waiting_rows={}, errors=(),
        started_at=now.isoformat(), duration_seconds=1.0, sending=None, stopped=None,
        results="/x.results.xlsx", report=None, next=(), exit_code=0,
    )  # fmt: skip


def peak() -> float:
    """Return the most memory that this process has had so far, in MiB (Linux: kB are told)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in {"csv", "book", "bare"}:  # see measure
        write(sys.argv[1], int(sys.argv[2]))
    else:
        main()
