"""Rows of equal content and what the ledger knows of it → the occurrence each row claims. Pure.

Equal rows differ only in their occurrence number (identity.py), so which row is which purchase is
decided here, once, before anything else: a wrong claim pays twice or never.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from importer.ledger.contract import LedgerState
from importer.reader.identity import make_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.ledger.contract import Entry

SEARCHED_OCCURRENCES: Final = 64
"""How far a carried key that no ledger entry explains is looked for among its row's own keys."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """A row of some content that has to be told from the others of the same content."""

    row: int
    carried_key: str | None
    told_apart: bool
    """A date or identity values say which purchase it is; without them only the file can."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The purchase a row stands for."""

    row: int
    occurrence: int
    key: str
    carried: bool
    """The row's carried key proved it."""


def claim(
    content: bytes,
    claimants: Sequence[Claimant],
    known: Sequence[Entry],
    import_content: bytes,
) -> list[Claim]:
    """Return a claim for each claimant, in their order.

    `claimants` are all rows of the file with this content, in the file's order; `known` are all
    ledger entries of it. A carried key that is this content's key at some occurrence takes that
    occurrence; the others take the lowest unclaimed ones. A row that neither a date, identity
    values nor a carried key tells apart passes over what a file with other content created: it
    may be a new purchase (a monthly export without dates), and the guard holds it for a person.
    """
    by_key = {entry.key: entry.occurrence for entry in known}
    carried = _carried_occurrences(content, claimants, by_key)
    claimed = set(carried.values())
    created_elsewhere = {
        entry.occurrence
        for entry in known
        if entry.state is LedgerState.CREATED and entry.import_content != import_content
    }
    claims = []
    for claimant in claimants:
        occurrence = carried.get(claimant.row)
        if occurrence is None:
            passed_over = set() if claimant.told_apart else created_elsewhere
            occurrence = _lowest_free(claimed | passed_over)
            claimed.add(occurrence)
        claims.append(
            Claim(
                row=claimant.row,
                occurrence=occurrence,
                key=make_key(content, occurrence),
                carried=claimant.row in carried,
            )
        )
    return claims


def _carried_occurrences(
    content: bytes, claimants: Sequence[Claimant], by_key: dict[str, int]
) -> dict[int, int]:
    """Return row → occurrence for those whose carried key is this content's; first come, first."""
    taken: dict[int, int] = {}
    for claimant in claimants:
        if claimant.carried_key is None:
            continue
        occurrence = by_key.get(claimant.carried_key) or _search(
            content, claimant.carried_key, max(SEARCHED_OCCURRENCES, len(claimants))
        )
        if occurrence is not None and occurrence not in taken.values():
            taken[claimant.row] = occurrence
    return taken


def _search(content: bytes, key: str, up_to: int) -> int | None:
    return next((n for n in range(1, up_to + 1) if make_key(content, n) == key), None)


def _lowest_free(claimed: set[int]) -> int:
    occurrence = 1
    while occurrence in claimed:
        occurrence += 1
    return occurrence
