"""Group commit: waiting intents and outcomes → one durable transaction after another, in a thread.

Touches the ledger. On asyncio only: what a caller waits for must outlive its cancellation.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Self

import anyio

from importer.errors import LedgerWriteError
from importer.ledger.contract import Intent, Settlement
from importer.ledger.load import Load

if TYPE_CHECKING:
    from types import TracebackType

    from importer.ledger.contract import Change, Ledger


SMALLEST: Final = 4
"""Changes that always share a transaction where so many wait."""


class _Group:
    """Changes that share a transaction, and those who wait for it."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.failed = False
        self._is_settled = False
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Return when the group is stored, or has failed."""
        if not self._is_settled:  # what an asyncio.Event does, at half its cost
            settled = loop.create_future()
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

    What comes while the thread stores something gathers, and the thread takes of that without
    asking the event loop, for that may be busy. A thread that sleeps is woken at the end of a turn
    of the loop, so that all who come in one turn gather.

    Where the loop and the ledger are at work all the time, few transactions serve them best: the
    thread takes all that has gathered. Where answers are waited for, it takes the older half. For
    what is stored together is sent together, answered together and has to wait together again; half
    by half the requests spread out over the time that an answer takes.

    The first failure breaks the writer for good: no intent is taken any more, so nothing more is
    sent, and every call raises LedgerWriteError. Settlements are the exception: those of the failed
    group and those put afterwards are still tried, each for itself; what the ledger refuses stands
    in `unstored`, complete once the context is left, for the caller to show with key and purchase
    id.
    """

    def __init__(self, ledger: Ledger, run_id: int, load: Load | None = None) -> None:
        """Take what tells whether there is work all the time; called in the event loop's thread."""
        self.unstored: list[Settlement] = []
        """Outcomes that only this list knows: their rows stay `sending`, so become in doubt."""
        self._ledger = ledger
        self._run_id = run_id
        self._stored_for = 0.0
        """Seconds, which only the thread adds to."""
        self._load = load or Load(effort=self._effort)
        self._news = threading.Condition()
        """Guards the next five."""
        self._groups = deque([_Group()])
        """The last is open, and only it may be empty."""
        self._storing: list[_Group] = []
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
            waiting = [group for group in (*self._storing, *self._groups) if group.changes]
        if waiting:
            await self._wait_for(waiting[-1])
        self._require_whole()

    def _add(self, change: Change) -> _Group:
        with self._news:
            if self._closed:
                if isinstance(change, Settlement):
                    self.unstored.append(change)
                self._require_whole()
                raise LedgerWriteError("Bug: the writer is closed already.", code="writer-closed")
            group = self._groups[-1]
            group.changes.append(change)
            if self._asleep and len(self._groups) == len(group.changes) == 1:
                self._loop.call_soon(self._wake)
            if len(group.changes) == SMALLEST:
                self._groups.append(_Group())
            return group

    def _wake(self) -> None:
        with self._news:
            self._news.notify()

    async def _wait_for(self, group: _Group) -> None:
        try:
            await group.wait(self._loop)
        except asyncio.CancelledError:
            # A shield from the start would cost each row as much as all the rest of this.
            if anyio.current_effective_deadline() == -math.inf:  # else it is asyncio's own
                with anyio.CancelScope(shield=True):
                    await group.wait(self._loop)
            raise

    def _require_whole(self) -> None:
        if self._failure is not None:
            self._told = True
            failure = self._failure
            raise LedgerWriteError(failure.message, failure.remedy, code=failure.code) from failure

    def _store_groups(self) -> None:
        try:
            while groups := self._next():
                began = time.monotonic()
                self._store(groups)
                self._stored_for += time.monotonic() - began
                self._loop.call_soon_threadsafe(self._settle, groups)
        except Exception as error:  # noqa: BLE001 - nobody may wait for a thread that has ended
            self._loop.call_soon_threadsafe(self._settle, self._give_up(error))
        self._loop.call_soon_threadsafe(self._ended.set)

    def _give_up(self, error: Exception) -> list[_Group]:
        """Return the groups that a fault of our own left: failed, their outcomes tried."""
        with self._news:
            self._closed = True
            self._failure = self._failure or _unexpected(error)
            left = [*self._storing, *self._groups]
        self._store(left)
        return left

    def _next(self) -> list[_Group]:
        """Return what to store next, when there is something; nothing at the end."""
        with self._news:
            self._storing = []
            while not self._groups[0].changes and not self._closing:
                self._asleep = True
                self._news.wait()
                self._asleep = False
            if not self._groups[0].changes:
                self._closed = True  # here, so that nothing is taken that nobody will store
                return []
            taken = len(self._groups) - (not self._groups[-1].changes)
            if not self._load.is_busy:
                taken = (taken + 1) // 2
            self._storing = [self._groups.popleft() for _ in range(taken)]
            if not self._groups:
                self._groups.append(_Group())
            return self._storing

    def _store(self, groups: list[_Group]) -> None:
        """Store groups in one transaction, while nobody else touches the ledger."""
        changes = [change for group in groups for change in group.changes]
        if self._failure is None:
            self._failure = self._try(changes)
            if self._failure is None:
                return
        for group in groups:
            group.failed = True
        for change in changes:
            if isinstance(change, Settlement) and self._try([change]) is not None:
                self.unstored.append(change)

    def _settle(self, groups: list[_Group]) -> None:
        """Wake all who wait for these; called in the event loop."""
        for group in groups:
            group.settle()
        self._load.look()

    def _effort(self) -> float:
        """Return the seconds that the loop's thread worked and the ledger stored."""
        return time.thread_time() + self._stored_for

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
