"""SIGINT, SIGTERM and a closed terminal → a request to stop that the sender obeys.

Touches the process's signals, and the streams of a terminal that is gone.
"""

from __future__ import annotations

import os
import signal
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from importer.output import discard

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

    A closed terminal (SIGHUP) asks like SIGTERM, but never insists: kernel and shell may both tell
    of it. Where it is ignored, as under `nohup`, it stays ignored.
    Start it with `await tasks.start(listen, stop)`: when that returns, the signals are caught.
    """
    hangup = _hangup()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, *hangup) as signals:
        task_status.started()
        async for signum in signals:
            if signum not in hangup:
                stop.request(signum)
            elif stop.requested is None:
                _leave_terminal()
                stop.request(signal.SIGTERM)


def _hangup() -> tuple[signal.Signals, ...]:
    """Return SIGHUP, where the system has it and nobody asked to ignore it."""
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return ()
    return (hangup,)


def _leave_terminal() -> None:
    """Send what would be shown on a terminal that is gone nowhere.

    A line that cannot be written would end the run before its results are. A closed terminal is
    a character device that no longer answers as a terminal.
    """
    for stream in (1, 2):
        with suppress(OSError):  # closed by who started us
            if stat.S_ISCHR(os.fstat(stream).st_mode) and not os.isatty(stream):
                discard(stream)
