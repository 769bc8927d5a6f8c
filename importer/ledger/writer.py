"""Group commit: waiting intents and outcomes → one durable transaction after another.

Touches the ledger. On asyncio only: what a caller waits for must outlive its cancellation.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Final, Self

import anyio

from importer.errors import LedgerWriteError
from importer.ledger.contract import Intent, Settlement
from importer.ledger.load import Load

if TYPE_CHECKING:
    from types import TracebackType

    from importer.ledger.contract import Change, Ledger


PATIENCE: Final = 0.001
"""Seconds; the event loop rounds them up."""
ENTERED_AT: Final = {True: 10_000, False: 1_000}
"""Whether the loop is busy → the rows in the ledger's journal at which they are entered.

Many at a time cost least. But that takes 0.07 s, in a ledger of a million 0.2 s, and where workers
wait for answers, these wait then, too.
"""


class _Group:
    """Changes that share a transaction, and those who wait for it."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.intents = 0
        self.timer: asyncio.TimerHandle | None = None
        """Set while the group waits for more."""
        self.failed = True
        """Until it is stored."""
        self._is_settled = False
        self._waiting: list[asyncio.Future[None]] = []

    def settled(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """Return what is done when the group is stored, or has failed."""
        future = loop.create_future()  # what an asyncio.Event does, at half its cost
        if self._is_settled:
            future.set_result(None)
        else:
            self._waiting.append(future)
        return future

    def settle(self) -> None:
        """Wake all who wait."""
        self._is_settled = True
        for settled in self._waiting:
            if not settled.done():  # a cancelled one is
                settled.set_result(None)


class GroupCommit:
    """The only way to the ledger while rows are sent: first in, first stored.

    What is put in one turn of the event loop shares a transaction, which the loop itself makes when
    the turn is over. A thread would only seem to work beside the loop: Python runs one of the two
    at a time, and each transaction handed its lock to and fro a dozen times, at the cost of more
    than the transaction. While the disk is waited for answers gather, for the next one.

    Where the loop is at work all the time, few large transactions serve it best, and without help
    they fall apart: what is stored together is sent and answered together, and so are those who
    just missed it. So a group then waits, PATIENCE at most, until no more rows are on their way
    than are gathered in it.

    The first failure breaks the writer for good: no intent is taken any more, so nothing more is
    sent, and every call raises LedgerWriteError. Settlements are the exception: those of the failed
    group and those put afterwards are still tried, each for itself; what the ledger refuses stands
    in `unstored`, complete once the context is left, for the caller to show with key and purchase
    id.
    """

    def __init__(
        self,
        ledger: Ledger,
        run_id: int,
        load: Load | None = None,
        *,
        patience: float = PATIENCE,
    ) -> None:
        """Take what tells whether there is work all the time, and the seconds to wait for more.

        Called in the event loop's thread.
        """
        self.unstored: list[Settlement] = []
        """Outcomes that only this list knows: their rows stay `sending`, so become in doubt."""
        self._ledger = ledger
        self._run_id = run_id
        self._waited = 0.0
        """Seconds for the disk."""
        self._load = load or Load(effort=self._effort)
        self._patience = patience
        self._group = _Group()
        self._on_their_way = 0
        """Rows whose intent is stored and whose outcome was not put yet."""
        self._closed = False
        self._failure: LedgerWriteError | None = None
        self._told = False

    async def __aenter__(self) -> Self:
        """Begin to take what is put."""
        self._loop = asyncio.get_running_loop()
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
        self._store()
        self._closed = True
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
        """Return once all that was put is durable, or, with LedgerWriteError, in `unstored`.

        That is when the turn is over, so that all who ask in one turn share a transaction.
        """
        group = self._group
        if group.changes:
            self._loop.call_soon(self._store_if_open, group)
            await self._wait_for(group)
        self._require_whole()

    def _add(self, change: Change) -> _Group:
        if self._closed:
            if isinstance(change, Settlement):
                self.unstored.append(change)
            self._require_whole()
            raise LedgerWriteError("Bug: the writer is closed already.", code="writer-closed")
        group = self._group
        group.changes.append(change)
        if isinstance(change, Intent):
            group.intents += 1
        else:
            self._on_their_way -= 1
        if len(group.changes) == 1:
            self._loop.call_soon(self._end_turn, group)
        elif group.timer is not None and self._is_large(group):
            group.timer.cancel()
            group.timer = None
            self._loop.call_soon(self._store_if_open, group)
        return group

    def _end_turn(self, group: _Group) -> None:
        """Store the group, unless a flush has, or let it wait for more."""
        if group is self._group and self._load.is_busy and not self._is_large(group):
            group.timer = self._loop.call_later(self._patience, self._store_if_open, group)
        else:
            self._store_if_open(group)

    def _is_large(self, group: _Group) -> bool:
        return group.intents >= self._on_their_way

    def _store_if_open(self, group: _Group) -> None:
        if group is self._group:
            self._store()

    async def _wait_for(self, group: _Group) -> None:
        try:
            await group.settled(self._loop)
        except asyncio.CancelledError:
            # A shield from the start would cost each row as much as all the rest of this.
            if anyio.current_effective_deadline() == -math.inf:  # else it is asyncio's own
                with anyio.CancelScope(shield=True):
                    await group.settled(self._loop)
            raise

    def _require_whole(self) -> None:
        if self._failure is not None:
            self._told = True
            failure = self._failure
            raise LedgerWriteError(failure.message, failure.remedy, code=failure.code) from failure

    def _store(self) -> None:
        """Store what has gathered, in one transaction, and wake all who wait for it."""
        group, self._group = self._group, _Group()
        if not group.changes:
            return
        try:
            if self._failure is None:
                self._failure = self._try(group.changes)
            if self._failure is None:
                group.failed = False
                self._on_their_way += group.intents
            else:
                self._store_outcomes(group.changes)
        except BaseException as error:  # ends the loop
            self._failure = self._failure or _unexpected(error)
            self.unstored += [
                change
                for change in group.changes
                if isinstance(change, Settlement) and change not in self.unstored
            ]
            raise
        finally:
            group.settle()
        self._load.look()
        if self._failure is None:  # once what was stored has left
            self._loop.call_soon(self._ledger.enter, ENTERED_AT[self._load.is_busy])

    def _store_outcomes(self, changes: list[Change]) -> None:
        """Store the outcomes among `changes`, each for itself."""
        for change in changes:
            if isinstance(change, Settlement) and self._try([change]) is not None:
                self.unstored.append(change)

    def _try(self, changes: list[Change]) -> LedgerWriteError | None:
        began, worked = time.monotonic(), time.thread_time()
        try:
            self._ledger.commit(self._run_id, changes)
        except LedgerWriteError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, who waits must not send
            return _unexpected(error)
        self._waited += time.monotonic() - began - (time.thread_time() - worked)
        return None

    def _effort(self) -> float:
        """Return the seconds that the thread worked or waited for the disk, not for answers."""
        return time.thread_time() + self._waited


def _unexpected(error: BaseException) -> LedgerWriteError:
    failure = LedgerWriteError(f"The ledger failed: {error!r}.", code="ledger-failed")
    failure.__cause__ = error
    return failure
