"""One request over a real socket: what each fault at the byte level proves."""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
import trustme
from pydantic import SecretStr

from importer.errors import ApiError, ApiUnavailableError
from importer.model import Next, Outcome, Verdict
from importer.sender.api import MAX_ANSWER, Api, classify
from importer.sender.transport import Transport
from tests.sender.raw_server import (
    CREATED,
    RawServer,
    Step,
    answer,
    raw_server,
    then_close,
    then_drip,
    then_hang,
    then_reset,
    then_tunnel,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

KEY = "3f1c8a52-0000-4000-8000-000000000001"
IDEMPOTENCY_KEY = "7c9e6679-7425-8de9-944b-e07fc1f90ae7"
BODY = b'{"action":"create_purchase_custom","lead_id":"x"}'
HEAD = b"HTTP/1.1 200 OK\r\n"
HALF = CREATED[:10]
GZIP = "Content-Encoding: gzip"

HELD = (Verdict.IN_DOUBT, Next.HOLD)
COUNTED = (Verdict.IN_DOUBT, Next.HOLD_AND_COUNT)


async def no_sleep(_: float) -> None:
    await anyio.lowlevel.checkpoint()


def api_of(url: str, *, timeout: float = 5.0, tls: ssl.SSLContext | None = None) -> Api:
    transport = None
    if tls is not None:
        transport = partial(Transport, tls)
    return Api(
        url,
        SecretStr(KEY),
        timeout=timeout,
        transport=transport,
        sleep=no_sleep,
        random=lambda: 0.5,
    )


async def post_once(url: str, *, seconds: float = 5.0) -> Outcome:
    connection = api_of(url, timeout=seconds).connection()
    try:
        return await connection.post(BODY, IDEMPOTENCY_KEY)
    finally:
        await connection.aclose()


def outcome_of(*steps: Step, timeout: float = 5.0) -> Outcome:
    async def run() -> Outcome:
        async with raw_server(*steps) as server:
            return await post_once(server.url, seconds=timeout)

    return anyio.run(run)


def serving(*steps: Step) -> Callable[[Callable[[RawServer], Awaitable[None]]], None]:
    """Run a test's coroutine function against a server with these steps."""

    def decorate(test: Callable[[RawServer], Awaitable[None]]) -> None:
        async def run() -> None:
            async with raw_server(*steps) as server:
                await test(server)

        anyio.run(run)

    return decorate


def test_a_purchase_is_sent_as_keen_specifies_and_its_id_comes_back() -> None:
    @serving(answer())
    async def _(server: RawServer) -> None:
        outcome = await post_once(server.url)
        assert (outcome.verdict, outcome.purchase_id) == (Verdict.APPLIED, "p-1")
        head = server.heads[0].decode().lower()
        assert head.startswith("post /openapi-operations http/1.1\r\n")
        assert f"x-api-key: {KEY}\r\n" in head
        assert f"idempotency-key: {IDEMPOTENCY_KEY}\r\n" in head
        assert "content-type: application/json\r\n" in head
        assert "accept-encoding: identity\r\n" in head
        assert "user-agent: importer/" in head
        assert server.bodies == [BODY]


def test_a_worker_keeps_its_connection() -> None:
    @serving(answer())
    async def _(server: RawServer) -> None:
        connection = api_of(server.url).connection()
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
def test_every_form_of_a_whole_answer_is_read(sent: bytes) -> None:
    assert outcome_of(then_close(sent)).purchase_id == "p-1"


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
        (then_hang(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), HELD, "disconnected"),
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
    step: Step, expected: tuple[Verdict, Next], code: str
) -> None:
    outcome = outcome_of(step)
    assert (outcome.verdict, outcome.next, outcome.code) == (*expected, code)


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
def test_a_server_that_never_ends_its_answer_meets_the_deadline(step: Step, code: str) -> None:
    outcome = outcome_of(step, timeout=0.2)
    assert (outcome.verdict, outcome.code) == (Verdict.IN_DOUBT, code)


def test_a_refused_connection_was_never_applied() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/x"
        outcome = anyio.run(post_once, url)
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
    assert outcome.code == "connection-refused"


def test_a_host_without_an_address_was_never_called() -> None:
    outcome = anyio.run(post_once, "https://keen.invalid/x")
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
    assert outcome.code == "no-address"


