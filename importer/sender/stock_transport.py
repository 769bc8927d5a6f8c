"""One httpx request → its answer, by httpx's own transport, made safe. Touches the network."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any, Final

import anyio
import httpx

from importer.sender.wire import LateError, Received, by_name, join

if TYPE_CHECKING:
    from collections.abc import Callable

    from httpcore import AsyncNetworkStream

    from importer.sender.wire import Headers

KEEP_ALIVE: Final = 2.0
"""Seconds that a connection may idle. A server may close it just while a request is written, which
leaves that row in doubt; uvicorn does so after 5 s, others later."""

_ONE: Final = httpx.Limits(
    max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE
)


class HttpxTransport:
    """A `Transport` over any transport of httpx's."""

    def __init__(self, prototype: httpx.Request, transport: httpx.AsyncBaseTransport) -> None:
        """Take what all requests share, and what sends them."""
        self._prototype = prototype
        self._transport = transport

    async def post(
        self, headers: Headers, body: bytes, leaving: Callable[[], None], seconds: float
    ) -> Received:
        """See Transport. Below httpx's client, so no redirect is followed and no cookie kept."""

        async def listen(event: str, _: dict[str, Any]) -> None:
            if event.endswith("send_request_headers.started"):
                leaving()

        request = httpx.Request(
            self._prototype.method,
            self._prototype.url,
            headers=[*self._prototype.headers.raw, *headers],
            stream=httpx.ByteStream(body),
            extensions={**self._prototype.extensions, "trace": listen},
        )
        received: Received | None = None
        with anyio.move_on_after(seconds):
            response = await self._transport.handle_async_request(request)
            told = by_name(response.headers.raw)
            received = Received(response.status_code, told, b"", complete=False)
            received = await join(response.status_code, told, response.aiter_raw())
        if received is None:
            raise LateError
        return received

    async def aclose(self) -> None:
        """See Transport."""
        await self._transport.aclose()


class StockTransport(httpx.AsyncHTTPTransport):
    """For one request at a time, over a pool of one connection.

    It mends two faults of httpx 0.28: where a server sends more than one answer, the rest would be
    read as the answer to the next request; and the socket of a request that is cancelled while TLS
    is being agreed would stay open.
    """

    def __init__(self, tls: ssl.SSLContext, proxy: str | None = None) -> None:
        """Take the context for `https` and an `http` proxy's URL, through which it then goes."""
        super().__init__(verify=tls, proxy=proxy, limits=_ONE)
        self._tcp: AsyncNetworkStream | None = None
        self._kept: AsyncNetworkStream | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, return its answer with the body still to be read."""
        if self._kept is not None and not self._is_silent(self._kept):
            await self.aclose()
        trace = request.extensions.get("trace")

        async def listen(event: str, about: dict[str, Any]) -> None:
            if event == "connection.connect_tcp.complete":
                self._tcp = about["return_value"]
            elif trace is not None and _is_first_byte(event, about):
                await trace(event, about)

        request.extensions = {**request.extensions, "trace": listen}
        response = await super().handle_async_request(request)
        self._kept = response.extensions["network_stream"]
        return response

    async def aclose(self) -> None:
        """Drop the connection, also one that was still being made."""
        self._kept = None
        tcp, self._tcp = self._tcp, None
        try:
            await super().aclose()
        finally:
            if tcp is not None:
                await tcp.aclose()

    def _is_silent(self, kept: AsyncNetworkStream) -> bool:
        """Whether nothing that was received is waiting to be read.

        What the kernel still holds, httpcore looks for itself before it uses a connection again.
        """
        return _is_parsed(self._pool.connections) and _is_decrypted(kept)


def _is_first_byte(event: str, about: dict[str, Any]) -> bool:
    # To a proxy goes a CONNECT first; nothing of the purchase is in it.
    return event.endswith("send_request_headers.started") and about["request"].method != b"CONNECT"


def _is_parsed(connections: list[Any]) -> bool:
    """Whether the HTTP parser has nothing left.

    No public name leads to it. Where these fail, no connection is used again, which costs time.
    """
    try:
        (connection,) = connections
        leftover, _ = connection._connection._h11_state.trailing_data  # noqa: SLF001 - see above
    except (AttributeError, ValueError):
        return False
    return not leftover


def _is_decrypted(kept: AsyncNetworkStream) -> bool:
    """Whether TLS has nothing left. Reading takes what is there, and so spoils the connection."""
    tls = kept.get_extra_info("ssl_object")
    if tls is None:
        return True
    try:
        tls.read(1)
    except ssl.SSLWantReadError:
        return True
    except ssl.SSLError:
        return False
    return False
