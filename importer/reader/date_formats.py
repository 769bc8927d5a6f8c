"""Spellings of dates → patterns for polars, and what a pattern caught → a local time. Pure.

A pattern has ASCII digits only and some of the groups Y y m d b H I p M S f z, named after the
directives of strftime. So one assembly serves every spelling, and nothing is left to a lenient
parser.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from importer.errors import ConfigError

_MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTH_NUMBERS: Final = {
    spelling: f"{number:02}"
    for number, name in enumerate(_MONTHS, start=1)
    for spelling in (name, name[:3])
}

_PATTERNS: Final = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "[0-9]{1,2}",
    "d": "[0-9]{1,2}",
    "b": "[A-Za-z]{3,9}",
    "H": "[01]?[0-9]|2[0-3]",
    "I": "0?[1-9]|1[0-2]",
    "p": "[AaPp][Mm]",
    "M": "[0-5][0-9]",
    "S": "[0-5][0-9]",
    "f": "[0-9]+",
    "z": "Z|UTC|GMT|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?",
}
_FIXED_WIDTH: Final = {
    "m": "[0-9]{2}",
    "d": "[0-9]{2}",
    "H": "[01][0-9]|2[0-3]",
    "I": "0[1-9]|1[0-2]",
}
"""Two digits where another directive follows at once: nobody can split 2026111."""

MICROSECOND_DIGITS: Final = 6
_CENTURY_TURN: Final = 69
"""POSIX: %y from 69 on means 19…."""


def _group(name: str) -> str:
    return f"(?P<{name}>{_PATTERNS[name]})"


def _fixed(name: str) -> str:
    return f"(?P<{name}>{_FIXED_WIDTH[name]})"


_DATE: Final = f"{_group('Y')}-{_fixed('m')}-{_fixed('d')}"
_TIME: Final = rf"{_fixed('H')}:{_group('M')}(?::{_group('S')}(?:\.{_group('f')})?)?"
_CLOCK: Final = f"(?: {_group('H')}:{_group('M')}(?::{_group('S')})?)?"

ISO: Final = f"^{_DATE}(?:[T ]{_TIME}(?: ?{_group('z')})?)?$"
YEAR_FIRST: Final = f"^{_group('Y')}/{_fixed('m')}/{_fixed('d')}{_CLOCK}$"
DOTTED: Final = rf"^{_group('d')}\.{_group('m')}\.{_group('Y')}{_CLOCK}$"
"""Dots put the day first wherever they are used."""
DOTTED_MONTH_FIRST: Final = r"^(?:0?[1-9]|1[0-2])\.(?:1[3-9]|2[0-9]|3[01])\.[0-9]{4}(?: |$)"
"""What can only be a date with dots that does not."""
DAY_FIRST: Final = f"^{_group('d')}[/-]{_group('m')}[/-]{_group('Y')}{_CLOCK}$"
MONTH_FIRST: Final = f"^{_group('m')}[/-]{_group('d')}[/-]{_group('Y')}{_CLOCK}$"
EITHER_FIRST: Final = "^[0-9]{1,2}(?:/[0-9]{1,2}/|-[0-9]{1,2}-)[0-9]{4}(?: |$)"
"""What DAY_FIRST and MONTH_FIRST are for, with the same separator twice."""
TWO_DIGIT_YEAR: Final = "^[0-9]{1,2}[./-][0-9]{1,2}[./-][0-9]{2}(?:[T ]|$)"


def translate(date_format: str) -> str:
    """Return the pattern for a strftime format.

    Raises ConfigError where a directive is unknown, stands twice or leaves the day unsaid.
    """
    pieces = re.findall(r"%.|%$|[^%]+", date_format, flags=re.DOTALL)
    pattern = ""
    for before, piece, after in zip(["", *pieces], pieces, [*pieces[1:], ""], strict=False):
        name = "b" if piece == "%B" else piece[1:]
        if piece == "%%" or not piece.startswith("%"):
            pattern += re.escape(piece.replace("%%", "%"))
        elif name not in _PATTERNS:
            raise _refuse(date_format, f"{piece} is not known")
        elif name in _FIXED_WIDTH and "%" in before[:1] + after[:1]:
            pattern += _fixed(name)
        else:
            pattern += _group(name)
    try:
        groups = set(re.compile(pattern).groupindex)
    except re.error:
        raise _refuse(date_format, "a directive stands twice") from None
    if "d" not in groups or not groups & {"Y", "y"} or not groups & {"m", "b"}:
        raise _refuse(date_format, "it lacks the day, the month or the year")
    for name, needed in {"I": {"p"}, "p": {"I"}, "M": {"H", "I"}, "S": {"M"}, "f": {"S"}}.items():
        if name in groups and not groups & needed:
            raise _refuse(date_format, f"%{name} needs %{' or %'.join(sorted(needed))}")
    if any(pair <= groups for pair in ({"Y", "y"}, {"m", "b"}, {"H", "I"})):
        raise _refuse(date_format, "it says something in two ways")
    return f"^{pattern}$"


def local_time(parts: pl.Expr, pattern: str) -> pl.Expr:
    """Return what the pattern caught as a time without a zone, null where there is no such day.

    `parts` is the struct of the pattern's groups.
    """
    groups = re.compile(pattern).groupindex

    def part(name: str, default: str) -> pl.Expr:
        caught = parts.struct.field(name) if name in groups else pl.lit(None, dtype=pl.String)
        return caught.fill_null(default)

    text = pl.concat_str(
        _year(parts) if "y" in groups else parts.struct.field("Y"),
        pl.lit("-"),
        _month(parts) if "b" in groups else parts.struct.field("m").str.zfill(2),
        pl.lit("-"),
        parts.struct.field("d").str.zfill(2),
        pl.lit("T"),
        _half_day_hour(parts) if "I" in groups else part("H", "00").str.zfill(2),
        pl.lit(":"),
        part("M", "00"),
        pl.lit(":"),
        part("S", "00"),
        pl.lit("."),
        part("f", "0").str.slice(0, MICROSECOND_DIGITS).str.pad_end(MICROSECOND_DIGITS, "0"),
    )
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.6f", strict=False, time_unit="us")


def offset_minutes(parts: pl.Expr, pattern: str) -> pl.Expr:
    """Return the offset from UTC that the pattern caught, null where the text has none."""
    if "z" not in re.compile(pattern).groupindex:
        return pl.lit(None, dtype=pl.Int32)
    digits = parts.struct.field("z").str.replace_all("[^0-9]", "").str.pad_end(4, "0")
    minutes = digits.str.slice(0, 2).cast(pl.Int32) * 60 + digits.str.slice(2, 2).cast(pl.Int32)
    return pl.when(parts.struct.field("z").str.starts_with("-")).then(-minutes).otherwise(minutes)


def is_too_fine(parts: pl.Expr, pattern: str) -> pl.Expr:
    """Return whether the text says more than microseconds; zeros behind them say nothing."""
    if "f" not in re.compile(pattern).groupindex:
        return pl.lit(value=False)
    digits = parts.struct.field("f").str.strip_chars_end("0").str.len_bytes()
    return (digits > MICROSECOND_DIGITS).fill_null(value=False)


def _year(parts: pl.Expr) -> pl.Expr:
    year = parts.struct.field("y")
    century = (
        pl.when(year.cast(pl.Int32) < _CENTURY_TURN).then(pl.lit("20")).otherwise(pl.lit("19"))
    )
    return century + year


def _month(parts: pl.Expr) -> pl.Expr:
    name = parts.struct.field("b").str.to_lowercase()
    return name.replace_strict(_MONTH_NUMBERS, default=None, return_dtype=pl.String)


def _half_day_hour(parts: pl.Expr) -> pl.Expr:
    afternoon = pl.when(parts.struct.field("p").str.to_lowercase() == "pm").then(12).otherwise(0)
    return (parts.struct.field("I").cast(pl.Int32) % 12 + afternoon).cast(pl.String).str.zfill(2)


def _refuse(date_format: str, why: str) -> ConfigError:
    return ConfigError(
        f'format.dates has "{date_format}", which cannot be used: {why}.',
        "Formats are made of %Y %y %m %b %B %d %H %I %p %M %S %f %z, such as %d.%m.%Y %H:%M.",
    )
