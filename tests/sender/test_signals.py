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
