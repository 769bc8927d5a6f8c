"""A column's cells → the times that each could mean. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader import date_formats as formats
from importer.reader.cells import compact, refuse_kinds, with_blanks
from importer.reader.faults import FaultCode

if TYPE_CHECKING:
    from importer.config import FormatSection

_REFUSED_KINDS: Final = {
    "number": FaultCode.DATE_IS_NUMBER,
    "boolean": FaultCode.NOT_A_DATE,
    "time": FaultCode.NOT_A_DATE,
}

_SPELT: Final = (
    *("row", "text", "clean", "refused"),
    *("sure", "first", "second", "ambiguous", "offset", "too_fine", "dotted", "dated"),
)

_PLAIN_ISO: Final = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z?)?$"
)
"""What polars parses by itself: a day, or a time to the second, here or in UTC."""
LAST_MONTH: Final = 12
_DAY: Final = "%Y-%m-%d"
_TIME: Final = "%Y-%m-%d %H:%M:%S"


def spell(cells: pl.DataFrame, layout: FormatSection) -> pl.DataFrame:
    """Return what each cell could mean, as local times.

    `sure` can be nothing else; `first` and `second` are the two readings of the rest, null where
    there is no such day, equal where both agree. With them come `offset` (minutes), `too_fine`,
    and of those that are sure `dotted` and `dated`: not so sure after all where the column says so.
    """
    clean = pl.col("clean")
    frame = (
        cells.with_columns(clean=with_blanks(compact(cells), cells))
        .with_columns(clean=pl.when(clean != "").then(clean))
        .with_columns(refused=refuse_kinds(clean, _REFUSED_KINDS))
    )
    sure, guesses, is_guess = _spellings(layout)
    for patterns, mine in ((sure, ~is_guess), (guesses, is_guess)):
        for name, pattern in patterns.items():
            frame = _parse(frame, name, pl.col("refused").is_null() & mine, pattern)
    if layout.dates == "auto":
        first, second = pl.col("day_first"), pl.col("month_first")
    else:
        first, second = pl.min_horizontal(list(guesses)), pl.max_horizontal(list(guesses))
    names = [*sure, *guesses]
    return (
        frame.with_columns(sure=pl.coalesce(list(sure)), first=first, second=second)
        .with_columns(
            ambiguous=pl.col("first").ne(pl.col("second")).fill_null(value=False),
            offset=pl.coalesce([f"{name}_offset" for name in names]),
            too_fine=pl.any_horizontal([f"{name}_too_fine" for name in names]),
            dotted=pl.col("dotted").is_not_null() if "dotted" in sure else pl.lit(value=False),
            dated=pl.col("kind").eq_missing("date") & pl.lit(layout.dates == "auto"),
        )
        .select(_SPELT)
    )


def exchange(local: pl.Expr) -> pl.Expr:
    """Return times with day and month exchanged, null where that is no other day."""
    day, month = local.dt.day(), local.dt.month()
    other = (day <= LAST_MONTH) & (day != month)
    clock = (local.dt.hour(), local.dt.minute(), local.dt.second(), local.dt.microsecond())
    return pl.datetime(local.dt.year(), pl.when(other).then(day), month, *clock, time_unit="us")


def _spellings(layout: FormatSection) -> tuple[dict[str, str], dict[str, str], pl.Expr]:
    """Return name → pattern of what is sure and of what is a guess, and which cells are guessed.

    A configured format may contradict ISO (`%Y-%d-%m`); then only a workbook's own dates are sure.
    """
    if layout.dates == "auto":
        sure = {"iso": formats.ISO, "year_first": formats.YEAR_FIRST, "dotted": formats.DOTTED}
        guesses = {"day_first": formats.DAY_FIRST, "month_first": formats.MONTH_FIRST}
        return sure, guesses, pl.col("clean").str.contains(formats.EITHER_FIRST)
    patterns = [formats.ISO, *(formats.translate(text) for text in layout.dates)]
    guesses = {f"format_{number}": pattern for number, pattern in enumerate(patterns)}
    return {"iso": formats.ISO}, guesses, pl.col("kind").ne_missing("date")


def _parse(frame: pl.DataFrame, name: str, mine: pl.Expr, pattern: str) -> pl.DataFrame:
    """Add what the pattern makes of the `clean` cells that are `mine`: time, offset, too fine.

    A column often has one spelling, and to look for a pattern is far cheaper than to take it apart.
    """
    clean, parts = pl.col("clean"), pl.col("parts")
    plain = clean.str.contains(_PLAIN_ISO) if pattern == formats.ISO else pl.lit(value=False)
    frame = frame.with_columns(plain=(mine & plain).fill_null(value=False))
    seen = frame.select((mine & ~pl.col("plain") & clean.str.contains(pattern)).any()).item()
    if not seen:
        return frame.with_columns(
            _plain_time().alias(name),
            pl.when(pl.col("plain") & clean.str.ends_with("Z"))
            .then(pl.lit(0, dtype=pl.Int32))
            .alias(f"{name}_offset"),
            pl.lit(value=False).alias(f"{name}_too_fine"),
        )
    source = pl.when(mine).then(clean)
    return (
        frame.with_columns(parts=source.str.extract_groups(pattern))
        .with_columns(
            formats.local_time(parts, pattern).alias(name),
            formats.offset_minutes(parts, pattern).alias(f"{name}_offset"),
            formats.is_too_fine(parts, pattern).alias(f"{name}_too_fine"),
        )
        .drop("parts")
    )


def _plain_time() -> pl.Expr:
    """Return the times of the `clean` cells that are `plain`, null where there is no such day."""
    text = pl.when("plain").then("clean")
    is_day = text.str.len_bytes() == len("2026-03-04")
    second = text.str.slice(0, len("2026-03-04 10:20:30")).str.replace("T", " ", literal=True)
    return pl.coalesce(
        pl.when(is_day).then(text).str.to_datetime(_DAY, strict=False, time_unit="us"),
        pl.when(~is_day).then(second).str.to_datetime(_TIME, strict=False, time_unit="us"),
    )
