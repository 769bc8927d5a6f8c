"""Keen's answers, over HTTP."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from importer.sandbox.company import (
    SANDBOX_API_KEY,
    sandbox_channel,
    sandbox_lead,
    sandbox_product,
    sandbox_trigger,
)
from importer.sandbox.faults import FaultPlan
from tests.sandbox.client import ORDER, send, wait_until

if TYPE_CHECKING:
    from importer.sandbox.server import Sandbox
    from tests.sandbox_server import StartSandbox

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def post(sandbox: Sandbox, fields: dict[str, Any], **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = json.dumps(fields, separators=(",", ":"))  # as `send` writes it
    return httpx.post(sandbox.url, content=body, headers={"X-Api-Key": SANDBOX_API_KEY, **named})


def test_a_purchase_is_answered_in_keens_shape_and_audited(sandbox: Sandbox) -> None:
    fields = {**ORDER, "product_description": "green", "date": "2026-03-04T10:20:30Z"}
    answer = post(sandbox, fields, Idempotency_Key="k-1")
    assert answer.status_code == 200
    purchase = answer.json()["purchase"]
    (committed,) = sandbox.audit.committed
    assert purchase == {
        "id": committed.purchase_id,
        "created_at": committed.at,
        "leads_id": sandbox_lead(1),
        "name": "Tea",
        "description": "green",
        "purchase_amount": 19.9,
        "date": "2026-03-04T10:20:30+00:00",
    }
    (received,) = sandbox.audit.received
    assert (received.call, received.action) == (1, "create_purchase_custom")
    assert received.key == committed.key == "k-1"
    assert received.body.encode() == answer.request.content
    assert committed.sha256 == hashlib.sha256(answer.request.content).hexdigest()
    assert committed.amount == "19.9"
    assert (committed.rewards, committed.trigger_ids) == (
        2,
        (sandbox_trigger(1), sandbox_trigger(2)),
    )


def test_a_named_trigger_pays_one_reward(sandbox: Sandbox) -> None:
    assert post(sandbox, {**ORDER, "trigger_ids": [sandbox_trigger(2)]}).status_code == 200
    assert sandbox.audit.committed[0].trigger_ids == (sandbox_trigger(2),)
    assert sandbox.audit.rewards == 1


def test_a_catalogue_purchase_commits_too(sandbox: Sandbox) -> None:
    fields = {"action": "create_purchase", "lead_id": sandbox_lead(1)}
    answer = post(sandbox, {**fields, "product_id": sandbox_product(1)})
    assert answer.json()["purchase"]["name"] == "Starter plan"
    assert sandbox.audit.committed[0].amount == "49.00"


@pytest.mark.parametrize("key", [None, "", "5a4d0b0c-5a4d-4b0c-8a4d-000000000000"])
def test_a_missing_or_wrong_api_key_is_401(sandbox: Sandbox, key: str | None) -> None:
    headers = {} if key is None else {"X-Api-Key": key}
    answer = httpx.post(sandbox.url, json=ORDER, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "Invalid API key"})
    assert sandbox.audit.committed == ()


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({}, 400, "action required"),
        ({"action": "delete_purchase"}, 400, "Unknown action: delete_purchase"),
        ({"action": "half \ud800"}, 400, "Unknown action: half ?"),
        ({"action": "create_purchase_custom"}, 400, "lead_id required"),
        ({**ORDER, "lead_id": UNKNOWN}, 403, "Lead not accessible"),
        ({"action": "get_lead_by_id", "lead_id": UNKNOWN}, 404, "Lead not found"),
        ({"action": "get_leads"}, 400, "channel_id required"),
        ({"action": "get_leads", "channel_id": UNKNOWN}, 403, "Channel not accessible"),
    ],
)
def test_a_refusal_is_a_status_and_an_error(
    start_sandbox: StartSandbox, fields: dict[str, Any], status: int, error: str
) -> None:
    answer = post(start_sandbox(any_lead=False), fields)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_what_is_no_json_is_refused_and_audited_all_the_same(sandbox: Sandbox) -> None:
    answer = httpx.post(sandbox.url, content=b"\xff", headers={"X-Api-Key": SANDBOX_API_KEY})
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid JSON"})
    assert sandbox.audit.received[0].sha256 == hashlib.sha256(b"\xff").hexdigest()


def test_another_path_is_the_platforms_404_and_another_method_a_405(sandbox: Sandbox) -> None:
    elsewhere = httpx.post(sandbox.url + "-old", json=ORDER)
    assert elsewhere.status_code == 404
    assert elsewhere.headers["sb-error-code"] == "NOT_FOUND"
    assert "error" not in elsewhere.json()
    got = httpx.get(sandbox.url)
    assert (got.status_code, got.json()) == (405, {"error": "Method not allowed"})


def test_reading_actions_show_channels_and_the_newest_hundred_leads(sandbox: Sandbox) -> None:
    channels = post(sandbox, {"action": "get_channels"}).json()["channels"]
    assert channels[0] == {
        "id": sandbox_channel(1),
        "title": "Referral partners",
        "currency": "EUR",
    }
    leads = post(sandbox, {"action": "get_leads", "channel_id": sandbox_channel(2)}).json()
    assert [lead["id"] for lead in leads[:2]] == [sandbox_lead(1000), sandbox_lead(990)]
    assert len(leads) == 100
    lead = post(sandbox, {"action": "get_lead_by_id", "lead_id": sandbox_lead(7)}).json()["lead"]
    assert lead["email"] == "lead7@example.com"
    assert sandbox.audit.committed == ()
    assert (sandbox.total_requests, sandbox.purchase_requests) == (3, 0)


def test_a_probe_fails_by_its_own_script(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(FaultPlan(shares={"http-402": 1.0}, probe_script=["http-401"]))
    channels = {"action": "get_channels"}
    assert [post(sandbox, channels).status_code for _ in range(2)] == [401, 200]
    assert post(sandbox, ORDER).status_code == 402


def test_keen_as_it_is_commits_a_known_key_again(sandbox: Sandbox) -> None:
    ids = {post(sandbox, ORDER, Idempotency_Key="k").json()["purchase"]["id"] for _ in range(2)}
    assert len(ids) == 2
    assert {p.purchase_id for p in sandbox.audit.purchases_by_key()["k"]} == ids


def test_an_honoured_key_answers_with_its_first_purchase(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(honour_keys=True)
    first, second = (post(sandbox, ORDER, Idempotency_Key="k") for _ in range(2))
    assert first.json() == second.json()
    assert len(sandbox.audit.committed) == 1
    other = post(sandbox, {**ORDER, "product_name": "Coffee"}, Idempotency_Key="k")
    assert other.status_code == 422
    assert json.loads(other.content)["error"]
    post(sandbox, ORDER)
    post(sandbox, ORDER)
    assert len(sandbox.audit.committed) == 3


def test_an_honoured_key_is_409_while_its_first_call_runs(start_sandbox: StartSandbox) -> None:
    plan = FaultPlan(script=["late-commit"], hang_seconds=1e6)
    sandbox = start_sandbox(plan, honour_keys=True)
    running = send(sandbox, key="k")
    wait_until(lambda: sandbox.under_way == 1)
    assert post(sandbox, ORDER, Idempotency_Key="k").status_code == 409
    assert post(sandbox, ORDER, Idempotency_Key="other").status_code == 200
    running.close()
    wait_until(lambda: len(sandbox.audit.committed) == 2)
    assert post(sandbox, ORDER, Idempotency_Key="k").status_code == 200
    assert len(sandbox.audit.committed) == 2


def test_concurrent_purchases_are_counted_at_their_peak(start_sandbox: StartSandbox) -> None:
    sandbox = start_sandbox(FaultPlan(shares={"hang-before-commit": 1.0}, hang_seconds=1e6))
    connections = [send(sandbox) for _ in range(5)]
    wait_until(lambda: sandbox.under_way == 5)
    for connection in connections:
        connection.close()
    wait_until(lambda: sandbox.under_way == 0)
    assert sandbox.peak_concurrency == 5
