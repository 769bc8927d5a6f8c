"""Real signals to this process."""

from __future__ import annotations

import os
import signal
import sys

import anyio
import pytest

from importer.sender.signals import StopRequest, listen


@pytest.mark.skipif(sys.platform == "win32", reason="asyncio knows no signals there")
def test_the_first_signal_asks_and_the_second_insists() -> None:
    async def run() -> None:
        stop = StopRequest()
        async with anyio.create_task_group() as tasks:
            await tasks.start(listen, stop)
            os.kill(os.getpid(), signal.SIGTERM)
            await stop.asked.wait()
            assert stop.requested == signal.SIGTERM
            assert not stop.insisted.is_set()
            os.kill(os.getpid(), signal.SIGINT)
            await stop.insisted.wait()
            assert stop.requested == signal.SIGTERM
            tasks.cancel_scope.cancel()

    anyio.run(run)


@pytest.mark.skipif(sys.platform == "win32", reason="no terminal is hung up there")
def test_a_hangup_asks_once_and_never_insists() -> None:
    async def run() -> None:
        stop = StopRequest()
        async with anyio.create_task_group() as tasks:
            await tasks.start(listen, stop)
            for _ in range(2):  # kernel and shell
                os.kill(os.getpid(), signal.SIGHUP)
                await stop.asked.wait()
                await anyio.wait_all_tasks_blocked()
            assert stop.requested == signal.SIGTERM
            assert not stop.insisted.is_set()
            os.kill(os.getpid(), signal.SIGINT)
            await stop.insisted.wait()
            tasks.cancel_scope.cancel()

    anyio.run(run)


@pytest.mark.skipif(sys.platform == "win32", reason="no terminal is hung up there")
def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    async def run() -> None:
        stop = StopRequest()
        async with anyio.create_task_group() as tasks:
            await tasks.start(listen, stop)
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGINT)
            await stop.asked.wait()
            assert stop.requested == signal.SIGINT
            tasks.cancel_scope.cancel()

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        anyio.run(run)
    finally:
        signal.signal(signal.SIGHUP, before)
