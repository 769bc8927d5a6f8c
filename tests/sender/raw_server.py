"""Scripted bytes on a real loopback socket, in the test's own event loop."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

Step: TypeAlias = "bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]"

CREATED = b'{"purchase":{"id":"p-1"}}'


def answer(body: bytes = CREATED, status: str = "200 OK", *headers: str) -> bytes:
    """Return a whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class RawServer:
    """Answers the requests of all connections with its steps, in order; the last one repeats."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = list(steps)
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.connections = 0
        self.port = 0
        self.scheme = "http"
        self.asked = asyncio.Event()
        """Set once a whole request has come."""
        self.lost = asyncio.Event()
        """Set once a connection has ended."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/openapi-operations"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.lost.set()
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if callable(step) and getattr(step, "early", False):
            await step(reader, writer)
            return False
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        self.bodies.append(await reader.readexactly(length))
        self.asked.set()
        if callable(step):
            await step(reader, writer)
            return getattr(step, "stays", False)
        writer.write(step)
        await writer.drain()
        return True


@asynccontextmanager
async def raw_server(*steps: Step, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve `steps` while the block runs."""
    served = RawServer(steps)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(served.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    served.scheme = "https" if tls else "http"
    try:
        yield served
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def then_close(sent: bytes = b"", *, early: bool = False) -> Step:
    """Send so much, then close in good order; `early`: before the body was read."""

    async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()

    step.early = early  # type: ignore[attr-defined]
    return step


def then_reset(sent: bytes = b"", *, early: bool = False) -> Step:
    """Send so much, then reset the connection."""

    async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    step.early = early  # type: ignore[attr-defined]
    return step


def then_hang(sent: bytes = b"", *, early: bool = False) -> Step:
    """Send so much, then nothing until the client leaves."""

    async def step(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        await reader.read()

    step.early = early  # type: ignore[attr-defined]
    return step


def then_more(sent: bytes, more: bytes, go: asyncio.Event, gone: asyncio.Event) -> Step:
    """Send so much, more on `go`, say so by `gone`, and stay for the next request."""

    async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        await go.wait()
        writer.write(more)
        await writer.drain()
        gone.set()

    step.stays = True  # type: ignore[attr-defined]
    return step


def then_drip(sent: bytes) -> Step:
    """Send so much at once, then a blank now and then for ever."""

    async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    return step


def then_tunnel(port: int) -> Step:
    """Open a tunnel to a port of this computer, as a proxy does after CONNECT."""

    async def step(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        back = asyncio.ensure_future(_pipe(far_reader, writer))
        try:
            await _pipe(reader, far_writer)
        finally:
            back.cancel()
            far_writer.close()

    step.early = True  # type: ignore[attr-defined]
    return step


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while part := await reader.read(65536):
        writer.write(part)
        await writer.drain()
