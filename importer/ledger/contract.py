"""What a ledger must do: its states, the transitions between them, and what it takes and gives.

Pure: values and a Protocol; `sqlite.py` is the embedded implementation.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from importer.model import Delivery, Next, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime


class LedgerState(enum.StrEnum):
    """What the ledger knows of one key."""

    SENDING = "sending"
    CREATED = "created"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"
    UNSENT = "unsent"


class Cause(enum.StrEnum):
    """Why an entry changes its state."""

    INTENT = "intent"  # an attempt is about to be made
    APPLIED = "applied"  # Keen answered with a purchase id
    REFUSED = "refused"  # Keen refused it for good
    NOT_APPLIED = "not_applied"  # the attempt provably did nothing
    UNPROVEN = "unproven"  # sent, and nobody can tell
    RETENTION = "retention"  # a new intent for a doubt under Keen's key retention
    RUN_DIED = "run_died"  # the process ended between intent and outcome
    PERSON_FOUND = "person_found"  # a person found the purchase in Keen
    PERSON_MISSED = "person_missed"  # a person proved that there is none


TRANSITIONS: Final[dict[Cause, tuple[frozenset[LedgerState | None], LedgerState]]] = {
    Cause.INTENT: (
        frozenset({None, LedgerState.UNSENT, LedgerState.REJECTED}),
        LedgerState.SENDING,
    ),
    Cause.RETENTION: (frozenset({LedgerState.IN_DOUBT}), LedgerState.SENDING),
    Cause.APPLIED: (frozenset({LedgerState.SENDING}), LedgerState.CREATED),
    Cause.REFUSED: (frozenset({LedgerState.SENDING}), LedgerState.REJECTED),
    Cause.NOT_APPLIED: (frozenset({LedgerState.SENDING}), LedgerState.UNSENT),
    Cause.UNPROVEN: (frozenset({LedgerState.SENDING}), LedgerState.IN_DOUBT),
    Cause.RUN_DIED: (frozenset({LedgerState.SENDING}), LedgerState.IN_DOUBT),
    Cause.PERSON_FOUND: (frozenset({LedgerState.IN_DOUBT}), LedgerState.CREATED),
    Cause.PERSON_MISSED: (frozenset({LedgerState.IN_DOUBT}), LedgerState.UNSENT),
}
"""Every legal change: its cause → the states it may start from (None: no entry yet) and its end.
`created` is in no start: nothing leads out of it.

REFUSED and NOT_APPLIED prove their own attempt idle, none before it: after RETENTION they end in
`in_doubt`, until a person settles the row."""


@dataclass(frozen=True, slots=True)
class Import:
    """One file sent to one API. `content` is the SHA-256 over its valid rows in any order."""

    id: int
    scope: str
    batch: str
    file: str
    """The file's name without its folder."""
    content: bytes
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger knows of one key."""

    key: str
    recipe: int
    content: bytes
    occurrence: int
    identity: bytes | None
    batch: str
    lead_id: str
    product: str | None
    """SHA-256 (hex) of the product's name: enough to compare."""
    amount: str | None
    date: datetime | None
    state: LedgerState
    attempts: int
    first_sent_at: datetime
    last_sent_at: datetime
    retention: float
    """The shortest key retention, in hours, under which any of its attempts was made."""
    purchase_id: str | None
    http_status: int | None
    code: str | None
    message: str | None
    import_id: int
    import_content: bytes
    file: str
    """The file of the last attempt."""
    row: int
    """The row of the last attempt, in `file`."""
    run_id: int
    """The run of the last attempt, or of the settlement by a person (0)."""


class Intent(NamedTuple):
    """An attempt that is about to be made. Durable before its first byte leaves."""

    delivery: Delivery
    at: datetime
    cause: Cause = Cause.INTENT
    retention: float = 0.0


class Settlement(NamedTuple):
    """An attempt's outcome."""

    key: str
    row: int
    outcome: Outcome
    at: datetime

    @property
    def cause(self) -> Cause:
        """Return the transition that the outcome means."""
        if self.outcome.verdict is Verdict.APPLIED:
            return Cause.APPLIED
        if self.outcome.verdict is Verdict.IN_DOUBT:
            return Cause.UNPROVEN
        return Cause.REFUSED if self.outcome.next is Next.REJECT else Cause.NOT_APPLIED


Change: TypeAlias = Intent | Settlement


Standing: TypeAlias = "tuple[bytes, int, str, int]"
"""What stands in the ledger, as a bare row for whole columns: content, occurrence, state, and 1
where the last attempt was made by the import asked for, else 0."""

Created: TypeAlias = "tuple[bytes, str, int | None, int, int, str, int, str | None, int]"
"""A created entry, as a bare row for whole columns: key (its 16 bytes), purchase id, HTTP status,
attempts, time of the last attempt (microseconds since 1970, UTC), its file and row there, message,
and its run (0: a person's word)."""


class Choice(enum.StrEnum):
    """What a person may say of a row, in `keen_resolution`."""

    CREATED = "created"
    NOT_CREATED = "not created"
    SEND = "send"


@dataclass(frozen=True, slots=True)
class Resolution:
    """A person's word on one key: kept for ever."""

    key: str
    choice: Choice
    purchase_id: str | None
    by: str
    note: str
    at: datetime
    import_content: bytes | None = None
    """The import in which `send` was said; None for other words, and before schema 6."""
    said_beside: str | None = None
    """The key that stood in the row beside `send`."""


