"""One request over a real socket: what each fault at the byte level proves."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import logging
import socket
import ssl
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import anyio
import httpx
import pytest
import trustme
from pydantic import SecretStr

from importer.errors import ApiError, ApiUnavailableError, ConfigError
from importer.model import Next, Outcome, Verdict
from importer.sender.answer import Failure, NoAnswer
from importer.sender.api import Api
from importer.sender.direct_transport import DirectTransport
from importer.sender.failures import classify
from importer.sender.wire import MAX_ANSWER
from tests.sender.raw_server import (
    CREATED,
    RawServer,
    Step,
    answer,
    raw_server,
    then_close,
    then_drip,
    then_hang,
    then_more,
    then_reset,
    then_tunnel,
)
from tests.sender.test_outcome import TABLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from importer.config import TransportName

KEY = "3f1c8a52-0000-4000-8000-000000000001"
IDEMPOTENCY_KEY = "7c9e6679-7425-8de9-944b-e07fc1f90ae7"
LEAD = UUID("5a4d0b0c-0000-4000-8000-00000000000a")
BODY = b'{"action":"create_purchase_custom","lead_id":"x"}'
HEAD = b"HTTP/1.1 200 OK\r\n"
HALF = CREATED[:10]
GZIP = "Content-Encoding: gzip"

HELD = (Verdict.IN_DOUBT, Next.HOLD)
COUNTED = (Verdict.IN_DOUBT, Next.HOLD_AND_COUNT)


async def no_sleep(_: float) -> None:
    await anyio.lowlevel.checkpoint()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """What a client trusts; made once, as it reads every root certificate."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@dataclass(frozen=True)
class Way:
    """A transport, and whether TLS lies below it."""

    transport: TransportName
    trusted: ssl.SSLContext
    server_tls: ssl.SSLContext | None = None

    def api(self, url: str, *, timeout: float = 5.0) -> Api:
        return Api(
            url,
            SecretStr(KEY),
            timeout=timeout,
            transport=self.transport,
            tls=self.trusted,
            sleep=no_sleep,
            random=lambda: 0.5,
        )

    async def post_once(self, url: str, seconds: float = 5.0) -> Outcome:
        connection = self.api(url, timeout=seconds).connection()
        try:
            return await connection.post(BODY, IDEMPOTENCY_KEY)
        finally:
            await connection.aclose()

    def outcome_of(self, *steps: Step, timeout: float = 5.0) -> Outcome:
        async def run() -> Outcome:
            async with raw_server(*steps, tls=self.server_tls) as server:
                return await self.post_once(server.url, timeout)

        return anyio.run(run)

    def serving(self, *steps: Step) -> Callable[[Callable[[RawServer], Awaitable[None]]], None]:
        """Run a test's coroutine function against a server with these steps."""

        def decorate(test: Callable[[RawServer], Awaitable[None]]) -> None:
            async def run() -> None:
                async with raw_server(*steps, tls=self.server_tls) as server:
                    await test(server)

            anyio.run(run)

        return decorate


@pytest.fixture(params=["httpx", "direct"])
def plain(request: pytest.FixtureRequest, trusting: ssl.SSLContext) -> Way:
    return Way(request.param, trusting)


@pytest.fixture(params=["plain", "TLS"])
def way(request: pytest.FixtureRequest, plain: Way, authority: trustme.CA) -> Way:
    if request.param == "plain":
        return plain
    return replace(plain, server_tls=server_context(authority))


def test_a_purchase_is_sent_as_keen_specifies_and_its_id_comes_back(way: Way) -> None:
    @way.serving(answer())
    async def _(server: RawServer) -> None:
        outcome = await way.post_once(server.url)
        assert (outcome.verdict, outcome.purchase_id) == (Verdict.APPLIED, "p-1")
        head = server.heads[0].decode().lower()
        assert head.startswith("post /openapi-operations http/1.1\r\n")
        assert f"x-api-key: {KEY}\r\n" in head
        assert f"idempotency-key: {IDEMPOTENCY_KEY}\r\n" in head
        assert "content-type: application/json\r\n" in head
        assert "accept-encoding: identity\r\n" in head
        assert "user-agent: importer/" in head
        assert server.bodies == [BODY]


