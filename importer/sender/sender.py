"""Keyed rows → outcomes in the ledger, by bounded workers. Touches the API and the ledger.

One attempt is: wait for pace, pause and breaker → intent, durable → request → outcome. Nobody
waits for anything between intent and request, so a kill leaves in doubt only what was on its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import anyio

from importer.errors import ImporterError, LedgerWriteError, SendStoppedError
from importer.ledger.contract import Cause, Intent, Settlement
from importer.model import Next, Outcome, Verdict
from importer.sender.answer import Failure
from importer.sender.brake import Brake
from importer.sender.events import (
    Attempted,
    Event,
    Retrying,
    SendReport,
    Settled,
)
from importer.sender.limits import Limits
from importer.sender.outcome import judge_failure
from importer.sender.pacing import Pacer
from importer.sender.refusal import refusal
from importer.sender.retry import decide_retry, keep_doubt, may_send_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from importer.config import SendSection
    from importer.model import Delivery
    from importer.sender.api import Connection
    from importer.sender.signals import StopRequest

_RETENTION_OVER = Outcome(
    Verdict.IN_DOUBT,
    Next.HOLD,
    "retention-over",
    "Keen may no longer remember the row's key, so it was not sent again.",
)


class Connects(Protocol):
    """The part of `Api` that sends purchases."""

    def connection(self, key_retention: float = 0) -> Connection:
        """Return a worker's own line to Keen."""


class Writer(Protocol):
    """The part of the ledger's group commit that is needed here; it raises LedgerWriteError."""

    def put(self, settlement: Settlement) -> None:
        """Take an outcome, to be stored soon; it is taken also where this raises."""

    async def commit(self, intent: Intent) -> None:
        """Store an intent and all that was put before; durable on return."""

    async def flush(self) -> None:
        """Store all that was put; durable on return."""

    unstored: list[Settlement]
    """Outcomes that could not be stored."""


async def send(
    deliveries: Iterable[Delivery],
    *,
    api: Connects,
    writer: Writer,
    settings: SendSection,
    key_retention: float,
    total: int,
    observe: Callable[[Event], None],
    stop: StopRequest,
    now: Callable[[], datetime],
    random: Callable[[], float],
    pacer: Pacer | None = None,
) -> SendReport:
    """Send `total` deliveries, which may be made on demand, and return what became of them.

    The first row goes alone. What stops a run is in the report, after all that was on its way has
    been awaited and stored; a second stop request drops it, and those rows stay `sending`.
    `key_retention` is in hours. Raises only what is a bug, after draining as well.
    """
    sending = _Sending(
        iter(deliveries),
        api=api,
        writer=writer,
        settings=settings,
        key_retention=key_retention,
        total=total,
        observe=observe,
        now=now,
        random=random,
        brake=Brake(stop, observe),
        pacer=pacer or Pacer(settings.rate_limit),
        limits=Limits(settings, total),
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sending.brake.watch, tasks.cancel_scope)
        await sending.send_all()
        tasks.cancel_scope.cancel()
    return await sending.report(stop.requested)


