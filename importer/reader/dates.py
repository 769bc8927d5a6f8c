"""A column's cells → instants in UTC, or faults. Pure.

ISO 8601 and `4.3.2026` speak for themselves; whether `03/04/2026` puts the day first is proven by
the column's other cells or refused. `format.dates` replaces the guessing, ISO stays.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from importer.errors import ConfigError
from importer.reader import date_formats as formats
from importer.reader.cells import Reading, compact, count_refused, refuse_kinds
from importer.reader.faults import FaultCode
from importer.reader.notes import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.config import FormatSection
    from importer.reader.notes import Note

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100
LAST_LOCAL_YEAR: Final = 2099
"""Measured: polars knows no summer time from 2100 on and would be an hour off without a word."""

_REFUSED_KINDS: Final = {
    "number": FaultCode.DATE_IS_NUMBER,
    "boolean": FaultCode.NOT_A_DATE,
    "time": FaultCode.NOT_A_DATE,
}

_SPELT: Final = (
    *("row", "text", "clean", "refused"),
    *("sure", "first", "second", "ambiguous", "offset", "too_fine", "dotted"),
)

_BARE_ISO: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

FAR_PAST: Final = timedelta(days=5 * 365)
FAR_FUTURE: Final = timedelta(days=31)

_EXCEL_EPOCH: Final = date(1899, 12, 30)
_LAST_SERIAL: Final = (date(LAST_YEAR, 12, 31) - _EXCEL_EPOCH).days


def read_dates(cells: pl.DataFrame, layout: FormatSection) -> Reading:
    """Return Datetime("us", "UTC"); `detail` holds both readings, or a number's date in Excel.

    Times without an offset are in `layout.timezone`, dates without a time at its midnight.
    Raises ConfigError for an unusable format or an unknown time zone.
    """
    _check_zone(layout.timezone)
    spelt = _spell(cells, layout)
    proven, notes = _prove_order(spelt)
    order = {
        "day": pl.coalesce("first", "second"),
        "month": pl.coalesce("second", "first"),
        "": pl.when(~pl.col("ambiguous")).then(pl.coalesce("first", "second")),
    }
    zone = layout.timezone
    judged = (
        spelt.lazy()
        .with_columns(local=pl.coalesce("sure", order[proven]))
        .with_columns(utc=_to_utc(zone, "null"), earlier=_to_utc(zone, "earliest"))
        .with_columns(code=pl.coalesce("refused", _judge(zone)))
        .select(
            value=pl.when(pl.col("code").is_null()).then("utc"), code="code", detail=_describe()
        )
        .collect()
    )
    return Reading(judged, (*notes, *_note_assumptions(spelt, zone)))


def note_far_dates(rows: pl.DataFrame, now: datetime) -> Iterator[Note]:
    """Yield a note where valid rows have dates far from `now`: right perhaps, perhaps a slip.

    `rows` are validation's.
    """
    date = pl.col("date")
    far = {
        f"more than {FAR_PAST.days // 365} years ago": date < now - FAR_PAST,
        f"more than {FAR_FUTURE.days} days ahead": date > now + FAR_FUTURE,
    }
    for where, condition in far.items():
        cells = rows.filter(pl.col("valid") & condition)
        if cells.height:
            count = f"{cells.height:,} date{'s' * (cells.height > 1)}"
            shown = cells.head(1).select("row", text=date.dt.strftime("%Y-%m-%d"))
            yield note(f"{count} lie{'s' * (cells.height == 1)} {where}, for example {{}}.", shown)


def _check_zone(zone: str) -> None:
    try:
        pl.Series([datetime(2026, 1, 1)]).dt.replace_time_zone(zone)  # noqa: DTZ001 - a probe
    except pl.exceptions.ComputeError:
        raise ConfigError(
            f'format.timezone is "{zone}", which is no time zone of the tz database.',
            'Write one such as "UTC" or "Europe/Berlin".',
        ) from None


def _spell(cells: pl.DataFrame, layout: FormatSection) -> pl.DataFrame:
    """Return what each cell could mean, as local times.

    `sure` can be nothing else; `first` and `second` are the two readings of the rest, null where
    there is no such day, equal where both agree. With them come `offset` (minutes), `too_fine`.
    """
    clean = pl.col("clean")
    frame = (
        cells.with_columns(clean=compact(cells))
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
        )
        .select(_SPELT)
    )


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
    bare = clean.str.contains(_BARE_ISO) if pattern == formats.ISO else pl.lit(value=False)
    frame = frame.with_columns(bare=mine & bare)
    seen = frame.select(
        (mine & ~pl.col("bare").fill_null(value=False) & clean.str.contains(pattern)).any()
    ).item()
    day = pl.when("bare").then(clean).str.to_datetime("%Y-%m-%d", strict=False, time_unit="us")
    if not seen:
        return frame.with_columns(
            day.alias(name),
            pl.lit(None, dtype=pl.Int32).alias(f"{name}_offset"),
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


def _prove_order(spelt: pl.DataFrame) -> tuple[str, tuple[Note, ...]]:
    """Return what the column proves to stand first ("" = none or both), and how it is known.

    A date out of range proves nothing, but it can contradict. Formats that are configured give two
    readings or none, so they never come to a proof.
    """
    alone = {
        "day": spelt.filter(pl.col("first").is_not_null() & pl.col("second").is_null()),
        "month": spelt.filter(pl.col("second").is_not_null() & pl.col("first").is_null()),
    }
    witnesses = {order: cells for order, cells in alone.items() if cells.height}
    if len(witnesses) == 1:
        ((order, cells),) = witnesses.items()
        sound = cells.filter(_in_range(pl.coalesce("first", "second")))
        if sound.height:
            return order, (note(f"Dates read with the {order} first, proven by {{}}.", sound),)
    ambiguous = spelt.filter("ambiguous")
    told = []
    if len(witnesses) > 1:
        both = " and ".join(f"the {order} ({{}})" for order in witnesses)
        told.append(note(f"Some dates put {both} first.", *witnesses.values()))
    if ambiguous.height:
        refused = count_refused(ambiguous, "ambiguous date")
        unproven = f"Nothing proves whether day or month comes first, and {refused}"
        told.append(note(f"{unproven}, for example {{}}.", ambiguous))
    return "", tuple(told)


def _in_range(local: pl.Expr) -> pl.Expr:
    return local.dt.year().is_between(FIRST_YEAR, LAST_YEAR)


def _to_utc(zone: str, twice: Literal["null", "earliest"]) -> pl.Expr:
    """Return the instant of `local`; a time that the zone's clocks skipped is null."""
    local, offset = pl.col("local"), pl.col("offset")
    zoned = local.dt.replace_time_zone(zone, ambiguous=twice, non_existent="null")
    shifted = (local - pl.duration(minutes=offset)).dt.replace_time_zone("UTC")
    return pl.when(offset.is_null()).then(zoned.dt.convert_time_zone("UTC")).otherwise(shifted)


