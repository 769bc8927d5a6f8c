"""A column's cells → instants in UTC, or faults. Pure.

ISO 8601 and `4.3.2026` speak for themselves; whether `03/04/2026` puts the day first is proven by
all cells of the column (`date_order.py`). `format.dates` replaces the guessing, ISO stays.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from importer.reader import date_formats as formats
from importer.reader.cells import Reading
from importer.reader.date_order import (
    LAST_YEAR,
    DateOrder,
    distinct_cells,
    in_range,
    prove_order,
    weigh_dates,
)
from importer.reader.date_shapes import exchange, spell
from importer.reader.faults import FaultCode
from importer.reader.notes import note
from importer.reader.texts import fill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from importer.config import FormatSection
    from importer.reader.notes import Note

LAST_LOCAL_YEAR: Final = 2099
"""Measured: polars knows no summer time from 2100 on and would be an hour off without a word."""

FAR_PAST: Final = timedelta(days=5 * 365)
FAR_FUTURE: Final = timedelta(days=31)

_EXCEL_EPOCH: Final = date(1899, 12, 30)
_LAST_SERIAL: Final = (date(LAST_YEAR, 12, 31) - _EXCEL_EPOCH).days


def read_dates(
    cells: pl.DataFrame, layout: FormatSection, order: DateOrder | None = None
) -> Reading:
    """Return Datetime("us", "UTC"); `detail` holds both readings, or a number's date in Excel.

    `order` is that of the whole column, of which `cells` may be a piece; without it they are all.
    Times without an offset are in `layout.timezone`, dates without a time at its midnight.
    Raises ConfigError for an unusable format or an unknown time zone.
    """
    order = order or prove_order(weigh_dates(cells, layout), layout)
    first, spelling = distinct_cells(cells)
    if 2 * first.height >= cells.height:
        return _read(cells, layout, order)
    read = first.select(spelling).hstack(_read(first, layout, order).cells)
    spread = cells.select(spelling).join(
        read, on=spelling, how="left", nulls_equal=True, maintain_order="left"
    )
    return Reading(spread.drop(spelling), order.notes)


def _read(cells: pl.DataFrame, layout: FormatSection, order: DateOrder) -> Reading:
    """Do what `read_dates` does, cell by cell."""
    guessed = {"day": pl.coalesce("first", "second"), "month": pl.coalesce("second", "first")}
    certain = pl.when(~pl.col("ambiguous")).then(pl.coalesce("first", "second"))
    local = pl.coalesce("sure", guessed.get(order.first, certain))
    zone = layout.timezone
    judged = (
        spell(cells, layout)
        .lazy()
        .with_columns(_doubt(order))
        .with_columns(local=pl.when(~pl.col("doubted")).then(local))
        .with_columns(utc=_to_utc(zone, "null"), earlier=_to_utc(zone, "earliest"))
        .with_columns(code=pl.coalesce("refused", _judge(zone)))
        .select(
            value=pl.when(pl.col("code").is_null()).then("utc"), code="code", detail=_describe()
        )
    )
    return Reading(judged.collect(), order.notes)


def _doubt(order: DateOrder) -> list[pl.Expr]:
    """Return which dates are `doubted`, and their readings in `first` and `second`."""
    if not order.doubted:
        return [pl.lit(value=False).alias("doubted")]
    other = exchange(pl.col("sure"))
    doubted = pl.any_horizontal(sorted(order.doubted)) & other.is_not_null()
    readings = (("first", pl.col("sure")), ("second", other))
    return [
        doubted.alias("doubted"),
        pl.col("ambiguous") | doubted,
        *(pl.when(doubted).then(reading).otherwise(name).alias(name) for name, reading in readings),
    ]


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
            row, day = rows[found[0]].select("row", date.dt.strftime("%Y-%m-%d")).row(0)
            told = f"{count} lie{'s' * (len(found) == 1)} {where}, for example {{}}."
            yield note(told, (row, day))


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
        .when(~in_range(local) | (unknown_clock & pl.lit(zone != "UTC")))
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
    readings = (_spell(pl.col(name)) for name in ("first", "second"))
    return (
        pl.when(pl.col("code") == FaultCode.AMBIGUOUS_DATE)
        .then(fill("{} or {}", *readings))
        .when((pl.col("code") == FaultCode.DATE_IS_NUMBER) & (serial <= _LAST_SERIAL))
        .then(fill("counted as Excel does it would be {}", counted.dt.strftime("%Y-%m-%d")))
    )


def _spell(local: pl.Expr) -> pl.Expr:
    """Return a local time as ISO 8601, at midnight the date alone."""
    midnight = local == local.dt.truncate("1d")
    return (
        pl.when(midnight)
        .then(local.dt.strftime("%Y-%m-%d"))
        .otherwise(local.dt.strftime("%Y-%m-%dT%H:%M:%S%.f"))
    )
