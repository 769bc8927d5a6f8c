"""Calls and purchases → an append-only JSONL file, and back. Touches that one file.

The audit is the sandbox's memory and the tests' witness: a purchase exists when, and only when,
its line does. Each line is one `write` to the kernel, so kill -9 of the sandbox loses nothing.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from importer.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Received:
    """A call as it came in, before anything was decided about it."""

    call: int
    """Numbers the calls of this audit file from 1, across restarts."""
    at: str
    """ISO 8601, UTC."""
    action: str | None
    key: str | None
    """The `Idempotency-Key` header."""
    fault: str
    """What the fault plan did to this call."""
    sha256: str
    """Of the body, in hex."""
    body: str


@dataclass(frozen=True, slots=True)
class Committed:
    """A purchase that exists in the sandbox, and the rewards that it paid."""

    call: int
    """The call that made it."""
    at: str
    purchase_id: str
    key: str | None
    sha256: str
    lead_id: str
    amount: str | None
    """Exactly the number that the call sent, as Decimal writes it."""
    rewards: int
    """How many rewards were paid."""
    trigger_ids: tuple[str, ...]
    """The reward triggers that paid them."""
    purchase: dict[str, Any]
    """The purchase as Keen shows it."""


Line: TypeAlias = Received | Committed
_EVENTS: Final[dict[str, type[Line]]] = {"received": Received, "committed": Committed}
_NAMES: Final = {kind: event for event, kind in _EVENTS.items()}
_START: Final = b'{"event":"'
_MEMBERS: Final = {kind: tuple(member.name for member in fields(kind)) for kind in _NAMES}
PURCHASE_ACTIONS: Final = frozenset({"create_purchase_custom", "create_purchase"})


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit file says, in the order in which it happened."""

    received: tuple[Received, ...] = ()
    """Every call, whatever its action."""
    committed: tuple[Committed, ...] = ()

    @property
    def purchase_calls(self) -> tuple[Received, ...]:
        """The calls that asked for a purchase."""
        return tuple(call for call in self.received if call.action in PURCHASE_ACTIONS)

    @property
    def rewards(self) -> int:
        """How many rewards were paid in all."""
        return sum(purchase.rewards for purchase in self.committed)

    def purchases_by_key(self) -> dict[str | None, list[Committed]]:
        """Return the purchases of each idempotency key: more than one is a double."""
        purchases: defaultdict[str | None, list[Committed]] = defaultdict(list)
        for purchase in self.committed:
            purchases[purchase.key].append(purchase)
        return dict(purchases)

    def bodies_by_key(self) -> dict[str | None, set[str]]:
        """Return the different bodies that came under each key: more than one is a fault."""
        bodies: defaultdict[str | None, set[str]] = defaultdict(set)
        for call in self.purchase_calls:
            bodies[call.key].add(call.body)
        return dict(bodies)


def read_audit(path: Path) -> Audit:
    """Return what `path` says so far; a file that does not exist says nothing.

    A last line without its newline is being written at this moment, and is left out.
    """
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
    except FileNotFoundError:
        return Audit()
    return _parse(whole)


def _parse(whole: bytes) -> Audit:
    received: list[Received] = []
    committed: list[Committed] = []
    for text in whole.splitlines():
        members = json.loads(text)
        if _EVENTS[members.pop("event")] is Received:
            received.append(Received(**members))
        else:
            trigger_ids = tuple(members.pop("trigger_ids"))
            committed.append(Committed(**members, trigger_ids=trigger_ids))
    return Audit(tuple(received), tuple(committed))


class AuditFile:
    """The audit, open for appending. `past` is what it said when it was opened."""

    def __init__(self, path: Path) -> None:
        """Open or create `path`. Raises UsageError where it is no audit or cannot be opened."""
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            self._file = os.open(path, flags, 0o600)
        except OSError as error:
            raise UsageError(
                f"The audit {path} cannot be opened: {error.strerror}.",
                "Name a file that can be written.",
                code="audit-unusable",
            ) from error
        whole, newline, torn = path.read_bytes().rpartition(b"\n")
        try:
            self.past = _parse(whole)
            if not (_START.startswith(torn) or torn.startswith(_START)):
                raise ValueError("the last line is none of ours")  # noqa: TRY301
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            os.close(self._file)
            raise UsageError(
                f"{path} is not an audit of the sandbox.",
                "Name a new file; this one was left as it is.",
                code="audit-unusable",
            ) from error
        # A line torn by the machine's end was never answered: what it meant does not exist.
        os.ftruncate(self._file, len(whole) + len(newline))

    def append(self, line: Line) -> None:
        """Write one line; it survives this process when the call returns. Raises OSError."""
        kind = type(line)
        # `asdict` copies in depth, which took a third of a call's time.
        members = {"event": _NAMES[kind], **{name: getattr(line, name) for name in _MEMBERS[kind]}}
        encoded = json.dumps(members, separators=(",", ":")).encode() + b"\n"
        if os.write(self._file, encoded) != len(encoded):
            raise OSError(f"The audit {self.path} could not take a whole line.")

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)
