"""Rows of equal content and what the ledger knows of it → the occurrence each row claims. Pure.

Equal rows differ only in their occurrence number (identity.py), so which row is which purchase is
decided here, once, before anything else: a wrong claim pays twice or never.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

from importer.ledger.contract import LedgerState
from importer.model import RowStatus
from importer.reader.identity import make_key

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from importer.ledger.contract import Entry

SEARCHED: Final = 64
SEARCHED_FOR_UNSENT: Final = 1_000
"""How far a carried key that no ledger entry explains is looked for among its row's own keys. Only
the key of a row that was never sent is unknown to the ledger, however high its occurrence; any
other such row has rather been edited."""

SENT_STATUSES: Final = frozenset(
    {
        RowStatus.CREATED.value,
        RowStatus.ALREADY_CREATED.value,
        RowStatus.IN_DOUBT.value,
        RowStatus.REJECTED.value,
    }
)
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
    keys = _Keys(content, {entry.key: entry.occurrence for entry in known})
    carried: dict[int, int] = {}
    claimed: set[int] = set()
    for claimant in claimants:
        occurrence = keys.find(claimant, len(claimants))
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


class _Keys:
    """The keys of one content, made as far as they are asked for."""

    def __init__(self, content: bytes, known: dict[str, int]) -> None:
        self._content = content
        self._occurrences = known
        self._made = 0

    def find(self, claimant: Claimant, rows: int) -> int | None:
        """Return the occurrence whose key the row carries, or None."""
        key = claimant.carried_key
        if key is None:
            return None
        sent = claimant.carried_status in SENT_STATUSES
        searched = max(SEARCHED if sent else SEARCHED_FOR_UNSENT, rows)
        while key not in self._occurrences and self._made < searched:
            self._made += 1
            self._occurrences.setdefault(make_key(self._content, self._made), self._made)
        return self._occurrences.get(key)
