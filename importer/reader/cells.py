"""A column's text cells → ids, names and descriptions, or faults, as polars expressions. Pure.

What `amounts.py` and `dates.py` share stands here too. Every reader takes a frame of cells (`row`
UInt32, `text` String, `kind` of CELL_KIND, null from a CSV) and returns a Reading in its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.faults import FaultCode
from importer.reader.table import CELL_KIND, Table, cell_name, currency_name, kind_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.reader.notes import Note

ZERO_WIDTH: Final = "[\u200b\ufeff]"
"""Zero-width space and BOM. Joiners (U+200C, U+200D) are part of words and emoji, and stay."""

BLANK: Final = "[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]"
"""The blanks on one line that look like one; a tab or line break is no such thing."""

HEX: Final = "[0-9a-fA-F]"
UUID: Final = f"{HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}}"
BRACED_UUID: Final = rf"(?:\{{{UUID}\}}|{UUID})"
"""The canonical hyphenated form only: uuid.UUID would take Arabic digits and stray braces."""

MAX_NAME: Final = 500
MAX_DESCRIPTION: Final = 10_000
MAX_TRIGGERS: Final = 500
"""Together they keep every body below model.MAX_BODY_BYTES, whatever the characters."""

EXACT_DIGITS: Final = 15
"""What Excel, and a double, keeps of a number."""

_ERROR_TEXT: Final = r"^#(?:N/A|DIV/0!|REF!|VALUE!|NAME\?|NUM!|NULL!)$"
"""Excel's errors, as a CSV that was saved from it spells them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One column, read.

    `cells` has, in the order of the rows, `value` (null = empty or faulty), `code` (FaultCode,
    null = no fault) and `detail` (what only this cell's message can say).
    """

    cells: pl.DataFrame
    notes: tuple[Note, ...] = ()
    """How the column was read and what proved it."""


def take_column(table: Table, index: int) -> pl.DataFrame:
    """Return the cells of one column as the readers want them: `row`, `text`, `kind`.

    Where number formats show a currency, it is in `shown`.
    """
    kind = pl.col(kind_name(index)) if table.has_kinds else pl.lit(None, dtype=CELL_KIND)
    cells = table.cells.select("row", text=pl.col(cell_name(index)), kind=kind)
    currency = currency_name(index)
    if currency in table.cells.columns:
        return cells.with_columns(table.cells[currency].alias("shown"))
    return cells


def read_lead_ids(cells: pl.DataFrame) -> Reading:
    """Return the UUIDs in lower case without braces."""
    text = pl.col("clean")
    return _read(
        cells,
        clean=compact(cells),
        refused={"number": FaultCode.ID_IS_NUMBER},
        fault=pl.when(~text.str.contains(f"^{BRACED_UUID}$")).then(pl.lit(FaultCode.NOT_A_UUID)),
        value=text.str.to_lowercase().str.strip_chars("{}"),
    )


def read_trigger_ids(cells: pl.DataFrame) -> Reading:
    """Return the UUIDs of each cell as a sorted list without repeats.

    A cell of separators alone is a fault: read as empty, it would fire every trigger.
    """
    text = pl.col("clean")
    gap = r"[\s;,|]"
    listed = f"^{gap}*{BRACED_UUID}(?:{gap}+{BRACED_UUID})*{gap}*$"
    # Most cells hold one id, and to look for several takes ten times as long.
    one = text.str.contains(f"^{UUID}$")
    several = pl.when(~one).then(text).str.to_lowercase().str.extract_all(UUID)
    alone = pl.concat_list(text.str.to_lowercase())
    ids = pl.when(one).then(alone).otherwise(several.list.unique().list.sort())
    return _read(
        cells,
        clean=compact(cells),
        refused={"number": FaultCode.ID_IS_NUMBER},
        fault=pl.when(~text.str.contains(listed))
        .then(pl.lit(FaultCode.NOT_A_UUID))
        .when(ids.list.len() > MAX_TRIGGERS)
        .then(pl.lit(FaultCode.TOO_LONG)),
        value=ids,
    )


def read_names(cells: pl.DataFrame) -> Reading:
    """Return texts of one line: NFC, trimmed, runs of blanks folded to one.

    A number of more digits than a spreadsheet keeps is a fault: it is not what was typed.
    """
    text = pl.col("clean")
    folded = text.str.replace_all(r"\s+", " ") if _needs_folding(cells) else text
    return _read(
        cells,
        clean=_normalise(compact(cells), cells),
        refused=dict.fromkeys(("boolean", "date", "time"), FaultCode.NOT_TEXT),
        # A line break here is most likely a quote that swallowed the next rows.
        fault=pl.when(_lost_digits())
        .then(pl.lit(FaultCode.ID_IS_NUMBER))
        .when(text.str.contains("[\\p{Cc}\u2028\u2029]"))
        .then(pl.lit(FaultCode.CONTROL_CHARACTER))
        .when(folded.str.len_chars() > MAX_NAME)
        .then(pl.lit(FaultCode.TOO_LONG)),
        value=folded,
    )


def read_descriptions(cells: pl.DataFrame) -> Reading:
    """Return texts of many lines: NFC, trimmed, line breaks as LF, inner blanks unchanged."""
    text = pl.col("clean")
    edge = "[\\s\u200b\ufeff]+"
    trimmed = pl.col("text")
    if holds(cells, f"^{edge}|{edge}$"):
        trimmed = trimmed.str.replace_all(f"^{edge}|{edge}$", "")
    if holds(cells, "\r\n"):
        trimmed = trimmed.str.replace_all("\r\n", "\n", literal=True)
    return _read(
        cells,
        clean=_normalise(trimmed, cells),
        refused=dict.fromkeys(("boolean", "date", "time"), FaultCode.NOT_TEXT),
        fault=pl.when(_lost_digits())
        .then(pl.lit(FaultCode.ID_IS_NUMBER))
        .when(text.str.contains(r"[\p{Cc}&&[^\n\t]]"))
        .then(pl.lit(FaultCode.CONTROL_CHARACTER))
        .when(text.str.len_chars() > MAX_DESCRIPTION)
        .then(pl.lit(FaultCode.TOO_LONG)),
        value=text,
    )


def read_identities(cells: pl.DataFrame) -> Reading:
    """Return the texts of an identity column: NFC, trimmed, blanks folded, null where empty.

    A number of more digits than a spreadsheet keeps is a fault: two orders may look the same.
    """
    return _read(
        cells,
        clean=_normalise(compact(cells), cells).str.replace_all(r"\s+", " "),
        refused={},
        fault=pl.when(_lost_digits()).then(pl.lit(FaultCode.ID_IS_NUMBER)),
        value=pl.col("clean"),
    )


def _lost_digits() -> pl.Expr:
    """Return which cells are numbers of more digits than a spreadsheet keeps."""
    digits = pl.col("clean").str.count_matches("[0-9]")
    return pl.col("kind").eq_missing("number") & (digits > EXACT_DIGITS)


def compact(cells: pl.DataFrame) -> pl.Expr:
    """Return the `text` without zero-width characters and surrounding blanks of any kind."""
    text = pl.col("text")
    plain = text.str.replace_all(ZERO_WIDTH, "") if holds(cells, ZERO_WIDTH) else text
    return plain.str.strip_chars() if holds(cells, r"^\s|\s$|" + ZERO_WIDTH) else plain


def with_blanks(text: pl.Expr, cells: pl.DataFrame) -> pl.Expr:
    """Return the `text` with a common blank for every BLANK in it."""
    return text.str.replace_all(BLANK, " ") if holds(cells, BLANK) else text


def holds(cells: pl.DataFrame, pattern: str) -> bool:
    """Whether any `text` has the pattern. To look costs a tenth of a replacement of nothing."""
    return bool(cells["text"].str.contains(pattern).any())


def _needs_folding(cells: pl.DataFrame) -> bool:
    return holds(cells, rf"[^\S ]|  |{ZERO_WIDTH}")


def _normalise(text: pl.Expr, cells: pl.DataFrame) -> pl.Expr:
    """Return the text in NFC, which ASCII always is."""
    return text.str.normalize("NFC") if holds(cells, r"[^\x00-\x7f]") else text


def refuse_kinds(clean: pl.Expr, refused: Mapping[str, FaultCode]) -> pl.Expr:
    """Return the fault of those cells whose kind says that they cannot be read, else null."""
    codes = {
        "error": FaultCode.ERROR_CELL,
        "formula": FaultCode.FORMULA_WITHOUT_VALUE,
        **refused,
    }
    named = {kind: code.value for kind, code in codes.items()}
    by_kind = (
        pl.col("kind").cast(pl.String).replace_strict(named, default=None, return_dtype=pl.String)
    )
    spelt = pl.when(clean.str.contains(_ERROR_TEXT)).then(pl.lit(FaultCode.ERROR_CELL))
    return pl.coalesce(by_kind, spelt)


def replace_some(values: pl.Series, some: pl.Series, by: pl.Series) -> pl.Series:
    """Return `values` where those that are in `some` (Boolean) are the next one of `by` each."""
    return values.zip_with(~some, by.gather(places(some)))


def places(some: pl.Series) -> pl.Series:
    """Return of each row that is in `some` (Boolean) how many such rows stand before it."""
    return pl.select(pl.when(some).then(some.cum_sum() - 1)).to_series()


def count_refused(count: int, noun: str) -> str:
    """Return how a note tells of refused cells: `2 ambiguous dates are refused`."""
    return f"{count} {noun}{'s are' if count > 1 else ' is'} refused"


def _read(
    cells: pl.DataFrame,
    *,
    clean: pl.Expr,
    refused: Mapping[str, FaultCode],
    fault: pl.Expr,
    value: pl.Expr,
) -> Reading:
    """Clean the texts, then judge and type those that are not empty; a fault has no value."""
    typed = (
        cells.lazy()
        .with_columns(clean=clean)
        .with_columns(clean=pl.when(pl.col("clean") != "").then(pl.col("clean")))
        .with_columns(code=pl.coalesce(refuse_kinds(pl.col("clean"), refused), fault))
        .select(
            value=pl.when(pl.col("code").is_null() & pl.col("clean").is_not_null()).then(value),
            code="code",
            detail=pl.lit(None, dtype=pl.String),
        )
    )
    return Reading(typed.collect())
