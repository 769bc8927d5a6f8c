"""Rows of equal content and what the ledger knows of it → the occurrence each row claims. Pure.

Equal rows differ only in their occurrence number (identity.py), so which row is which purchase is
decided here, once, before anything else: a wrong claim pays twice or never.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from importer.ledger.contract import LedgerState
from importer.model import APPLIED, RowStatus
from importer.reader.keys import find_occurrences

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from importer.ledger.contract import Entry

SEARCHED: Final = 64
SEARCHED_FOR_UNSENT: Final = 1_000
"""How far a carried key that no ledger entry explains is looked for among its row's own keys. Only
the key of a row that was never sent is unknown to the ledger, however high its occurrence; any
other such row has rather been edited."""

SENT_STATUSES: Final = (*APPLIED, RowStatus.REJECTED)
"""Carried statuses that say that this very row has been sent under the key that it carries."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """A row of some content that has to be told from the others of the same content."""

    row: int
    carried_key: str | None
    carried_status: str | None
    told_apart: bool
    """A date or identity values say which purchase it is; without them only the file can."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The purchase a row stands for."""

    row: int
    occurrence: int


def claim(
    content: bytes,
    claimants: Sequence[Claimant],
    known: Collection[Entry],
    import_content: bytes,
) -> list[Claim]:
    """Return a claim for each claimant, in their order.

    `claimants` are all rows of the file with this content, in the file's order; `known` are all
    ledger entries of it. A carried key that is this content's key at some occurrence takes that
    occurrence; the others take the lowest unclaimed ones.

    A row that neither a date, identity values nor a carried key tells apart passes over whatever
    a file with other content has tried: it may be a new purchase (a monthly export without
    dates), and the guard holds it for a person. There a carried key is proof only if the row was
    sent under it; a key handed out to a row that was never sent may have been another file's.
    Rejected entries are not passed over, so that a re-run shows them again.
    """
    elsewhere = {
        entry.occurrence
        for entry in known
        if entry.import_content != import_content and entry.state is not LedgerState.REJECTED
    }
    occurrences = _find_carried(content, claimants, known)
    carried: dict[int, int] = {}
    claimed: set[int] = set()
    for claimant in claimants:
        occurrence = occurrences.get(claimant.carried_key or "")
        if occurrence is None or occurrence in claimed:
            continue
        proven = claimant.told_apart or claimant.carried_status in SENT_STATUSES
        if proven or occurrence not in elsewhere:
            carried[claimant.row] = occurrence
            claimed.add(occurrence)
    free = (number for number in count(1) if number not in claimed)
    free_of_others = (number for number in count(1) if number not in claimed | elsewhere)
    claims = []
    for claimant in claimants:
        occurrence = carried.get(claimant.row)
        if occurrence is None:
            occurrence = next(free if claimant.told_apart else free_of_others)
        claims.append(Claim(claimant.row, occurrence))
    return claims


def _find_carried(
    content: bytes, claimants: Sequence[Claimant], known: Collection[Entry]
) -> dict[str, int]:
    """Return carried key → occurrence, for the keys that this content has."""
    occurrences = {entry.key: entry.occurrence for entry in known}
    unknown = [one for one in claimants if one.carried_key and one.carried_key not in occurrences]
    if not unknown:
        return occurrences
    sent = all(one.carried_status in SENT_STATUSES for one in unknown)
    up_to = max(SEARCHED if sent else SEARCHED_FOR_UNSENT, len(claimants))
    keys = (one.carried_key for one in unknown if one.carried_key)
    return occurrences | find_occurrences(content, keys, up_to)
