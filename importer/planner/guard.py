"""A row that would be sent and the ledger's similar entries → the conflict that holds it. Pure.

The guard catches what keys cannot: a purchase that was amended, or that stands again in another
file. It looks at entries of the same scope that are created, in doubt or sending: of the same
batch, and of any batch where the row carries the entry's very key.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import time
from typing import TYPE_CHECKING, Final

from importer.ledger.contract import LedgerState

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable
    from datetime import datetime, tzinfo

    from importer.ledger.contract import Entry


class ConflictCode(enum.StrEnum):
    """Why a row is held though its own key was never applied; `keen_error_code` shows these."""

    AMENDED = "amended"  # it carries the key of an entry with other content
    OTHER_BATCH = "other-batch"  # it carries the key of an entry of another batch
    SAME_IDENTITY = "same-identity"
    SIMILAR_PURCHASE = "similar-purchase"
    UNDATED_REPEAT = "undated-repeat"


LIVE: Final = frozenset({LedgerState.CREATED, LedgerState.IN_DOUBT, LedgerState.SENDING})
"""States of entries that may have been applied."""

SEND: Final = "write `send` into keen_resolution and run `importer resolve`."
ANOTHER: Final = (
    f"If it is another purchase, {SEND} A file that is meant once more as a whole is run with "
    "--batch LABEL."
)
UNDATED: Final = (
    f"If it is another purchase, give it a date, run the file with --batch LABEL, or {SEND}"
)
ONCE_MORE: Final = (
    "Run with that --batch, or put the rows that are meant once more into a file of their own, "
    "without the keen_ columns."
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

    code: ConflictCode
    message: str


class LazySet:
    """Keys that hardly ever are asked for, and may be a million."""

    def __init__(self, keys: Callable[[], Iterable[str]]) -> None:
        self._keys = keys
        self._set: frozenset[str] | None = None

    def __contains__(self, key: object) -> bool:
        """Return whether `key` is one of them; the first question builds the set."""
        if self._set is None:
            self._set = frozenset(self._keys())
        return key in self._set


@dataclass(frozen=True, slots=True)
class InThisFile:
    """Which entries' own rows stand in the file at hand."""

    claimed: Container[str]
    """Keys that rows of the file claim by their content."""
    carried: Container[str]
    """Keys that rows of the file carry, be the rows amended or invalid."""

    def has(self, entry: Entry, suspect: Suspect) -> bool:
        """Whether the entry's row is another one than the suspect.

        An amended row is still the entry's own. But of equal content only a claim counts: else
        a copy would pass for the row that it was copied from, as soon as that one is edited.
        """
        if entry.key in self.claimed:
            return True
        return entry.content != suspect.content and entry.key in self.carried


def find_conflict(
    suspect: Suspect,
    evidence: Entry | None,
    similar: Iterable[Entry],
    file: InThisFile,
    *,
    batch: str,
    zone: tzinfo,
) -> Conflict | None:
    """Return the first conflict that applies, or None.

    `evidence` is the live entry of a key that the suspect carries though its content differs;
    `similar` are entries of this batch that share its lead or its identity; `zone` is that of
    dates without a time.
    """
    if evidence is not None and evidence.batch == batch:
        return Conflict(ConflictCode.AMENDED, f"{_was(evidence, 'with other values')} {ANOTHER}")
    if evidence is not None:
        how = f"under --batch {evidence.batch}" if evidence.batch else "without --batch"
        return Conflict(ConflictCode.OTHER_BATCH, f"{_was(evidence, how)} {ONCE_MORE}")
    others = [
        entry
        for entry in similar
        if entry.key != suspect.key and entry.state in LIVE and not file.has(entry, suspect)
    ]
    for entry in others:
        if suspect.identity is not None and suspect.identity == entry.identity:
            said = _was(entry, "under the same identity columns with other values")
            return Conflict(ConflictCode.SAME_IDENTITY, f"{said} {ANOTHER}")
    for entry in others:
        shared = _shared(suspect, entry)
        if shared is None or not _may_be_the_same(suspect, entry, zone):
            continue
        if suspect.date is None and suspect.content == entry.content:
            how = "with the same values and no date, so nothing tells the two apart,"
            return Conflict(ConflictCode.UNDATED_REPEAT, f"{_was(entry, how)} {UNDATED}")
        how = f"with the same lead, date and {shared}"
        ways_out = UNDATED if suspect.date is None else ANOTHER
        return Conflict(ConflictCode.SIMILAR_PURCHASE, f"{_was(entry, how)} {ways_out}")
    return None


def _may_be_the_same(suspect: Suspect, entry: Entry, zone: tzinfo) -> bool:
    """Whether lead and date agree, and no identity values tell the two apart."""
    told_apart = (
        suspect.identity is not None
        and entry.identity is not None
        and suspect.identity != entry.identity
    )
    return (
        not told_apart
        and suspect.lead_id == entry.lead_id
        and _same_date(suspect.date, entry.date, zone)
    )


def _same_date(one: datetime | None, other: datetime | None, zone: tzinfo) -> bool:
    """Whether two dates agree; one without a time agrees with any time of its day."""
    if one is None or other is None:
        return one is other
    mine, theirs = one.astimezone(zone), other.astimezone(zone)
    whole_day = time() in {mine.time(), theirs.time()}
    return one == other or (whole_day and mine.date() == theirs.date())


def _shared(suspect: Suspect, entry: Entry) -> str | None:
    """Return what the two have in common besides lead and date, or None.

    Two absent values are nothing in common, unless neither purchase has any other.
    """
    product = suspect.product == entry.product
    amount = suspect.amount == entry.amount
    if product and amount:
        return "product and amount"
    if product and suspect.product is not None:
        return "product"
    return "amount" if amount and suspect.amount is not None else None


def _was(entry: Entry, how: str) -> str:
    did = "was created" if entry.state is LedgerState.CREATED else "may have been created"
    day = entry.last_sent_at.date().isoformat()
    return f"A purchase {did} {how} by {entry.file}, row {entry.row}, on {day}."