def test_a_worker_keeps_its_connection(way: Way) -> None:
    @way.serving(answer())
    async def _(server: RawServer) -> None:
        connection = way.api(server.url).connection()
        for _ in range(3):
            assert (await connection.post(BODY, IDEMPOTENCY_KEY)).verdict is Verdict.APPLIED
        await connection.aclose()
        assert server.connections == 1


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(CREATED), CREATED),
        HEAD + b"Connection: close\r\n\r\n" + CREATED,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(),
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(),
        b"HTTP/1.0 200 OK\r\n\r\n" + CREATED,
    ],
    ids=["chunked", "close-delimited", "early hints", "continue", "HTTP/1.0"],
)
def test_every_form_of_a_whole_answer_is_read(way: Way, sent: bytes) -> None:
    assert way.outcome_of(then_close(sent)).purchase_id == "p-1"


@pytest.mark.parametrize(
    ("step", "expected", "code"),
    [
        (then_close(early=True), HELD, "disconnected"),
        (then_close(), HELD, "disconnected"),
        (then_reset(early=True), HELD, "disconnected"),
        (then_reset(), HELD, "disconnected"),
        (then_close(b"HTTP/1.1 2"), HELD, "disconnected"),
        (then_reset(HEAD), HELD, "disconnected"),
        (then_close(b"SSH-2.0-OpenSSH_9.2\r\n"), HELD, "disconnected"),
        (then_close(HEAD + b"Content-Length: 99\r\n\r\n" + HALF), COUNTED, "answer-cut-short"),
        (then_reset(HEAD + b"Content-Length: 99\r\n\r\n" + HALF), COUNTED, "answer-cut-short"),
        (
            then_close(HEAD + b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"pur'),
            COUNTED,
            "answer-cut-short",
        ),
        (then_close(HEAD + b"Connection: close\r\n\r\n" + HALF), COUNTED, "no-purchase-id"),
        (
            then_close(b'HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\n{"error":"no"}'),
            HELD,
            "answer-cut-short",
        ),
        (answer(CREATED + b" " * MAX_ANSWER), COUNTED, "answer-cut-short"),
        (answer(gzip.compress(CREATED), "200 OK", GZIP), COUNTED, "no-purchase-id"),
        (answer(b"\x1f\x8b noise", "200 OK", GZIP), COUNTED, "no-purchase-id"),
        (
            then_hang(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            HELD,
            {"http-101", "disconnected"},
        ),
    ],
    ids=[
        "close before the body is read",
        "close after the body is read",
        "reset before the body is read",
        "reset after the body is read",
        "cut in the status line",
        "reset in the head",
        "no HTTP at all",
        "cut by Content-Length",
        "reset in the body",
        "cut in a chunk",
        "cut close-delimited",
        "refusal cut short",
        "too large",
        "gzip nobody asked for",
        "gzip garbage",
        "switching protocols",
    ],
)  # fmt: skip
def test_whatever_breaks_after_the_first_byte_is_in_doubt(
    way: Way, step: Step, expected: tuple[Verdict, Next], code: str | set[str]
) -> None:
    outcome = way.outcome_of(step)
    assert (outcome.verdict, outcome.next) == expected
    assert outcome.code in ({code} if isinstance(code, str) else code)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (then_hang(), "timeout"),
        (then_hang(HEAD), "timeout"),
        (then_hang(HEAD + b"Content-Length: 99\r\n\r\n"), "answer-cut-short"),
        (then_drip(HEAD + b"Content-Length: 99999\r\n\r\n"), "answer-cut-short"),
    ],
    ids=["silent", "silent after the status", "silent after the head", "dripping"],
)
def test_a_server_that_never_ends_its_answer_meets_the_deadline(
    way: Way, step: Step, code: str
) -> None:
    outcome = way.outcome_of(step, timeout=0.2)
    assert (outcome.verdict, outcome.code) == (Verdict.IN_DOUBT, code)


def test_a_refused_connection_was_never_applied(plain: Way) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        outcome = anyio.run(plain.post_once, url)
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
    assert outcome.code == "connection-refused"


def test_a_host_without_an_address_was_never_called(plain: Way) -> None:
    outcome = anyio.run(plain.post_once, "https://keen.invalid/x")
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
    assert outcome.code == "no-address"


def test_a_server_that_never_accepts_was_never_called(plain: Way) -> None:
    async def run() -> Outcome:
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            listener.setblocking(False)
            for _ in range(4):  # fill the backlog: the kernel then drops what comes
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
            return await plain.post_once(url, 0.3)

    outcome = anyio.run(run)
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
    assert outcome.code in {"connect-timeout", "timeout"}


