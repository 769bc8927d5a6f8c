"""One request → its answer over one kept-alive connection, no pool. Touches the network.

A connection is used again only if nothing but one whole answer came over it. What is plain goes by
`plain_http`, everything else by h11.
"""

from __future__ import annotations

import asyncio
import math
import select
import sys
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
import h11
import httpx
from anyio.lowlevel import checkpoint_if_cancelled

from importer.sender.plain_http import read_answer, write_head, write_request
from importer.sender.stock_transport import KEEP_ALIVE
from importer.sender.wire import LateError, Received, join

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
        self._line: _Line | None = None
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
        # On a kept-alive connection nothing else waits before the first byte.
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

    async def _answer(self, http: h11.Connection, line: _Line) -> Received:
        """Return whatever answer comes, as h11 reads it."""
        answer = await _next(http, line)
        while isinstance(answer, h11.InformationalResponse):
            answer = await _next(http, line)
        if not isinstance(answer, h11.Response):
            raise httpx.RemoteProtocolError("The server sent no answer.")
        return await join(answer.status_code, list(answer.headers), self._read(http, line))

    async def _read(self, http: h11.Connection, line: _Line) -> AsyncIterator[bytes]:
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

    def _is_fresh(self, line: _Line, now: float) -> bool:
        idle_since = self._idle_since
        return idle_since is not None and now - idle_since < KEEP_ALIVE and line.is_silent

    def _ask(self, headers: Headers, body: bytes) -> tuple[h11.Connection, bytes]:
        """Return h11's side of a connection with one request on it, and the request's bytes."""
        http = h11.Connection(h11.CLIENT, MAX_HEAD)
        headers = [*self._common, *headers]
        head = h11.Request(method="POST", target=self._target, headers=headers)
        sent = [http.send(event) for event in (head, h11.Data(body), h11.EndOfMessage())]
        return http, b"".join(part or b"" for part in sent)

    async def _connect(self) -> _Line:
        await self.aclose()
        try:
            with anyio.fail_after(self._prototype.extensions["timeout"]["connect"]):
                self._line = await self._open(self._prototype.url)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("No connection in time.") from error
        except OSError as error:
            raise httpx.ConnectError("No connection.") from error
        return self._line

    async def _open(self, url: httpx.URL) -> _Line:
        tls = self._tls if url.scheme == "https" else None
        _, line = await asyncio.get_running_loop().create_connection(
            _Line,
            url.host,
            url.port or (443 if tls else 80),
            ssl=tls,
            happy_eyeballs_delay=0.25,
        )
        return line


class _Line(asyncio.Protocol):
    """One connection: what came over it and was not read yet."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        """Returns seconds, as `expect_until` takes them."""
        self._received = bytearray()
        self._ended = False
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._poll: select.poll | None = None
        self._deadline = math.inf
        self._alarm: asyncio.TimerHandle | None = None
        self._request: bytes | None = None
        self._leaving: Callable[[], None] | None = None
        """Both of the request that waits in the outbox."""

    @property
    def is_silent(self) -> bool:
        """Whether the server neither said something unasked nor ended the connection."""
        if self._received or self._ended or self._transport is None:
            return False
        # What the event loop has not seen yet, the kernel has.
        return not self._is_readable()

    def expect_until(self, deadline: float) -> None:
        """Let `read` wait until then. One alarm is put off again and again: a cheap deadline."""
        self._deadline = deadline
        if self._alarm is None or self._alarm.when() > deadline:
            self._set_alarm()

    def send(self, request: bytes, leaving: Callable[[], None], outbox: Outbox) -> None:
        """Send a request in this turn of the loop, and call `leaving` just before it goes.

        Nothing of it goes where the line is dropped before.
        """
        self._request, self._leaving = request, leaving
        outbox.put(self, self._loop)

    def leave(self) -> None:
        """See outbox.Leaves."""
        request, leaving, self._request = self._request, self._leaving, None
        if request is None or leaving is None or self._transport is None:
            return
        leaving()
        try:
            self._transport.write(request)
        except Exception as error:  # noqa: BLE001 - raised by `read`, to whom it concerns
            self.connection_lost(error)

    async def read(self) -> bytes:
        """Return what came, b"" at the end. Raises LateError, or OSError where it broke."""
        while not self._received:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            if self.now() >= self._deadline:
                raise LateError
            self._news = self._loop.create_future()
            await self._news
        received = bytes(self._received)
        self._received.clear()
        return received

    def drop(self) -> None:
        """End the connection at once."""
        self._request = None
        if self._alarm is not None:
            self._alarm.cancel()
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._tell()

    def eof_received(self) -> None:
        self._ended = True
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._error = exc
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        if self.now() < self._deadline:
            self._set_alarm()
        else:
            self._tell()

    def _is_readable(self) -> bool:
        assert self._transport is not None  # noqa: S101 - as above
        # TLS tells of a lost connection a turn of the loop after its socket was closed; another may
        # have the socket's number by then.
        used = self._transport.get_extra_info("socket")
        if used is None or (file := used.fileno()) < 0:
            return True
        if sys.platform == "win32":  # which has no poll, and no limit to what select takes
            return bool(select.select([file], [], [], 0)[0])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(file, select.POLLIN)
        return bool(self._poll.poll(0))


async def _next(http: h11.Connection, line: _Line) -> Any:  # noqa: ANN401 - h11's own type for it
    try:
        while (event := http.next_event()) is h11.NEED_DATA:
            http.receive_data(await line.read())
    except h11.RemoteProtocolError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
    return event
