"""The sheets of a results workbook, by which the reader knows what this program wrote. Pure.

Free of imports that take time: the child process that reads workbooks needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

SHEET_RESULTS: Final = "Results"
SHEET_FIX: Final = "To fix"
SHEET_DOUBT: Final = "In doubt"
SHEET_SUMMARY: Final = "Summary"
SHEET_AS_WRITTEN: Final = "As written"
"""Hidden: the rows of `To fix` as they were written, to tell what a person edited."""


def is_results_book(sheets: Iterable[str]) -> bool:
    """Whether these may be the sheets of a results workbook; its headers say whether they are."""
    return {SHEET_RESULTS, SHEET_SUMMARY}.issubset(sheets)
