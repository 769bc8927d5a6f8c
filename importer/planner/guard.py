"""A row that would be sent and the ledger's similar entries → the conflict that holds it. Pure.

The guard catches what keys cannot: a purchase that was amended, or that stands again in another
file. It looks at entries of the same scope and batch that are created, in doubt or sending.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from importer.ledger.contract import LedgerState

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from datetime import datetime

    from importer.ledger.contract import Entry

AMENDED: Final = "amended"
"""The code of a row that carries the key of a live entry and has other content."""

WAYS_OUT: Final = (
    "If it is another purchase, give it a date, run with --batch LABEL, or write `send` into "
    "keen_resolution and run `importer resolve`."
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """What the guard compares of a row; `key` is the one it would be sent under."""

    row: int
    key: str
    content: bytes
    identity: bytes | None
    lead_id: str
    product: str | None
    """SHA-256 (hex) of the product's name, as the ledger keeps it."""
    amount: str | None
    date: datetime | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a row is held: a kebab-case code and a sentence with the ways out."""

    code: str
    message: str


def find_conflict(
    suspect: Suspect,
    carried: Entry | None,
    similar: Iterable[Entry],
    in_this_file: Container[str],
) -> Conflict | None:
    """Return the first conflict that applies, or None.

    `carried` is the ledger's entry of the suspect's carried key; `similar` are entries that share
    its lead or its identity; `in_this_file` has the keys of entries that rows of this file claim.
    """
    if carried is not None and _is_live(carried) and carried.content != suspect.content:
        return Conflict(AMENDED, f"{_was(carried, 'with other values')} {WAYS_OUT}")
    others = [
        entry
        for entry in similar
        if entry.key != suspect.key and entry.key not in in_this_file and _is_live(entry)
    ]
    for entry in others:
        if suspect.identity is not None and suspect.identity == entry.identity:
            said = _was(entry, "under the same identity columns with other values")
            return Conflict("same-identity", f"{said} {WAYS_OUT}")
    for entry in others:
        if _looks_like(suspect, entry):
            undated = suspect.date is None and suspect.content == entry.content
            how = (
                "with the same values and no date, so nothing tells the two apart,"
                if undated
                else "with the same lead, date and " + _shared(suspect, entry)
            )
            return Conflict(
                "undated-repeat" if undated else "similar-purchase",
                f"{_was(entry, how)} {WAYS_OUT}",
            )
    return None


def _is_live(entry: Entry) -> bool:
    return entry.state in {LedgerState.CREATED, LedgerState.IN_DOUBT, LedgerState.SENDING}


def _looks_like(suspect: Suspect, entry: Entry) -> bool:
    """Whether lead, date and product or amount agree, and no identity values tell them apart."""
    told_apart = (
        suspect.identity is not None
        and entry.identity is not None
        and suspect.identity != entry.identity
    )
    return (
        not told_apart
        and suspect.lead_id == entry.lead_id
        and suspect.date == entry.date
        and (suspect.product == entry.product or suspect.amount == entry.amount)
    )


def _shared(suspect: Suspect, entry: Entry) -> str:
    if suspect.product != entry.product:
        return "amount"
    return "product and amount" if suspect.amount == entry.amount else "product"


def _was(entry: Entry, how: str) -> str:
    did = "was created" if entry.state is LedgerState.CREATED else "may have been created"
    day = entry.last_sent_at.date().isoformat()
    return f"A purchase {did} {how} by {entry.file}, row {entry.row}, on {day}."
