"""Requests of one turn leave together, each for itself."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from importer.sender.direct_transport import DirectTransport
from importer.sender.line import Line
from importer.sender.outbox import MOST, Outbox
from importer.sender.wire import LateError
from tests.sender.raw_server import RawServer, answer, raw_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BODY = b"{}"
HEADERS = [(b"Content-Length", b"2")]


class Request:
    def __init__(self, name: str, left: list[str]) -> None:
        self.name = name
        self.left = left

    def leave(self) -> None:
        self.left.append(self.name)


def in_loop(test: Callable[[], Awaitable[None]]) -> None:
    anyio.run(test)


def test_requests_leave_when_the_turn_is_over_in_their_order() -> None:
    async def test() -> None:
        left: list[str] = []
        outbox, loop = Outbox(), asyncio.get_running_loop()
        for name in "abc":
            outbox.put(Request(name, left), loop)
        assert left == []
        await asyncio.sleep(0)
        assert left == ["a", "b", "c"]
        outbox.put(Request("d", left), loop)
        await asyncio.sleep(0)
        assert left == ["a", "b", "c", "d"]

    in_loop(test)


def test_so_many_never_wait_for_another() -> None:
    async def test() -> None:
        left: list[str] = []
        outbox, loop = Outbox(), asyncio.get_running_loop()
        for number in range(MOST + 1):
            outbox.put(Request(str(number), left), loop)
        assert left == [str(number) for number in range(MOST)]
        await asyncio.sleep(0)
        assert len(left) == MOST + 1

    in_loop(test)


def transport_of(server: RawServer, outbox: Outbox) -> DirectTransport:
    prototype = httpx.Request(
        "POST", server.url, extensions={"timeout": {"connect": 5.0}}, content=BODY
    )
    del prototype.headers["Content-Length"]
    return DirectTransport(prototype, ssl.create_default_context(), outbox)


def test_what_is_cancelled_before_its_turn_never_leaves_and_the_others_do() -> None:
    async def test() -> None:
        told: list[str] = []
        outbox = Outbox()

        async def post(transport: DirectTransport, name: str) -> None:
            await transport.post(HEADERS, BODY, lambda: told.append(name), 5.0)

        async with raw_server(answer()) as server:
            dropped, kept = transport_of(server, outbox), transport_of(server, outbox)
            await post(dropped, "first")
            await post(kept, "first")
            tasks = [
                asyncio.create_task(post(dropped, "dropped")),
                asyncio.create_task(post(kept, "kept")),
            ]
            await asyncio.sleep(0)  # both wait in the outbox now
            tasks[0].cancel()
            await dropped.aclose()
            await tasks[1]
            assert tasks[0].cancelled() or tasks[0].cancelling()
            assert told == ["first", "first", "kept"]
            assert len(server.heads) == 3
            await kept.aclose()

    in_loop(test)


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""])
def test_what_the_server_says_or_ends_before_its_turn_keeps_a_request_from_leaving(
    unasked: bytes,
) -> None:
    async def test() -> None:
        told: list[str] = []
        async with raw_server(answer()) as server:
            transport = transport_of(server, Outbox())
            await transport.post(HEADERS, BODY, lambda: None, 5.0)
            line = transport._line
            assert line is not None
            task = asyncio.create_task(
                transport.post(HEADERS, BODY, lambda: told.append("left"), 5.0)
            )
            await asyncio.sleep(0)  # it waits in the outbox now
            if unasked:
                line.data_received(unasked)
            else:
                line.eof_received()
            with pytest.raises(ConnectionAbortedError):
                await task
            assert told == []
            assert len(server.heads) == 1
            await transport.aclose()

    in_loop(test)


async def connect(server: RawServer) -> Line:
    _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", server.port)
    return line


def test_what_came_before_a_request_left_is_no_answer_to_it() -> None:
    async def test() -> None:
        told: list[str] = []
        async with raw_server(answer()) as server:
            line = await connect(server)
            line.data_received(answer())  # over TLS it may come with the handshake
            line.expect_until(line.now() + 5)
            line.send(b"x", lambda: told.append("left"), Outbox())
            with pytest.raises(ConnectionAbortedError):
                await line.read()
            line.drop()
        assert (told, server.heads) == ([], [])

    in_loop(test)


def test_a_request_whose_time_is_over_when_its_turn_comes_does_not_leave() -> None:
    async def test() -> None:
        told: list[str] = []
        async with raw_server(answer()) as server:
            line = await connect(server)
            line.expect_until(line.now() + 0.01)
            line.send(b"x", lambda: told.append("left"), Outbox())
            time.sleep(0.02)  # noqa: ASYNC251 - a slow disk holds the loop up like this
            with pytest.raises(LateError):
                await line.read()
            await asyncio.sleep(0)
            line.drop()
        assert (told, server.heads) == ([], [])

    in_loop(test)


@pytest.mark.parametrize("first", ["spoke", "late"])
def test_what_comes_to_a_request_that_was_kept_back_is_no_answer_to_it(first: str) -> None:
    async def test() -> None:
        told: list[str] = []
        async with raw_server(answer()) as server:
            line = await connect(server)
            line.expect_until(line.now() + 0.01)
            line.send(b"x", lambda: told.append("left"), Outbox())
            if first == "spoke":
                line.data_received(answer())
            time.sleep(0.03)  # noqa: ASYNC251 - a slow disk holds the loop up like this
            await asyncio.sleep(0)  # its turn comes
            line.data_received(answer())
            with pytest.raises(LateError if first == "late" else ConnectionAbortedError):
                await line.read()
            line.drop()
        assert (told, server.heads) == ([], [])

    in_loop(test)


def test_who_was_woken_in_the_turn_of_a_cancellation_sends_nothing() -> None:
    async def test() -> None:
        told: list[str] = []
        outbox, loop = Outbox(), asyncio.get_running_loop()

        async def work(transport: DirectTransport, gate: asyncio.Future[None]) -> None:
            await gate
            await transport.post(HEADERS, BODY, lambda: told.append("left"), 5.0)

        async with raw_server(answer()) as server:
            transports = [transport_of(server, outbox) for _ in range(2 * MOST)]
            gates: list[asyncio.Future[None]] = [loop.create_future() for _ in transports]
            async with anyio.create_task_group() as tasks:
                for transport, gate in zip(transports, gates, strict=True):
                    await transport.post(HEADERS, BODY, lambda: None, 5.0)
                    tasks.start_soon(work, transport, gate)
                await anyio.wait_all_tasks_blocked()
                for gate in gates:
                    gate.set_result(None)
                tasks.cancel_scope.cancel()
            for transport in transports:
                await transport.aclose()
            assert told == []
            assert len(server.heads) == len(transports)

    in_loop(test)


def test_a_connection_that_breaks_while_it_sends_fails_alone() -> None:
    async def test() -> None:
        async with raw_server(answer()) as server:
            outbox = Outbox()
            broken, sound = transport_of(server, outbox), transport_of(server, outbox)
            for transport in (broken, sound):
                await transport.post(HEADERS, BODY, lambda: None, 5.0)
            assert broken._line is not None
            wire = broken._line._transport
            assert wire is not None
            wire.write_eof()  # what is written after it raises
            answers = await asyncio.gather(
                broken.post(HEADERS, BODY, lambda: None, 5.0),
                sound.post(HEADERS, BODY, lambda: None, 5.0),
                return_exceptions=True,
            )
            assert isinstance(answers[0], RuntimeError)
            assert not isinstance(answers[1], BaseException)
            assert answers[1].status == 200
            await broken.aclose()
            await sound.aclose()

    in_loop(test)
