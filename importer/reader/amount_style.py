"""The amounts of a column, a piece at a time → how all of them are written. Pure.

Which sign is the decimal one is proven by the column itself: `1,234` alone can be two amounts, and
only cells that can be read in one way decide which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.amount_shapes import PROOFS, SIMPLE_DECIMALS, shape, simple_texts
from importer.reader.cells import EXACT_DIGITS, count_refused
from importer.reader.evidence import Evidence, earliest
from importer.reader.faults import FaultCode
from importer.reader.notes import first_cell, note

if TYPE_CHECKING:
    from importer.config import FormatSection, RulesSection
    from importer.reader.notes import Example, Note


_FEW: Final = 100
_THOUSANDTHS: Final = 3


@dataclass(frozen=True, slots=True)
class AmountStyle:
    """How the amounts of a column are written."""

    decimal: str
    """The decimal sign, "" where nothing proves it."""
    currencies: tuple[str, ...]
    """All that the cells name, sorted."""
    doubtful: bool = False
    """Whether three digits behind the decimal sign may yet be thousands."""
    notes: tuple[Note, ...] = ()


def weigh_amounts(cells: pl.DataFrame, layout: FormatSection, rules: RulesSection) -> Evidence:
    """Return what these cells of the column show.

    Of the simple ones, whose amounts are certain, only the first of either decimal sign shows more.
    """
    if rules.max_decimals < SIMPLE_DECIMALS:  # then not even they are certain
        return _weigh(cells, layout, rules)
    texts = simple_texts(cells, layout.decimal)
    others = need_judging(cells, texts)
    typed = cells.select("row", "kind", text=texts).filter(pl.col("kind").ne_missing("number"))
    simple = {sign: _first_proof(typed, sign) for sign in PROOFS}
    shown = Evidence(earliest(simple | {_sound(sign): cell for sign, cell in simple.items()}))
    if not others.any():
        return shown
    more = _weigh(cells.filter(others), layout, rules)
    firsts = {what: min(more.firsts.get(what, cell), cell) for what, cell in shown.firsts.items()}
    return Evidence({**more.firsts, **firsts}, more.ambiguous, more.currencies)


def prove_style(evidence: Evidence, layout: FormatSection) -> AmountStyle:
    """Return what the cells of a whole column prove."""
    decimal, notes = _prove_decimal(evidence)
    if layout.decimal != "auto":
        notes = (note(f'Amounts read with "{layout.decimal}" as the decimal sign, as configured.'),)
    doubt = _doubt_thousands(evidence, decimal)
    currencies = tuple(sorted(evidence.currencies))
    notes = (*notes, *doubt, *_note_currency(evidence, currencies))
    return AmountStyle(decimal, currencies, doubtful=bool(doubt), notes=notes)


def need_judging(cells: pl.DataFrame, simple: pl.Series) -> pl.Series:
    """Return which cells are neither empty nor `simple` (texts), or say more than their text."""
    others = simple.is_null() & cells["text"].is_not_null()
    if cells["kind"].null_count() < cells.height:
        others |= simple.is_null() & cells["kind"].is_not_null()
    if "shown" in cells.columns:
        others |= cells["shown"].is_not_null()
    return others


def inexact(value: pl.Expr, rules: RulesSection) -> pl.Expr:
    """Return the fault of a canonical amount that would have to be rounded, else null."""
    decimals = value.str.extract(r"\.([0-9]+)$").str.len_bytes()
    digits = value.str.replace_all(r"[-.]", "").str.strip_chars_start("0").str.len_bytes()
    return (
        pl.when(decimals > rules.max_decimals)
        .then(pl.lit(FaultCode.TOO_MANY_DECIMALS))
        .when(digits > EXACT_DIGITS)
        .then(pl.lit(FaultCode.AMOUNT_TOO_PRECISE))
    )


def _sound(sign: str) -> str:
    """Return what a witness of the decimal `sign` shows that need not be rounded."""
    return f"{sign} without rounding"


def _thousandths(sign: str) -> str:
    """Return what a witness of the decimal `sign` shows that has three decimals or more."""
    return f"{sign} with thousandths"


def _thousands(sign: str) -> str:
    """Return what a cell shows that has three decimals too many if `sign` is the decimal one."""
    return f"{sign} or thousands"


def _first_proof(typed: pl.DataFrame, sign: str) -> Example | None:
    """Return the first simple cell that proves the decimal `sign`."""
    text = pl.col("text")
    signed = typed.filter(text.str.contains(sign, literal=True))
    for part in (signed.head(_FEW), signed):  # most often one of the first does
        found = first_cell(part.filter(text.str.contains(PROOFS[sign])))
        if found is not None:
            return found
    return None


def _weigh(cells: pl.DataFrame, layout: FormatSection, rules: RulesSection) -> Evidence:
    """Return what cells of any spelling show.

    Workbook numbers have no decimal sign of their own, so they neither need nor give proof.
    """
    shaped = shape(cells, layout.decimal)
    texts = shaped.filter(~pl.col("is_number"))
    found: dict[str, Example | None] = {"currency": first_cell(shaped.drop_nulls("currency"))}
    for sign, mine, other in ((".", "point", "comma"), (",", "comma", "point")):
        alone = texts.filter(pl.col(mine).is_not_null() & pl.col(other).is_null())
        found[sign] = first_cell(alone)
        sound = alone.filter(inexact(pl.col(mine), rules).is_null())
        found[_sound(sign)] = first_cell(sound)
        found[_thousandths(sign)] = first_cell(sound.filter(pl.col("before_three") == sign))
        if rules.max_decimals < _THOUSANDTHS:
            either = texts.filter(pl.col("ambiguous") & (pl.col("before_three") == sign))
            found[_thousands(sign)] = first_cell(either)
    ambiguous = texts.filter("ambiguous")
    found["ambiguous"] = first_cell(ambiguous)
    currencies = frozenset(shaped["currency"].drop_nulls().unique().to_list())
    return Evidence(earliest(found), ambiguous.height, currencies)


def _prove_decimal(evidence: Evidence) -> tuple[str, tuple[Note, ...]]:
    """Return the decimal sign that the column proves ("" = none or both), and how it is known.

    What would have to be rounded proves nothing, but it can contradict.
    """
    firsts = evidence.firsts
    witnesses = {sign: firsts[sign] for sign in PROOFS if sign in firsts}
    if len(witnesses) == 1:
        (sign,) = witnesses
        sound = firsts.get(_sound(sign))
        if sound is not None:
            return sign, (
                note(f'Amounts read with "{sign}" as the decimal sign, proven by {{}}.', sound),
            )
    told = []
    if len(witnesses) > 1:
        both = " and ".join(f'"{sign}" ({{}})' for sign in witnesses)
        told.append(note(f"Some amounts have {both} as the decimal sign.", *witnesses.values()))
    if evidence.ambiguous:
        refused = count_refused(evidence.ambiguous, "ambiguous amount")
        unproven = f"Nothing proves the decimal sign, and {refused}, for example {{}}."
        told.append(note(unproven, firsts["ambiguous"]))
    return "", tuple(told)


def _doubt_thousands(evidence: Evidence, decimal: str) -> tuple[Note, ...]:
    """Return a note where three digits behind the proven sign may yet be thousands.

    `12.50`, typed once among `1.200` and `2.500`, would make them 1.2 and 2.5, and zeros behind
    hide that they have more decimals than an amount may have.
    """
    doubtful = evidence.firsts.get(_thousands(decimal))
    if doubtful is None or _thousandths(decimal) in evidence.firsts:
        return ()
    told = "Amounts such as {} are refused: their three last digits may be thousands."
    return (note(told, doubtful),)


def _note_currency(evidence: Evidence, currencies: tuple[str, ...]) -> tuple[Note, ...]:
    if len(currencies) != 1:
        return ()
    named = currencies[0].replace("{", "{{").replace("}", "}}")  # a format may name anything
    told = f"Amounts name the currency {named} ({{}}); only the number is sent"
    kept = f"{told}, and Keen takes it in the channel's currency."
    return (note(kept, evidence.firsts["currency"]),)
