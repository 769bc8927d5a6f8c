"""A run's summary → the sheet `Summary` of the results workbook. Writes into a workbook.

Its numbers are those of `--json` and of the report: nothing is counted here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.worksheet.properties import PageSetupProperties

from importer.model import RowStatus
from importer.reader.book_sheets import SHEET_SUMMARY
from importer.reconciler.next_steps import MEANING
from importer.reconciler.results_cells import text_cell
from importer.reconciler.results_layout import FONT, STATUS_COLOURS

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

    from importer.reconciler.report import Summary

_BOLD: Final = Font(name=FONT, bold=True)
_TITLE: Final = Font(name=FONT, bold=True, size=14)
_COMMAND: Final = Font(name="Consolas")
_WRAP: Final = Alignment(wrap_text=True, vertical="top")
_MEANING_WIDTH: Final = 90


def write_summary(workbook: Workbook, summary: Summary) -> None:
    """Write counts, amounts, times and what is left to do."""
    sheet = workbook.create_sheet(SHEET_SUMMARY)
    sheet.page_setup.orientation = "landscape"
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    for letter, width in (("A", 20), ("B", 14), ("C", 20), ("D", _MEANING_WIDTH)):
        sheet.column_dimensions[letter].width = width
    sheet.append([_text(sheet, f"Import of {summary.file}", _TITLE)])
    sheet.append([])
    sheet.append([_text(sheet, name, _BOLD) for name in ("Status", "Rows", "Amount", "Meaning")])
    for status in RowStatus:
        if summary.counts[status.value]:
            sheet.append(_status_line(sheet, status, summary))
    sheet.append([_text(sheet, "rows in the file", _BOLD), summary.rows])
    sheet.append([])
    for name, value in _facts(summary):
        told = value if isinstance(value, int | float) else _text(sheet, value)
        sheet.append([_text(sheet, name, _BOLD), told])
    sheet.append([])
    sheet.append([_text(sheet, "What to do next", _BOLD)])
    if not summary.next:
        sheet.append([_text(sheet, "Nothing: every row is created.")])
    for step in summary.next:
        sheet.append([_text(sheet, step.text)])
        sheet.append([None, _text(sheet, step.command, _COMMAND)])


def _status_line(sheet: WriteOnlyWorksheet, status: RowStatus, summary: Summary) -> list[object]:
    name = _text(sheet, status.value)
    name.fill = PatternFill("solid", fgColor=STATUS_COLOURS[status])
    total = summary.amounts.get(status.value)
    amount = WriteOnlyCell(sheet, None if total is None else Decimal(total))
    amount.number_format = "#,##0.00"
    meaning = _text(sheet, MEANING[status.value])
    meaning.alignment = _WRAP
    return [name, summary.counts[status.value], amount, meaning]


def _facts(summary: Summary) -> list[tuple[str, str | float]]:
    facts: list[tuple[str, str | float]] = [
        ("started", summary.started_at),
        ("seconds", summary.duration_seconds),
        ("scope", summary.scope),
    ]
    if summary.batch:
        facts.append(("batch", summary.batch))
    if summary.sending is not None:
        facts += [
            ("requests", summary.sending.attempts),
            ("retries", summary.sending.retries),
            ("rows per second", summary.sending.rows_per_second),
            ("seconds paused", summary.sending.paused_seconds),
        ]
    if summary.stopped:
        facts.append(("stopped early", summary.stopped))
    return [*facts, ("SHA-256 of the input", summary.file_sha256), ("exit code", summary.exit_code)]


def _text(sheet: WriteOnlyWorksheet, text: str, font: Font | None = None) -> WriteOnlyCell:
    cell = text_cell(sheet, text)
    if font is not None:
        cell.font = font
    return cell
