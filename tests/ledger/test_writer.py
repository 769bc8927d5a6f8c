from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from importer.errors import LedgerWriteError
from importer.ledger.contract import Intent, LedgerState, Settlement
from importer.ledger.load import Load
from importer.ledger.sqlite import SqliteLedger
from importer.ledger.writer import ENTERED_AT, GroupCommit
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
    """A real ledger that notes each group, and fails where it must."""

    def __init__(self) -> None:
        self.ledger = SqliteLedger.open(None)
        OPENED.append(self.ledger)
        self.run = begin(self.ledger)
        self.groups: list[list[Change]] = []
        self.seconds = 0.0
        """How long each transaction takes."""
        self.refuses: Callable[[Sequence[Change]], bool] = lambda _: False
        self.entered: list[int] = []
        """What was asked to be entered, if it was so many rows."""

    def enter(self, at_least: int = 1) -> None:
        self.entered.append(at_least)
        self.ledger.enter(at_least)

    def commit(self, run_id: int, changes: Sequence[Change]) -> None:
        self.groups.append(list(changes))
        time.sleep(self.seconds)
        if self.refuses(changes):
            raise LedgerWriteError("The disk is gone.", "Find it.", code="gone")
        self.ledger.commit(run_id, changes)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self.ledger, name)

    def state(self, row: int) -> LedgerState | None:
        entry = entry_of(self.ledger, uuid(row))
        return None if entry is None else entry.state

    def rows(self) -> list[list[int]]:
        """The rows of each group's intents."""
        return [[delivery.row for delivery in deliveries_of(group)] for group in self.groups]


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


def writer_of(watched: Watched, *, busy: bool = False, patience: float = 60.0) -> GroupCommit:
    return GroupCommit(watched, watched.run, Constant(busy=busy), patience=patience)


async def turns(count: int = 3) -> None:
    """Let the event loop turn, while no time need pass."""
    for _ in range(count):
        await anyio.lowlevel.checkpoint()


def deliveries_of(changes: Sequence[Change]) -> list[Delivery]:
    return [change.delivery for change in changes if isinstance(change, Intent)]


def has_intent(changes: Sequence[Change]) -> bool:
    return bool(deliveries_of(changes))


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
        async with writer_of(watched, busy=True) as writer:
            await writer.commit(intend(deliver(2)))
            writer.put(settle(deliver(2), APPLIED))
            await turns()
            assert watched.groups[-1] == [settle(deliver(2), APPLIED)]

    run(test)


@pytest.mark.parametrize("busy", [False, True])
def test_all_who_come_in_one_turn_share_a_transaction_in_their_order(busy: bool) -> None:
    rows = range(2, 102)

    async def test(watched: Watched) -> None:
        async with writer_of(watched, busy=busy) as writer, anyio.create_task_group() as tasks:
            for row in rows:
                tasks.start_soon(writer.commit, intend(deliver(row)))

    assert run(test).rows() == [list(rows)]


async def go_on(writer: GroupCommit, row: int, then: int) -> None:
    """Do what a worker does whose row was answered."""
    writer.put(settle(deliver(row), APPLIED))
    await writer.commit(intend(deliver(then)))


async def fill(writer: GroupCommit, rows: range) -> None:
    """Store the intents of rows, which are on their way from then on."""
    async with anyio.create_task_group() as tasks:
        for row in rows:
            tasks.start_soon(writer.commit, intend(deliver(row)))


def test_where_the_loop_is_busy_a_group_waits_until_it_is_as_large_as_what_is_on_its_way() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched, busy=True) as writer, anyio.create_task_group() as tasks:
            await fill(writer, range(2, 12))
            for row in range(2, 6):
                tasks.start_soon(go_on, writer, row, row + 10)
                await turns()
            assert len(watched.groups) == 1
            tasks.start_soon(go_on, writer, 6, 16)
            await turns()
            assert watched.rows()[1:] == [[12, 13, 14, 15, 16]]

    run(test)


