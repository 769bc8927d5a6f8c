from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from importer.errors import LedgerWriteError
from importer.ledger.contract import Intent, LedgerState, Settlement
from importer.ledger.load import Load
from importer.ledger.sqlite import SqliteLedger
from importer.ledger.writer import GroupCommit
from tests.ledger.examples import (
    APPLIED,
    NOT_APPLIED,
    begin,
    deliver,
    entry_of,
    intend,
    settle,
    uuid,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from importer.ledger.contract import Change
    from importer.model import Delivery


OPENED: list[SqliteLedger] = []


@pytest.fixture(autouse=True)
def _close_ledgers() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


class Watched:
    """A real ledger that notes each group, waits where it is told to, and fails where it must."""

    def __init__(self) -> None:
        self.ledger = SqliteLedger.open(None)
        OPENED.append(self.ledger)
        self.run = begin(self.ledger)
        self.groups: list[list[Change]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.refuses: Callable[[Sequence[Change]], bool] = lambda _: False

    def commit(self, run_id: int, changes: Sequence[Change]) -> None:
        self.groups.append(list(changes))
        self.entered.set()
        assert self.gate.wait(60)
        if self.refuses(changes):
            raise LedgerWriteError("The disk is gone.", "Find it.", code="gone")
        self.ledger.commit(run_id, changes)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.ledger, name)

    def state(self, row: int) -> LedgerState | None:
        entry = entry_of(self.ledger, uuid(row))
        return None if entry is None else entry.state

    async def until_entered(self) -> None:
        await anyio.to_thread.run_sync(self.entered.wait, 60)
        self.entered.clear()


def run(test: Callable[[Watched], Awaitable[None]]) -> Watched:
    watched = Watched()
    anyio.run(test, watched)
    return watched


class Constant(Load):
    """A load that no clock changes."""

    def __init__(self, *, busy: bool) -> None:
        super().__init__()
        self.is_busy = busy

    def look(self) -> None:
        pass


def writer_of(watched: Watched, *, busy: bool = True) -> GroupCommit:
    return GroupCommit(watched, watched.run, Constant(busy=busy))


async def hold_outcomes(watched: Watched, writer: GroupCommit, rows: range) -> None:
    """Store an intent for each row, then put their outcomes; the ledger waits within the first."""
    async with anyio.create_task_group() as tasks:
        for row in rows:
            tasks.start_soon(writer.commit, intend(deliver(row)))
    watched.gate.clear()
    watched.entered.clear()
    for row in rows:
        writer.put(settle(deliver(row), APPLIED))
    await watched.until_entered()


def has_intent(changes: Sequence[Change]) -> bool:
    return any(isinstance(change, Intent) for change in changes)


def test_an_intent_is_durable_when_commit_returns() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            await writer.commit(intend(deliver(2)))
            assert watched.state(2) is LedgerState.SENDING

    run(test)


def test_an_outcome_is_durable_before_the_intent_put_after_it() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            await writer.commit(intend(deliver(2)))
            writer.put(settle(deliver(2), NOT_APPLIED))
            await writer.commit(intend(deliver(2)))

    watched = run(test)

    # The outcome and the worker's next intent met in one transaction, in their order.
    assert [type(change) for change in watched.groups[-1]] == [Settlement, Intent]
    assert len(watched.groups) == 2


def test_an_outcome_alone_is_stored_without_waiting_for_anybody() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            await writer.commit(intend(deliver(2)))
            watched.entered.clear()
            writer.put(settle(deliver(2), APPLIED))
            await watched.until_entered()
            assert watched.groups[-1] == [settle(deliver(2), APPLIED)]

    run(test)


def test_all_who_wait_share_one_transaction() -> None:
    rows = range(2, 102)

    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer, anyio.create_task_group() as tasks:
            watched.gate.clear()
            tasks.start_soon(writer.commit, intend(deliver(1)))
            await watched.until_entered()
            for row in rows:
                tasks.start_soon(writer.commit, intend(deliver(row)))
            await anyio.wait_all_tasks_blocked()
            watched.gate.set()

    watched = run(test)

    assert [len(group) for group in watched.groups] == [1, 100]
    stored = [change.delivery.row for change in watched.groups[1] if isinstance(change, Intent)]
    assert stored == list(rows)


def test_where_answers_are_waited_for_the_older_half_is_stored_first() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched, busy=False) as writer, anyio.create_task_group() as tasks:
            watched.gate.clear()
            tasks.start_soon(writer.commit, intend(deliver(1)))
            await watched.until_entered()
            for row in range(2, 34):
                tasks.start_soon(writer.commit, intend(deliver(row)))
            await anyio.wait_all_tasks_blocked()
            watched.gate.set()

    watched = run(test)

    assert [len(group) for group in watched.groups] == [1, 16, 8, 4, 4]
    stored = [
        change.delivery.row
        for group in watched.groups
        for change in group
        if isinstance(change, Intent)
    ]
    assert stored == list(range(1, 34))


