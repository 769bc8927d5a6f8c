"""An HTTP call → a fault, Keen's answer, or what is left of it: the ASGI app. Touches the audit."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import anyio
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from importer.sandbox.audit import PURCHASE_ACTIONS, AuditFile, Received
from importer.sandbox.effects import EFFECTS, Effect, Pause
from importer.sandbox.faults import FaultPlan, FaultSequence
from importer.sandbox.operations import Answer, Operations, check_api_key
from importer.sandbox.orders import Fields, Refusal, read_fields
from importer.sandbox.wire import render, wait_for_disconnect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

ENDPOINT: Final = "/functions/v1/openapi-operations"


class Gateway:
    """The one endpoint, as an ASGI app. Counts what goes through it."""

    def __init__(self, operations: Operations, audit: AuditFile, plan: FaultPlan) -> None:
        self.faults = FaultSequence(plan)
        self.requests = 0
        """Calls of any action since this process started."""
        self.purchase_requests = 0
        self.peak_concurrency = 0
        """The most purchase calls that were under way at once."""
        self._operations = operations
        self._audit = audit
        self._calls = max((call.call for call in audit.past.received), default=0)
        self.under_way = 0
        """Purchase calls whose answer has not ended yet."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one call from its body to the end of its answer."""
        request = Request(scope, receive)
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        self.requests += 1
        fields: Fields | Refusal
        try:
            fields = read_fields(body)
        except Refusal as refusal:
            fields = refusal
        action = _text(fields, "action")
        purchase = action in PURCHASE_ACTIONS
        faults = self.faults
        fault = faults.next_purchase(_text(fields, "lead_id")) if purchase else faults.next_probe()
        self._calls += 1
        call = Received(
            call=self._calls,
            at=datetime.now(UTC).isoformat(),
            action=action,
            key=request.headers.get("idempotency-key"),
            fault=fault,
            sha256=hashlib.sha256(body).hexdigest(),
            body=body.decode(errors="backslashreplace"),
        )
        self._audit.append(call)
        with self._counted(purchase=purchase):
            answer = await self._answer(request, call, fields, EFFECTS[fault], faults.plan)
            response = render(EFFECTS[fault], answer, faults.plan)
            await response(scope, receive, send)

    async def _answer(
        self,
        request: Request,
        call: Received,
        fields: Fields | Refusal,
        effect: Effect,
        plan: FaultPlan,
    ) -> Answer | None:
        if not effect.commits:
            await anyio.sleep(plan.latency)
            return None
        try:
            check_api_key(request.headers.get("x-api-key"))
            if isinstance(fields, Refusal):
                raise fields
            if call.action not in PURCHASE_ACTIONS:
                await _pause(request, effect, plan)
                return self._operations.read(fields)
            with self._operations.running(call.key):
                await anyio.sleep(plan.latency)
                await _pause(request, effect, plan)
                return self._operations.commit(call, fields)
        except Refusal as refusal:
            return Answer(refusal.status, {"error": refusal.error})

    @contextmanager
    def _counted(self, *, purchase: bool) -> Iterator[None]:
        self.purchase_requests += purchase
        self.under_way += purchase
        self.peak_concurrency = max(self.peak_concurrency, self.under_way)
        try:
            yield
        finally:
            self.under_way -= purchase


def build_app(gateway: Gateway) -> Starlette:
    """Return the app: the gateway at its path, the platform's answers everywhere else."""
    return Starlette(
        routes=[Route(ENDPOINT, gateway, methods=["POST"])],
        exception_handlers={404: _answer_not_found, 405: _answer_not_allowed},
    )


async def _answer_not_found(_request: Request, _error: Exception) -> Response:
    code = "NOT_FOUND"
    payload = {"code": code, "message": "Requested function was not found"}
    return JSONResponse(payload, status_code=404, headers={"sb-error-code": code})


async def _answer_not_allowed(_request: Request, _error: Exception) -> Response:
    return JSONResponse({"error": "Method not allowed"}, status_code=405)


async def _pause(request: Request, effect: Effect, plan: FaultPlan) -> None:
    if effect.pause is Pause.SLOW:
        await anyio.sleep(plan.slow_seconds)
    elif effect.pause is Pause.CLIENT_GONE:
        await wait_for_disconnect(request.receive, plan.hang_seconds)


def _text(fields: Fields | Refusal, name: str) -> str | None:
    text = None if isinstance(fields, Refusal) else fields.get(name)
    return text if isinstance(text, str) else None
