"""A workbook and the name of a sheet, if one was said → the sheet that is meant. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.errors import SourceError, UsageError
from importer.reader.book_sheets import SHEET_RESULTS, is_results_book

if TYPE_CHECKING:
    from importer.reader.book import Book, Sheet


def choose_sheet(book: Book, name: str, wanted: str | None) -> Sheet:
    """Return the sheet that is meant: the one named, else the only visible one with content.

    A hidden sheet is never taken unless it is named. Of what looks like our own results workbook
    it is `Results`; whether it is one shows in the headers. Raises UsageError where there is no
    sheet `wanted`, SourceError where several or none could be meant.
    """
    cells = [sheet for sheet in book.sheets if sheet.worksheet]
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
        filled = [sheet for sheet in filled if book.has_cells(sheet)]
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
