"""Faulty rows → a file of their own that can be corrected, and nothing overwritten by it."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook

from importer.config import Config, FormatSection, Order
from importer.reader.reader import Reading, read_file
from importer.reconciler.problems import keep_problems, write_problems

if TYPE_CHECKING:
    from pathlib import Path

LEAD = "cd613e30-d8f1-4adf-91b7-584a2265b1f{}"
ROWS = (
    f"{LEAD.format(0)};Tea;1.234,50;25/03/2026\n"  # proves how the others are read
    f"{LEAD.format(1)};;1.234;03/04/2026\n"
    f"x;=Tea;7;03/04/2026 10:20\n"
)


def read(path: Path, rows: str = ROWS) -> Reading:
    path.write_text(f"Lead;Product;Amount;Date\n{rows}")
    return read_file(path, path.parent, Config(), Order())


def problems(path: Path, rows: str = ROWS) -> Path | None:
    return write_problems(path, read(path, rows), FormatSection())


def test_sound_amounts_and_dates_need_no_proof_from_rows_that_are_not_there(
    tmp_path: Path,
) -> None:
    written = problems(tmp_path / "orders.csv")
    assert written == tmp_path / "orders.problems.csv"
    again = read_file(written, tmp_path, Config(), Order())
    corrected = again.rows.select("purchase_amount", "date").rows()
    whole = read(tmp_path / "orders.csv").rows.select("purchase_amount", "date").rows()
    assert corrected == whole[1:]
    assert again.faults.select("row", "code").rows() == [(2, "missing"), (3, "not-a-uuid")]
    assert again.table.whole().cells["cell_1"].to_list() == [None, "=Tea"]


def test_what_is_ambiguous_is_not_proven_by_what_was_spelt_out(tmp_path: Path) -> None:
    rows = f"{LEAD.format(0)};Tea;1,200;03/04/2026\n{LEAD.format(1)};;950;\n"
    written = problems(tmp_path / "orders.csv", rows)
    assert written is not None
    again = read_file(written, tmp_path, Config(), Order())
    assert again.faults.select("row", "code", "text").rows() == [
        (2, "not-an-amount", "1200 or 1.2"),
        (2, "not-a-date", "2026-04-03 or 2026-03-04"),
        (3, "missing", ""),
    ]


def test_a_doubtful_date_of_a_workbook_stays_refused_without_what_betrayed_it(
    tmp_path: Path,
) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Lead", "Product", "Amount", "Date"])
    sheet.append([LEAD.format(0), "Tea", 5, datetime(2026, 3, 4)])  # noqa: DTZ001 - a sheet's
    sheet.append([LEAD.format(1), "Tea", 5, "13/04/2026"])
    path = tmp_path / "orders.xlsx"
    book.save(path)
    written = write_problems(path, read_file(path, tmp_path, Config(), Order()), FormatSection())
    assert written is not None
    again = read_file(written, tmp_path, Config(), Order())
    assert again.faults.select("code", "text").rows() == [
        ("not-a-date", "2026-03-04 or 2026-04-03")
    ]


def test_no_problems_no_file(tmp_path: Path) -> None:
    assert problems(tmp_path / "orders.csv", ROWS.splitlines(keepends=True)[0]) is None
    assert [path.name for path in tmp_path.glob("*problems*")] == []


def test_what_somebody_may_have_corrected_is_never_overwritten(tmp_path: Path) -> None:
    first = problems(tmp_path / "orders.csv")
    assert first is not None
    assert problems(tmp_path / "orders.csv") == first
    first.write_text("corrected")
    second = problems(tmp_path / "orders.csv")
    assert second == tmp_path / "orders.problems-2.csv"
    assert first.read_text() == "corrected"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_folder_that_takes_no_file_is_told_and_no_reason_to_stop(tmp_path: Path) -> None:
    reading = read(tmp_path / "orders.csv")
    beside = tmp_path / "gone" / "orders.csv"
    told = keep_problems(beside, reading, FormatSection())
    assert told is not None
    assert "could not be written" in told


def test_a_currency_that_only_a_number_format_shows_is_not_lost(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Lead", "Product", "Amount"])
    for number, code in enumerate(("[$€-407] 0.00", "$0.000"), 2):
        sheet.append([LEAD.format(number), "Tea", 1.234 * (number - 1)])
        sheet.cell(number, 3).number_format = code
    path = tmp_path / "orders.xlsx"
    book.save(path)
    config = Config()
    written = write_problems(path, read_file(path, tmp_path, config, Order()), FormatSection())
    assert written is not None
    again = read_file(written, tmp_path, config, Order())
    assert again.faults.select("code", "text").rows() == [
        *(("mixed-currencies", "1.2340 EUR"), ("mixed-currencies", "2.4680 $"))
    ]
