"""SIGINT and SIGTERM → a request to stop that the sender obeys. Touches the process's signals."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from anyio.abc import TaskStatus


class StopRequest:
    """A person's wish to stop: asked once, the sender drains; asked twice, it drops what is out."""

    def __init__(self) -> None:
        self.requested: int | None = None
        """The signal that asked first."""
        self.asked = anyio.Event()
        self.insisted = anyio.Event()

    def request(self, signum: int) -> None:
        """Ask to stop; the second call no longer waits for requests on their way."""
        if self.requested is None:
            self.requested = signum
            self.asked.set()
        else:
            self.insisted.set()


async def listen(
    stop: StopRequest, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Turn signals into stop requests until cancelled.

    Start it with `await tasks.start(listen, stop)`: when that returns, both signals are caught.
    """
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for signum in signals:
            stop.request(signum)
