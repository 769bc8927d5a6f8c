"""One request body → one Outcome, over HTTPS; the only module that knows httpx. Touches the net."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import ssl
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import anyio
import h11
import httpx
from anyio.lowlevel import checkpoint_if_cancelled

from importer.sender.address import check_key, check_url, find_proxy
from importer.sender.answer import Answer, Failure, NoAnswer, parse_retry_after
from importer.sender.outcome import judge_answer, judge_failure
from importer.sender.proof import PROOF_BODY, PROOF_TIMEOUT, judge_proof
from importer.sender.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from pydantic import SecretStr

    from importer.model import Outcome

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer that are read; Keen's are below one KiB."""
CONNECT_TIMEOUT: Final = 10.0
_CLOSE_TIMEOUT: Final = 2.0


class Connection:
    """One worker's line to Keen: one request at a time over one kept-alive connection.

    No pool is shared by all workers: httpcore's collapses under concurrency.
    """

    def __init__(self, api: Api, key_retention: float) -> None:
        self._api = api
        self._key_retention = key_retention
        self._client: httpx.AsyncClient | None = None
        self._wire = _Wire()

    @property
    def on_wire(self) -> bool:
        """Whether a byte of the last request left: what a caller that was cancelled must know."""
        return self._wire.on_wire

    async def post(self, body: bytes, key: str) -> Outcome:
        """Send one purchase under its idempotency key and return what that proved.

        Raises nothing that the network or the API does. A cancellation from outside passes
        through; then `on_wire` tells whether the row is in doubt.
        """
        answer = await self.exchange(body, {"Idempotency-Key": key}, self._api.timeout)
        return self.judge(answer)

    def judge(self, answer: Answer | NoAnswer) -> Outcome:
        """Return what an exchange proved."""
        if isinstance(answer, NoAnswer):
            return judge_failure(answer.failure, answer.on_wire, answer.detail)
        return judge_answer(
            answer.status,
            answer.sb_error_code,
            answer.body,
            retry_after=answer.retry_after,
            complete=answer.complete,
            key_retention=self._key_retention,
            secret=self._api.secret.get_secret_value(),
        )

    async def exchange(
        self, body: bytes, headers: dict[str, str], seconds: float
    ) -> Answer | NoAnswer:
        """Make one request that may last so many seconds in all."""
        self._wire = wire = _Wire()
        result: Answer | NoAnswer | None = None
        try:
            with anyio.move_on_after(seconds):
                # On a kept-alive connection nothing else waits before the first byte.
                await checkpoint_if_cancelled()
                result = await self._read(body, headers, wire)
        except Exception as error:  # noqa: BLE001 - more than httpx.HTTPError escapes from httpx
            failure, detail = classify(error)
            result = NoAnswer(failure, wire.on_wire, detail)
        finally:
            # What was not read to its end, or was cancelled, leaves a connection in a state
            # that nobody knows (httpcore issue 1093).
            if not (isinstance(result, Answer) and result.complete):
                await self.aclose()
        if result is None:
            result = NoAnswer(Failure.TIMEOUT, wire.on_wire, f"{seconds:g} s")
        if isinstance(result, NoAnswer) and wire.status is not None:
            return Answer(wire.status, None, None, b"", complete=False)
        return result

    async def _read(self, body: bytes, headers: dict[str, str], wire: _Wire) -> Answer:
        if self._client is None:
            self._client = self._api.client()
        request = self._client.build_request(
            "POST",
            self._api.url,
            content=body,
            headers={"X-Api-Key": self._api.secret.get_secret_value(), **headers},
            extensions={"trace": wire.trace},
        )
        response = await self._client.send(request, stream=True)
        wire.status = response.status_code
        read = bytearray()
        # Raw: a compressed answer that nobody asked for is never unpacked.
        async for part in response.aiter_raw():
            read += part
            if len(read) > MAX_ANSWER:
                break
        return Answer(
            response.status_code,
            response.headers.get("sb-error-code"),
            parse_retry_after(response.headers.get("retry-after"), self._api.now()),
            bytes(read),
            complete=len(read) <= MAX_ANSWER,
        )

    async def aclose(self) -> None:
        """Drop the connection; the next request makes a new one."""
        client, self._client = self._client, None
        if client is None:
            return
        with anyio.move_on_after(_CLOSE_TIMEOUT, shield=True):
            with contextlib.suppress(Exception):  # it is being thrown away
                await client.aclose()