class Release(NamedTuple):
    """A word `send`."""

    import_content: bytes | None
    """The import in which it was said; None: before schema 6."""
    at: datetime
    after_run: int
    """The latest run by then."""


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """One import with what became of its entries, for `status`."""

    imported: Import
    last_run_at: datetime
    exit_code: int | None
    counts: dict[LedgerState, int]
    summary: str | None = None
    """The last run's summary (JSON), where it has ended."""
    plan: str = "{}"
    """What the last run was about to do (JSON)."""
    last_file: str = ""
    """The name under which the last run read these rows."""


def hash_product(name: str) -> bytes:
    """Return the SHA-256 of a product's name: enough to compare it for ever."""
    return hashlib.sha256(name.encode()).digest()


class Ledger(Protocol):
    """The durable record of every key ever sent. One process at a time; calls do not overlap.

    Every method may raise LedgerError; those that change something are durable when they return
    (one transaction each) and raise LedgerWriteError where that failed, having changed nothing.
    """

    def scope_url(self, scope: str) -> str | None:
        """Return the URL last used under `scope`, or None for a scope never used."""

    def remember_scope(self, scope: str, url: str) -> None:
        """Record the URL now used under `scope`."""

    def identity_settings(self, scope: str) -> str | None:
        """Return the settings (canonical JSON) under which `scope`'s latest keys were made."""

    def remember_identity_settings(self, scope: str, settings: str) -> None:
        """Record the settings that `scope`'s keys are made under from now on."""

    def begin_run(
        self, *, scope: str, batch: str, file: str, content: bytes, plan: str, at: datetime
    ) -> tuple[Import, int]:
        """Record a run's start with its plan (JSON); return its import and the run's id.

        Runs of equal scope, batch and content are one import.
        """

    def end_run(self, run_id: int, *, exit_code: int, summary: str, at: datetime) -> None:
        """Record a run's end with its summary (JSON)."""

    def summaries(self, scope: str, batch: str, content: bytes) -> list[str]:
        """Return the summaries (JSON) of an import's runs that have ended, oldest first."""

    def commit(self, run_id: int, changes: Sequence[Change]) -> None:
        """Apply intents and outcomes in the given order, in one durable transaction.

        Raises LedgerWriteError, with nothing changed, where a transition is not in TRANSITIONS
        (a bug) or the disk refuses.
        """

    def enter(self, at_least: int = 1) -> None:
        """Do what commits put off until somebody reads, where that is for so many rows.

        Nobody has to call this, and it raises nothing. It takes about 7 µs a row.
        """

    def interrupted(self, at: datetime) -> int:
        """Turn every `sending` left by a dead run into `in_doubt`; return how many there were."""

    def is_blank(self, scope: str) -> bool:
        """Return whether nothing was ever recorded of any key under `scope`, nor said of one."""

    def find(self, scope: str, keys: Iterable[str]) -> Iterator[Entry]:
        """Yield the entries that exist among `keys`, in no particular order."""

    def find_content(self, scope: str, contents: Iterable[bytes]) -> Iterator[Entry]:
        """Yield all entries whose content is among `contents`, every occurrence."""

    def standings(
        self, scope: str, contents: Collection[bytes], *, import_content: bytes
    ) -> Iterator[Sequence[Standing]]:
        """Yield, page by page, at least all entries of these contents; others may be among them.

        No page is empty. `import_content` is that of the import which Standing tells apart.
        """

    def created(
        self, scope: str, missing: Callable[[], Iterable[str]], *, count: int
    ) -> Iterator[Sequence[Created]]:
        """Yield, page by page, at least those of the caller's keys that are `created`.

        `count` is how many keys these are. `missing` returns those that no page has told yet: it is
        called once at most, where they have to be looked up, so each page must be taken in before
        the next is asked for. Other entries may be among them; no page is empty.
        """

    def find_similar(
        self, scope: str, batch: str, *, leads: Iterable[str], identities: Iterable[bytes]
    ) -> Iterator[Entry]:
        """Yield `created`, `in_doubt` and `sending` entries that share a lead or an identity."""

    def elsewhere(self, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield (key, scope) of those keys that are known under any scope."""

    def body(self, scope: str, key: str) -> bytes | None:
        """Return the body that was stored with the key's first intent, or None."""

    def waiting(self, scope: str | None = None) -> Iterator[tuple[str, Entry]]:
        """Yield (scope, entry) of all entries `in_doubt`, oldest attempt first."""

    def resolve(self, scope: str, resolutions: Sequence[Resolution], *, file: str) -> None:
        """Apply what a person said, all or nothing, and keep who, when and why.

        `created` and `not created` move an in-doubt entry; `send` releases a key of which no
        attempt was applied.
        """

    def released(self, scope: str, keys: Iterable[str]) -> Mapping[str, Sequence[Release]]:
        """Return those keys that a person released with `send` → when and where that was said."""

    def said_beside(self, scope: str, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield (key that stood in the row, key that was released) of earlier words `send`."""

    def purchase_ids(self, scope: str, purchase_ids: Iterable[str]) -> Iterator[Entry]:
        """Yield the entries that hold one of these purchase ids already, in any letter case."""

    def blank_bodies(self, before: datetime, limit: int) -> int:
        """Forget the bodies of up to `limit` entries settled before then; return how many.

        Entries in doubt or on their way keep theirs, and everything else is kept for ever.
        """

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Yield (scope, entry) of every key ever sent, in no particular order."""

    def faults(self) -> list[str]:
        """Return what is wrong with the store itself, a line each; sound: none. Reads all of it."""

    def imports(self, limit: int = 20) -> list[ImportCounts]:
        """Return the latest imports, newest first."""

    def close(self) -> None:
        """Release the file. A closed ledger raises LedgerError on every call."""
