"""Group commit: waiting intents and outcomes → one durable transaction, in one worker thread.

Touches the ledger. On asyncio only: its own task must outlive the cancellation of its callers.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Self

import anyio
from anyio.lowlevel import cancel_shielded_checkpoint, checkpoint_if_cancelled
from anyio.to_thread import run_sync

from importer.errors import LedgerWriteError
from importer.ledger.contract import Intent, Settlement

if TYPE_CHECKING:
    from types import TracebackType

    from importer.ledger.contract import Change, Ledger


class _Group:
    """Changes that share a transaction; all who wait for it wait for one event."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.settled = asyncio.Event()
        self.failed = False


class GroupCommit:
    """The only way to the ledger while rows are sent: first in, first stored.

    While one group is in its thread, everything else gathers in the next. The first failure breaks
    the writer for good: no intent is taken any more, so nothing more is sent, and every call
    raises LedgerWriteError. Settlements are the exception: those of the failed group and those
    put afterwards are still tried, each for itself; what the ledger refuses stands in `unstored`,
    complete once the context is left, for the caller to show with key and purchase id.
    """

    def __init__(self, ledger: Ledger, run_id: int) -> None:
        self.unstored: list[Settlement] = []
        """Outcomes that only this list knows: their rows stay `sending`, so become in doubt."""
        self._ledger = ledger
        self._run_id = run_id
        self._open = _Group()
        self._storing: _Group | None = None
        self._wake = anyio.Event()
        self._closing = False
        self._closed = False
        self._failure: LedgerWriteError | None = None
        self._told = False
        self._thread = anyio.CapacityLimiter(1)

    async def __aenter__(self) -> Self:
        """Start to store what is put."""
        self._task = asyncio.create_task(self._store_groups())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Store all that was put, also after an error or a cancellation of the body.

        Raises LedgerWriteError where that fails and no call has said so before.
        """
        self._closing = True
        self._wake.set()
        with anyio.CancelScope(shield=True):
            await asyncio.shield(self._task)
        if error is None and not self._told:
            self._require_whole()

    def put(self, settlement: Settlement) -> None:
        """Queue an outcome: durable with the next group, and before any intent put after it.

        On a broken writer it raises LedgerWriteError, yet the settlement is taken all the same.
        """
        self._add(settlement)
        self._require_whole()

    async def commit(self, intent: Intent) -> None:
        """Return once the intent, and all that was put before it, is durable.

        Raises LedgerWriteError where it is not stored; the row must not be sent then.

        A cancellation that is there already raises before anything is queued: nothing is stored.
        One that comes later waits, for a group takes milliseconds: this returns as always, the
        intent is durable, and the cancellation arrives at the caller's next await. That lies
        before the first byte, so it is the caller's ordinary `not_applied`, to be put before it
        leaves. (Only asyncio's own `Task.cancel` cuts the wait short: the intent may then be
        stored, the row was not sent, and the next run calls it in doubt.)
        """
        await checkpoint_if_cancelled()
        self._require_whole()
        group = self._add(intent)
        await self._wait_for(group)
        if group.failed:
            self._require_whole()

    async def flush(self) -> None:
        """Return once all that was put is durable, or, with LedgerWriteError, in `unstored`."""
        group = self._open if self._open.changes else self._storing
        if group is not None:
            await self._wait_for(group)
        self._require_whole()

    def _add(self, change: Change) -> _Group:
        if self._closed:
            if isinstance(change, Settlement):
                self.unstored.append(change)
            raise LedgerWriteError("Bug: the writer is closed already.", code="writer-closed")
        self._open.changes.append(change)
        self._wake.set()
        return self._open

    async def _wait_for(self, group: _Group) -> None:
        try:
            await group.settled.wait()
        except asyncio.CancelledError:
            # A shield from the start would cost each row as much as all the rest of this.
            if anyio.current_effective_deadline() > -math.inf:
                raise  # no scope of anyio's is cancelled, so it is asyncio's own
            with anyio.CancelScope(shield=True):
                await group.settled.wait()

    def _require_whole(self) -> None:
        if self._failure is not None:
            self._told = True
            failure = self._failure
            raise LedgerWriteError(failure.message, failure.remedy, code=failure.code) from failure

    async def _store_groups(self) -> None:
        while not self._closing or self._open.changes:
            if not self._open.changes:
                self._wake = anyio.Event()
                await self._wake.wait()
                continue
            # One turn of the event loop: an outcome and its worker's next intent meet here.
            await cancel_shielded_checkpoint()
            group, self._open = self._open, _Group()
            self._storing = group
            try:
                await run_sync(self._store, group, limiter=self._thread)
            except RuntimeError as error:  # no thread can be started: nothing was tried
                self._failure = self._failure or _unexpected(error)
                group.failed = True
                self.unstored += [each for each in group.changes if isinstance(each, Settlement)]
            self._storing = None
            group.settled.set()
        self._closed = True

    def _store(self, group: _Group) -> None:
        """Store one group; runs in the worker thread, while nobody else touches the ledger."""
        if self._failure is None:
            self._failure = self._try(group.changes)
            if self._failure is None:
                return
        group.failed = True
        for change in group.changes:
            if isinstance(change, Settlement) and self._try([change]) is not None:
                self.unstored.append(change)

    def _try(self, changes: list[Change]) -> LedgerWriteError | None:
        try:
            self._ledger.commit(self._run_id, changes)
        except LedgerWriteError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, who waits must not send
            return _unexpected(error)
        return None


def _unexpected(error: Exception) -> LedgerWriteError:
    failure = LedgerWriteError(f"The ledger failed: {error!r}.", code="ledger-failed")
    failure.__cause__ = error
    return failure
