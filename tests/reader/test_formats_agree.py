"""One sheet, saved in every format → the same rows, faults and keys: a re-import pays nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.config import Config, FormatSection, Order
from importer.reader.reader import read_file
from tests.reader.raw_ods import cell, ods, row, table
from tests.reader.raw_workbook import sheet_xml, workbook
from tests.spreadsheet import needs_office, save_with_office

if TYPE_CHECKING:
    from importer.reader.reader import Reading

FILES = Path(__file__).parent / "files"
SAVED = ["orders.ods", "orders.xls", "orders.xlsb", "orders-sheetjs.xls"]
"""`orders.xlsx` as LibreOffice saved it, and SheetJS the last two."""


def read(path: Path, folder: Path, config: Config | None = None) -> Reading:
    folder.mkdir(exist_ok=True)
    return read_file(path, folder, config or Config(), Order())


def assert_same(one: Reading, other: Reading) -> None:
    assert one.contents["content"].to_list() == other.contents["content"].to_list()
    assert one.table.whole().cells.equals(other.table.whole().cells)
    assert one.faults.equals(other.faults)
    assert [note.shown for note in one.notes] == [note.shown for note in other.notes]


@pytest.mark.parametrize("name", SAVED)
def test_a_sheet_has_the_same_keys_in_every_format(tmp_path: Path, name: str) -> None:
    workbook = read(FILES / "orders.xlsx", tmp_path / "a")
    assert workbook.rows.height == 12
    assert workbook.faults["code"].to_list() == [
        *("not-an-amount", "error-cell", "not-a-uuid", "id-is-number")
    ]
    assert_same(workbook, read(FILES / name, tmp_path / "b"))


@needs_office
@pytest.mark.parametrize("ending", ["ods", "xls"])
def test_what_the_installed_libreoffice_saves_has_the_same_keys(
    tmp_path: Path, ending: str
) -> None:
    saved = save_with_office(FILES / "orders.xlsx", ending, tmp_path / "saved")
    assert_same(read(FILES / "orders.xlsx", tmp_path / "a"), read(saved, tmp_path / "b"))


LEAD = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
EUROS, DOLLARS, PLAIN = "[$€-407] #,##0.00", "$#,##0.00", "0.00"


def money(path: Path, *formats: str, text: str | None = None) -> Path:
    """Write a row of 12.5 under each format, and one more with `text`."""
    from openpyxl import Workbook  # noqa: PLC0415 - a second here for the tests that need it

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["lead_id", "product_name", "purchase_amount"])
    for number, code in enumerate(formats, 2):
        sheet.append([LEAD, f"Tea {number}", 12.5])
        sheet.cell(number, 3).number_format = code
    if text is not None:
        sheet.append([LEAD, "By text", text])
    book.save(path)
    return path


def faults(path: Path, folder: Path, currency: str = "") -> list[tuple[object, ...]]:
    config = Config(format=FormatSection(currency=currency))
    return read(path, folder, config).faults.select("row", "code", "text").rows()


def test_one_currency_in_all_number_formats_is_no_fault(tmp_path: Path) -> None:
    path = money(tmp_path / "o.xlsx", EUROS, EUROS, PLAIN, text="3,50 €")
    reading = read(path, tmp_path / "a")
    assert reading.faults.is_empty()
    assert reading.rows["purchase_amount"].to_list() == ["12.5", "12.5", "12.5", "3.5"]
    assert reading.table.whole().cells["kind_2"].to_list() == ["number", "number", "number", "text"]
    assert any("name the currency EUR" in note.told for note in reading.notes)


def test_number_formats_of_several_currencies_are_faults(tmp_path: Path) -> None:
    path = money(tmp_path / "o.xlsx", EUROS, DOLLARS, PLAIN)
    assert faults(path, tmp_path / "a") == [
        (2, "mixed-currencies", "12.5 EUR"),
        (3, "mixed-currencies", "12.5 $"),
    ]


def test_a_text_of_another_currency_than_the_number_formats_is_a_fault(tmp_path: Path) -> None:
    path = money(tmp_path / "o.xlsx", EUROS, text="3.50 USD")
    assert faults(path, tmp_path / "a") == [
        (2, "mixed-currencies", "12.5 EUR"),
        (3, "mixed-currencies", "3.50 USD"),
    ]


@pytest.mark.parametrize(
    ("currency", "code", "wrong"),
    [
        *(("EUR", EUROS, False), ("USD", EUROS, True), ("USD", DOLLARS, False)),
        *(("EUR", DOLLARS, True), ("SEK", "0.00 [$kr-41D]", False), ("EUR", "0 [$kr-41D]", True)),
    ],
)
def test_a_number_format_is_held_against_the_configured_currency(
    tmp_path: Path, currency: str, code: str, *, wrong: bool
) -> None:
    found = faults(money(tmp_path / "o.xlsx", code), tmp_path / "a", currency)
    assert [fault[1] for fault in found] == (["wrong-currency"] if wrong else [])


def test_a_refused_amount_says_its_currency_wherever_it_is_written_to(tmp_path: Path) -> None:
    reading = read(money(tmp_path / "o.xlsx", EUROS, DOLLARS, PLAIN), tmp_path / "a")
    assert reading.table.whole().cells.select("cell_2", "kind_2").rows() == [
        *(("12.50 EUR", "text"), ("12.50 $", "text"), ("12.5", "number"))
    ]


def test_a_percentage_says_so_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "o.xlsx").write_bytes(
        workbook(sheet_xml('<row r="1"><c r="A1" s="4"><v>0.5</v></c></row>'))
    )
    rate = cell("50 %", 'office:value-type="percentage" office:value="0.5"')
    (tmp_path / "o.ods").write_bytes(ods(table(row(rate))))
    from importer.reader.workbook import read_workbook  # noqa: PLC0415 - only here

    for kind in ("xlsx", "ods"):
        table_read = read_workbook(
            tmp_path / f"o.{kind}", "o", kind=kind, sheet=None, header_row=None, hidden_rows=None
        )
        assert table_read.headers == ("50%",)