def test_the_writer_learns_by_itself_that_answers_are_waited_for() -> None:
    async def test(watched: Watched) -> None:
        seconds = iter(range(100))
        load = Load(clock=lambda: float(next(seconds)), effort=lambda: 0.0)
        async with GroupCommit(watched, watched.run, load) as writer:
            assert load.is_busy
            await writer.commit(intend(deliver(1)))
            assert not load.is_busy

    run(test)
    assert GroupCommit(Watched(), 1)._load.is_busy


def test_the_time_that_the_ledger_takes_counts_as_work() -> None:
    held = 0.05

    async def test(watched: Watched) -> None:
        async with GroupCommit(watched, watched.run) as writer, anyio.create_task_group() as tasks:
            watched.gate.clear()
            tasks.start_soon(writer.commit, intend(deliver(1)))
            await watched.until_entered()
            await anyio.sleep(held)
            worked = time.thread_time()
            watched.gate.set()
        assert writer._effort() >= worked + held

    run(test)


def test_a_fault_of_the_writer_itself_leaves_nobody_waiting_and_loses_no_outcome() -> None:
    class Faulty(Constant):
        def __init__(self) -> None:
            self.fails = False

        @property
        def is_busy(self) -> bool:  # type: ignore[override]  # asked in the writer's thread
            if self.fails:
                raise MemoryError
            return True

    async def test(watched: Watched) -> None:
        load = Faulty()
        async with GroupCommit(watched, watched.run, load) as writer:
            await writer.commit(intend(deliver(2)))
            load.fails = True
            writer.put(settle(deliver(2), APPLIED))
            with pytest.raises(LedgerWriteError, match="MemoryError"):
                await writer.commit(intend(deliver(3)))
            with pytest.raises(LedgerWriteError, match="MemoryError"):
                writer.put(settle(deliver(4), APPLIED))
            with pytest.raises(LedgerWriteError, match="MemoryError"):
                await writer.flush()
        assert [one.row for one in writer.unstored] == [4]
        assert [watched.state(row) for row in (2, 3)] == [LedgerState.CREATED, None]

    run(test)


def test_flush_waits_for_the_youngest_half_too() -> None:
    rows = range(2, 34)

    async def test(watched: Watched) -> None:
        async with writer_of(watched, busy=False) as writer:
            await hold_outcomes(watched, writer, rows)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(writer.flush)
                await anyio.wait_all_tasks_blocked()
                watched.gate.set()
            assert {watched.state(row) for row in rows} == {LedgerState.CREATED}

    watched = run(test)

    assert len(watched.groups) > 3


def test_outcomes_of_the_younger_half_are_tried_each_for_itself() -> None:
    rows = range(2, 34)

    async def put_all(watched: Watched, writer: GroupCommit) -> None:
        async with writer:
            await hold_outcomes(watched, writer, rows)
            watched.refuses = lambda changes: len(changes) > 1
            watched.gate.set()

    async def test(watched: Watched) -> None:
        writer = writer_of(watched, busy=False)
        with pytest.raises(LedgerWriteError):
            await put_all(watched, writer)
        assert writer.unstored == []
        assert {watched.state(row) for row in rows} == {LedgerState.CREATED}

    run(test)


def test_nothing_of_the_younger_half_is_sent_where_the_older_one_was_not_stored() -> None:
    told: list[int] = []

    async def test(watched: Watched) -> None:
        async def commit(writer: GroupCommit, row: int) -> None:
            try:
                await writer.commit(intend(deliver(row)))
            except LedgerWriteError:
                told.append(row)

        async with writer_of(watched, busy=False) as writer, anyio.create_task_group() as tasks:
            watched.gate.clear()
            tasks.start_soon(writer.commit, intend(deliver(1)))
            await watched.until_entered()
            for row in range(2, 34):
                tasks.start_soon(commit, writer, row)
            await anyio.wait_all_tasks_blocked()
            watched.refuses = lambda changes: any(change.row == 9 for change in rows_of(changes))
            watched.gate.set()

    watched = run(test)

    assert sorted(told) == list(range(2, 34))
    assert [watched.state(row) for row in (1, 2, 33)] == [LedgerState.SENDING, None, None]