@dataclass
class _Sending:
    """One run: what its workers share. All in one thread, so plain attributes are safe."""

    deliveries: Iterator[Delivery]
    api: Connects
    writer: Writer
    settings: SendSection
    key_retention: float
    total: int
    observe: Callable[[Event], None]
    now: Callable[[], datetime]
    random: Callable[[], float]
    brake: Brake
    pacer: Pacer
    limits: Limits
    held: int = 0
    """Rows that were in doubt before and not sent again."""

    async def send_all(self) -> None:
        """Send the first row alone, then let all workers send."""
        await self.brake.drain_on_error(self._send_alone)
        async with anyio.create_task_group() as workers:
            for _ in range(min(self.settings.concurrency, self.total)):
                workers.start_soon(self.brake.drain_on_error, self._send_rows)

    async def report(self, signum: int | None) -> SendReport:
        """Make all durable and return what was done."""
        try:
            await self.writer.flush()
        except ImporterError as error:
            self.brake.halt(error)
        if self.brake.bug is not None:
            raise self.brake.bug
        limits = self.limits
        settled = limits.created + limits.rejected + limits.in_doubt + limits.unsent + self.held
        if isinstance(self.brake.error, SendStoppedError) and settled >= self.total:
            self.brake.error = None  # a limit that was reached at the last row stopped nothing
        return SendReport(
            created=limits.created,
            rejected=limits.rejected,
            in_doubt=limits.in_doubt + self.held,
            unsent=limits.unsent,
            stop=self.brake.error,
            signal=signum,
            unstored=tuple(self.writer.unstored),
        )

    def _next(self) -> Delivery | None:
        return None if self.brake.on else next(self.deliveries, None)

    async def _send_alone(self) -> None:
        """Send rows one by one until Keen has answered one for good."""
        connection = self.api.connection(self.key_retention)
        try:
            while (delivery := self._next()) is not None:
                outcome = await self._deliver(delivery, connection)
                if outcome is None or outcome.next is Next.RETRY:
                    continue
                if outcome.verdict is Verdict.IN_DOUBT:
                    message = f"The first row is in doubt, so no other was sent. {outcome.message}"
                    remedy = "Look at the row in Keen and settle it with `importer resolve`."
                    self.brake.halt(SendStoppedError(message, remedy, code="first-row"))
                return
        finally:
            await connection.aclose()

    async def _send_rows(self) -> None:
        connection = self.api.connection(self.key_retention)
        try:
            while (delivery := self._next()) is not None:
                await self._deliver(delivery, connection)
        finally:
            await connection.aclose()

    async def _deliver(self, delivery: Delivery, connection: Connection) -> Outcome | None:
        """Send one row until it is settled or the run stops; None: no attempt was made."""
        outcome: Outcome | None = None
        attempt = 0
        in_doubt, first_sent_at = delivery.in_doubt, delivery.first_sent_at
        while (probe := await self.brake.wait(self.pacer.wait)) is not None:
            at = self.now()
            first_sent_at = first_sent_at or at
            if in_doubt and not self._may_send_again(delivery, first_sent_at, at):
                break
            attempt += 1
            answer, outcome = await self._attempt(
                delivery, connection, attempt=attempt, at=at, in_doubt=in_doubt
            )
            in_doubt = outcome.verdict is Verdict.IN_DOUBT
            self._learn(answer, probe=probe)
            wait = decide_retry(
                attempt,
                self.settings.max_attempts,
                answer,
                self.random(),
                resend_doubt=in_doubt and self._may_send_again(delivery, first_sent_at, self.now()),
            )
            if wait is None:
                break
            self.observe(Retrying(delivery.row, attempt, outcome, wait))
            await self.writer.flush()
            await self.brake.wait(partial(anyio.sleep, wait))
        self._settle(delivery, attempt, outcome)
        return outcome

    async def _attempt(
        self,
        delivery: Delivery,
        connection: Connection,
        *,
        attempt: int,
        at: datetime,
        in_doubt: bool,
    ) -> tuple[Outcome, Outcome]:
        """Make one attempt; return what it proved of itself, and what is then known of the row."""
        cause = Cause.RETENTION if in_doubt else Cause.INTENT
        await self.writer.commit(Intent(delivery, at, cause, self.key_retention))
        began = anyio.current_time()
        try:
            answer = await connection.post(delivery.body, delivery.key)
        except anyio.get_cancelled_exc_class():
            if not connection.on_wire:
                unsent = judge_failure(Failure.INTERRUPTED, on_wire=False)
                self._put(delivery, keep_doubt(unsent) if in_doubt else unsent)
            raise
        seconds = anyio.current_time() - began
        outcome = keep_doubt(answer) if in_doubt else answer
        # Before all else: nothing that fails after it may lose an outcome.
        self._put(delivery, outcome)
        self.observe(Attempted(delivery.row, attempt, outcome, seconds))
        return answer, outcome

    def _put(self, delivery: Delivery, outcome: Outcome) -> None:
        try:
            self.writer.put(Settlement(delivery.key, delivery.row, outcome, self.now()))
        except LedgerWriteError as error:  # the writer has taken it all the same
            self.brake.halt(error)

    def _may_send_again(self, delivery: Delivery, first_sent_at: datetime, at: datetime) -> bool:
        hours = self.key_retention
        if delivery.attempts:
            hours = min(hours, delivery.retention)
        return may_send_again(first_sent_at, hours, at, self.settings.timeout)

    def _learn(self, answer: Outcome, *, probe: bool) -> None:
        """Let one answer pace, pause or stop all workers."""
        if answer.next is Next.STOP:
            self.brake.halt(refusal(answer))
        limit = self.limits.note_attempt(answer)
        if limit is not None:
            self.brake.halt(limit)
        try:
            pause = self.pacer.note(answer, probe=probe)
        except ImporterError as error:
            self.brake.halt(error)
        else:
            if pause is not None:
                self.observe(pause)

    def _settle(self, delivery: Delivery, attempts: int, outcome: Outcome | None) -> None:
        if outcome is None:
            if self.brake.on:
                return
            self.held += 1
            outcome = _RETENTION_OVER
        else:
            limit = self.limits.note_row(outcome)
            if limit is not None:
                self.brake.halt(limit)
        self.observe(Settled(delivery.row, attempts, outcome))
