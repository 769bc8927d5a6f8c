"""Group commit: waiting intents and outcomes → one durable transaction after another, in a thread.

Touches the ledger. On asyncio only: what a caller waits for must outlive its cancellation.
"""

from __future__ import annotations

import asyncio
import math
import threading
from typing import TYPE_CHECKING, Self

import anyio

from importer.errors import LedgerWriteError
from importer.ledger.contract import Intent, Settlement

if TYPE_CHECKING:
    from types import TracebackType

    from importer.ledger.contract import Change, Ledger


class _Group:
    """Changes that share a transaction, and those who wait for it."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.failed = False
        self._is_settled = False
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self) -> None:
        """Return when the group is stored, or has failed."""
        if not self._is_settled:  # what an asyncio.Event does, at half its cost
            settled = asyncio.get_running_loop().create_future()
            self._waiting.append(settled)
            await settled

    def settle(self) -> None:
        """Wake all who wait; called in the event loop."""
        self._is_settled = True
        for settled in self._waiting:
            if not settled.done():  # a cancelled one is
                settled.set_result(None)


class GroupCommit:
    """The only way to the ledger while rows are sent: first in, first stored.

    While one group is being stored, everything else gathers in the next, which the thread takes
    without asking the event loop, for that may be busy. A thread that sleeps is woken at the end of
    a turn of the loop, so that all who come in one turn share a group.

    The first failure breaks the writer for good: no intent is taken any more, so nothing more is
    sent, and every call raises LedgerWriteError. Settlements are the exception: those of the failed
    group and those put afterwards are still tried, each for itself; what the ledger refuses stands
    in `unstored`, complete once the context is left, for the caller to show with key and purchase
    id.
    """

    def __init__(self, ledger: Ledger, run_id: int) -> None:
        self.unstored: list[Settlement] = []
        """Outcomes that only this list knows: their rows stay `sending`, so become in doubt."""
        self._ledger = ledger
        self._run_id = run_id
        self._news = threading.Condition()
        """Guards the next five."""
        self._open = _Group()
        self._storing: _Group | None = None
        self._asleep = False
        self._closing = False
        self._closed = False
        self._failure: LedgerWriteError | None = None
        self._told = False

    async def __aenter__(self) -> Self:
        """Start to store what is put. Without a thread the writer is broken from the beginning."""
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._store_groups, name="ledger", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._failure = _unexpected(error)
            self._closed = True
            self._ended.set()
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
        with self._news:
            self._closing = True
            self._news.notify()
        try:
            with anyio.CancelScope(shield=True):
                await self._ended.wait()
        finally:
            if self._thread.is_alive():  # also where asyncio's own `Task.cancel` cut the wait short
                self._thread.join()
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

        A cancellation waits, for a group takes milliseconds: it is raised when the intent is
        durable, so the caller has to put an outcome for it: `not_applied`, as no byte has left.
        (Only asyncio's own `Task.cancel` cuts the wait short: the intent may then be stored, the
        row was not sent, and what the caller puts goes to the same group or a later one.)
        """
        self._require_whole()
        group = self._add(intent)
        try:
            await self._wait_for(group)
        finally:
            if group.failed:
                self._require_whole()

    async def flush(self) -> None:
        """Return once all that was put is durable, or, with LedgerWriteError, in `unstored`."""
        with self._news:
            group = self._open if self._open.changes else self._storing
        if group is not None:
            await self._wait_for(group)
        self._require_whole()

    def _add(self, change: Change) -> _Group:
        with self._news:
            if self._closed:
                if isinstance(change, Settlement):
                    self.unstored.append(change)
                raise LedgerWriteError("Bug: the writer is closed already.", code="writer-closed")
            self._open.changes.append(change)
            if self._asleep and len(self._open.changes) == 1:
                self._loop.call_soon(self._wake)
            return self._open

    def _wake(self) -> None:
        with self._news:
            self._news.notify()

    async def _wait_for(self, group: _Group) -> None:
        try:
            await group.wait()
        except asyncio.CancelledError:
            # A shield from the start would cost each row as much as all the rest of this.
            if anyio.current_effective_deadline() == -math.inf:  # else it is asyncio's own
                with anyio.CancelScope(shield=True):
                    await group.wait()
            raise

    def _require_whole(self) -> None:
        if self._failure is not None:
            self._told = True
            failure = self._failure
            raise LedgerWriteError(failure.message, failure.remedy, code=failure.code) from failure

    def _store_groups(self) -> None:
        while (group := self._next()) is not None:
            self._store(group)
            self._loop.call_soon_threadsafe(group.settle)
        self._loop.call_soon_threadsafe(self._ended.set)

    def _next(self) -> _Group | None:
        """Return the next group, when there is one; None at the end."""
        with self._news:
            self._storing = None
            while not self._open.changes and not self._closing:
                self._asleep = True
                self._news.wait()
                self._asleep = False
            if not self._open.changes:
                self._closed = True  # here, so that nothing is taken that nobody will store
                return None
            self._storing, self._open = self._open, _Group()
            return self._storing

    def _store(self, group: _Group) -> None:
        """Store one group, while nobody else touches the ledger."""
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
