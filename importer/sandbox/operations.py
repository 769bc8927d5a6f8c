"""A call's fields → Keen's answer; a purchase is committed to the audit first. Touches the audit.

One event loop runs every call, and nothing here waits: so each commit is alone.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from importer.sandbox.audit import AuditFile, Committed, Received
from importer.sandbox.company import SANDBOX_API_KEY, Company
from importer.sandbox.orders import Fields, Order, Refusal, read_order, read_uuid

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEWEST: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and what its JSON body says."""

    status: int
    payload: Any


class Operations:
    """Keen's actions over one company and one audit."""

    def __init__(
        self, company: Company, audit: AuditFile, *, any_lead: bool, honour_keys: bool
    ) -> None:
        self._company = company
        self._audit = audit
        self._any_lead = any_lead
        self._honour_keys = honour_keys
        self._running: set[str] = set()
        self._by_key: dict[str, Committed] = {}
        for purchase in audit.past.committed:
            self._remember(purchase)

    @contextmanager
    def running(self, key: str | None) -> Iterator[None]:
        """Hold `key` while its purchase is under way. Raises Refusal (409) where it is held."""
        if not self._honour_keys or key is None:
            yield
            return
        if key in self._running:
            raise Refusal(409, "A request with this Idempotency-Key is still running")
        self._running.add(key)
        try:
            yield
        finally:
            self._running.remove(key)

    def commit(self, call: Received, fields: Fields) -> Answer:
        """Record a purchase and pay its rewards; return Keen's answer. Raises Refusal."""
        order = read_order(fields, self._company, any_lead=self._any_lead)
        earlier = self._by_key.get(call.key) if self._honour_keys and call.key else None
        if earlier is None:
            earlier = self._record(call, order)
        elif earlier.sha256 != call.sha256:
            raise Refusal(422, "Idempotency-Key was used with another body")
        return Answer(200, {"purchase": earlier.purchase})

    def read(self, fields: Fields) -> Answer:
        """Return the answer of a reading action. Raises Refusal for an unknown action too."""
        match fields.get("action"):
            case None | "":
                raise Refusal(400, "action required")
            case "get_channels":
                channels = [asdict(channel) for channel in self._company.channels]
                return Answer(200, {"channels": channels})
            case "get_leads":
                return Answer(200, self._newest_leads(read_uuid(fields, "channel_id")))
            case "get_lead_by_id":
                lead = self._company.leads.get(read_uuid(fields, "lead_id"))
                if lead is None:
                    raise Refusal(404, "Lead not found")
                return Answer(200, {"lead": asdict(lead)})
            case unknown:
                raise Refusal(400, f"Unknown action: {unknown}")

    def _newest_leads(self, channel_id: str) -> list[dict[str, Any]]:
        if all(channel.id != channel_id for channel in self._company.channels):
            raise Refusal(403, "Channel not accessible")
        leads = [lead for lead in self._company.leads.values() if lead.channel_id == channel_id]
        return [asdict(lead) for lead in reversed(leads[-_NEWEST:])]

    def _record(self, call: Received, order: Order) -> Committed:
        now = datetime.now(UTC)
        purchase = {
            "id": str(uuid.uuid4()),
            "created_at": now.isoformat(),
            "leads_id": order.lead_id,
            "name": order.name,
            "description": order.description,
            "purchase_amount": None if order.amount is None else float(order.amount),
            "date": (order.date or now).isoformat(),
        }
        committed = Committed(
            call=call.call,
            at=now.isoformat(),
            purchase_id=str(purchase["id"]),
            key=call.key,
            sha256=call.sha256,
            lead_id=order.lead_id,
            amount=None if order.amount is None else str(order.amount),
            rewards=len(order.triggers),
            trigger_ids=tuple(trigger.id for trigger in order.triggers),
            purchase=purchase,
        )
        self._audit.append(committed)
        self._remember(committed)
        return committed

    def _remember(self, purchase: Committed) -> None:
        if purchase.key is not None:
            self._by_key.setdefault(purchase.key, purchase)


def check_api_key(key: str | None) -> None:
    """Raise Refusal (401) unless `key` is the sandbox's."""
    if key != SANDBOX_API_KEY:
        raise Refusal(401, "Invalid API key")
