"""What Keen takes, and what it says to the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.sandbox.company import (
    build_company,
    sandbox_lead,
    sandbox_product,
    sandbox_trigger,
)
from importer.sandbox.orders import Order, Refusal, read_fields, read_order

COMPANY = build_company(20)
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def order(fields: dict[str, Any], *, any_lead: bool = False) -> Order:
    call = {"action": "create_purchase_custom", "lead_id": sandbox_lead(1), **fields}
    return read_order(read_fields(json.dumps(call).encode()), COMPANY, any_lead=any_lead)


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"lead_id": None}, 400, "lead_id required"),
        ({"lead_id": ""}, 400, "lead_id required"),
        ({"lead_id": 7}, 400, "lead_id must be a uuid"),
        ({"lead_id": sandbox_lead(1).replace("-", "")}, 400, "lead_id must be a uuid"),
        ({"lead_id": UNKNOWN}, 403, "Lead not accessible"),
        ({"product_name": 7}, 400, "product_name must be a string"),
        ({"product_description": "a\0b"}, 400, "product_description must be a string"),
        ({"product_name": "half \ud800"}, 400, "product_name must be a string"),
        ({"purchase_amount": "19.90"}, 400, "purchase_amount must be a number"),
        ({"purchase_amount": True}, 400, "purchase_amount must be a number"),
        ({"date": 46053}, 400, "date must be a timestamp"),
        ({"date": "2026-W05-1"}, 400, "date must be a timestamp"),
        ({"date": "2026-02-30"}, 400, "date must be a timestamp"),
        ({"trigger_ids": sandbox_trigger(1)}, 400, "trigger_ids must be an array of uuid"),
        ({"trigger_ids": ["one"]}, 400, "trigger_ids must be a uuid"),
        (
            {"trigger_ids": [sandbox_trigger(3)]},
            400,
            "trigger_ids must be active triggers of the lead's channel",
        ),
        (
            {"trigger_ids": [sandbox_trigger(1), sandbox_trigger(4)]},
            400,
            "trigger_ids must be active triggers of the lead's channel",
        ),
        ({"action": "create_purchase"}, 400, "product_id required"),
        ({"action": "create_purchase", "product_id": UNKNOWN}, 404, "Product not found"),
    ],
)
def test_a_wrong_field_is_refused_in_keens_way(
    fields: dict[str, Any], status: int, error: str
) -> None:
    with pytest.raises(Refusal) as refusal:
        order(fields)
    assert (refusal.value.status, refusal.value.error) == (status, error)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b'{"a": NaN}',
        b'{"a": 1e9999999999999999999}',
        b"\xff",
        b"[" * 99_999,
    ],
)
def test_what_is_not_one_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refusal:
        read_fields(body)
    assert (refusal.value.status, refusal.value.error) == (400, "Invalid JSON")


def test_an_amount_beyond_every_double_is_refused() -> None:
    fields = {"action": "create_purchase_custom", "lead_id": sandbox_lead(1)}
    with pytest.raises(Refusal):
        read_order({**fields, "purchase_amount": Decimal("1e999")}, COMPANY, any_lead=False)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**12, min_value=0))
def test_an_amount_is_kept_to_its_last_digit(amount: Decimal) -> None:
    body = f'{{"action":"create_purchase_custom","lead_id":"{sandbox_lead(1)}",'
    fields = read_fields(f'{body}"purchase_amount":{amount:f}}}'.encode())
    read = read_order(fields, COMPANY, any_lead=False)
    assert str(read.amount) == str(amount)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-03-04", datetime(2026, 3, 4, tzinfo=UTC)),
        ("2026-03-04T10:20:30.5Z", datetime(2026, 3, 4, 10, 20, 30, 500_000, tzinfo=UTC)),
        ("2026-03-04 10:20+02:00", datetime(2026, 3, 4, 8, 20, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_read_in_utc_where_it_says_nothing_else(text: str, date: datetime) -> None:
    assert order({"date": text}).date == date


def test_all_active_triggers_fire_unless_some_are_named() -> None:
    assert [t.id for t in order({}).triggers] == [sandbox_trigger(1), sandbox_trigger(2)]
    named = order({"trigger_ids": [sandbox_trigger(2).upper(), sandbox_trigger(2)]})
    assert [t.id for t in named.triggers] == [sandbox_trigger(2)]
    assert order({"trigger_ids": []}).triggers == ()
    assert [t.id for t in order({"lead_id": sandbox_lead(10)}).triggers] == [sandbox_trigger(4)]


def test_any_lead_puts_unknown_leads_into_the_first_channel() -> None:
    read = order({"lead_id": UNKNOWN}, any_lead=True)
    assert [t.id for t in read.triggers] == [sandbox_trigger(1), sandbox_trigger(2)]


def test_a_catalogue_product_brings_its_name_and_price() -> None:
    fields = {"action": "create_purchase", "product_id": sandbox_product(2), "description": "May"}
    read = order(fields)
    assert (read.name, read.description, read.amount) == ("Team plan", "May", Decimal("199.00"))
    assert order({**fields, "purchase_amount": 0}).amount == Decimal(0)
