"""Deliveries, outcomes and runs for the ledger's tests."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from importer.ledger.contract import (
    Cause,
    Choice,
    Intent,
    LedgerState,
    Resolution,
    Settlement,
)
from importer.model import Delivery, Next, Outcome, PurchaseRequest, Verdict

if TYPE_CHECKING:
    from importer.ledger.contract import Entry, Ledger

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SCOPE = "keen"

APPLIED = Outcome(Verdict.APPLIED, Next.DONE, "created", "Created.", 200, "purchase-1")
REFUSED = Outcome(Verdict.NOT_APPLIED, Next.REJECT, "http-403", "Lead not accessible", 403)
NOT_APPLIED = Outcome(Verdict.NOT_APPLIED, Next.RETRY, "connect-error", "No connection.")
UNPROVEN = Outcome(Verdict.IN_DOUBT, Next.HOLD, "read-timeout", "No answer.")

OUTCOMES = {
    Cause.APPLIED: APPLIED,
    Cause.REFUSED: REFUSED,
    Cause.NOT_APPLIED: NOT_APPLIED,
    Cause.UNPROVEN: UNPROVEN,
}
CHOICES = {Cause.PERSON_FOUND: Choice.CREATED, Cause.PERSON_MISSED: Choice.NOT_CREATED}


def minutes(number: float) -> datetime:
    """Noon and so many minutes."""
    return NOON + timedelta(minutes=number)


def uuid(number: int) -> str:
    return str(UUID(int=number))


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def deliver(  # one row; each argument may be another than usual
    row: int,
    *,
    key: str | None = None,
    content: bytes | None = None,
    occurrence: int = 1,
    identity: bytes | None = None,
    lead: int = 7,
    request: PurchaseRequest | None = None,
    action: str = "create_purchase_custom",
) -> Delivery:
    if request is None:
        request = PurchaseRequest(
            lead_id=UUID(uuid(lead)), product_name="Tea", purchase_amount=Decimal("12.50")
        )
    return Delivery(
        row=row,
        key=key or uuid(row),
        recipe=1,
        content=content or digest(f"content {row}"),
        occurrence=occurrence,
        identity=identity,
        request=request,
        body=request.body(action),
    )


def intend(delivery: Delivery, at: datetime = NOON, retention: float = 0.0) -> Intent:
    return Intent(delivery, at, retention=retention)


def settle(delivery: Delivery, outcome: Outcome, at: datetime = NOON) -> Settlement:
    return Settlement(delivery.key, delivery.row, outcome, at)


def say(key: str, choice: Choice, purchase_id: str | None = None) -> Resolution:
    return Resolution(key, choice, purchase_id, by="ana", note="seen in Keen", at=minutes(60))


def begin(
    ledger: Ledger,
    *,
    scope: str = SCOPE,
    batch: str = "",
    file: str = "march.csv",
    content: bytes = b"rows",
    at: datetime = NOON,
) -> int:
    """Begin a run and return its id."""
    _, run_id = ledger.begin_run(
        scope=scope, batch=batch, file=file, content=content, plan="{}", at=at
    )
    return run_id


def entry_of(ledger: Ledger, key: str, scope: str = SCOPE) -> Entry | None:
    return next(iter(ledger.find(scope, [key])), None)


def bring(ledger: Ledger, run_id: int, delivery: Delivery, state: LedgerState | None) -> None:
    """Bring a delivery that was never sent to `state`."""
    if state is None:
        return
    ledger.commit(run_id, [intend(delivery)])
    outcome = {
        LedgerState.CREATED: APPLIED,
        LedgerState.REJECTED: REFUSED,
        LedgerState.UNSENT: NOT_APPLIED,
        LedgerState.IN_DOUBT: UNPROVEN,
    }.get(state)
    if outcome is not None:
        ledger.commit(run_id, [settle(delivery, outcome)])


def apply(ledger: Ledger, run_id: int, delivery: Delivery, cause: Cause) -> None:
    """Change the delivery's entry by `cause`, in whichever way a ledger offers it."""
    if cause in OUTCOMES:
        ledger.commit(run_id, [settle(delivery, OUTCOMES[cause], minutes(1))])
    elif cause in CHOICES:
        ledger.resolve(SCOPE, [say(delivery.key, CHOICES[cause])], file="results.csv")
    elif cause is Cause.RUN_DIED:
        ledger.interrupted(minutes(1))
    else:
        ledger.commit(run_id, [Intent(delivery, minutes(1), cause)])