class _Wire:
    """Whether a byte of one request left, as httpx's trace tells; exception classes do not."""

    def __init__(self) -> None:
        self.on_wire = False
        self.status: int | None = None

    async def trace(self, event: str, details: dict[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            # To a proxy goes a CONNECT first; nothing of the purchase is in it.
            self.on_wire |= getattr(details.get("request"), "method", b"") != b"CONNECT"


class Api:
    """Keen at one URL with one API key. Its text shows neither the key nor a proxy's password."""

    def __init__(
        self,
        url: str,
        api_key: SecretStr,
        *,
        timeout: float,
        transport: Callable[[], httpx.AsyncBaseTransport] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        """Take the seconds that one attempt may last. Raises ConfigError for a bad URL or key.

        `transport` makes one worker's transport; without it, our own.
        """
        check_url(url)
        check_key(api_key)
        self.url = url
        self.secret = api_key
        self.timeout = timeout
        self.now = now
        self._sleep = sleep
        self._random = random
        self._proxy = find_proxy(url)
        if transport is None:
            # One context for all workers: making one reads every root certificate.
            tls = httpx.create_ssl_context()
            transport = partial(Transport, tls, self._proxy)
        self._transport = transport

    @property
    def proxy(self) -> str | None:
        """The proxy that the environment names for the URL, without its password."""
        return None if self._proxy is None else str(httpx.URL(self._proxy).copy_with(userinfo=b""))

    async def prove(self) -> None:
        """Call get_channels, which changes nothing, to prove URL, API key and TLS.

        Raises ApiError where the call is refused or the answer is not Keen's, and
        ApiUnavailableError where Keen still cannot be reached after a few attempts. An API that
        does not know the action is no obstacle.
        """
        connection = self.connection()
        timeout = min(self.timeout, PROOF_TIMEOUT)
        try:
            for attempt in itertools.count(1):
                answer = await connection.exchange(PROOF_BODY, {}, timeout)
                outcome = connection.judge(answer)
                body = answer.body if isinstance(answer, Answer) else b""
                wait = judge_proof(outcome, body, attempt, self._random())
                if wait is None:
                    return
                await self._sleep(wait)
        finally:
            await connection.aclose()

    def connection(self, key_retention: float = 0) -> Connection:
        """Return a worker's own line; `key_retention` is in hours. Connects at the first post."""
        return Connection(self, key_retention)

    def client(self) -> httpx.AsyncClient:
        """Return a client for one worker."""
        return httpx.AsyncClient(
            transport=self._transport(),
            trust_env=False,
            follow_redirects=False,
            # The total deadline is the caller's: a server that drips never times a read out.
            timeout=httpx.Timeout(None, connect=min(CONNECT_TIMEOUT, self.timeout)),
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": f"importer/{version('keen-importer')}",
            },
        )


def classify(error: BaseException) -> tuple[Failure, str]:
    """Return what kind of failure an exception is, with a detail that is safe to show."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Failure.BAD_CERTIFICATE, cause.verify_message
    for classes, failure in _CLASSES:
        if any(isinstance(cause, classes) for cause in causes):
            return failure, ""
    return Failure.UNEXPECTED, type(error).__name__


# In this order: the exact cause first, then httpx's class.
_CLASSES: Final[
    tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Failure], ...]
] = (
    (socket.gaierror, Failure.NO_ADDRESS),
    (ConnectionRefusedError, Failure.REFUSED),
    (httpx.ConnectTimeout, Failure.CONNECT_TIMEOUT),
    (httpx.PoolTimeout, Failure.NO_CONNECTION),
    (httpx.TimeoutException, Failure.TIMEOUT),
    (httpx.ProxyError, Failure.PROXY),
    (ssl.SSLError, Failure.TLS),
    (httpx.ConnectError, Failure.UNREACHABLE),
    (
        (
            httpx.InvalidURL,
            httpx.UnsupportedProtocol,
            httpx.LocalProtocolError,
            UnicodeError,
            h11.LocalProtocolError,
        ),
        Failure.UNSENDABLE,
    ),
    ((httpx.TransportError, OSError, anyio.BrokenResourceError), Failure.DISCONNECTED),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