def test_a_server_that_never_accepts_was_never_called() -> None:
    async def run() -> Outcome:
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
            listener.setblocking(False)
            for _ in range(4):  # fill the backlog: the kernel then drops what comes
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
            return await post_once(url, seconds=0.3)

    outcome = anyio.run(run)
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
    assert outcome.code in {"connect-timeout", "timeout"}


def test_after_a_failure_the_next_request_has_a_new_connection() -> None:
    @serving(then_hang(), answer())
    async def _(server: RawServer) -> None:
        connection = api_of(server.url, timeout=0.2).connection()
        assert (await connection.post(BODY, "a")).verdict is Verdict.IN_DOUBT
        assert (await connection.post(BODY, "b")).verdict is Verdict.APPLIED
        await connection.aclose()
        assert server.connections == 2


def test_an_idle_connection_that_the_server_closed_is_not_used_again() -> None:
    @serving(then_close(answer()), answer())
    async def _(server: RawServer) -> None:
        connection = api_of(server.url).connection()
        assert (await connection.post(BODY, "a")).verdict is Verdict.APPLIED
        await server.lost.wait()
        assert (await connection.post(BODY, "b")).verdict is Verdict.APPLIED
        await connection.aclose()


def test_an_answer_that_came_before_its_request_belongs_to_nobody() -> None:
    stale = answer(b'{"purchase":{"id":"stale"}}')

    @serving(answer() + stale, answer(b'{"purchase":{"id":"p-2"}}'))
    async def _(server: RawServer) -> None:
        connection = api_of(server.url).connection()
        assert (await connection.post(BODY, "a")).purchase_id == "p-1"
        assert (await connection.post(BODY, "b")).purchase_id == "p-2"
        await connection.aclose()


def test_a_redirect_is_not_followed() -> None:
    async def run() -> None:
        async with raw_server(answer()) as other:
            moved = answer(b"", "307 Temporary Redirect", f"Location: {other.url}")
            async with raw_server(moved) as server:
                outcome = await post_once(server.url)
            assert (outcome.verdict, outcome.next) == (Verdict.IN_DOUBT, Next.STOP)
            assert other.connections == 0

    anyio.run(run)


def test_a_cancelled_request_passes_the_cancellation_on_and_drops_the_connection() -> None:
    @serving(then_hang(), answer())
    async def _(server: RawServer) -> None:
        connection = api_of(server.url).connection()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(connection.post, BODY, "a")
                await server.asked.wait()
                scope.cancel()
        assert scope.cancelled_caught
        assert (await connection.post(BODY, "b")).verdict is Verdict.APPLIED
        await connection.aclose()


def test_retry_after_and_sb_error_code_are_read() -> None:
    outcome = outcome_of(
        answer(b"", "503 Service Unavailable", "sb-error-code: BOOT_ERROR", "Retry-After: 7")
    )
    assert (outcome.code, outcome.retry_after) == ("function-not-started", 7.0)


# TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def tls_outcome(server_side: ssl.SSLContext, client_side: ssl.SSLContext | None) -> Outcome:
    async def run() -> Outcome:
        async with raw_server(answer(), tls=server_side) as server:
            connection = api_of(server.url, tls=client_side).connection()
            outcome = await connection.post(BODY, IDEMPOTENCY_KEY)
            assert len(server.heads) == (outcome.verdict is Verdict.APPLIED)
            await connection.post(BODY, IDEMPOTENCY_KEY)
            await connection.aclose()
            assert server.connections <= 1
            return outcome

    return anyio.run(run)


def test_a_trusted_certificate_is_accepted(authority: trustme.CA) -> None:
    outcome = tls_outcome(server_context(authority), trusting(authority))
    assert outcome.verdict is Verdict.APPLIED


def test_an_unknown_authority_stops_the_run_before_anything_is_sent(
    authority: trustme.CA,
) -> None:
    outcome = tls_outcome(server_context(authority), None)
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.STOP)
    assert outcome.code == "bad-certificate"


def test_a_certificate_for_another_host_stops_the_run(authority: trustme.CA) -> None:
    outcome = tls_outcome(server_context(authority, "other.example"), trusting(authority))
    assert (outcome.next, outcome.code) == (Next.STOP, "bad-certificate")
    assert "127.0.0.1" in outcome.message


