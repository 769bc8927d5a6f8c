"""One worker's line to Keen: one request body → what came back → one Outcome. Touches the net."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from importer.model import Next
from importer.sender.answer import Answer, Failure, NoAnswer, parse_retry_after, read_lead_id
from importer.sender.failures import classify
from importer.sender.outcome import judge_answer, judge_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable
    from datetime import datetime

    from pydantic import SecretStr

    from importer.model import Outcome
    from importer.sender.wire import Transport

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer that are read; Keen's are below one KiB."""
_CLOSE_TIMEOUT: Final = 2.0


class Connection:
    """One worker's line to Keen: one request at a time over one kept-alive connection."""

    def __init__(
        self,
        make_transport: Callable[[], Transport],
        secret: SecretStr,
        *,
        timeout: float,
        key_retention: float,
        now: Callable[[], datetime],
    ) -> None:
        """Take what makes a transport; seconds that an attempt may last, and hours."""
        self._make_transport = make_transport
        self._secret = secret
        self._timeout = timeout
        self._key_retention = key_retention
        self._now = now
        self._transport: Transport | None = None
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
        answer = await self.exchange(body, self._timeout, key)
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
        self, body: bytes, seconds: float, key: str | None = None
    ) -> Answer | NoAnswer:
        """Make one request that may last so many seconds in all."""
        self._wire = wire = _Wire()
        result: Answer | NoAnswer | None = None
        try:
            with anyio.move_on_after(seconds):
                # On a kept-alive connection nothing else waits before the first byte.
                await checkpoint_if_cancelled()
                result = await self._read(body, key, wire)
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

    async def _read(self, body: bytes, key: str | None, wire: _Wire) -> Answer:
        if self._transport is None:
            self._transport = self._make_transport()
        received = await self._transport.post(self._headers(body, key), body, wire.leave)
        wire.status = received.status
        told = received.body
        if not isinstance(told, bytes):
            told = await _join(told)
        return Answer(
            received.status,
            received.header(b"sb-error-code"),
            parse_retry_after(received.header(b"retry-after"), self._now()),
            told,
            complete=len(told) <= MAX_ANSWER,
        )

    def _headers(self, body: bytes, key: str | None) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"X-Api-Key", self._secret.get_secret_value().encode("ascii")),
            (b"Content-Length", b"%d" % len(body)),
        ]
        if key is not None:
            headers.append((b"Idempotency-Key", key.encode("ascii")))
        return headers

    async def aclose(self) -> None:
        """Drop the connection; the next request makes a new one."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        with anyio.move_on_after(_CLOSE_TIMEOUT, shield=True):
            with contextlib.suppress(Exception):  # it is being thrown away
                await transport.aclose()


async def _join(parts: AsyncIterable[bytes]) -> bytes:
    """Return the body up to where it is too long."""
    joined = bytearray()
    async for part in parts:
        joined += part
        if len(joined) > MAX_ANSWER:
            break
    return bytes(joined)


class _Wire:
    """Whether a byte of one request left, as the transport tells; exception classes do not."""

    def __init__(self) -> None:
        self.on_wire = False
        self.status: int | None = None

    def leave(self) -> None:
        self.on_wire = True
