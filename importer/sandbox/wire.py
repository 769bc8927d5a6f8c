"""An effect and the true answer → what really goes over the connection. Touches its transport.

uvicorn speaks correct HTTP only. What is broken on purpose is written past it, to the transport
that `SandboxProtocol` lays into the ASGI scope; such a connection always ends with its call.
"""

from __future__ import annotations

import http
import json
import socket
import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

import anyio
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from importer.sandbox.effects import Content, Effect, Wire

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send
    from uvicorn._types import ASGIReceiveCallable, ASGISendCallable
    from uvicorn._types import Scope as ServerScope

    from importer.sandbox.faults import FaultPlan
    from importer.sandbox.operations import Answer

_TRANSPORT: Final = "importer.sandbox.transport"
_HUGE: Final = 2 * 1024 * 1024
_FIXED: Final = {
    Content.HTML: b"<!doctype html><title>Attention required</title><h1>One more step</h1>",
    Content.EMPTY: b"",
    Content.NOISE: bytes(range(64, 192)) * 4,
}
_CUT: Final = frozenset(
    {Wire.CUT_LENGTH, Wire.CUT_RESET, Wire.CUT_CHUNKED, Wire.CUT_CLOSE_DELIMITED}
)


class SandboxProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which lets the application reach the connection's transport."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*args, **kwargs)
        app = self.app

        async def with_transport(
            scope: ServerScope, receive: ASGIReceiveCallable, send: ASGISendCallable
        ) -> None:
            if scope["type"] == "http":
                scope["extensions"] = {_TRANSPORT: {"transport": self.transport}}
            await app(scope, receive, send)

        self.app = with_transport


class WireResponse(Response):
    """An answer that goes over the connection as `effect.wire` says."""

    def __init__(
        self, body: bytes, status: int, headers: dict[str, str], wire: Wire, plan: FaultPlan
    ) -> None:
        super().__init__(body, status, headers)
        self._wire = wire
        self._plan = plan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, or what the wire leaves of it."""
        transport: asyncio.Transport = scope["extensions"][_TRANSPORT]["transport"]
        match self._wire:
            case Wire.WHOLE:
                await super().__call__(scope, receive, send)
                return
            case Wire.EARLY_HINTS:
                transport.write(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n")
                await super().__call__(scope, receive, send)
                return
            case Wire.WHOLE_THEN_CLOSE:
                await super().__call__(scope, receive, send)
            case Wire.CHUNKED:
                await self._send_chunked(send)
                return
            case Wire.HANG:
                await wait_for_disconnect(receive, self._plan.hang_seconds)
            case Wire.DRIP:
                await self._drip(transport)
            case Wire.RESET:
                reset(transport)
            case Wire.CLOSE:
                pass
            case _:
                transport.write(self._raw())
        if self._wire is Wire.CUT_RESET:
            reset(transport)
        transport.close()
        # uvicorn would answer 500 for an application that leaves before its connection does.
        await wait_for_disconnect(receive)

    async def _send_chunked(self, send: Send) -> None:
        headers = [(name, text) for name, text in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        body, middle = bytes(self.body), len(self.body) // 2
        await send({"type": "http.response.body", "body": body[:middle], "more_body": True})
        await send({"type": "http.response.body", "body": body[middle:]})

    async def _drip(self, transport: asyncio.Transport) -> None:
        transport.write(self._head())
        for byte in bytes(self.body):
            if transport.is_closing():
                return
            transport.write(bytes([byte]))
            await anyio.sleep(self._plan.drip_seconds)

    def _raw(self) -> bytes:
        body = bytes(self.body)
        shown = body[: len(body) // 2] if self._wire in _CUT else body
        match self._wire:
            case Wire.CUT_LENGTH | Wire.CUT_RESET:
                return self._head() + shown
            case Wire.CUT_CHUNKED:
                chunk = b"%x\r\n%b\r\n" % (len(shown), shown)
                return self._head(b"transfer-encoding: chunked") + chunk
            case _:
                return self._head(b"connection: close") + shown

    def _head(self, framing: bytes = b"") -> bytes:
        phrase = http.HTTPStatus(self.status_code).phrase.encode()
        headers = [
            name + b": " + text
            for name, text in self.raw_headers
            if not (framing and name == b"content-length")
        ]
        status = b"HTTP/1.1 %d %b" % (self.status_code, phrase)
        return b"\r\n".join([status, *headers, *([framing] if framing else []), b"", b""])


def render(effect: Effect, answer: Answer | None, plan: FaultPlan) -> Response:
    """Return the response that `effect` makes of Keen's answer (None: Keen was never asked)."""
    status = effect.status or (answer.status if answer else 500)
    later = datetime.now(UTC) + timedelta(seconds=plan.retry_after)
    values = {
        "retry_after": str(plan.retry_after),
        "retry_after_date": format_datetime(later, usegmt=True),
        "redirect_to": plan.redirect_to,
    }
    headers = {name: text.format_map(values) for name, text in effect.headers}
    html = effect.content is Content.HTML
    headers["content-type"] = "text/html" if html else "application/json"
    return WireResponse(_body(effect, answer), status, headers, effect.wire, plan)


def _body(effect: Effect, answer: Answer | None) -> bytes:
    if effect.content in _FIXED:
        return _FIXED[effect.content]
    payload = answer.payload if answer else {}
    match effect.content:
        case Content.ERROR:
            payload = {"error": effect.text}
        case Content.PLATFORM:
            payload = {"code": effect.text, "message": "The platform could not answer"}
        case Content.NO_ID:
            purchase = payload.get("purchase", {})
            payload = {"purchase": {name: purchase[name] for name in purchase if name != "id"}}
        case Content.HUGE:
            payload = {"padding": "x" * _HUGE, **payload}
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="replace")


def reset(transport: asyncio.Transport) -> None:
    """End the connection with RST: what is not read yet is lost, on both sides."""
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def wait_for_disconnect(receive: Receive, seconds: float = float("inf")) -> None:
    """Return when the connection is gone, or after `seconds`."""
    with anyio.move_on_after(seconds):
        while (await receive())["type"] != "http.disconnect":
            pass
