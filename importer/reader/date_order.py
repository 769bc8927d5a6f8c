"""The dates of a column, a piece at a time → how all of them are written. Pure.

Whether `03/04/2026` puts the day first is proven by the column's other cells, or it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.errors import ConfigError
from importer.reader.cells import count_refused
from importer.reader.date_formats import DOTTED_MONTH_FIRST
from importer.reader.date_shapes import LAST_MONTH, exchange, spell
from importer.reader.evidence import Evidence, earliest
from importer.reader.notes import first_cell, note

if TYPE_CHECKING:
    from collections.abc import Container

    from importer.config import FormatSection
    from importer.reader.notes import Note

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100

_ORDERS: Final = ("day", "month")
_ASSUMED: Final = ("dotted", "dated")
"""Dates with dots, which put the day first, and dates of a workbook: sure unless contradicted."""


@dataclass(frozen=True, slots=True)
class DateOrder:
    """How the dates of a column are written."""

    first: str
    """`day` or `month`, "" where nothing proves which of them stands first."""
    doubted: frozenset[str] = frozenset()
    """Those of _ASSUMED whose days and months may be exchanged."""
    notes: tuple[Note, ...] = ()


def weigh_dates(cells: pl.DataFrame, layout: FormatSection) -> Evidence:
    """Return what these cells of the column show.

    Raises ConfigError for an unusable format or an unknown time zone.
    """
    _check_zone(layout.timezone)
    distinct, spelling = distinct_cells(cells)
    spelt = spell(distinct, layout)
    ambiguous = spelt["ambiguous"]
    found = {
        "ambiguous": first_cell(spelt.filter(ambiguous)),
        "dotted": first_cell(spelt.filter("dotted")),
        "dotted month": first_cell(spelt.filter(pl.col("clean").str.contains(DOTTED_MONTH_FIRST))),
        "either": first_cell(
            spelt.filter(pl.all_horizontal(pl.col("first", "second").is_not_null()))
        ),
        "without offset": first_cell(
            spelt.filter(
                pl.coalesce("sure", "first", "second").is_not_null() & pl.col("offset").is_null()
            )
        ),
    }
    for order, mine, other in (("day", "first", "second"), ("month", "second", "first")):
        alone = spelt.filter(pl.col(mine).is_not_null() & pl.col(other).is_null())
        found[order] = first_cell(alone)
        found[_sound(order)] = first_cell(alone.filter(in_range(pl.col(mine))))
    for kind in _ASSUMED:
        sure = spelt.filter(kind)
        found[_exchangeable(kind)] = first_cell(sure.filter(exchange(pl.col("sure")).is_not_null()))
        found[_settled(kind)] = first_cell(sure.filter(pl.col("sure").dt.day() > LAST_MONTH))
    count = 0
    if ambiguous.any():
        alike = distinct.filter(ambiguous).select(spelling)
        count = cells.join(alike, on=spelling, how="semi", nulls_equal=True).height
    return Evidence(earliest(found), count)


def prove_order(evidence: Evidence, layout: FormatSection) -> DateOrder:
    """Return what the cells of a whole column prove."""
    first, notes = _prove(evidence)
    doubts = _doubt(evidence)
    assumed = _note_assumptions(evidence, layout.timezone, doubts)
    return DateOrder(first, frozenset(doubts), (*notes, *doubts.values(), *assumed))


def distinct_cells(cells: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Return the first cells of each spelling, and the columns that cells of one spelling share."""
    if cells["kind"].n_unique() <= 1:
        return cells.filter(pl.col("text").is_first_distinct()), ["text"]
    return cells.filter(pl.struct("text", "kind").is_first_distinct()), ["text", "kind"]


def in_range(local: pl.Expr) -> pl.Expr:
    """Return whether a time lies in the years that are read."""
    return local.dt.year().is_between(FIRST_YEAR, LAST_YEAR)


def _sound(order: str) -> str:
    """Return what a witness of `order` shows that is in range."""
    return f"{order} in range"


def _exchangeable(kind: str) -> str:
    """Return what a date of this kind shows that is another day with day and month exchanged."""
    return f"{kind} exchangeable"


def _settled(kind: str) -> str:
    """Return what a date of this kind shows that is none with day and month exchanged."""
    return f"{kind} settled"


def _check_zone(zone: str) -> None:
    try:
        pl.Series([datetime(2026, 1, 1)]).dt.replace_time_zone(zone)  # noqa: DTZ001 - a probe
    except pl.exceptions.ComputeError:
        raise ConfigError(
            f'format.timezone is "{zone}", which is no time zone of the tz database.',
            'Write one such as "UTC" or "Europe/Berlin".',
        ) from None


def _prove(evidence: Evidence) -> tuple[str, tuple[Note, ...]]:
    """Return what the column proves to stand first ("" = none or both), and how it is known.

    A date out of range proves nothing, but it can contradict. Formats that are configured give two
    readings or none, so they never come to a proof.
    """
    firsts = evidence.firsts
    witnesses = {order: firsts[order] for order in _ORDERS if order in firsts}
    if len(witnesses) == 1:
        (order,) = witnesses
        sound = firsts.get(_sound(order))
        if sound is not None:
            return order, (note(f"Dates read with the {order} first, proven by {{}}.", sound),)
    told = []
    if len(witnesses) > 1:
        both = " and ".join(f"the {order} ({{}})" for order in witnesses)
        told.append(note(f"Some dates put {both} first.", *witnesses.values()))
    if evidence.ambiguous:
        refused = count_refused(evidence.ambiguous, "ambiguous date")
        unproven = f"Nothing proves whether day or month comes first, and {refused}"
        told.append(note(f"{unproven}, for example {{}}.", firsts["ambiguous"]))
    return "", tuple(told)


def _doubt(evidence: Evidence) -> dict[str, Note]:
    """Return those of _ASSUMED that other cells contradict, and how.

    A program that expects the month first makes dates of `03/04/2026` with both exchanged, and
    leaves `13/04/2026` as text; one that expects the day first shows its exchanged ones with dots.
    So dates that could all be exchanged ones beside slashed ones that none could be are refused.
    """
    firsts = evidence.firsts
    doubts = {}
    month = firsts.get("dotted month")
    if month is None and _settled("dotted") not in firsts:
        month = firsts.get("month")
    if month is not None and _exchangeable("dotted") in firsts:
        told = "Dates with dots such as {} are refused: {} puts month first."
        doubts["dotted"] = note(told, firsts[_exchangeable("dotted")], month)
    left = [firsts[order] for order in _ORDERS if order in firsts and "either" not in firsts]
    if left and _exchangeable("dated") in firsts and _settled("dated") not in firsts:
        told = (
            "Dates such as {} are refused: {} was left as text, and a program that expects the "
            "other order may have exchanged day and month where it could."
        )
        doubts["dated"] = note(told, firsts[_exchangeable("dated")], left[0])
    return doubts


def _note_assumptions(evidence: Evidence, zone: str, doubted: Container[str]) -> tuple[Note, ...]:
    """Return what was taken for granted: dots mean day first, and no offset means `zone`."""
    notes = []
    dotted = evidence.firsts.get("dotted")
    if dotted is not None and "dotted" not in doubted:
        notes.append(note("Dates with dots read with the day first, for example {}.", dotted))
    bare = evidence.firsts.get("without offset")
    if bare is not None:
        notes.append(note(f"Dates without an offset taken in {zone}, for example {{}}.", bare))
    return tuple(notes)
