"""One worker's line to Keen: one request body → what came back → one Outcome. Touches the net."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import anyio

from importer.model import Next
from importer.sender.answer import Answer, Failure, NoAnswer, parse_retry_after
from importer.sender.failures import classify
from importer.sender.outcome import judge_answer, judge_failure
from importer.sender.wire import LateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from pydantic import SecretStr

    from importer.model import Outcome
    from importer.sender.wire import Received, Transport

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
        self.on_wire = False
        """Whether a byte of the last request left: what a caller that was cancelled must know."""

    async def post(self, body: bytes, key: str, lead_id: UUID | None = None) -> Outcome:
        """Send one purchase for a lead under its idempotency key and return what that proved.

        Raises nothing that the network or the API does. A cancellation from outside passes
        through; then `on_wire` tells whether the row is in doubt.
        """
        answer = await self.exchange(body, self._timeout, key)
        outcome = self.judge(answer, lead_id)
        if outcome.next is Next.HOLD_AND_COUNT:
            # Somebody answers in Keen's name, or answers have come out of step with requests:
            # what comes next over this connection would be no better.
            await self.aclose()
        return outcome

    def judge(self, answer: Answer | NoAnswer, lead_id: UUID | None = None) -> Outcome:
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
        self.on_wire = False
        received: Received | None = None
        try:
            if self._transport is None:
                self._transport = self._make_transport()
            received = await self._transport.post(_headers(body, key), body, self._leave, seconds)
        except LateError:
            return NoAnswer(Failure.TIMEOUT, self.on_wire, f"{seconds:g} s")
        except Exception as error:  # noqa: BLE001 - more than httpx.HTTPError escapes from httpx
            failure, detail = classify(error)
            return NoAnswer(failure, self.on_wire, detail)
        finally:
            # What was not read to its end, or was cancelled, leaves a connection in a state
            # that nobody knows (httpcore issue 1093).
            if received is None or not received.complete:
                await self.aclose()
        wait = received.header(b"retry-after")
        return Answer(
            received.status,
            received.header(b"sb-error-code"),
            None if wait is None else parse_retry_after(wait, self._now()),
            received.body,
            received.complete,
        )

    def _leave(self) -> None:
        self.on_wire = True

    async def aclose(self) -> None:
        """Drop the connection; the next request makes a new one."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        with anyio.move_on_after(_CLOSE_TIMEOUT, shield=True):
            with contextlib.suppress(Exception):  # it is being thrown away
                await transport.aclose()


def _headers(body: bytes, key: str | None) -> list[tuple[bytes, bytes]]:
    """Return what no other request has in common; the rest is the transport's."""
    length = (b"Content-Length", b"%d" % len(body))
    return [length] if key is None else [length, (b"Idempotency-Key", key.encode("ascii"))]
