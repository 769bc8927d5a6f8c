"""A real ledger, its group commit and the real sender, against whatever answers at a URL."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING

import anyio
from pydantic import SecretStr

from importer.config import SendSection
from importer.ledger.contract import Intent
from importer.ledger.sqlite import SqliteLedger
from importer.ledger.writer import GroupCommit
from importer.model import Delivery, PurchaseRequest
from importer.sandbox.company import SANDBOX_API_KEY, sandbox_lead
from importer.sender.api import Api
from importer.sender.pacing import Pacer
from importer.sender.sender import send
from importer.sender.signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from importer.ledger.contract import Change, Entry, Ledger
    from importer.sender.events import Event, SendReport

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def delivery(row: int) -> Delivery:
    request = PurchaseRequest(
        lead_id=uuid.UUID(sandbox_lead(row)), product_name="Tea", purchase_amount=Decimal("1.50")
    )
    return Delivery(
        row=row,
        key=str(uuid.uuid5(uuid.NAMESPACE_OID, str(row))),
        recipe=1,
        content=sha256(str(row).encode()).digest(),
        occurrence=0,
        identity=None,
        request=request,
        body=request.body("create_purchase_custom"),
    )


def rows(count: int) -> list[Delivery]:
    return [delivery(row) for row in range(2, count + 2)]


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await anyio.lowlevel.checkpoint()


class WatchedLedger(SqliteLedger):
    """The real ledger, which also says when something became durable, or refuses to store."""

    journal: list[str]

    def commit(self, run_id: int, changes: Sequence[Change]) -> None:
        super().commit(run_id, changes)
        for change in changes:
            name = "intent" if isinstance(change, Intent) else "outcome"
            row = change.delivery.row if isinstance(change, Intent) else change.row
            self.journal.append(f"{name} {row}")


@dataclass
class Rig:
    """Sends deliveries and keeps what happened."""

    folder: Path
    url: str
    settings: SendSection = field(default_factory=lambda: SendSection(concurrency=1, timeout=5))
    key_retention: float = 0.0
    now: Callable[[], datetime] = lambda: START
    stop: StopRequest | None = None
    total: int | None = None
    ledger_type: type[WatchedLedger] = WatchedLedger
    writer: Callable[[Ledger, int], GroupCommit] = GroupCommit
    time: FakeTime = field(default_factory=FakeTime)
    patience: float = 120.0
    events: list[Event] = field(default_factory=list)
    journal: list[str] = field(default_factory=list)
    """What became durable, in its order."""
    observe: Callable[[Event], None] | None = None

    async def send(self, deliveries: Iterable[Delivery]) -> SendReport:
        ledger = self.ledger_type.open(self.folder / "ledger.db")
        assert isinstance(ledger, WatchedLedger)
        ledger.journal = self.journal
        try:
            ledger.interrupted(START)
            _, run_id = ledger.begin_run(
                scope="sandbox", batch="", file="a.csv", content=b"c" * 32, plan="{}", at=START
            )
            async with self.writer(ledger, run_id) as writer:
                return await send(
                    deliveries,
                    api=Api(
                        self.url,
                        SecretStr(SANDBOX_API_KEY),
                        timeout=self.settings.timeout,
                        transport=self.settings.transport,
                    ),
                    writer=writer,
                    settings=self.settings,
                    key_retention=self.key_retention,
                    total=len(list(deliveries)) if self.total is None else self.total,
                    observe=self.observe or self.events.append,
                    stop=self.stop or StopRequest(),
                    now=self.now,
                    random=lambda: 0.0,
                    pacer=Pacer(
                        self.settings.rate_limit,
                        patience=self.patience,
                        clock=self.time,
                        sleep=self.time.sleep,
                    ),
                )
        finally:
            ledger.close()

    def run(self, deliveries: Iterable[Delivery]) -> SendReport:
        return anyio.run(self.send, deliveries)

    def entries(self) -> dict[int, Entry]:
        """What the ledger knows, by row."""
        ledger = SqliteLedger.open(self.folder / "ledger.db")
        try:
            keys = [each.key for each in rows(200)]
            return {entry.row: entry for entry in ledger.find("sandbox", keys)}
        finally:
            ledger.close()

    def states(self) -> dict[int, str]:
        return {row: entry.state.value for row, entry in sorted(self.entries().items())}
