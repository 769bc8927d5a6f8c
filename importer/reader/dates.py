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
from importer.reader.cells import Reading, count_refused
from importer.reader.date_shapes import spell
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
    spelling = ["text"] if cells["kind"].n_unique() <= 1 else ["text", "kind"]
    told = pl.struct(spelling) if len(spelling) > 1 else pl.col(spelling)
    first = cells.filter(told.is_first_distinct())
    if 2 * first.height < cells.height:
        reading = _read(first, layout)
        # Of ambiguous dates the notes give the number; all else is the same for equal cells.
        if not (reading.cells["code"] == FaultCode.AMBIGUOUS_DATE).any():
            read = first.select(spelling).hstack(reading.cells)
            spread = cells.select(spelling).join(
                read, on=spelling, how="left", nulls_equal=True, maintain_order="left"
            )
            return Reading(spread.drop(spelling), reading.notes)
    return _read(cells, layout)


def _read(cells: pl.DataFrame, layout: FormatSection) -> Reading:
    """Do what `read_dates` does, cell by cell."""
    spelt = spell(cells, layout)
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
        found = rows.select(pl.col("valid") & condition).to_series().arg_true()
        if len(found):
            count = f"{len(found):,} date{'s' * (len(found) > 1)}"
            shown = rows[found[0]].select("row", text=date.dt.strftime("%Y-%m-%d"))
            yield note(f"{count} lie{'s' * (len(found) == 1)} {where}, for example {{}}.", shown)


def _check_zone(zone: str) -> None:
    try:
        pl.Series([datetime(2026, 1, 1)]).dt.replace_time_zone(zone)  # noqa: DTZ001 - a probe
    except pl.exceptions.ComputeError:
        raise ConfigError(
            f'format.timezone is "{zone}", which is no time zone of the tz database.',
            'Write one such as "UTC" or "Europe/Berlin".',
        ) from None


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
