"""The JSON fields of a purchase call and the company → an order, or Keen's refusal. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.sandbox.company import Company, Trigger

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_TIMESTAMP: Final = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?", re.ASCII
)
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""What PostgreSQL stores in no text: NUL and halves of characters."""

Fields: TypeAlias = "Mapping[str, Any]"


class Refusal(Exception):  # noqa: N818 - Keen's answer, not this program's fault
    """Keen says no: an HTTP status and the text of its `error`."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


@dataclass(frozen=True, slots=True)
class Order:
    """A purchase that Keen would take, with the reward triggers that it fires."""

    lead_id: str
    name: str | None
    description: str | None
    amount: Decimal | None
    """In the currency of the lead's channel."""
    date: datetime | None
    triggers: tuple[Trigger, ...]


def read_fields(body: bytes) -> Fields:
    """Return the members of a call's JSON object, numbers as exact Decimals.

    Raises Refusal (400) for anything that is not one JSON object.
    """
    try:
        fields = json.loads(
            body, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant
        )
    except (ValueError, ArithmeticError, RecursionError):
        raise Refusal(400, "Invalid JSON") from None
    if not isinstance(fields, dict):
        raise Refusal(400, "Invalid JSON")
    return fields


def read_order(fields: Fields, company: Company, *, any_lead: bool) -> Order:
    """Return the order of a `create_purchase_custom` or `create_purchase` call.

    `any_lead` puts every unknown lead into channel 1. Raises Refusal as Keen answers: 400 for
    fields, 403 for the lead's channel, 404 for a product.
    """
    lead_id = read_uuid(fields, "lead_id")
    name: str | None
    if fields["action"] == "create_purchase":
        product_id = read_uuid(fields, "product_id")
        product = next((p for p in company.products if p.id == product_id), None)
        if product is None:
            raise Refusal(404, "Product not found")
        name, description = product.name, _text(fields, "description")
        amount = product.price if fields.get("purchase_amount") is None else _amount(fields)
    else:
        name, description = _text(fields, "product_name"), _text(fields, "product_description")
        amount = _amount(fields)
    date = _date(fields)
    lead = company.leads.get(lead_id)
    if lead is None and not any_lead:
        raise Refusal(403, "Lead not accessible")
    channel_id = company.channels[0].id if lead is None else lead.channel_id
    triggers = _triggers(fields, company.triggers_of(channel_id))
    return Order(lead_id, name, description, amount, date, triggers)


def read_uuid(fields: Fields, name: str) -> str:
    """Return a required UUID in lower case. Raises Refusal (400)."""
    text = fields.get(name)
    if text is None or text == "":
        raise Refusal(400, f"{name} required")
    if not isinstance(text, str) or not _UUID.fullmatch(text):
        raise Refusal(400, f"{name} must be a uuid")
    return text.lower()


def _text(fields: Fields, name: str) -> str | None:
    text = fields.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or _NO_TEXT.search(text):
        raise Refusal(400, f"{name} must be a string")
    return text


def _amount(fields: Fields) -> Decimal | None:
    amount = fields.get("purchase_amount")
    if amount is None:
        return None
    if not isinstance(amount, Decimal) or abs(float(amount)) == float("inf"):
        raise Refusal(400, "purchase_amount must be a number")
    return amount


def _date(fields: Fields) -> datetime | None:
    text = fields.get("date")
    if text is None:
        return None
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        raise Refusal(400, "date must be a timestamp")
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, "date must be a timestamp") from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _triggers(fields: Fields, active: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
    named = fields.get("trigger_ids")
    if named is None:
        return active
    if not isinstance(named, list):
        raise Refusal(400, "trigger_ids must be an array of uuid")
    wanted = {read_uuid({"trigger_ids": trigger_id}, "trigger_ids") for trigger_id in named}
    fired = tuple(trigger for trigger in active if trigger.id in wanted)
    if len(fired) != len(wanted):
        raise Refusal(400, "trigger_ids must be active triggers of the lead's channel")
    return fired


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity: Python reads them, JSON has none
