"""A row and what the ledger knows of it → send it, or its status. Pure.

The plan before the sending and the results after it are made by this one function, so the two
cannot disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from importer.ledger.contract import LedgerState
from importer.model import RowResult, RowStatus, may_send_again
from importer.planner.guard import LIVE

if TYPE_CHECKING:
    from datetime import datetime

    from importer.ledger.contract import Entry
    from importer.planner.guard import Conflict

LOOK_UP: Final = "Look it up in Keen, then write `created` or `not created` into keen_resolution."


@dataclass(frozen=True, slots=True)
class Candidate:
    """A valid row that has claimed its purchase."""

    row: int
    key: str
    twin_row: int | None = None
    """The row of the file that stands for the same purchase before this one."""
    conflict: Conflict | None = None
    released: bool = False
    """A person said `send` to this very key."""
    evidence_key: str | None = None
    """The key of an entry that may have been applied, which the row carries though its content
    is another. It stays in the results until the row itself is created: written over, the next
    edit of the row would send it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the user said about rows that are held otherwise, and how doubt may be retried."""

    allow_duplicates: bool = False
    retry_rejected: bool = False
    key_retention: float = 0.0
    """Hours for which Keen remembers an idempotency key; 0: it honours none."""
    timeout: float = 0.0
    """Seconds that one attempt may take."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether the row is to be sent, and its result if nothing (more) is sent."""

    send: bool
    result: RowResult


def judge(
    candidate: Candidate, entry: Entry | None, policy: Policy, *, run_id: int | None, now: datetime
) -> Judgement:
    """Return what is to be done with a valid row, in the order of precedence of the statuses.

    `run_id` is the present run once it has begun: what it created is `created`, and what it has
    tried is neither tried again nor held any more.
    """
    if entry is not None:
        tried_now = run_id is not None and entry.run_id == run_id
        rejected = entry.state is LedgerState.REJECTED and not policy.retry_rejected
        if tried_now or rejected or entry.state in LIVE:
            send = not tried_now and _is_covered(entry, policy, now)
            return Judgement(send, _told_by_ledger(candidate, entry, tried_now=tried_now))
    hold = _hold(candidate, policy)
    if hold is None:
        return Judgement(send=True, result=_unsent(candidate, entry))
    return Judgement(send=False, result=_held(candidate, entry, *hold))


def _is_covered(entry: Entry, policy: Policy, now: datetime) -> bool:
    """Whether a doubt may go out again: Keen still remembers the key of every attempt."""
    if entry.state is not LedgerState.IN_DOUBT:
        return False
    hours = min(policy.key_retention, entry.retention)
    return may_send_again(entry.first_sent_at, hours, now, policy.timeout)


def _hold(candidate: Candidate, policy: Policy) -> tuple[RowStatus, str, str] | None:
    """Return status, code and message of why the row is held, or None. All reasons are told."""
    if candidate.released:
        return None
    conflict = candidate.conflict
    if candidate.twin_row is not None and not policy.allow_duplicates:
        message = (
            f"The same purchase stands in row {candidate.twin_row}. If both are meant, run with "
            "--allow-duplicates, or write `send` into keen_resolution and run `importer resolve`."
        )
        if conflict is not None:
            message = f"{message} Besides: {conflict.message}"
        return RowStatus.DUPLICATE, "duplicate-row", message
    if conflict is not None:
        return RowStatus.CONFLICT, conflict.code, conflict.message
    return None


def _told_by_ledger(candidate: Candidate, entry: Entry, *, tried_now: bool) -> RowResult:
    """Return the result where the ledger's state alone decides it."""
    code, message, key = entry.code, entry.message, candidate.key
    if entry.state is LedgerState.CREATED:
        status = RowStatus.CREATED if tried_now else RowStatus.ALREADY_CREATED
        code = None if tried_now else "already-created"
        message = None if tried_now else _created_by(entry)
    elif entry.state in LIVE:
        status = RowStatus.IN_DOUBT
        if not tried_now:  # it is another row's doubt, which may end as never created
            key = candidate.evidence_key or candidate.key
        if entry.state is LedgerState.SENDING:
            code, message = "interrupted", "The run ended before its answer was known."
        message = f"{message} {LOOK_UP}"
    else:
        rejected = entry.state is LedgerState.REJECTED
        status = RowStatus.REJECTED if rejected else RowStatus.UNSENT
        key = candidate.evidence_key or candidate.key
    return _result(candidate, entry, status, code, message, key)


def _created_by(entry: Entry) -> str:
    day = entry.last_sent_at.date().isoformat()
    if entry.run_id == 0:  # a person's word
        return f"Sent by {entry.file}, row {entry.row}, on {day}; nothing now. {entry.message}"
    return f"Created by {entry.file}, row {entry.row}, on {day}; nothing was sent."


def _held(
    candidate: Candidate, entry: Entry | None, status: RowStatus, code: str, message: str
) -> RowResult:
    if entry is not None and entry.state is LedgerState.REJECTED:
        # What the ledger says comes first; why it is not sent again is told beside.
        status, code = RowStatus.REJECTED, entry.code or code
        message = f"{entry.message} Not sent again: {message}"
    key = candidate.evidence_key or candidate.key
    return _result(candidate, entry, status, code, message, key)


def _unsent(candidate: Candidate, entry: Entry | None) -> RowResult:
    """Return the result of a row that may be sent, if it is not reached."""
    key = candidate.evidence_key or candidate.key
    if entry is None:
        told = "Not sent yet; run again."
        return _result(candidate, None, RowStatus.UNSENT, "not-reached", told, key)
    if entry.state is LedgerState.REJECTED:
        return _result(candidate, entry, RowStatus.REJECTED, entry.code, entry.message, key)
    return _result(candidate, entry, RowStatus.UNSENT, entry.code, entry.message, key)


def _result(  # noqa: PLR0917 - the columns of a result
    candidate: Candidate,
    entry: Entry | None,
    status: RowStatus,
    code: str | None,
    message: str | None,
    key: str,
) -> RowResult:
    if entry is None:
        return RowResult(candidate.row, status, error_code=code, error=message, key=key)
    return RowResult(
        row=candidate.row,
        status=status,
        purchase_id=entry.purchase_id,
        error_code=code,
        error=message,
        http_status=entry.http_status,
        attempts=entry.attempts,
        key=key,
        sent_at=entry.last_sent_at,
    )