def test_after_a_failure_the_next_request_has_a_new_connection(way: Way) -> None:
    @way.serving(then_hang(), answer())
    async def _(server: RawServer) -> None:
        connection = way.api(server.url, timeout=0.2).connection()
        assert (await connection.post(BODY, "a")).verdict is Verdict.IN_DOUBT
        assert (await connection.post(BODY, "b")).verdict is Verdict.APPLIED
        await connection.aclose()
        assert server.connections == 2


def test_an_idle_connection_that_the_server_closed_is_not_used_again(way: Way) -> None:
    @way.serving(then_close(answer()), answer())
    async def _(server: RawServer) -> None:
        connection = way.api(server.url).connection()
        assert (await connection.post(BODY, "a")).verdict is Verdict.APPLIED
        await server.lost.wait()
        assert (await connection.post(BODY, "b")).verdict is Verdict.APPLIED
        await connection.aclose()


@pytest.mark.parametrize("earlier", [0, 1])
def test_a_connection_whose_loss_tls_has_not_told_yet_is_not_used_again(
    authority: trustme.CA, trusting: ssl.SSLContext, earlier: int
) -> None:
    async def test() -> None:
        steps = (*[answer()] * earlier, then_reset(answer()), answer())
        async with raw_server(*steps, tls=server_context(authority)) as server:
            connection = Way("direct", trusting).api(server.url).connection()
            for _ in range(earlier + 1):
                await connection.post(BODY, "a")
            transport = connection._transport
            assert isinstance(transport, DirectTransport)
            assert transport._line is not None
            assert transport._line._transport is not None
            used = transport._line._transport.get_extra_info("socket")
            while used.fileno() >= 0:  # noqa: ASYNC110 - the very turn in which it is closed
                await asyncio.sleep(0)
            with contextlib.ExitStack() as stack:
                for _ in range(20):  # one of them has its number
                    left, right = socket.socketpair()
                    stack.enter_context(left)
                    stack.enter_context(right)
                outcome = await connection.post(BODY, "b")
            await connection.aclose()
            assert outcome.verdict is Verdict.APPLIED

    anyio.run(test)


STALE = answer(b'{"purchase":{"id":"stale"}}')


def then_record(sent: bytes, more: bytes) -> Step:
    """Send both at once, under TLS as two records."""
    now = asyncio.Event()
    now.set()
    return then_more(sent, more, now, asyncio.Event())


@pytest.mark.parametrize(
    "step",
    [answer() + STALE, answer() + STALE[:20], then_record(answer(), STALE)],
    ids=["whole", "half", "in two records"],
)
def test_what_a_server_sends_beyond_its_answer_belongs_to_nobody(way: Way, step: Step) -> None:
    @way.serving(step, answer(b'{"purchase":{"id":"p-2"}}'))
    async def _(server: RawServer) -> None:
        connection = way.api(server.url).connection()
        assert (await connection.post(BODY, "a")).purchase_id == "p-1"
        assert (await connection.post(BODY, "b")).purchase_id == "p-2"
        await connection.aclose()
        assert server.connections == 2


def test_what_came_while_nothing_was_asked_belongs_to_nobody(way: Way) -> None:
    go, gone = asyncio.Event(), asyncio.Event()

    @way.serving(then_more(answer(), STALE, go, gone), answer(b'{"purchase":{"id":"p-2"}}'))
    async def _(server: RawServer) -> None:
        connection = way.api(server.url).connection()
        assert (await connection.post(BODY, "a")).purchase_id == "p-1"
        go.set()
        await gone.wait()
        assert (await connection.post(BODY, "b")).purchase_id == "p-2"
        await connection.aclose()
        assert server.connections == 2


def test_another_leads_purchase_is_no_proof_and_its_connection_is_not_used_again(way: Way) -> None:
    other, own = (
        answer(b'{"purchase":{"id":"p-1","leads_id":"%s"}}' % lead)
        for lead in (b"y", str(LEAD).upper().encode())
    )

    @way.serving(other, own)
    async def _(server: RawServer) -> None:
        connection = way.api(server.url).connection()
        outcome = await connection.post(BODY, "a", LEAD)
        assert (outcome.verdict, outcome.next, outcome.code) == (*COUNTED, "other-purchase")
        assert outcome.purchase_id is None
        assert (await connection.post(BODY, "b", LEAD)).purchase_id == "p-1"
        await connection.aclose()
        assert server.connections == 2


