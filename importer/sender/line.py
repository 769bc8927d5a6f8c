"""One connection of the direct transport: bytes out, bytes in, a deadline. Touches the network."""

from __future__ import annotations

import asyncio
import math
import select
import sys
from typing import TYPE_CHECKING, cast

from importer.sender.wire import LateError

if TYPE_CHECKING:
    from asyncio.trsock import TransportSocket
    from collections.abc import Callable

    from importer.sender.outbox import Outbox


class Line(asyncio.Protocol):
    """One connection: what came over it and was not read yet."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        """Returns seconds, as `expect_until` takes them."""
        self._received: list[bytes] = []
        self._ended = False
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._socket: TransportSocket | None = None
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

        Nothing of it goes where the line is dropped before, or the server says or ends something
        unasked: then `read` raises OSError.
        """
        self._request, self._leaving = request, leaving
        outbox.put(self, self._loop)

    def leave(self) -> None:
        """See outbox.Leaves."""
        request, leaving, self._request = self._request, self._leaving, None
        if request is None or leaving is None or self._transport is None:
            return
        if self._news is not None and self._news.cancelled():
            return  # so the worker is, and will drop the line as soon as it runs
        if self._received or self._ended:
            self._received.clear()
            self.connection_lost(self._error or ConnectionAbortedError("The server spoke unasked."))
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
        received = b"".join(self._received)
        self._received.clear()
        return received

    def drop(self) -> None:
        """End the connection at once."""
        self._request = None
        if self._alarm is not None:
            self._alarm.cancel()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol, as of the next three."""
        self._transport = cast("asyncio.Transport", transport)
        self._socket = transport.get_extra_info("socket")

    def data_received(self, data: bytes) -> None:  # noqa: D102 - asyncio's
        self._received.append(data)
        self._tell()

    def eof_received(self) -> None:  # noqa: D102 - asyncio's
        self._ended = True
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102 - asyncio's
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
        # TLS tells of a lost connection a turn of the loop after its socket was closed; another may
        # have the socket's number by then.
        if self._socket is None or (file := self._socket.fileno()) < 0:
            return True
        if sys.platform == "win32":  # which has no poll, and no limit to what select takes
            return bool(select.select([file], [], [], 0)[0])
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(file, select.POLLIN)
        return bool(self._poll.poll(0))
