"""Rows on their way: order of intent, request and outcome; retries; what stops a run."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from importer.config import SendSection
from importer.errors import ApiError, ApiUnavailableError, LedgerWriteError, SendStoppedError
from importer.ledger.contract import Intent, LedgerState
from importer.ledger.load import Load
from importer.ledger.writer import GroupCommit
from importer.sandbox.faults import FaultPlan
from importer.sender.events import Attempted, Paused, Settled, Stopped
from importer.sender.pacing import FAILURES_IN_A_ROW
from importer.sender.signals import StopRequest
from tests.sender.raw_server import Step, answer, raw_server, then_close, then_hang
from tests.sender.rig import START, Rig, WatchedLedger, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from importer.ledger.contract import Change
    from importer.model import Delivery
    from importer.sender.events import Event
    from tests.sandbox_server import StartSandbox


def settings(**changes: object) -> SendSection:
    return SendSection.model_validate({"concurrency": 1, "timeout": 5.0, **changes})


def rig_of(start: StartSandbox, folder: Path, *script: str, **changes: object) -> Rig:
    sandbox = start(FaultPlan(script=script))
    return Rig(folder, sandbox.url, settings(**changes))


# One attempt


@pytest.mark.parametrize("transport", ["httpx", "direct"])
def test_every_row_becomes_a_purchase_and_the_ledger_knows_its_id(
    start_sandbox: StartSandbox, tmp_path: Path, transport: str
) -> None:
    sandbox = start_sandbox(FaultPlan(latency=0.01))
    rig = Rig(tmp_path, sandbox.url, settings(concurrency=4, transport=transport))
    report = rig.run(rows(30))
    assert (report.created, report.stop, report.signal, report.unstored) == (30, None, None, ())
    ids = {entry.key: entry.purchase_id for entry in rig.entries().values()}
    assert {p.key: p.purchase_id for p in sandbox.audit.committed} == ids
    assert len(sandbox.audit.committed) == 30
    assert 1 < sandbox.peak_concurrency <= 4
    assert sum(isinstance(event, Settled) for event in rig.events) == 30


def test_the_intent_is_durable_before_the_request_and_the_outcome_before_the_backoff(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        seen: list[list[str]] = []

        def spying(sent: bytes) -> Step:
            async def step(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                seen.append(list(rig.journal))
                writer.write(sent)
                await writer.drain()

            return step

        not_started = answer(b"", "503 Unavailable", "sb-error-code: BOOT_ERROR")
        async with raw_server(spying(not_started), spying(answer())) as server:
            rig = Rig(tmp_path, server.url)
            await rig.send(rows(2))
        assert seen == [
            ["intent 2"],
            ["intent 2", "outcome 2", "intent 2"],
            ["intent 2", "outcome 2", "intent 2", "outcome 2", "intent 3"],
        ]

    anyio.run(run)


def test_each_attempt_carries_the_same_key_and_bytes(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(script=["http-429", "http-503-boot-error", "http-521"]))
    rig = Rig(tmp_path, sandbox.url)
    assert rig.run(rows(1)).created == 1
    assert [len(bodies) for bodies in sandbox.audit.bodies_by_key().values()] == [1]
    assert len(sandbox.audit.purchase_calls) == 4
    assert rig.entries()[2].attempts == 4


def test_deliveries_are_taken_only_when_a_worker_is_free(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    rig = rig_of(start_sandbox, tmp_path, concurrency=3)
    taken = 0
    most_open = 0

    def lazily() -> Iterator[Delivery]:
        nonlocal taken, most_open
        for each in rows(20):
            settled = sum(isinstance(event, Settled) for event in rig.events)
            taken += 1
            most_open = max(most_open, taken - settled)
            yield each

    rig.total = 20
    assert rig.run(lazily()).created == 20
    assert most_open <= 3


# Retries


def test_after_max_attempts_the_row_stays_unsent_and_the_run_goes_on(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    rig = rig_of(start_sandbox, tmp_path, *["http-521"] * 3, max_attempts=3)
    report = rig.run(rows(2))
    assert (report.created, report.unsent, report.stop) == (1, 1, None)
    assert rig.states() == {2: "unsent", 3: "created"}
    assert (rig.entries()[2].attempts, rig.entries()[2].code) == (3, "http-521")


def test_rejected_rows_are_sent_once_and_the_run_goes_on(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    rig = rig_of(start_sandbox, tmp_path, "http-403", "none", "http-400")
    report = rig.run(rows(3))
    assert (report.created, report.rejected, report.stop) == (1, 2, None)
    assert rig.states() == {2: "rejected", 3: "created", 4: "rejected"}
    assert [row.attempts for row in rig.entries().values()] == [1, 1, 1]


def test_a_row_in_doubt_is_never_sent_again(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    rig = rig_of(start_sandbox, tmp_path, "none", "reset-after-commit", "http-504-before-commit")
    report = rig.run(rows(4))
    assert (report.created, report.in_doubt, report.stop) == (2, 2, None)
    assert rig.states() == {2: "created", 3: "in_doubt", 4: "in_doubt", 5: "created"}


# The first row


def test_the_first_row_goes_alone(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    rig = rig_of(start_sandbox, tmp_path, "slow", concurrency=8)
    rig.run(rows(9))
    assert rig.journal[:2] == ["intent 2", "outcome 2"]


@pytest.mark.parametrize("fault", ["close-after-commit", "html-200", "http-500-before-commit"])
def test_a_first_row_in_doubt_stops_the_run(
    start_sandbox: StartSandbox, tmp_path: Path, fault: str
) -> None:
    rig = rig_of(start_sandbox, tmp_path, fault, concurrency=8)
    report = rig.run(rows(5))
    assert isinstance(report.stop, SendStoppedError)
    assert report.stop.code == "first-row"
    assert rig.states() == {2: "in_doubt"}


def test_a_first_row_that_never_arrives_is_tried_alone_and_so_is_the_next(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    rig = rig_of(start_sandbox, tmp_path, *["http-521"] * 3, max_attempts=2, concurrency=8)
    assert rig.run(rows(5)).created == 4
    attempts = [event.row for event in rig.events if isinstance(event, Attempted)]
    assert attempts[:4] == [2, 2, 3, 3]


def test_a_single_row_in_doubt_leaves_nothing_to_stop(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    report = rig_of(start_sandbox, tmp_path, "close-after-commit").run(rows(1))
    assert (report.in_doubt, report.stop) == (1, None)


# What stops a run


@pytest.mark.parametrize(
    "fault", ["http-401", "http-402", "http-405", "http-404-not-found"]
)  # fmt: skip
def test_a_refusal_of_the_call_itself_stops_the_run_and_leaves_the_row_unsent(
    start_sandbox: StartSandbox, tmp_path: Path, fault: str
) -> None:
    rig = rig_of(start_sandbox, tmp_path, "none", fault)
    report = rig.run(rows(4))
    assert isinstance(report.stop, ApiError)
    assert rig.states() == {2: "created", 3: "unsent"}
    assert [event for event in rig.events if isinstance(event, Stopped)]


def test_a_redirect_stops_the_run_in_doubt(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    rig = rig_of(start_sandbox, tmp_path, "none", "redirect-after-commit")
    report = rig.run(rows(4))
    assert isinstance(report.stop, SendStoppedError)
    assert rig.states() == {2: "created", 3: "in_doubt"}


def test_three_strange_answers_in_a_row_stop_the_run(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    script = ["none", "html-200", "empty-200", "none", "html-200", "http-403-bare", "no-id-200"]
    rig = rig_of(start_sandbox, tmp_path, *script)
    report = rig.run(rows(9))
    assert isinstance(report.stop, SendStoppedError)
    assert report.stop.code == "strange-answers"
    assert (report.created, report.in_doubt) == (2, 5)


def test_the_run_stops_at_max_in_doubt(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    script = ["none", *["http-504-after-commit"] * 9]
    rig = rig_of(start_sandbox, tmp_path, *script, max_in_doubt=2)
    report = rig.run(rows(9))
    assert isinstance(report.stop, SendStoppedError)
    assert (report.stop.code, report.in_doubt) == ("max-in-doubt", 2)


def test_without_max_in_doubt_all_rows_are_sent(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    rig = rig_of(start_sandbox, tmp_path, "none", *["http-504-after-commit"] * 24, max_in_doubt=0)
    report = rig.run(rows(25))
    assert (report.created, report.in_doubt, report.stop) == (1, 24, None)


def test_the_run_stops_beyond_max_failures(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    rig = rig_of(start_sandbox, tmp_path, *["http-403"] * 9, max_failures="2")
    report = rig.run(rows(9))
    assert isinstance(report.stop, SendStoppedError)
    assert (report.stop.code, report.rejected) == ("max-failures", 3)


def test_an_api_that_is_down_stops_the_run_after_a_while(tmp_path: Path) -> None:
    async def run() -> None:
        async with raw_server(answer()) as server:
            pass
        rig = Rig(tmp_path, server.url, settings(concurrency=4, max_attempts=100))
        report = await rig.send(rows(9))
        assert isinstance(report.stop, ApiUnavailableError)
        assert rig.time.slept == [1, 2, 4, 8, 16, 30, 30, 30]
        attempts = [event for event in rig.events if isinstance(event, Attempted)]
        assert len(attempts) == FAILURES_IN_A_ROW + len(rig.time.slept)
        assert rig.states() == {2: "unsent"}

    anyio.run(run)


def test_a_wait_that_keen_asks_for_pauses_all_and_is_obeyed(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(script=["none", "http-429-retry-after"], retry_after=7))
    rig = Rig(tmp_path, sandbox.url, settings(concurrency=3))
    report = rig.run(rows(6))
    assert (report.created, report.stop) == (6, None)
    assert [event.seconds for event in rig.events if isinstance(event, Paused)] == [7.0]
    assert rig.time.slept == [7.0]
    assert sum(entry.attempts for entry in rig.entries().values()) == 7


def test_a_wait_of_more_than_five_minutes_stops_the_run(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(script=["none", "http-429-retry-after"], retry_after=301))
    rig = Rig(tmp_path, sandbox.url)
    report = rig.run(rows(6))
    assert isinstance(report.stop, ApiUnavailableError)
    assert rig.states() == {2: "created", 3: "unsent"}
    assert (report.created, report.unsent) == (1, 1)


@pytest.mark.parametrize("named", ["0", "Wed, 04 Mar 2026 11:59:58 GMT"])
def test_a_wait_of_nothing_does_not_keep_a_busy_keen_busy(tmp_path: Path, named: str) -> None:
    async def run() -> None:
        busy = answer(b"", "429 Too Many Requests", f"Retry-After: {named}")
        async with raw_server(answer(), busy) as server:
            rig = Rig(tmp_path, server.url, settings(max_attempts=100))
            report = await rig.send(rows(3))
        assert isinstance(report.stop, ApiUnavailableError)
        assert rig.time.slept == [1, 2, 4, 8, 16, 30, 30, 30]
        assert rig.states() == {2: "created", 3: "unsent"}

    anyio.run(run)


def test_nobody_waits_with_an_intent_on_disk(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    plan = FaultPlan(script=["none", *["http-521"] * 12, "http-429-retry-after"], retry_after=9)
    sandbox = start_sandbox(plan)
    rig = Rig(tmp_path, sandbox.url, settings(rate_limit=1.0, max_attempts=100))
    sleep = rig.time.sleep
    unsent_intents: list[int] = []

    async def spying(seconds: float) -> None:
        intents = sum(line.startswith("intent") for line in rig.journal)
        unsent_intents.append(intents - sandbox.purchase_requests)
        await sleep(seconds)

    rig.time.sleep = spying  # type: ignore[method-assign]
    assert rig.run(rows(4)).created == 4
    assert {1.0, 2.0, 9.0} <= set(rig.time.slept)
    assert set(unsent_intents) == {0}


# The ledger fails


class FullLedger(WatchedLedger):
    """Its disk is full from the third intent on, for outcomes too."""

    def commit(self, run_id: int, changes: Sequence[Change]) -> None:
        intents = sum(line.startswith("intent") for line in self.journal)
        if intents >= 2:
            raise LedgerWriteError("The disk is full.", "Make room.", code="disk-full")
        super().commit(run_id, changes)


def test_a_full_disk_stops_the_run_and_names_what_it_could_not_store(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    rig = Rig(tmp_path, sandbox.url, settings(), ledger_type=FullLedger)
    report = rig.run(rows(5))
    assert isinstance(report.stop, LedgerWriteError)
    assert rig.journal == ["intent 2", "outcome 2", "intent 3"]
    assert [settlement.row for settlement in report.unstored] == [3]
    assert report.unstored[0].outcome.purchase_id == sandbox.audit.committed[1].purchase_id
    assert sandbox.purchase_requests == 2
    assert rig.states() == {2: "created", 3: "sending"}


class RefusingLedger(WatchedLedger):
    """Refuses one intent."""

    def commit(self, run_id: int, changes: Sequence[Change]) -> None:
        if any(isinstance(each, Intent) and each.delivery.row == 3 for each in changes):
            raise LedgerWriteError("No.", "Nothing.", code="no")
        super().commit(run_id, changes)


def test_a_row_without_a_durable_intent_is_not_sent(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    rig = Rig(tmp_path, sandbox.url, settings(), ledger_type=RefusingLedger)
    report = rig.run(rows(5))
    assert isinstance(report.stop, LedgerWriteError)
    assert (sandbox.purchase_requests, report.created, report.unstored) == (1, 1, ())


# A person stops it


def test_a_stop_request_drains_what_is_on_its_way(tmp_path: Path) -> None:
    async def run() -> None:
        stop = StopRequest()

        async def stop_first(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stop.request(signal.SIGTERM)
            await anyio.lowlevel.checkpoint()
            writer.write(answer())
            await writer.drain()

        async with raw_server(answer(), stop_first, answer()) as server:
            rig = Rig(tmp_path, server.url, stop=stop)
            report = await rig.send(rows(9))
        assert (report.created, report.signal, report.stop) == (2, signal.SIGTERM, None)
        assert rig.states() == {2: "created", 3: "created"}

    anyio.run(run)


def test_a_stop_request_ends_every_wait(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    stop = StopRequest()
    sandbox = start_sandbox(FaultPlan(script=["none", "http-429-retry-after"], retry_after=299))
    rig = Rig(tmp_path, sandbox.url, stop=stop)

    async def never(seconds: float) -> None:
        assert seconds > 0
        stop.request(signal.SIGINT)
        await anyio.sleep_forever()

    rig.time.sleep = never  # type: ignore[method-assign]
    report = rig.run(rows(9))
    assert (report.signal, report.created, report.unsent) == (signal.SIGINT, 1, 1)


@pytest.mark.parametrize("transport", ["httpx", "direct"])
def test_a_second_stop_request_drops_what_is_on_its_way_and_leaves_it_sending(
    tmp_path: Path, transport: str
) -> None:
    async def run() -> None:
        stop = StopRequest()

        async def stop_twice(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            stop.request(signal.SIGINT)
            stop.request(signal.SIGINT)
            await reader.read()

        async with raw_server(answer(), stop_twice) as server:
            rig = Rig(tmp_path, server.url, settings(transport=transport), stop=stop)
            report = await rig.send(rows(9))
        assert (report.created, report.signal) == (1, signal.SIGINT)
        assert rig.states() == {2: "created", 3: "sending"}

    anyio.run(run)


class Busy(Load):
    """Has work for ever, so that groups wait for more."""

    def look(self) -> None:
        pass


@pytest.mark.parametrize("transport", ["httpx", "direct"])
def test_what_was_dropped_before_its_first_byte_is_unsent(tmp_path: Path, transport: str) -> None:
    async def run() -> None:
        stop = StopRequest()
        loop = asyncio.get_running_loop()

        def insist() -> None:
            stop.request(signal.SIGINT)
            stop.request(signal.SIGINT)

        def observe(event: Event) -> None:
            if isinstance(event, Settled) and event.row > 2:
                # The worker goes on to row 6, which has to wait: two others are on their way.
                loop.call_soon(insist)

        async with raw_server(answer(), then_hang(), then_hang(), answer()) as server:
            rig = Rig(
                tmp_path,
                server.url,
                settings(transport=transport, concurrency=3),
                stop=stop,
                writer=partial(GroupCommit, load=Busy(), patience=0.5),
                observe=observe,
            )
            await rig.send(rows(9))
            assert len(server.bodies) == 4
        states = rig.states()
        assert (states[2], states[6]) == ("created", "unsent")
        assert sorted(states[row] for row in (3, 4, 5)) == ["created", "sending", "sending"]
        assert rig.entries()[6].code == "interrupted"

    anyio.run(run)


def test_a_bug_in_the_display_leaves_nothing_in_doubt(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(latency=0.05))
    rig = Rig(tmp_path, sandbox.url, settings(concurrency=4))

    def broken(event: Event) -> None:
        if isinstance(event, Attempted) and event.row > 2:
            raise ZeroDivisionError

    rig.observe = broken
    report = rig.run(rows(20))
    assert isinstance(report.bug, ZeroDivisionError)
    states = rig.states()
    assert set(states.values()) == {"created"}
    assert len(states) == len(sandbox.audit.committed) <= 9


# Keen remembers keys


def test_under_retention_a_doubt_is_sent_again_under_its_key(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    plan = FaultPlan(script=["reset-after-commit", "none", "http-504-before-commit"])
    sandbox = start_sandbox(plan, honour_keys=True)
    rig = Rig(tmp_path, sandbox.url, key_retention=24)
    report = rig.run(rows(3))
    assert (report.created, report.in_doubt, report.stop) == (3, 0, None)
    assert len(sandbox.audit.committed) == 3
    assert [len(bodies) for bodies in sandbox.audit.bodies_by_key().values()] == [1, 1, 1]


@pytest.mark.parametrize(
    "later",
    [
        answer(b"", "429 Too Many Requests"),
        answer(b'{"error":"Lead not accessible"}', "403 Forbidden"),
        answer(b'{"error":"Invalid API key"}', "401 Unauthorized"),
        answer(b"", "503 Unavailable", "sb-error-code: BOOT_ERROR"),
    ],
    ids=["limited", "refused", "key refused", "not started"],
)
def test_an_attempt_that_did_nothing_settles_no_earlier_doubt(tmp_path: Path, later: bytes) -> None:
    async def run() -> None:
        async with raw_server(answer(), then_close(), later) as server:
            rig = Rig(tmp_path, server.url, settings(max_attempts=2), key_retention=24)
            report = await rig.send(rows(2))
        assert (report.created, report.in_doubt, report.unsent, report.rejected) == (1, 1, 0, 0)
        assert rig.states() == {2: "created", 3: "in_doubt"}
        assert rig.entries()[3].attempts == 2

    anyio.run(run)


@pytest.mark.parametrize(
    ("hours_later", "retention_then", "state"),
    [(1, 24.0, "created"), (24, 24.0, "in_doubt"), (1, 0.0, "in_doubt"), (-1, 24.0, "in_doubt")],
    ids=["in time", "too late", "first sent without retention", "clock set back"],
)
def test_an_earlier_runs_doubt_is_sent_again_only_while_keen_surely_remembers(
    start_sandbox: StartSandbox,
    tmp_path: Path,
    hours_later: int,
    retention_then: float,
    state: str,
) -> None:
    sandbox = start_sandbox(FaultPlan(script=["close-after-commit"]), honour_keys=True)
    first = Rig(tmp_path, sandbox.url, settings(max_attempts=1), key_retention=retention_then)
    first.run(rows(1))
    entry = first.entries()[2]
    assert entry.state is LedgerState.IN_DOUBT
    again = rows(1)[0]._replace(
        attempts=entry.attempts,
        in_doubt=True,
        first_sent_at=entry.first_sent_at,
        retention=entry.retention,
    )
    later = Rig(
        tmp_path,
        sandbox.url,
        key_retention=24,
        now=lambda: START + timedelta(hours=hours_later),
    )
    report = later.run([again])
    assert later.states() == {2: state}
    assert (report.created, report.in_doubt) == ((1, 0) if state == "created" else (0, 1))
    assert sandbox.purchase_requests == (2 if state == "created" else 1)
    assert len(sandbox.audit.committed) == 1


def test_a_doubt_that_outlives_keens_memory_while_keen_is_down_holds_up_nobody(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with raw_server(answer()) as server:
            pass
        rig = Rig(tmp_path, server.url, settings(), key_retention=24)
        first, second, third, fourth = rows(4)
        over = START - timedelta(hours=25)
        doubt = third._replace(attempts=1, in_doubt=True, first_sent_at=over, retention=24.0)
        with anyio.fail_after(30):
            report = await rig.send([first, second, doubt, fourth])
        assert (report.unsent, report.in_doubt, report.stop) == (3, 1, None)
        assert rig.states() == dict.fromkeys((2, 3, 5), "unsent")

    anyio.run(run)


def test_a_request_still_running_is_asked_after_again(tmp_path: Path) -> None:
    async def run() -> None:
        running = answer(b'{"error":"still running"}', "409 Conflict")
        async with raw_server(then_hang(), running, running, answer()) as server:
            rig = Rig(tmp_path, server.url, settings(timeout=0.3), key_retention=24)
            report = await rig.send(rows(1))
        assert report.created == 1
        assert rig.entries()[2].attempts == 4

    anyio.run(run)