def test_the_whole_outcome_table_holds_on_the_wire(way: Way) -> None:
    rows = [row for row in TABLE if row[0] >= 200]  # 1xx only announces an answer
    steps = [
        answer(body, f"{status} X", *([f"sb-error-code: {code}"] if code else []))
        for status, code, body, _, _ in rows
    ]

    @way.serving(*steps)
    async def _(server: RawServer) -> None:
        connection = way.api(server.url).connection()
        seen = []
        for status, sb_error_code, body, *_ in rows:
            outcome = await connection.post(BODY, IDEMPOTENCY_KEY)
            told = (outcome.verdict, outcome.next)
            seen.append((status, sb_error_code, body, told, outcome.code))
        await connection.aclose()
        assert seen == rows
        assert len(server.bodies) == len(rows)


def test_a_redirect_is_not_followed(way: Way) -> None:
    async def run() -> None:
        async with raw_server(answer()) as other:
            moved = answer(b"", "307 Temporary Redirect", f"Location: {other.url}")
            async with raw_server(moved, tls=way.server_tls) as server:
                outcome = await way.post_once(server.url)
            assert (outcome.verdict, outcome.next) == (Verdict.IN_DOUBT, Next.STOP)
            assert other.connections == 0

    anyio.run(run)


def test_a_cancelled_request_passes_the_cancellation_on_and_drops_the_connection(way: Way) -> None:
    @way.serving(then_hang(), answer())
    async def _(server: RawServer) -> None:
        connection = way.api(server.url).connection()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(connection.post, BODY, "a")
                await server.asked.wait()
                scope.cancel()
        assert scope.cancelled_caught
        assert (await connection.post(BODY, "b")).verdict is Verdict.APPLIED
        await connection.aclose()


def test_a_cancellation_that_is_there_already_lets_no_byte_leave(way: Way) -> None:
    @way.serving(answer(), answer())
    async def _(server: RawServer) -> None:
        connection = way.api(server.url).connection()
        await connection.post(BODY, "a")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await connection.post(BODY, "b")
        await connection.aclose()
        assert scope.cancelled_caught
        assert not connection.on_wire


@pytest.mark.parametrize("kept", [True, False])
def test_a_request_whose_time_is_over_does_not_leave(way: Way, kept: bool) -> None:
    @way.serving(answer(), answer())
    async def _(server: RawServer) -> None:
        connection = way.api(server.url).connection()
        if kept:
            await connection.post(BODY, "a")
        told = await connection.exchange(BODY, 0.0, "b")
        await connection.aclose()
        assert told == NoAnswer(Failure.TIMEOUT, on_wire=False, detail="0 s")


def test_retry_after_and_sb_error_code_are_read(way: Way) -> None:
    outcome = way.outcome_of(
        answer(b"", "503 Service Unavailable", "sb-error-code: BOOT_ERROR", "Retry-After: 7")
    )
    assert (outcome.code, outcome.retry_after) == ("function-not-started", 7.0)


CODES = ("sb-error-code: BOOT_ERROR", "SB-Error-Code: EDGE_FUNCTION_ERROR")


@pytest.mark.parametrize("codes", [CODES, CODES[::-1]])
def test_two_codes_of_the_platform_are_not_one_of_them(way: Way, codes: tuple[str, str]) -> None:
    outcome = way.outcome_of(answer(b"", "503 Service Unavailable", *codes))
    assert (outcome.verdict, outcome.next) == HELD


# TLS


def test_an_unknown_authority_stops_the_run_before_anything_is_sent(
    plain: Way, authority: trustme.CA
) -> None:
    way = replace(plain, trusted=ssl.create_default_context(), server_tls=server_context(authority))
    outcome = way.outcome_of(answer())
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.STOP)
    assert outcome.code == "bad-certificate"


