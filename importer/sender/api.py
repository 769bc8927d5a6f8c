"""A URL and an API key → proof that they lead to Keen, and connections. Touches the network."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import anyio
import httpx

from importer.errors import ConfigError
from importer.sender.address import UNUSABLE_URL, check_key, check_url, find_proxy
from importer.sender.answer import Answer
from importer.sender.connection import Connection
from importer.sender.proof import PROOF_BODY, PROOF_TIMEOUT, judge_proof
from importer.sender.transport import transport_factory

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable

    from pydantic import SecretStr

    from importer.config import TransportName

CONNECT_TIMEOUT: Final = 10.0


class Api:
    """Keen at one URL with one API key. Its text shows neither the key nor a proxy's password."""

    def __init__(
        self,
        url: str,
        api_key: SecretStr,
        *,
        timeout: float,
        transport: TransportName = "httpx",
        tls: ssl.SSLContext | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        random: Callable[[], float] = random.random,
    ) -> None:
        """Take the seconds that one attempt may last. Raises ConfigError for a bad URL or key.

        `tls` replaces the context that trusts the usual authorities.
        """
        check_url(url)
        check_key(api_key)
        self._secret = api_key
        self._timeout = timeout
        self._now = now
        self._sleep = sleep
        self._random = random
        self._proxy = find_proxy(url)
        prototype = _prototype(url, api_key, min(CONNECT_TIMEOUT, timeout))
        self._make_transport = transport_factory(transport, prototype, tls=tls, proxy=self._proxy)

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
        timeout = min(self._timeout, PROOF_TIMEOUT)
        try:
            for attempt in itertools.count(1):
                answer = await connection.exchange(PROOF_BODY, timeout)
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
        return Connection(
            self._make_transport,
            self._secret,
            timeout=self._timeout,
            key_retention=key_retention,
            now=self._now,
        )


def _prototype(url: str, api_key: SecretStr, connect: float) -> httpx.Request:
    """Return what all requests share: the URL, the headers that are no row's own, the deadlines.

    Raises ConfigError where httpx cannot read the URL (a fifth number in an address, say).
    """
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        "User-Agent": f"importer/{version('keen-importer')}",
        "X-Api-Key": api_key.get_secret_value(),
    }
    # The total deadline is the caller's: a server that drips never times a read out.
    deadlines = {"timeout": httpx.Timeout(None, connect=connect).as_dict()}
    try:
        prototype = httpx.Request("POST", url, headers=headers, extensions=deadlines)
    except (httpx.InvalidURL, UnicodeError):
        raise ConfigError(*UNUSABLE_URL) from None
    del prototype.headers["Content-Length"]  # each request has its own
    return prototype