def rows_of(changes: Sequence[Change]) -> list[Delivery]:
    return [change.delivery for change in changes if isinstance(change, Intent)]


def test_workers_share_transactions_by_themselves() -> None:
    async def work(writer: GroupCommit, rows: range) -> None:
        for row in rows:
            await writer.commit(intend(deliver(row)))
            writer.put(settle(deliver(row), APPLIED))

    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer, anyio.create_task_group() as tasks:
            for worker in range(20):
                tasks.start_soon(work, writer, range(worker * 10, worker * 10 + 10))

    watched = run(test)

    assert sum(len(group) for group in watched.groups) == 400
    assert len(watched.groups) <= 40
    assert watched.ledger.imports()[0].counts[LedgerState.CREATED] == 200


def test_the_next_group_is_stored_while_the_event_loop_is_busy() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer, anyio.create_task_group() as tasks:
            watched.gate.clear()
            tasks.start_soon(writer.commit, intend(deliver(2)))
            await watched.until_entered()
            tasks.start_soon(writer.commit, intend(deliver(3)))
            await anyio.wait_all_tasks_blocked()
            watched.gate.set()
            assert watched.entered.wait(60)  # not `await`: nothing else runs in the loop

    assert run(test).groups == [[intend(deliver(2))], [intend(deliver(3))]]


def test_flush_returns_when_all_is_durable() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            await writer.flush()
            await writer.commit(intend(deliver(2)))
            writer.put(settle(deliver(2), APPLIED))
            await writer.flush()
            assert watched.state(2) is LedgerState.CREATED

    watched = run(test)
    assert len(watched.groups) == 2


def test_flush_waits_for_the_group_in_its_thread() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            await writer.commit(intend(deliver(2)))
            watched.entered.clear()
            watched.gate.clear()
            writer.put(settle(deliver(2), APPLIED))
            await watched.until_entered()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(writer.flush)
                await anyio.wait_all_tasks_blocked()
                watched.gate.set()
            assert watched.state(2) is LedgerState.CREATED

    run(test)


def test_leaving_stores_what_was_put() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            await writer.commit(intend(deliver(2)))
            writer.put(settle(deliver(2), APPLIED))
        assert watched.state(2) is LedgerState.CREATED

    run(test)


def test_an_error_of_the_body_loses_no_outcome() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            await writer.commit(intend(deliver(2)))
            writer.put(settle(deliver(2), APPLIED))
            raise ZeroDivisionError

    watched = Watched()
    with pytest.raises(ZeroDivisionError):
        anyio.run(test, watched)
    assert watched.state(2) is LedgerState.CREATED


def test_a_cancellation_of_the_body_loses_no_outcome() -> None:
    async def test(watched: Watched) -> None:
        with anyio.CancelScope() as scope:
            async with writer_of(watched) as writer:
                await writer.commit(intend(deliver(2)))
                writer.put(settle(deliver(2), APPLIED))
                scope.cancel()
                await anyio.sleep_forever()
        assert watched.state(2) is LedgerState.CREATED

    run(test)


@pytest.mark.parametrize("when", ["before it began", "while it waits"])
def test_a_cancellation_is_raised_when_the_intent_is_durable(when: str) -> None:
    heard: list[LedgerState | None] = []

    async def test(watched: Watched) -> None:
        async def work(writer: GroupCommit, scope: anyio.CancelScope) -> None:
            with scope:
                try:
                    await writer.commit(intend(deliver(2)))
                except asyncio.CancelledError:
                    heard.append(watched.state(2))
                    writer.put(settle(deliver(2), NOT_APPLIED))
                    raise

        async with writer_of(watched) as writer, anyio.create_task_group() as tasks:
            watched.gate.clear()
            scope = anyio.CancelScope()
            if when == "before it began":
                scope.cancel()
            tasks.start_soon(work, writer, scope)
            await watched.until_entered()
            scope.cancel()
            watched.gate.set()

    assert run(test).state(2) is LedgerState.UNSENT
    assert heard == [LedgerState.SENDING]


def test_a_cancelled_caller_hears_that_its_intent_was_not_stored() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            watched.refuses = has_intent
            with anyio.CancelScope() as scope:
                scope.cancel()
                with pytest.raises(LedgerWriteError):
                    await writer.commit(intend(deliver(2)))

    assert run(test).state(2) is None


