"""One request → its answer over one kept-alive connection, no pool. Touches the network.

A connection is used again only if nothing but one whole answer came over it. What is plain goes by
`plain_http`, everything else by h11.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import anyio
import h11
import httpx
from anyio.lowlevel import checkpoint_if_cancelled

from importer.sender.line import Line
from importer.sender.plain_http import read_answer, write_head, write_request
from importer.sender.stock_transport import KEEP_ALIVE
from importer.sender.wire import LateError, Received, by_name, join

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

    from importer.sender.outbox import Outbox
    from importer.sender.wire import Headers

MAX_HEAD: Final = 100 * 1024
"""Bytes of an answer's head, as in httpx's own transport."""


class DirectTransport:
    """A `Transport`. After any failure: `aclose`, then it connects anew."""

    def __init__(self, prototype: httpx.Request, tls: ssl.SSLContext, outbox: Outbox) -> None:
        """Take what all requests share, the context for `https`, and what sends them together."""
        self._prototype = prototype
        self._outbox = outbox
        self._target = prototype.url.raw_path
        self._common = prototype.headers.raw
        self._head = write_head(self._target, self._common)
        self._tls = tls
        self._line: Line | None = None
        self._idle_since: float | None = None
        """None: what the connection carries is not known to be over."""

    async def post(
        self, headers: Headers, body: bytes, leaving: Callable[[], None], seconds: float
    ) -> Received:
        """See Transport. Raises httpx.TransportError, h11.LocalProtocolError and OSError."""
        line = self._line
        # One clock; but to ask for the loop is a system call in Python 3.11.
        began = asyncio.get_running_loop().time() if line is None else line.now()
        deadline = began + seconds
        if line is None or not self._is_fresh(line, began):
            line = await self._connect()
        http, sent = None, write_request(self._head, headers, body)
        if sent is None:
            http, sent = self._ask(headers, body)
        # On a kept-alive connection nothing else waits before the first byte; and whoever was woken
        # in the turn of a cancellation is not cancelled before its next wait.
        await checkpoint_if_cancelled()
        if line.now() >= deadline:  # to connect took all of it
            raise LateError
        self._idle_since = None
        line.expect_until(deadline)
        line.send(sent, leaving, self._outbox)
        received = await line.read()
        if http is None:
            plain = read_answer(received)
            if plain is not None:
                self._idle_since = line.now()
                return plain
            http, _ = self._ask(headers, body)
        http.receive_data(received)
        return await self._answer(http, line)

    async def _answer(self, http: h11.Connection, line: Line) -> Received:
        """Return whatever answer comes, as h11 reads it."""
        answer = await _next(http, line)
        while isinstance(answer, h11.InformationalResponse):
            answer = await _next(http, line)
        if not isinstance(answer, h11.Response):
            raise httpx.RemoteProtocolError("The server sent no answer.")
        return await join(answer.status_code, by_name(list(answer.headers)), self._read(http, line))

    async def _read(self, http: h11.Connection, line: Line) -> AsyncIterator[bytes]:
        """Yield the body's parts as they come."""
        while isinstance(event := await _next(http, line), h11.Data):
            yield bytes(event.data)
        leftover, _ = http.trailing_data
        if http.our_state is h11.DONE and http.their_state is h11.DONE and not leftover:
            self._idle_since = line.now()
        else:
            await self.aclose()

    async def aclose(self) -> None:
        """Drop the connection."""
        line, self._line = self._line, None
        if line is not None:
            line.drop()

    def _is_fresh(self, line: Line, now: float) -> bool:
        idle_since = self._idle_since
        return idle_since is not None and now - idle_since < KEEP_ALIVE and line.is_silent

    def _ask(self, headers: Headers, body: bytes) -> tuple[h11.Connection, bytes]:
        """Return h11's side of a connection with one request on it, and the request's bytes."""
        http = h11.Connection(h11.CLIENT, MAX_HEAD)
        headers = [*self._common, *headers]
        head = h11.Request(method="POST", target=self._target, headers=headers)
        sent = [http.send(event) for event in (head, h11.Data(body), h11.EndOfMessage())]
        return http, b"".join(part or b"" for part in sent)

    async def _connect(self) -> Line:
        await self.aclose()
        try:
            with anyio.fail_after(self._prototype.extensions["timeout"]["connect"]):
                self._line = await self._open(self._prototype.url)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("No connection in time.") from error
        except OSError as error:
            raise httpx.ConnectError("No connection.") from error
        return self._line

    async def _open(self, url: httpx.URL) -> Line:
        tls = self._tls if url.scheme == "https" else None
        name = url.raw_host.decode(
            "ascii"
        )  # `host` is decoded; DNS and TLS might encode it otherwise
        _, line = await asyncio.get_running_loop().create_connection(
            Line,
            name,
            url.port or (443 if tls else 80),
            ssl=tls,
            happy_eyeballs_delay=0.25,
        )
        return line


async def _next(http: h11.Connection, line: Line) -> Any:  # noqa: ANN401 - h11's own type for it
    try:
        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(await line.read())
    except h11.RemoteProtocolError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
    return event
