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
        self._waiting: tuple[bytes, Callable[[], None]] | None = None
        """The request that waits in the outbox, and what to call when it leaves."""
        self._kept: Exception | None = None
        """Why the last request did not leave; then nothing that comes is its answer."""

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
        """Send a request when this turn of the loop is over, and call `leaving` just before.

        Nothing of it goes where by then nobody waits for it, its time is over, or the server ended
        the connection or spoke unasked: then `read` raises LateError or OSError, or returns b"".
        """
        self._waiting = request, leaving
        outbox.put(self, self._loop)

    def leave(self) -> None:
        """See outbox.Leaves."""
        waiting, self._waiting = self._waiting, None
        if waiting is None or self._transport is None:
            return
        if self._news is not None and self._news.cancelled():
            return  # so the worker is, and will drop the line as soon as it runs
        if self._received or self._ended:
            self._kept = self._error or ConnectionAbortedError("The server spoke or ended unasked.")
            self._tell()
        elif self.now() >= self._deadline:
            self._kept = LateError()
            self._tell()
        else:
            self._write(*waiting)

    def _write(self, request: bytes, leaving: Callable[[], None]) -> None:
        assert self._transport is not None  # noqa: S101 - `leave` has looked
        try:
            leaving()
            self._transport.write(request)
        except Exception as error:  # noqa: BLE001 - raised by `read`, to whom it concerns
            self.connection_lost(error)

    async def read(self) -> bytes:
        """Return what came, b"" at the end. Raises LateError, or OSError where it broke."""
        # What came before the request left is no answer to it. (Over TLS it may come with the
        # handshake.)
        while self._kept is None and (self._waiting is not None or not self._received):
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            if self.now() >= self._deadline:
                raise LateError
            self._news = self._loop.create_future()
            await self._news
        if self._kept is not None:
            raise self._kept
        received = b"".join(self._received)
        self._received.clear()
        return received

    def drop(self) -> None:
        """End the connection at once."""
        self._waiting = None
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
