"""Results that a person edits and runs again: fixed rows go out once, nothing goes twice."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook, load_workbook

from importer.sandbox.company import sandbox_lead
from importer.sandbox.faults import FaultPlan
from tests.program import HEADER, Program, purchases, read_results, write_csv, write_xlsx
from tests.spreadsheet import cell, column, edited, needs_office, save_with_office

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.sandbox.server import Sandbox
    from tests.sandbox_server import StartSandbox

FORMULA = '=HYPERLINK("http://example.com","x")'


def rows_with_faults() -> list[tuple[str, ...]]:
    """Four rows: fine, a wrong amount (row 3), a wrong lead (row 4), a formula as product."""
    rows = [list(row) for row in purchases(4)]
    rows[1][2] = "12..5"
    rows[2][0] = "nobody"
    rows[3][1] = FORMULA
    return [tuple(row) for row in rows]


@pytest.fixture
def book(program: Program, sandbox: Sandbox, tmp_path: Path) -> Path:
    """The results workbook of a run of `rows_with_faults`."""
    file = write_xlsx(tmp_path / "march.xlsx", rows_with_faults())
    with edited(file) as sheets:
        sheets.active[
            "B5"
        ].data_type = "s"  # openpyxl takes it for a formula, Excel a person's text
    ended = program("run", file)
    assert ended.returncode == 3, ended.stderr
    assert sandbox.purchase_requests == 2
    return tmp_path / "march.results.xlsx"


def mend(book: Workbook, sheet: str) -> None:
    """Correct both faulty rows as a person would: a number for a text, an id pasted."""
    cell(book, sheet, 3, "Amount").value = 12.5
    cell(book, sheet, 4, "Lead ID").value = sandbox_lead(3)


def check_all_paid_once(sandbox: Sandbox) -> None:
    assert sandbox.purchase_requests == 4
    assert sorted(str(one.amount) for one in sandbox.audit.committed) == [
        "1.5",
        "12.5",
        "3.5",
        "4.5",
    ]
    bodies = [
        json.loads(body) for found in sandbox.audit.bodies_by_key().values() for body in found
    ]
    names = {body["product_name"] for body in bodies}
    assert names == {"Product 1", "Product 2", "Product 3", FORMULA}


def test_the_workbook_names_what_to_fix_and_where(book: Path) -> None:
    sheets = load_workbook(book)
    assert sheets.sheetnames == ["Results", "To fix", "Summary", "As written"]
    assert sheets["As written"].sheet_state == "hidden"
    assert column(book, "To fix", "keen_row") == [3, 4]
    wrong = cell(sheets, "To fix", 3, "Amount")
    assert "12..5" in wrong.comment.text
    assert wrong.fill.fgColor.rgb == "00FFC7CE"
    right = cell(sheets, "To fix", 3, "Lead ID")
    assert right.comment is None
    assert right.fill.fill_type is None


@pytest.mark.parametrize("sheet", ["Results", "To fix"])
def test_rows_mended_on_either_sheet_go_out_and_the_others_do_not(
    sheet: str, book: Path, program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    with edited(book) as sheets:
        mend(sheets, sheet)
    again = program("run", book)
    assert again.returncode == 0, again.stdout + again.stderr
    taken = "2 rows edited on sheet “To fix” are taken." in again.stdout
    assert taken == (sheet == "To fix")
    check_all_paid_once(sandbox)
    second = tmp_path / "march.results-2.xlsx"
    assert column(second, "Results", "keen_status") == [
        *("already_created", "created", "created", "already_created")
    ]
    assert program("run", book).returncode == 0
    assert program("run", second).returncode == 0
    check_all_paid_once(sandbox)


def test_the_sheet_to_fix_alone_can_be_run_and_the_whole_file_after_it(
    book: Path, program: Program, sandbox: Sandbox
) -> None:
    with edited(book) as sheets:
        mend(sheets, "To fix")
    assert program("run", book, "--sheet", "To fix").returncode == 0
    check_all_paid_once(sandbox)
    assert program("run", book).returncode == 0
    check_all_paid_once(sandbox)


@pytest.mark.parametrize(("currency", "exit_code"), [("EUR", 0), ("USD", 3)])
def test_the_currency_of_an_amount_counts_on_whichever_sheet_it_was_typed(
    currency: str, exit_code: int, book: Path, program: Program, sandbox: Sandbox
) -> None:
    program.settings["IMPORTER_FORMAT__CURRENCY"] = "EUR"
    with edited(book) as sheets:
        mend(sheets, "To fix")
        cell(sheets, "To fix", 3, "Amount").number_format = f"#,##0.00 [${currency}]"
    again = program("run", book)
    assert again.returncode == exit_code, again.stdout + again.stderr
    assert ("wrong-currency: row 3" in again.stdout) == (currency == "USD")
    assert sandbox.purchase_requests == (4 if currency == "EUR" else 3)


def test_a_currency_that_alone_was_changed_is_an_edit(book: Path, program: Program) -> None:
    program.settings["IMPORTER_FORMAT__CURRENCY"] = "EUR"
    with edited(book) as sheets:
        mend(sheets, "Results")
        mend(sheets, "To fix")
        cell(sheets, "To fix", 3, "Amount").number_format = "#,##0.00 [$USD]"
    again = program("run", book)
    assert again.returncode == 6
    assert "Row 2 of sheet “To fix”" in again.stderr


def test_sorted_filtered_and_shortened_sheets_are_still_understood(
    book: Path, program: Program, sandbox: Sandbox
) -> None:
    with edited(book) as sheets:
        mend(sheets, "To fix")
        fix, results = sheets["To fix"], sheets["Results"]
        lines = [[one.value for one in line] for line in fix.iter_rows(min_row=2)]
        for number, line in enumerate(reversed(lines), 2):
            for place, value in enumerate(line, 1):
                fix.cell(number, place).value = value
        fix.row_dimensions[3].hidden = True
        results.delete_rows(2)  # a created row that nobody needs to see any more
    assert program("run", book).returncode == 0
    check_all_paid_once(sandbox)


def test_what_is_edited_differently_on_two_sheets_is_refused(
    book: Path, program: Program, sandbox: Sandbox
) -> None:
    with edited(book) as sheets:
        cell(sheets, "To fix", 3, "Amount").value = 12.5
        cell(sheets, "Results", 3, "Amount").value = 13.5
    refused = program("run", book)
    assert refused.returncode == 6
    said = "Row 2 of sheet “To fix” of march.results.xlsx and row 3 of “Results” are the same row"
    assert said in refused.stderr
    assert "differ in “Amount”." in refused.stderr
    assert '--sheet "To fix" or --sheet Results' in refused.stderr
    assert sandbox.purchase_requests == 2
    assert program("run", book, "--sheet", "Results").returncode == 3
    assert sandbox.purchase_requests == 3


@pytest.mark.parametrize("change", ["key", "row", "header"])
def test_an_edited_row_that_cannot_be_found_in_the_results_is_refused(
    change: str, book: Path, program: Program, sandbox: Sandbox
) -> None:
    with edited(book) as sheets:
        mend(sheets, "To fix")
        if change == "header":
            cell_of_header = next(sheets["To fix"].iter_rows(max_row=1))[4]
            cell_of_header.value = "Something else"
        elif change == "row":
            cell(sheets, "To fix", 3, "keen_row").value = 99
        else:
            cell(sheets, "To fix", 3, "keen_idempotency_key").value = "mine"
    refused = program("run", book)
    assert refused.returncode == 6, refused.stdout
    assert "To fix" in refused.stderr
    assert sandbox.purchase_requests == 2


def test_a_workbook_of_other_people_with_such_sheets_is_not_taken_for_ours(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = write_xlsx(tmp_path / "march.xlsx", purchases(2))
    with edited(path) as sheets:
        sheets.active.title = "Results"
        sheets.create_sheet("Summary").append(["mine"])
    refused = program("run", path)
    assert refused.returncode == 6
    assert "“Results”, “Summary”" in refused.stderr
    assert sandbox.total_requests == 0


def test_a_csv_that_became_a_workbook_shows_amounts_and_dates_and_reads_back_the_same(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    leads = [sandbox_lead(number) for number in range(1, 5)]
    written = [
        (leads[0], "Tea", "1.234,50", "13.3.2026"),
        (leads[1], "Tea", "€ 12,00", "2026-03-04T10:00:00+02:00"),
        (leads[2], "Tea", "7", "2026-03-04"),
        (leads[3], "Tea", "seven", "2026-03-04"),
    ]
    file = write_csv(tmp_path / "march.csv", written, ("Lead ID", "Product", "Amount", "Date"))
    out = tmp_path / "out.xlsx"
    assert program("run", file, "--results", out).returncode == 3
    assert column(out, "Results", "Amount") == [1234.5, "€ 12,00", 7, "seven"]
    day = datetime(2026, 3, 4)  # noqa: DTZ001 - a cell has no zone
    assert column(out, "Results", "Date") == [
        *(datetime(2026, 3, 13), "2026-03-04T10:00:00+02:00", day, "2026-03-04")  # noqa: DTZ001
    ]
    with edited(out) as sheets:
        cell(sheets, "To fix", 5, "Amount").value = 7
    again = program.summary("run", out)
    assert again["counts"]["already_created"] == 3
    assert again["counts"]["created"] == 1
    assert sandbox.purchase_requests == 4


def test_text_made_harmless_comes_back_as_it_was_from_either_kind(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = [(*row[:1], FORMULA, *row[2:4], "'quoted") for row in purchases(2)]
    program("run", write_csv(tmp_path / "march.csv", rows))
    for results in ("march.results.csv", "march.results-2.csv"):
        assert program("run", tmp_path / results).returncode == 0
    assert program("run", tmp_path / "march.csv", "--results", tmp_path / "m.xlsx").returncode == 0
    assert program("run", tmp_path / "m.xlsx").returncode == 0
    last = read_results(tmp_path / "march.results-3.csv")
    assert {(row["Product"], row["Order"]) for row in last} == {(f"'{FORMULA}", "''quoted")}
    assert sandbox.purchase_requests == 2


def excel_saves(path: Path, delimiter: str, change: Callable[[dict[str, str]], None]) -> None:
    """Save a CSV as Excel does: its own delimiter, dates and amounts in its own spelling."""
    rows = read_results(path)
    for row in rows:
        change(row)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_a_csv_that_a_german_excel_saved_is_still_the_same_purchases(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = [(*row[:3], "2026-03-14", row[4]) for row in purchases(4)]
    rows[2] = ("nobody", *rows[2][1:])
    program("run", write_csv(tmp_path / "march.csv", rows))

    def retype(row: dict[str, str]) -> None:
        row["Date"] = "14.03.2026"
        row["Amount"] = row["Amount"].replace(".50", ",5")
        row["keen_sent_at"] = "23.11.2026 06:00"
        if row["Lead ID"] == "nobody":
            row["Lead ID"] = sandbox_lead(3)

    excel_saves(tmp_path / "march.results.csv", ";", retype)
    again = program.summary("run", tmp_path / "march.results.csv")
    assert (again["exit_code"], again["counts"]["already_created"]) == (0, 3)
    assert sandbox.purchase_requests == 4


def test_a_row_released_on_the_sheet_goes_out_once(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    program("run", write_xlsx(tmp_path / "march.xlsx", purchases(1) * 2))
    results = tmp_path / "march.results.xlsx"
    with edited(results) as sheets:
        cell(sheets, "To fix", 3, "keen_resolution").value = "send"
    unsettled = program("run", results)
    assert "1 row has a keen_resolution" in unsettled.stdout
    assert sandbox.purchase_requests == 1
    assert program("resolve", results).returncode == 0
    for _ in range(2):
        assert program("run", results).returncode == 0
        assert sandbox.purchase_requests == 2


def test_doubt_is_settled_from_the_drop_downs(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    leads = [sandbox_lead(number) for number in (2, 3)]
    sandbox = start_sandbox(
        FaultPlan(by_lead={leads[0]: ["reset-after-commit"], leads[1]: ["http-500-before-commit"]})
    )
    program = Program(tmp_path, sandbox.url)
    file = write_xlsx(tmp_path / "march.xlsx", purchases(4))
    assert program("run", file).returncode == 4
    results = tmp_path / "march.results.xlsx"
    sheets = load_workbook(results)
    offered = sheets["In doubt"].data_validations.dataValidation
    assert [each.formula1 for each in offered] == ['"created,not created"']
    assert f"lead {leads[0]}, product Product 2, amount 2.50" in str(
        cell(sheets, "In doubt", 3, "Look for in Keen").value
    )
    [found] = [one for one in sandbox.audit.committed if one.lead_id == leads[0]]
    with edited(results) as sheets:
        cell(sheets, "In doubt", 3, "keen_resolution").value = "created"
        cell(sheets, "In doubt", 3, "keen_purchase_id").value = found.purchase_id
        cell(sheets, "In doubt", 4, "keen_resolution").value = "not created"
    settled = program("resolve", results, "--force", "--by", "ops", "--note", "looked")
    assert settled.returncode == 0, settled.stderr
    assert program("run", results).returncode == 0
    assert sandbox.purchase_requests == 5
    second = tmp_path / "march.results-2.xlsx"
    assert column(second, "Results", "keen_status") == [
        *("already_created", "already_created", "created", "already_created")
    ]
    assert column(second, "Results", "keen_purchase_id")[1] == found.purchase_id


def test_a_purchase_id_beside_a_word_outlives_a_run_that_settles_neither(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    lead = sandbox_lead(2)
    sandbox = start_sandbox(FaultPlan(by_lead={lead: ["reset-after-commit"]}))
    program = Program(tmp_path, sandbox.url)
    program("run", write_xlsx(tmp_path / "march.xlsx", purchases(2)))
    results, second = (tmp_path / f"march.results{end}.xlsx" for end in ("", "-2"))
    [found] = [one.purchase_id for one in sandbox.audit.committed if one.lead_id == lead]
    with edited(results) as sheets:
        cell(sheets, "In doubt", 3, "keen_resolution").value = "created"
        cell(sheets, "In doubt", 3, "keen_purchase_id").value = found
    assert "importer resolve march.results-2.xlsx" in program("run", results.name).stdout
    for sheet, row in (("In doubt", 3), ("Results", 3)):
        assert cell(load_workbook(second), sheet, row, "keen_purchase_id").value == found
    settled = program("resolve", second, "--force")
    assert f"created, as purchase {found}" in settled.stdout
    assert program("run", results).returncode == 0
    assert sandbox.purchase_requests == 2


def test_a_word_beside_the_cells_of_another_purchase_settles_nothing(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    doubts = {sandbox_lead(number): ["http-500-after-commit"] for number in (2, 3)}
    program = Program(tmp_path, start_sandbox(FaultPlan(by_lead=doubts)).url)
    program("run", write_xlsx(tmp_path / "march.xlsx", purchases(4)))
    results = tmp_path / "march.results.xlsx"
    lead, product = ("Lead ID", "Product")
    with edited(results) as sheets:  # sorted by some columns, without keen_row and the key
        for name in (lead, product):
            first, second = (cell(sheets, "In doubt", row, name) for row in (3, 4))
            first.value, second.value = second.value, first.value
        cell(sheets, "In doubt", 3, "keen_resolution").value = "not created"
    refused = program("resolve", results, "--force")
    assert refused.returncode == 6
    assert f"of row 3 of “Results”, but other cells (“{lead}”, “{product}”)" in refused.stderr
    with edited(results) as sheets:
        cell(sheets, "In doubt", 3, "keen_resolution").value = None
    assert program("resolve", results, "--force").returncode == 0


def test_a_persons_words_outlive_another_run(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox = start_sandbox(FaultPlan(by_lead={sandbox_lead(2): ["http-500-after-commit"]}))
    program = Program(tmp_path, sandbox.url)
    file = write_xlsx(tmp_path / "march.xlsx", purchases(2))
    program("run", file)
    results = tmp_path / "march.results.xlsx"
    with edited(results) as sheets:
        cell(sheets, "In doubt", 3, "keen_resolution").value = "not created"
    again = program("run", file)
    [kept] = tmp_path.glob("march.results.2*.xlsx")
    told = [line for line in again.stdout.splitlines() if kept.name in line]
    assert "it is kept as" in told[0]
    assert "1 row with keen_resolution is in" in told[1]
    assert told[2] == f"          importer resolve {kept}"
    assert again.stdout.index(str(told[2])) < again.stdout.index("Look each row in doubt up")
    assert "edited" in told[0]
    assert cell(load_workbook(kept), "In doubt", 3, "keen_resolution").value == "not created"
    assert program("resolve", kept, "--force").returncode == 0
    program("run", file)
    program("run", file)
    assert len(list(tmp_path.glob("march.results.2*.xlsx"))) == 1


def test_corrections_in_a_file_that_was_kept_are_told_of(
    book: Path, program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    with edited(book) as sheets:
        mend(sheets, "To fix")
    again = program("run", tmp_path / "march.xlsx")
    [kept] = tmp_path.glob("march.results.2*.xlsx")
    assert f"importer run {kept}\n" in again.stdout
    assert program("run", kept).returncode == 0
    check_all_paid_once(sandbox)


def test_rows_without_a_key_pile_up_no_files(program: Program, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "march.csv", [("nobody", "Tea", "x", "", "")], HEADER)
    for _ in range(3):
        assert program("run", file).returncode == 3
    assert sorted(path.name for path in tmp_path.glob("march.*")) == [
        *("march.csv", "march.report.html", "march.results.csv")
    ]


@needs_office
@pytest.mark.parametrize("sheet", ["Results", "To fix"])
def test_a_workbook_that_libreoffice_saved_is_the_same_import(
    sheet: str, book: Path, program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    with edited(book) as sheets:
        mend(sheets, sheet)
    saved = save_with_office(book, "xlsx", tmp_path / "office")
    before, after = load_workbook(book), load_workbook(saved)
    assert after.sheetnames == before.sheetnames
    assert after["As written"].sheet_state == "hidden"
    for name in before.sheetnames:
        assert list(after[name].values) == list(before[name].values), name
    wrong = cell(after, "To fix", 3, "Amount")
    assert "12..5" in wrong.comment.text
    assert after["Results"].auto_filter.ref == before["Results"].auto_filter.ref
    assert after["Results"].data_validations.dataValidation
    assert after["Results"].conditional_formatting
    assert program("run", saved).returncode == 0
    check_all_paid_once(sandbox)
    assert program("run", book).returncode == 0
    check_all_paid_once(sandbox)


@needs_office
def test_results_that_libreoffice_turned_into_the_other_kind_are_the_same_import(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = rows_with_faults()
    program("run", write_csv(tmp_path / "march.csv", rows))
    assert sandbox.purchase_requests == 2
    book = save_with_office(tmp_path / "march.results.csv", "xlsx", tmp_path / "office")
    with edited(book) as sheets:
        mend(sheets, sheets.sheetnames[0])
    assert program("run", book).returncode == 0
    check_all_paid_once(sandbox)
    # 59 is a semicolon, 76 UTF-8: how a spreadsheet of another country saves.
    options = ":Text - txt - csv (StarCalc):59,34,76"
    text = save_with_office(tmp_path / "office" / "march.results-2.xlsx", "csv", tmp_path, options)
    assert program("run", text, "--sheet", "Results").returncode == 2  # a CSV has no sheets
    assert program("run", text).returncode == 0
    check_all_paid_once(sandbox)