def test_a_certificate_for_another_host_stops_the_run(plain: Way, authority: trustme.CA) -> None:
    way = replace(plain, server_tls=server_context(authority, "other.example"))
    outcome = way.outcome_of(answer())
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.STOP)
    assert outcome.code == "bad-certificate"
    assert "127.0.0.1" in outcome.message


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (ssl.TLSVersion.TLSv1_2, (Verdict.NOT_APPLIED, Next.RETRY)),
        # There the client has sent its request before it hears what the server thinks of it.
        (ssl.TLSVersion.TLSv1_3, HELD),
    ],
)
def test_a_server_that_demands_a_client_certificate_is_judged_by_the_first_byte(
    plain: Way, authority: trustme.CA, version: ssl.TLSVersion, expected: tuple[Verdict, Next]
) -> None:
    context = server_context(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    outcome = replace(plain, server_tls=context).outcome_of(answer())
    assert (outcome.verdict, outcome.next) == expected


def test_a_server_without_tls_was_never_sent_anything(plain: Way) -> None:
    @plain.serving(then_close(b"HTTP/1.1 400 Bad Request\r\n\r\n", early=True))
    async def _(server: RawServer) -> None:
        outcome = await plain.post_once(server.url.replace("http://", "https://"), 0.3)
        assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
        assert server.heads == []


def test_a_request_cancelled_while_tls_is_agreed_was_not_sent_and_leaves_no_socket(
    plain: Way,
) -> None:
    async def run() -> None:
        greeted, left = asyncio.Event(), asyncio.Event()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            greeted.set()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            left.set()
            writer.close()

        async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            connection = plain.api(f"https://127.0.0.1:{port}/x").connection()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(connection.post, BODY, "a")
                await greeted.wait()
                tasks.cancel_scope.cancel()
            assert not connection.on_wire
            await left.wait()

    anyio.run(run)


# Proving the API


CHANNELS = answer(b'{"channels":[]}')
UNKNOWN_ACTION = b'{"error":"Unknown action"}'


def proof(way: Way, *steps: Step) -> list[bytes]:
    async def run() -> list[bytes]:
        async with raw_server(*steps) as server:
            await way.api(server.url, timeout=0.2).prove()
            return server.bodies

    return anyio.run(run)


@pytest.mark.parametrize(
    "step",
    [
        CHANNELS,
        answer(b"[]"),
        answer(UNKNOWN_ACTION, "400 Bad Request"),
        answer(UNKNOWN_ACTION, "404 Not Found"),
    ],
)
def test_get_channels_or_not_knowing_it_proves_the_api(plain: Way, step: Step) -> None:
    assert proof(plain, step) == [b'{"action":"get_channels"}']


def test_the_proof_is_tried_again_where_that_may_help(plain: Way) -> None:
    busy = answer(b"", "503 Service Unavailable")
    limited = answer(b"", "429 Too Many Requests", "Retry-After: 1")
    assert len(proof(plain, then_close(), busy, limited, CHANNELS)) == 4


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (answer(b'{"error":"Invalid API key"}', "401 Unauthorized"), "http-401"),
        (answer(b"", "402 Payment Required"), "http-402"),
        (answer(b"", "405 Method Not Allowed"), "http-405"),
        (answer(b"", "404 Not Found", "sb-error-code: NOT_FOUND"), "no-such-function"),
        (answer(b"", "301 Moved Permanently", "Location: /x"), "http-301"),
        (answer(b"<html>Log in</html>"), "not-keen"),
        (answer(b"<html>Forbidden</html>", "403 Forbidden"), "not-keen"),
        (answer(b"gone", "410 Gone"), "not-keen"),
    ],
)
def test_what_cannot_be_keen_stops_the_run_before_it_begins(
    plain: Way, step: Step, code: str
) -> None:
    with pytest.raises(ApiError) as caught:
        proof(plain, step)
    assert caught.value.code == code
    assert caught.value.exit_code == 7
    assert caught.value.remedy


@pytest.mark.parametrize(
    "step",
    [
        then_close(),
        then_hang(),
        answer(UNKNOWN_ACTION, "500 Internal Server Error"),
        answer(b"", "429 Too Many Requests", "Retry-After: 301"),
    ],
)
def test_an_api_that_stays_down_stops_the_run_before_it_begins(plain: Way, step: Step) -> None:
    with pytest.raises(ApiUnavailableError) as caught:
        proof(plain, step)
    assert caught.value.exit_code == 5


def test_a_bad_certificate_is_found_by_the_proof(plain: Way, authority: trustme.CA) -> None:
    async def run() -> None:
        async with raw_server(CHANNELS, tls=server_context(authority, "other.example")) as server:
            await plain.api(server.url).prove()

    with pytest.raises(ApiError) as caught:
        anyio.run(run)
    assert caught.value.code == "bad-certificate"


