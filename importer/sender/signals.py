"""SIGINT, SIGTERM and a closed terminal → a request to stop, or only a line that says what is on.

Touches the process's signals, and the streams of a terminal that is gone.
"""

from __future__ import annotations

import os
import signal
import stat
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from importer.output import discard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

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


@contextmanager
def answering_signals(words: str) -> Iterator[None]:
    """Let what asks the process to end be answered with a line on stderr, and no more.

    For work that takes little time and that people miss where it is not done, such as the results.
    Does nothing outside of the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    hangup = _hangup()

    def answer(signum: int, _frame: FrameType | None) -> None:
        if signum in hangup:
            _leave_terminal()
            return
        with suppress(OSError):  # not by `print`, which may be what is interrupted here
            os.write(2, f"importer: {words}\n".encode())

    caught = (signal.SIGINT, signal.SIGTERM, *hangup)
    before = {signum: signal.signal(signum, answer) for signum in caught}
    try:
        yield
    finally:
        for signum, former in before.items():
            signal.signal(signum, former)


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