def test_a_server_without_tls_was_never_sent_anything() -> None:
    @serving(then_close(b"HTTP/1.1 400 Bad Request\r\n\r\n", early=True))
    async def _(server: RawServer) -> None:
        outcome = await post_once(server.url.replace("http://", "https://"), seconds=1.0)
        assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
        assert server.heads == []


# Proving the API


CHANNELS = answer(b'{"channels":[]}')
UNKNOWN_ACTION = b'{"error":"Unknown action"}'


def proof(*steps: Step) -> list[bytes]:
    async def run() -> list[bytes]:
        async with raw_server(*steps) as server:
            await api_of(server.url, timeout=0.5).prove()
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
def test_get_channels_or_not_knowing_it_proves_the_api(step: Step) -> None:
    assert proof(step) == [b'{"action":"get_channels"}']


def test_the_proof_is_tried_again_where_that_may_help() -> None:
    busy = answer(b"", "503 Service Unavailable")
    assert (
        len(proof(then_close(), busy, answer(b"", "429 Too Many", "Retry-After: 1"), CHANNELS)) == 4
    )


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
def test_what_cannot_be_keen_stops_the_run_before_it_begins(step: Step, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        proof(step)
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
def test_an_api_that_stays_down_stops_the_run_before_it_begins(step: Step) -> None:
    with pytest.raises(ApiUnavailableError) as caught:
        proof(step)
    assert caught.value.exit_code == 5


def test_a_bad_certificate_is_found_by_the_proof(authority: trustme.CA) -> None:
    async def run() -> None:
        async with raw_server(CHANNELS, tls=server_context(authority)) as server:
            await api_of(server.url).prove()

    with pytest.raises(ApiError) as caught:
        anyio.run(run)
    assert caught.value.code == "bad-certificate"


# The key


def test_the_key_is_in_no_text_message_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    @serving(
        answer(b'{"error":"no key %s"}' % KEY.encode(), "403 Forbidden"),
        then_reset(),
        then_close(b"HTTP/1.1 500 " + KEY.encode() + b"\r\nContent-Length: 0\r\n\r\n"),
    )
    async def _(server: RawServer) -> None:
        api = api_of(server.url)
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


def test_a_proxy_that_refuses_leaves_the_row_unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> tuple[Outcome, str | None, list[bytes]]:
        async with raw_server(then_close(b"HTTP/1.1 407 No\r\n\r\n", early=True)) as server:
            proxy = f"http://user:password@127.0.0.1:{server.port}"
            monkeypatch.setenv("HTTPS_PROXY", proxy)
            api = api_of("https://keen.invalid/x")
            connection = api.connection()
            outcome = await connection.post(BODY, IDEMPOTENCY_KEY)
            await connection.aclose()
            return outcome, api.proxy, server.heads

    outcome, shown, heads = anyio.run(run)
    assert heads[0].startswith(b"CONNECT keen.invalid:443 ")
    assert KEY.encode() not in heads[0]
    assert (outcome.verdict, outcome.next) == (Verdict.NOT_APPLIED, Next.RETRY)
    assert outcome.code == "proxy-failed"
    assert shown is not None
    assert "password" not in shown


def test_through_a_proxy_the_request_is_for_keens_eyes_only(authority: trustme.CA) -> None:
    async def run() -> None:
        async with raw_server(answer(), tls=server_context(authority)) as keen:
            async with raw_server(then_tunnel(keen.port)) as proxy:
                through = f"http://user:p%40ss@127.0.0.1:{proxy.port}"
                api = Api(
                    keen.url,
                    SecretStr(KEY),
                    timeout=5,
                    transport=partial(Transport, trusting(authority), through),
                )
                connection = api.connection()
                for _ in range(2):
                    outcome = await connection.post(BODY, IDEMPOTENCY_KEY)
                    assert outcome.purchase_id == "p-1"
                await connection.aclose()
            assert (keen.connections, proxy.connections, len(keen.bodies)) == (1, 1, 2)
        (head,) = proxy.heads
        assert head.startswith(f"CONNECT 127.0.0.1:{keen.port} HTTP/1.1\r\n".encode())
        assert b"Proxy-Authorization: Basic dXNlcjpwQHNz\r\n" in head
        assert KEY.encode() not in head

    anyio.run(run)


def test_a_certificate_from_the_environment_is_trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    assert tls_outcome(server_context(authority), None).verdict is Verdict.APPLIED