@pytest.mark.parametrize("host", ["999.1.1.1", "xn--a", "xn--."])
def test_a_host_that_only_httpx_cannot_read_is_refused_at_once(plain: Way, host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        plain.api(f"https://{host}/x")
    assert caught.value.exit_code == 2


# The key


def test_the_key_is_in_no_text_message_or_log(plain: Way, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    @plain.serving(
        answer(b'{"error":"no key %s"}' % KEY.encode(), "403 Forbidden"),
        then_reset(),
        then_close(b"HTTP/1.1 500 " + KEY.encode() + b"\r\nContent-Length: 0\r\n\r\n"),
    )
    async def _(server: RawServer) -> None:
        api = plain.api(server.url)
        connection = api.connection()
        outcomes = [await connection.post(BODY, "a") for _ in range(3)]
        await connection.aclose()
        assert KEY not in repr((api, connection, vars(api), outcomes))
        assert all(KEY.encode() in head for head in server.heads)

    assert KEY not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("importer")
    )


def test_a_bug_before_the_first_byte_is_not_tried_again() -> None:
    failure, detail = classify(TypeError("secret"))
    assert (failure.value, detail) == ("unexpected-failure", "TypeError")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (httpx.PoolTimeout("x"), "no-free-connection"),
        (httpx.ProxyError("407"), "proxy-failed"),
        (httpx.UnsupportedProtocol("x"), "unsendable"),
        (httpx.LocalProtocolError("the key"), "unsendable"),
        (ssl.SSLError(1, "tlsv13 alert certificate required"), "tls-failed"),
        (httpx.WriteTimeout("x"), "timeout"),
        (ExceptionGroup("all", [ConnectionRefusedError()]), "connection-refused"),
    ],
)
def test_failures_are_told_apart_by_their_cause(error: Exception, code: str) -> None:
    assert classify(error)[0].value == code


# The proxy


@pytest.fixture
def name_proxy(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let the environment name a proxy, and no other."""
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return partial(monkeypatch.setenv, "HTTPS_PROXY")


def test_a_proxy_that_refuses_leaves_the_row_unsent(
    plain: Way, name_proxy: Callable[[str], None]
) -> None:
    @plain.serving(then_close(b"HTTP/1.1 407 No\r\n\r\n", early=True))
    async def _(proxy: RawServer) -> None:
        name_proxy(f"http://user:password@127.0.0.1:{proxy.port}")
        api = plain.api("https://keen.invalid/x")
        connection = api.connection()
        outcome = await connection.post(BODY, IDEMPOTENCY_KEY)
        await connection.aclose()
        assert proxy.heads[0].startswith(b"CONNECT keen.invalid:443 ")
        assert KEY.encode() not in proxy.heads[0]
        assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
        assert outcome.code == "proxy-failed"
        assert api.proxy == f"http://127.0.0.1:{proxy.port}"


def test_through_a_proxy_the_request_is_for_keens_eyes_only(
    plain: Way, authority: trustme.CA, name_proxy: Callable[[str], None]
) -> None:
    async def run() -> None:
        async with raw_server(answer(), tls=server_context(authority, "keen.invalid")) as keen:
            async with raw_server(then_tunnel(keen.port)) as proxy:
                name_proxy(f"http://user:p%40ss@127.0.0.1:{proxy.port}")
                connection = plain.api("https://keen.invalid/x").connection()
                for _ in range(2):
                    outcome = await connection.post(BODY, IDEMPOTENCY_KEY)
                    assert outcome.purchase_id == "p-1"
                await connection.aclose()
            assert (keen.connections, proxy.connections, len(keen.bodies)) == (1, 1, 2)
        (head,) = proxy.heads
        assert head.startswith(b"CONNECT keen.invalid:443 HTTP/1.1\r\n")
        assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in head
        assert KEY.encode() not in head

    anyio.run(run)


@pytest.mark.parametrize(
    ("tunnel", "verdict"), [(True, Verdict.IN_DOUBT), (False, Verdict.NOT_APPLIED)]
)
def test_what_hangs_behind_the_proxy_is_in_doubt_and_what_hangs_in_it_was_not_sent(
    plain: Way,
    authority: trustme.CA,
    name_proxy: Callable[[str], None],
    *,
    tunnel: bool,
    verdict: Verdict,
) -> None:
    async def run() -> None:
        async with raw_server(then_hang(), tls=server_context(authority, "keen.invalid")) as keen:
            step = then_tunnel(keen.port) if tunnel else then_hang(early=True)
            async with raw_server(step) as proxy:
                name_proxy(f"http://127.0.0.1:{proxy.port}")
                outcome = await plain.post_once("https://keen.invalid/x", 0.3)
                assert (outcome.verdict, outcome.code) == (verdict, "timeout")

    anyio.run(run)


def test_a_certificate_from_the_environment_is_trusted(
    plain: Way, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))

    async def run() -> None:
        async with raw_server(CHANNELS, tls=server_context(authority)) as server:
            await Api(server.url, SecretStr(KEY), timeout=5, transport=plain.transport).prove()

    anyio.run(run)
