"""Keyed rows → outcomes in the ledger, by bounded workers. Touches the API and the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import anyio

from importer.errors import ImporterError, SendStoppedError
from importer.model import Next, Verdict
from importer.sender.brake import Brake
from importer.sender.delivery import Deliverer
from importer.sender.events import Event, SendReport
from importer.sender.limits import Limits
from importer.sender.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from importer.config import SendSection
    from importer.model import Delivery
    from importer.sender.connection import Connection
    from importer.sender.delivery import Writer
    from importer.sender.signals import StopRequest


class Connects(Protocol):
    """The part of `Api` that sends purchases."""

    def connection(self, key_retention: float = 0) -> Connection:
        """Return a worker's own line to Keen."""


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

    The first row goes alone. What stops a run is in the report, a bug as well, after all that was
    on its way has been awaited and stored; a second stop request drops it, and those rows stay
    `sending`. `key_retention` is in hours.
    """
    brake = Brake(stop, observe)
    deliverer = Deliverer(
        writer,
        settings,
        key_retention,
        observe,
        now,
        random,
        brake,
        pacer or Pacer(settings.rate_limit),
        Limits(settings, total),
    )
    sending = _Sending(iter(deliveries), api, settings.concurrency, total, brake, deliverer)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(brake.watch, tasks.cancel_scope)
        await sending.send_all()
        tasks.cancel_scope.cancel()
    return await sending.report(stop.requested)


@dataclass
class _Sending:
    """One run: its rows and its workers."""

    deliveries: Iterator[Delivery]
    api: Connects
    concurrency: int
    total: int
    brake: Brake
    deliverer: Deliverer

    async def send_all(self) -> None:
        """Send the first row alone, then let all workers send."""
        await self.brake.drain_on_error(self._send_alone)
        async with anyio.create_task_group() as workers:
            for _ in range(min(self.concurrency, self.total)):
                workers.start_soon(self.brake.drain_on_error, self._send_rows)

    async def report(self, signum: int | None) -> SendReport:
        """Make all durable and return what was done."""
        try:
            await self.deliverer.writer.flush()
        except ImporterError as error:
            self.brake.halt(error)
        limits, held = self.deliverer.limits, self.deliverer.held
        settled = limits.created + limits.rejected + limits.in_doubt + limits.unsent + held
        if isinstance(self.brake.error, SendStoppedError) and settled >= self.total:
            self.brake.error = None  # a limit that was reached at the last row stopped nothing
        return SendReport(
            created=limits.created,
            rejected=limits.rejected,
            in_doubt=limits.in_doubt + held,
            unsent=limits.unsent,
            stop=self.brake.error,
            signal=signum,
            unstored=tuple(self.deliverer.writer.unstored),
            bug=self.brake.bug,
        )

    def _next(self) -> Delivery | None:
        return None if self.brake.on else next(self.deliveries, None)

    async def _send_alone(self) -> None:
        """Send rows one by one until Keen has answered one for good."""
        connection = self.api.connection(self.deliverer.key_retention)
        try:
            while (delivery := self._next()) is not None:
                outcome = await self.deliverer.deliver(delivery, connection)
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
        connection = self.api.connection(self.deliverer.key_retention)
        try:
            while (delivery := self._next()) is not None:
                await self.deliverer.deliver(delivery, connection)
        finally:
            await connection.aclose()