def test_a_task_that_asyncio_itself_cancels_waits_no_longer() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            watched.gate.clear()
            task = asyncio.create_task(writer.commit(intend(deliver(2))))
            await watched.until_entered()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            watched.gate.set()

    assert run(test).state(2) is LedgerState.SENDING


def test_a_failure_is_told_to_all_who_wait_and_to_every_later_call() -> None:
    told: list[str] = []

    async def test(watched: Watched) -> None:
        async def commit(writer: GroupCommit, row: int) -> None:
            with pytest.raises(LedgerWriteError, match="disk is gone") as raised:
                await writer.commit(intend(deliver(row)))
            told.append(raised.value.code)

        watched.refuses = has_intent
        async with writer_of(watched) as writer:
            async with anyio.create_task_group() as tasks:
                for row in range(2, 12):
                    tasks.start_soon(commit, writer, row)
            watched.refuses = lambda _: False
            await commit(writer, 12)
            with pytest.raises(LedgerWriteError):
                await writer.flush()

    watched = run(test)

    assert told == ["gone"] * 11
    assert all(watched.state(row) is None for row in range(2, 13))


def test_outcomes_are_stored_each_for_itself_when_an_intent_broke_their_group() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            await writer.commit(intend(deliver(2)))
            await writer.commit(intend(deliver(3)))
            watched.refuses = has_intent
            writer.put(settle(deliver(2), APPLIED))
            with pytest.raises(LedgerWriteError):
                await writer.commit(intend(deliver(4)))
            with pytest.raises(LedgerWriteError):
                writer.put(settle(deliver(3), APPLIED))
            with pytest.raises(LedgerWriteError):
                await writer.flush()
            assert writer.unstored == []

    watched = run(test)
    assert watched.state(2) is watched.state(3) is LedgerState.CREATED
    assert watched.state(4) is None


def test_outcomes_that_cannot_be_stored_are_kept_for_a_person_to_see() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            for row in (2, 3, 4):
                await writer.commit(intend(deliver(row)))
            watched.refuses = lambda changes: changes[0] != settle(deliver(3), APPLIED)
            writer.put(settle(deliver(2), APPLIED))
            writer.put(settle(deliver(3), APPLIED))
            with pytest.raises(LedgerWriteError):
                await writer.flush()
            assert writer.unstored == [settle(deliver(2), APPLIED)]
            with pytest.raises(LedgerWriteError):
                writer.put(settle(deliver(4), APPLIED))
        assert [each.row for each in writer.unstored] == [2, 4]

    watched = run(test)
    assert watched.state(3) is LedgerState.CREATED
    assert watched.ledger.interrupted(settle(deliver(2), APPLIED).at) == 2


def test_a_failure_that_no_call_told_is_told_at_the_end() -> None:
    unstored: list[int] = []

    async def test(watched: Watched) -> None:
        try:
            async with writer_of(watched) as writer:
                await writer.commit(intend(deliver(2)))
                watched.refuses = lambda _: True
                writer.put(settle(deliver(2), APPLIED))
        finally:
            unstored.extend(each.row for each in writer.unstored)

    with pytest.raises(LedgerWriteError, match="disk is gone"):
        run(test)
    assert unstored == [2]


def test_an_unknown_error_of_the_ledger_sends_nothing_and_hangs_nobody() -> None:
    async def test(watched: Watched) -> None:
        def fail(_: Sequence[Change]) -> bool:
            raise ZeroDivisionError

        watched.refuses = fail
        async with writer_of(watched) as writer:
            with pytest.raises(LedgerWriteError, match="ZeroDivisionError"):
                await writer.commit(intend(deliver(2)))

    watched = run(test)
    assert watched.state(2) is None


def test_a_writer_that_was_left_takes_nothing_silently() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            pass
        with pytest.raises(LedgerWriteError):
            writer.put(settle(deliver(2), APPLIED))
        with pytest.raises(LedgerWriteError):
            await writer.commit(intend(deliver(3)))
        assert writer.unstored == [settle(deliver(2), APPLIED)]

    run(test)


def test_without_a_thread_nothing_is_sent() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            with pytest.raises(LedgerWriteError):
                await writer.commit(intend(deliver(2)))

    threading.stack_size(2**46)  # more than there is
    try:
        assert run(test).groups == []
    finally:
        threading.stack_size(0)
