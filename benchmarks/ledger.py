"""What the ledger costs: rows a second with and without it, from a server that answers at once.

    python benchmarks/ledger.py --rows 4000 --rounds 5 --transport direct

Both are measured in one run, in turns, so that whatever else this computer does hits both. The
server is a process of its own. Python looks for cycles as seldom as in the program: left at its
defaults it does so for every few rows, the more there are on their way, and that is not the
ledger's cost. The number that counts is the ratio of the medians: of the rates, and, where the
computer has other things to do, of the processor time that a row took.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import tempfile
import time
import uuid
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio
from keen import keen
from pydantic import SecretStr

from importer.cli import COLLECT_AT
from importer.config import SendSection
from importer.ledger.sqlite import SqliteLedger
from importer.ledger.writer import GroupCommit
from importer.model import Delivery, PurchaseRequest
from importer.reader.keys import make_key
from importer.sender.api import Api
from importer.sender.sender import send
from importer.sender.signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from importer.config import TransportName
    from importer.ledger.contract import Intent, Settlement
    from importer.sender.delivery import Writer

CONCURRENCY: Final = 64


class Forgetful:
    """Takes intents and outcomes and stores none: the sender without a ledger."""

    def __init__(self) -> None:
        self.unstored: list[Settlement] = []

    def put(self, settlement: Settlement) -> None:
        """Forget it."""

    async def commit(self, intent: Intent) -> None:
        """Forget it, as fast as can be."""

    async def flush(self) -> None:
        """Have nothing to store."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--transport", choices=["httpx", "direct"], default="httpx")
    asked = parser.parse_args()
    rows = [_delivery(row) for row in range(2, asked.rows + 2)]
    gc.set_threshold(*COLLECT_AT)
    gc.freeze()  # as importer/dispatch.py does
    rates: dict[bool, list[float]] = {False: [], True: []}
    efforts: dict[bool, list[float]] = {False: [], True: []}
    with (
        tempfile.TemporaryDirectory(prefix="importer-benchmark-") as folder,
        keen(Path(folder)) as (url, _),
    ):
        for round_number in range(asked.rounds):
            for with_ledger in (True, False):
                path = Path(folder) / f"{round_number}-{with_ledger}.sqlite"
                work = partial(_send, rows, url, asked.transport, path if with_ledger else None)
                seconds, worked = anyio.run(work)
                rates[with_ledger].append(asked.rows / seconds)
                efforts[with_ledger].append(worked / asked.rows * 1e6)
    medians = {kind: statistics.median(found) for kind, found in rates.items()}
    effort = {kind: statistics.median(found) for kind, found in efforts.items()}
    for kind, name in ((False, "without"), (True, "with")):
        each = ", ".join(f"{rate:,.0f}" for rate in rates[kind])
        print(
            f"{name + ' a ledger':<17} {medians[kind]:>7,.0f} rows/s ({each}), "
            f"{effort[kind]:,.0f} µs of processor time a row"
        )
    print(
        f"the ledger costs {1 - medians[True] / medians[False]:.1%} of the rate, "
        f"{1 - effort[False] / effort[True]:.1%} by processor time, "
        f"at concurrency {CONCURRENCY} ({asked.transport})"
    )


async def _send(
    rows: list[Delivery], url: str, transport: TransportName, ledger_path: Path | None
) -> tuple[float, float]:
    """Return the seconds that it took to send the rows, and those that a processor worked."""
    api = Api(url, SecretStr("benchmark"), timeout=30, transport=transport)
    async with _writer(ledger_path) as writer:
        began, idle = time.perf_counter(), time.process_time()
        report = await send(
            rows,
            api=api,
            writer=writer,
            settings=SendSection(concurrency=CONCURRENCY, transport=transport),
            key_retention=0,
            total=len(rows),
            observe=lambda _: None,
            stop=StopRequest(),
            now=partial(datetime.now, UTC),
            random=lambda: 0.0,
        )
        seconds, effort = time.perf_counter() - began, time.process_time() - idle
    if report.created != len(rows):
        raise SystemExit(f"Not all rows were created: {report}")
    return seconds, effort


@asynccontextmanager
async def _writer(path: Path | None) -> AsyncIterator[Writer]:
    if path is None:
        yield Forgetful()
        return
    with closing(SqliteLedger.open(path)) as ledger:
        now = datetime.now(UTC)
        _, run_id = ledger.begin_run(
            scope="benchmark", batch="", file="rows.csv", content=b"", plan="{}", at=now
        )
        async with GroupCommit(ledger, run_id) as writer:
            yield writer


def _delivery(row: int) -> Delivery:
    request = PurchaseRequest(
        lead_id=uuid.UUID(int=row), product_name=f"Product {row}", purchase_amount=Decimal("1.50")
    )
    digest = sha256(str(row).encode()).digest()
    key = make_key(digest, 1)
    body = request.body("create_purchase_custom")
    return Delivery(row, key, 1, digest, 1, None, request, body)


if __name__ == "__main__":
    main()