def _judge(zone: str) -> pl.Expr:
    """Return the fault of each cell that is not empty, the first that applies."""
    clean, local = pl.col("clean"), pl.col("local")
    unknown_clock = pl.col("offset").is_null() & (local.dt.year() > LAST_LOCAL_YEAR)
    code = (
        pl.when(local.is_null() & pl.col("ambiguous"))
        .then(pl.lit(FaultCode.AMBIGUOUS_DATE))
        .when(local.is_null() & clean.str.contains(formats.TWO_DIGIT_YEAR))
        .then(pl.lit(FaultCode.TWO_DIGIT_YEAR))
        .when(local.is_null())
        .then(pl.lit(FaultCode.NOT_A_DATE))
        .when(~_in_range(local) | (unknown_clock & pl.lit(zone != "UTC")))
        .then(pl.lit(FaultCode.DATE_OUT_OF_RANGE))
        .when("too_fine")
        .then(pl.lit(FaultCode.DATE_TOO_PRECISE))
        .when(pl.col("utc").is_null() & pl.col("earlier").is_not_null())
        .then(pl.lit(FaultCode.LOCAL_TIME_AMBIGUOUS))
        .when(pl.col("utc").is_null())
        .then(pl.lit(FaultCode.LOCAL_TIME_MISSING))
    )
    return pl.when(clean.is_not_null()).then(code)


def _describe() -> pl.Expr:
    """Return both readings of an ambiguous date, and the date that a number counts in Excel."""
    serial = pl.col("clean").str.extract(r"^([0-9]{1,5})(?:\.[0-9]+)?$").cast(pl.Int32)
    counted = pl.lit(_EXCEL_EPOCH) + pl.duration(days=serial)
    readings = (pl.col(name).dt.strftime("%Y-%m-%d") for name in ("first", "second"))
    return (
        pl.when(pl.col("code") == FaultCode.AMBIGUOUS_DATE)
        .then(pl.format("{} or {}", *readings))
        .when((pl.col("code") == FaultCode.DATE_IS_NUMBER) & (serial <= _LAST_SERIAL))
        .then(pl.format("counted as Excel does it would be {}", counted.dt.strftime("%Y-%m-%d")))
    )


def _note_assumptions(spelt: pl.DataFrame, zone: str) -> tuple[Note, ...]:
    """Return what was taken for granted: dots mean day first, and no offset means `zone`."""
    notes = []
    dotted = spelt.filter("dotted")
    if dotted.height:
        notes.append(note("Dates with dots read with the day first, for example {}.", dotted))
    told = pl.coalesce("sure", "first", "second").is_not_null()
    bare = spelt.filter(told & pl.col("offset").is_null())
    if bare.height:
        notes.append(note(f"Dates without an offset taken in {zone}, for example {{}}.", bare))
    return tuple(notes)
