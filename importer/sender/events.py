"""What the sender tells while it works, and what it says at its end: frozen values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from importer.errors import ImporterError
    from importer.ledger.contract import Settlement
    from importer.model import Outcome


class Attempted(NamedTuple):
    """One HTTP call was made. `attempt` counts the row's attempts of this run from 1."""

    row: int
    attempt: int
    outcome: Outcome
    seconds: float
    """How long the call lasted."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """The row will be tried again."""

    row: int
    attempt: int
    outcome: Outcome
    seconds: float
    """The wait before it."""


class Settled(NamedTuple):
    """The sender is done with a row in this run; `outcome` is that of its last attempt."""

    row: int
    attempts: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Paused:
    """All workers wait."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """No row is admitted any more; what is on its way is awaited."""

    why: str


Event: TypeAlias = Attempted | Retrying | Settled | Paused | Stopped


@dataclass(frozen=True, slots=True)
class SendReport:
    """What one call of `send` did. The ledger holds what became of each row."""

    created: int
    rejected: int
    in_doubt: int
    unsent: int
    """Rows that were tried, and of which every attempt provably did nothing."""
    stop: ImporterError | None
    """Why rows were left, where neither a person nor the end of the rows is the reason."""
    signal: int | None
    unstored: tuple[Settlement, ...]
    """Outcomes that the ledger could not store: their keys and purchase ids must be shown."""
    bug: Exception | None = None
    """What ended the sending and should not have happened: to be raised once all else is done."""