def test_a_group_that_waits_in_vain_is_stored_all_the_same() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched, busy=True, patience=0.001) as writer:
            await fill(writer, range(2, 12))
            await go_on(writer, 2, 12)
            assert watched.state(12) is LedgerState.SENDING
            await go_on(writer, 3, 13)
            assert watched.state(13) is LedgerState.SENDING

    run(test)


def test_where_answers_are_waited_for_nothing_waits_for_more() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched) as writer:
            await fill(writer, range(2, 12))
            await go_on(writer, 2, 12)

    assert run(test).rows()[1:] == [[12]]


def test_a_writer_that_is_left_waits_for_nothing() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched, busy=True) as writer:
            await fill(writer, range(2, 12))
            writer.put(settle(deliver(2), APPLIED))
            await turns()
            assert watched.state(2) is LedgerState.SENDING
        assert watched.state(2) is LedgerState.CREATED

    run(test)


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


def test_to_wait_for_the_disk_is_not_to_wait_for_answers() -> None:
    async def test(watched: Watched) -> None:
        watched.seconds = 0.05
        async with writer_of(watched) as writer:
            await writer.commit(intend(deliver(1)))
            assert writer._effort() >= time.thread_time() + 0.04

    run(test)


def test_whatever_ends_the_loop_while_it_stores_proves_no_intent_and_hides_no_outcome() -> None:
    told: list[str] = []
    unstored: list[Settlement] = []

    async def test(watched: Watched) -> None:
        def end(_: Sequence[Change]) -> bool:
            raise KeyboardInterrupt

        async with writer_of(watched) as writer:
            await writer.commit(intend(deliver(1)))
            watched.refuses = end
            writer.unstored = unstored
            writer.put(settle(deliver(1), APPLIED))
            try:
                await writer.commit(intend(deliver(2)))
            except LedgerWriteError as error:
                told.append(error.code)

    with pytest.raises(KeyboardInterrupt):
        run(test)
    assert told in ([], ["ledger-failed"])  # the loop may not have come to tell it
    assert unstored == [settle(deliver(1), APPLIED)]


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


def test_all_who_flush_in_one_turn_share_a_transaction() -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched, busy=True) as writer:
            await fill(writer, range(2, 12))

            async def refuse(row: int) -> None:
                writer.put(settle(deliver(row), NOT_APPLIED))
                await writer.flush()
                assert watched.state(row) is LedgerState.UNSENT

            async with anyio.create_task_group() as tasks:
                for row in range(2, 11):
                    tasks.start_soon(refuse, row)

    assert len(run(test).groups) == 2


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
                    await writer.commit(intend(deliver(12)))
                except asyncio.CancelledError:
                    heard.append(watched.state(12))
                    writer.put(settle(deliver(12), NOT_APPLIED))
                    raise

        async with writer_of(watched, busy=True) as writer, anyio.create_task_group() as tasks:
            await fill(writer, range(2, 12))
            scope = anyio.CancelScope()
            if when == "before it began":
                scope.cancel()
            tasks.start_soon(work, writer, scope)
            await turns()
            scope.cancel()
            await turns()
            assert heard == []
            await writer.flush()

    assert run(test).state(12) is LedgerState.UNSENT
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
        async with writer_of(watched, busy=True) as writer:
            await fill(writer, range(2, 12))
            task = asyncio.create_task(writer.commit(intend(deliver(12))))
            await turns()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert watched.state(12) is None

    assert run(test).state(12) is LedgerState.SENDING


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


@pytest.mark.parametrize("busy", [True, False])
def test_the_journal_is_entered_when_what_was_stored_has_left(busy: bool) -> None:
    async def test(watched: Watched) -> None:
        async with writer_of(watched, busy=busy, patience=0.0) as writer:
            await writer.commit(intend(deliver(2)))
            assert watched.entered == []
            await turns()
            assert watched.entered == [ENTERED_AT[busy]]

    run(test)
    assert ENTERED_AT[True] > ENTERED_AT[False]


def test_nothing_is_entered_after_a_failure() -> None:
    async def test(watched: Watched) -> None:
        watched.refuses = bool
        async with writer_of(watched) as writer:
            with pytest.raises(LedgerWriteError):
                await writer.commit(intend(deliver(2)))
            await turns()
        assert watched.entered == []

    run(test)
