"""A prepared file → its rows sent, and how long that took.

Runs the event loop; touches the ledger, the API and signals.
"""

from __future__ import annotations

import gc
import random
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import anyio

from importer.errors import ApiError, ApiUnavailableError, LedgerError
from importer.job import NOTHING_SENT, Sent
from importer.ledger.writer import GroupCommit
from importer.planner.deliveries import make_deliveries
from importer.reader.identity import identity_settings
from importer.reconciler.timing import Timing
from importer.sender.sender import send
from importer.sender.signals import StopRequest, listen

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.config import Config
    from importer.errors import ImporterError
    from importer.job import Prepared
    from importer.ledger.contract import Ledger
    from importer.sender.api import Api
    from importer.sender.events import Event, SendReport


def send_rows(
    prepared: Prepared, api: Api, ledger: Ledger, run_id: int, observe: Callable[[Event], None]
) -> Sent:
    """Send the prepared rows until all are settled, the run has to stop, or a signal asks to."""
    timing = Timing()

    def tell(event: Event) -> None:
        timing.observe(event)
        observe(event)

    # What was loaded until here stays; to look through it again and again takes 5 % of the time.
    gc.freeze()
    try:
        report = anyio.run(partial(_send, prepared, api, ledger, run_id, tell))
    finally:
        gc.unfreeze()
    return Sent(report, timing.told())


async def _send(
    prepared: Prepared, api: Api, ledger: Ledger, run_id: int, observe: Callable[[Event], None]
) -> SendReport:
    config = prepared.job.config
    stop = StopRequest()
    async with anyio.create_task_group() as tasks:
        await tasks.start(listen, stop)
        refused = await _prove(api, stop)
        if refused is None and stop.requested is None:
            refused = _remember_keen(config, ledger)
        report = replace(NOTHING_SENT.report, stop=refused, signal=stop.requested)
        if report.stop is None and report.signal is None:
            async with GroupCommit(ledger, run_id) as writer:
                report = await send(
                    make_deliveries(
                        prepared.reading.typed.beside(prepared.to_send),
                        ledger,
                        scope=config.api.scope,
                        action=config.api.action,
                    ),
                    api=api,
                    writer=writer,
                    settings=config.send,
                    key_retention=config.api.key_retention,
                    total=prepared.to_send.height,
                    observe=observe,
                    stop=stop,
                    now=partial(datetime.now, UTC),
                    random=random.random,
                )
        tasks.cancel_scope.cancel()
    return report


def _remember_keen(config: Config, ledger: Ledger) -> LedgerError | None:
    """Record the proven URL of the scope and the settings behind its keys: a first row follows.

    Not earlier: a mistyped address would be remembered, and its correction refused. Returns why
    that failed, as on a full disk.
    """
    settings = identity_settings(config)
    try:
        ledger.remember_scope(config.api.scope, config.api.url)
        if ledger.identity_settings(config.api.scope) != settings:
            ledger.remember_identity_settings(config.api.scope, settings)
    except LedgerError as error:
        return error
    return None


async def _prove(api: Api, stop: StopRequest) -> ImporterError | None:
    """Prove URL, key and TLS before the first purchase; a stop request cuts it short."""
    refused: ImporterError | None = None
    async with anyio.create_task_group() as tasks:

        async def leave_when_asked() -> None:
            await stop.asked.wait()
            tasks.cancel_scope.cancel()

        tasks.start_soon(leave_when_asked)
        try:
            await api.prove()
        except (ApiError, ApiUnavailableError) as error:
            refused = error
        tasks.cancel_scope.cancel()
    return refused
