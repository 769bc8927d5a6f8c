"""Text cells → the same cells harmless to a spreadsheet, and back without loss. Pure.

A spreadsheet that opens a CSV file runs every cell that begins like a formula, and its text may
come from anybody who can fill in a form. Such a cell gets a leading `'`, and so does one that
begins with `'` already; that makes the change a one-to-one mapping, which `undo` reverses exactly.
A workbook says of each cell that it is text, so there only `protect` is needed. Results of either
kind may be saved as the other by a spreadsheet; `undo` is right for all of them.
Each rule stands twice, for one text and for a column of them; a property test holds the two equal.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

MARK: Final = "'"

# Python's `re` and polars' engine differ in what `\s` and `$` mean, so every class is spelt out.
# Blanks, controls and zero-width characters: spreadsheets trim some of them before they look.
_BLANK: Final = (
    "\x00-\x20\x7f-\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
)
# Beginnings by OWASP's "CSV Injection": = + - @ and their full-width twins.
_SIGN: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_START: Final = f"(?:[\t\r\n']|[{_BLANK}]*[{_SIGN}])"
# A signed number cannot run, and a `-` alone stands for "nothing" in many files: both stay.
_PLAIN: Final = (
    "[ \xa0]*[+-](?:[0-9]+|[0-9]{1,3}(?:[.,' \xa0\u202f][0-9]{3})+)?(?:[.,][0-9]+)?[ \xa0]*"
)
_START_RE: Final = re.compile(_START)
_PLAIN_RE: Final = re.compile(_PLAIN)


def runs_as_formula(text: str) -> bool:
    """Return whether a spreadsheet may take `text` for a formula (or for one made harmless)."""
    return _START_RE.match(text) is not None and _PLAIN_RE.fullmatch(text) is None


def neutralise(text: str) -> str:
    """Return `text` with a leading `'` where it `runs_as_formula`, else as it is."""
    return MARK + text if runs_as_formula(text) else text


def undo(text: str) -> str:
    """Return what `neutralise` was given; a text that it cannot have made comes back as it is."""
    return text[1:] if text.startswith(MARK) and runs_as_formula(text[1:]) else text


def protect(text: str) -> str:
    """Return `text` with a leading `'` where `undo` would take one from it, else as it is."""
    return text if undo(text) == text else MARK + text


def column_runs_as_formula(texts: pl.Expr) -> pl.Expr:
    """Return `runs_as_formula` (Boolean) of each of `texts` (String); null stays null."""
    return texts.str.contains(f"^{_START}") & ~texts.str.contains(f"^(?:{_PLAIN})$")


def neutralise_column(texts: pl.Expr) -> pl.Expr:
    """Return `texts` (String) each as by `neutralise`; null stays null."""
    return pl.when(~column_runs_as_formula(texts)).then(texts).otherwise(pl.lit(MARK) + texts)


def undo_column(texts: pl.Expr) -> pl.Expr:
    """Return `texts` (String) each as by `undo`; null stays null."""
    rest = texts.str.strip_prefix(MARK)
    ours = texts.str.starts_with(MARK) & column_runs_as_formula(rest)
    return pl.when(ours).then(rest).otherwise(texts)
