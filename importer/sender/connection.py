"""One worker's line to Keen: one request body → what came back → one Outcome. Touches the net."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from importer.model import Next
from importer.sender.answer import Answer, Failure, NoAnswer, parse_retry_after, read_lead_id
from importer.sender.failures import classify
from importer.sender.outcome import judge_answer, judge_failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import httpx
    from pydantic import SecretStr

    from importer.model import Outcome

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer that are read; Keen's are below one KiB."""
_CLOSE_TIMEOUT: Final = 2.0


class Connection:
    """One worker's line to Keen: one request at a time over one kept-alive connection."""

    def __init__(
        self,
        client: Callable[[], httpx.AsyncClient],
        url: str,
        secret: SecretStr,
        *,
        timeout: float,
        key_retention: float,
        now: Callable[[], datetime],
    ) -> None:
        """Take what makes a client of one connection, seconds an attempt may last, and hours."""
        self._make_client = client
        self._url = url
        self._secret = secret
        self._timeout = timeout
        self._key_retention = key_retention
        self._now = now
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
        lead_id = read_lead_id(body)
        answer = await self.exchange(body, {"Idempotency-Key": key}, self._timeout)
        outcome = self.judge(answer, lead_id)
        if outcome.next is Next.HOLD_AND_COUNT:
            # Somebody answers in Keen's name, or answers have come out of step with requests:
            # what comes next over this connection would be no better.
            await self.aclose()
        return outcome

    def judge(self, answer: Answer | NoAnswer, lead_id: str | None = None) -> Outcome:
        """Return what an exchange proved; `lead_id` is the lead that was sent."""
        if isinstance(answer, NoAnswer):
            return judge_failure(answer.failure, answer.on_wire, answer.detail)
        return judge_answer(
            answer.status,
            answer.sb_error_code,
            answer.body,
            lead_id=lead_id,
            retry_after=answer.retry_after,
            complete=answer.complete,
            key_retention=self._key_retention,
            secret=self._secret.get_secret_value(),
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
            self._client = self._make_client()
        request = self._client.build_request(
            "POST",
            self._url,
            content=body,
            headers={"X-Api-Key": self._secret.get_secret_value(), **headers},
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
            parse_retry_after(response.headers.get("retry-after"), self._now()),
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

    async def trace(self, event: str, _details: dict[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            self.on_wire = True
