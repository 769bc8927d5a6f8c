"""A row and what the ledger knows of it → send it, or its status. Pure.

The plan before the sending and the results after it are made by this one function, so the two
cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.ledger.contract import LedgerState
from importer.model import RowResult, RowStatus
from importer.planner.guard import AMENDED

if TYPE_CHECKING:
    from datetime import datetime

    from importer.ledger.contract import Entry
    from importer.planner.guard import Conflict


@dataclass(frozen=True, slots=True)
class Candidate:
    """A valid row that has claimed its purchase."""

    row: int
    key: str
    twin_row: int | None = None
    """The first row of the file with the same purchase, where this is not it."""
    conflict: Conflict | None = None
    released: bool = False
    """A person said `send` to this very key."""
    carried_key: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user said about rows that are held otherwise, and how doubt may be retried."""

    allow_duplicates: bool = False
    retry_rejected: bool = False
    key_retention: float = 0.0
    """Hours for which Keen remembers an idempotency key; 0: it honours none."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the row is to be sent, and its result if nothing (more) is sent."""

    send: bool
    result: RowResult


def judge(
    candidate: Candidate, entry: Entry | None, policy: Policy, *, run_id: int | None, now: datetime
) -> Judgement:
    """Return what is to be done with a valid row, in the order of precedence of the statuses.

    `run_id` is the present run once it has begun: what it created is `created`, and nothing it
    has tried is tried again by the plan.
    """
    tried_now = entry is not None and entry.run_id == run_id
    if entry is not None and entry.state is not LedgerState.UNSENT:
        send = not tried_now and _may_go_again(entry, policy, now)
        return Judgement(send, _known(candidate, entry, created_now=tried_now))
    if candidate.twin_row is not None and not (policy.allow_duplicates or candidate.released):
        return Judgement(send=False, result=_duplicate(candidate))
    if candidate.conflict is not None and not candidate.released:
        return Judgement(send=False, result=_conflict(candidate, candidate.conflict))
    return Judgement(send=not tried_now, result=_unsent(candidate, entry))


def _may_go_again(entry: Entry, policy: Policy, now: datetime) -> bool:
    """Whether a known key may be sent again: refused and asked for, or covered by retention."""
    if entry.state is LedgerState.REJECTED:
        return policy.retry_rejected
    if entry.state is LedgerState.IN_DOUBT:
        hours = min(policy.key_retention, entry.retention)
        return (now - entry.first_sent_at).total_seconds() < hours * 3600
    return False


def _known(candidate: Candidate, entry: Entry, *, created_now: bool) -> RowResult:
    code, message = entry.code, entry.message
    if entry.state is LedgerState.CREATED:
        status = RowStatus.CREATED if created_now else RowStatus.ALREADY_CREATED
        code = None if created_now else "already-created"
        message = None if created_now else _created_by(entry)
    elif entry.state is LedgerState.REJECTED:
        status = RowStatus.REJECTED
    else:
        status = RowStatus.IN_DOUBT
        if entry.state is LedgerState.SENDING:
            code, message = "interrupted", "The run ended before its answer was known."
    return RowResult(
        row=candidate.row,
        status=status,
        purchase_id=entry.purchase_id,
        error_code=code,
        error=message,
        http_status=entry.http_status,
        attempts=entry.attempts,
        key=candidate.key,
        sent_at=entry.last_sent_at,
    )


def _created_by(entry: Entry) -> str:
    day = entry.last_sent_at.date().isoformat()
    return f"Created by {entry.file}, row {entry.row}, on {day}; nothing was sent."


def _duplicate(candidate: Candidate) -> RowResult:
    return RowResult(
        row=candidate.row,
        status=RowStatus.DUPLICATE,
        error_code="duplicate-row",
        error=(
            f"The same purchase stands in row {candidate.twin_row}. If both are meant, run with "
            "--allow-duplicates, or write `send` into keen_resolution and run `importer resolve`."
        ),
        key=candidate.key,
    )


def _conflict(candidate: Candidate, conflict: Conflict) -> RowResult:
    # An amended row keeps the key it carries: written under its new one, the evidence would be
    # gone and the next run of the results file would send it.
    amended = conflict.code == AMENDED
    return RowResult(
        row=candidate.row,
        status=RowStatus.CONFLICT,
        error_code=conflict.code,
        error=conflict.message,
        key=candidate.carried_key if amended else candidate.key,
    )


def _unsent(candidate: Candidate, entry: Entry | None) -> RowResult:
    if entry is None:
        return RowResult(
            row=candidate.row,
            status=RowStatus.UNSENT,
            error_code="not-reached",
            error="Not sent yet; run again.",
            key=candidate.key,
        )
    return RowResult(
        row=candidate.row,
        status=RowStatus.UNSENT,
        error_code=entry.code,
        error=entry.message,
        http_status=entry.http_status,
        attempts=entry.attempts,
        key=candidate.key,
        sent_at=entry.last_sent_at,
    )
