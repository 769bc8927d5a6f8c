"""One keyed row → attempts until it is settled, each outcome in the ledger. Touches API and ledger.

One attempt is: wait for pace, pause and breaker → intent, durable → request → outcome. Nobody
waits for anything between intent and request, so a kill leaves in doubt only what was on its way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import anyio

from importer.errors import ImporterError, LedgerWriteError
from importer.ledger.contract import Cause, Intent, Settlement
from importer.model import Next, Outcome, Verdict, may_send_again
from importer.sender.answer import Failure
from importer.sender.events import Attempted, Event, Retrying, Settled
from importer.sender.outcome import judge_failure
from importer.sender.refusal import refusal
from importer.sender.retry import decide_retry, keep_doubt

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from importer.config import SendSection
    from importer.model import Delivery
    from importer.sender.brake import Brake
    from importer.sender.connection import Connection
    from importer.sender.limits import Limits
    from importer.sender.pacing import Pacer

_RETENTION_OVER: Final = Outcome(
    Verdict.IN_DOUBT,
    Next.HOLD,
    "retention-over",
    "Keen may no longer remember the row's key, so it was not sent again.",
)


class Writer(Protocol):
    """The part of the ledger's group commit that is needed here; it raises LedgerWriteError."""

    def put(self, settlement: Settlement) -> None:
        """Take an outcome, to be stored soon; it is taken also where this raises."""

    async def commit(self, intent: Intent) -> None:
        """Store an intent and all that was put before; durable on return, cancelled or not."""

    async def flush(self) -> None:
        """Store all that was put; durable on return."""

    unstored: list[Settlement]
    """Outcomes that could not be stored."""


@dataclass
class Deliverer:
    """What all workers of one run share. All in one thread, so plain attributes are safe."""

    writer: Writer
    settings: SendSection
    key_retention: float
    """Hours."""
    observe: Callable[[Event], None]
    now: Callable[[], datetime]
    random: Callable[[], float]
    brake: Brake
    pacer: Pacer
    limits: Limits
    held: int = 0
    """Rows that were in doubt before and not sent again."""

    async def deliver(self, delivery: Delivery, connection: Connection) -> Outcome | None:
        """Send one row until it is settled or the run stops; None: no attempt was made."""
        outcome: Outcome | None = None
        attempt = 0
        in_doubt, first_sent_at = delivery.in_doubt, delivery.first_sent_at
        while (probe := await self._admit()) is not None:
            at = self.now()
            first_sent_at = first_sent_at or at
            if in_doubt and not self._may_send_again(delivery, first_sent_at, at):
                if probe:
                    self.pacer.give_back_probe()
                break
            attempt += 1
            answer, outcome = await self._attempt(
                delivery, connection, attempt=attempt, at=at, in_doubt=in_doubt
            )
            in_doubt = outcome.verdict is Verdict.IN_DOUBT
            self._learn(answer, probe=probe)
            if outcome.next is Next.DONE:  # nearly always
                break
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

    async def _admit(self) -> bool | None:
        """Return when an attempt may begin, True for a probe; None: the run is stopping."""
        if self.pacer.admits() and not self.brake.on:
            return False
        return await self.brake.wait(self.pacer.wait)

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
        sent = False
        try:
            await self.writer.commit(Intent(delivery, at, cause, self.key_retention))
            began = time.monotonic()
            sent = True
            answer = await connection.post(delivery.body, delivery.key, delivery.request.lead_id)
        except anyio.get_cancelled_exc_class():
            if not (sent and connection.on_wire):
                unsent = judge_failure(Failure.INTERRUPTED, on_wire=False)
                self._put(delivery, keep_doubt(unsent) if in_doubt else unsent)
            raise
        seconds = time.monotonic() - began
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
