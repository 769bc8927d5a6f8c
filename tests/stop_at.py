"""`python stop_at.py [crash|SIGINT|SIGTERM] POINT N ARGUMENTS…`: the real program, ended somewhere.

It is killed with -9, or gets the signal that is named; with `crash` there is a bug at that point
instead, whose traceback is the worst there is. POINT is
`call:` or `return:` and a function's qualified name (`return:SqliteLedger.commit`), N says the how
manieth time. The program itself has no hooks: the interpreter's profiler sees each call.
"""

from __future__ import annotations

import dis
import os
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_RESUME = dis.opmap["RESUME"]
_YIELD = dis.opmap["YIELD_VALUE"]


def act_at(point: str, nth: int, act: Callable[[], None]) -> None:
    """Call `act` the `nth` time that this process comes to `point`, in whichever thread.

    What `act` raises is raised there.
    """
    event, _, name = point.partition(":")
    left = nth

    def watch(frame: FrameType, what: str, _argument: object) -> None:
        nonlocal left
        if what == event and frame.f_code.co_qualname == name and not _is_only_awaiting(frame):
            left -= 1
            if left == 0:
                act()

    threading.setprofile(watch)
    sys.setprofile(watch)


def _is_only_awaiting(frame: FrameType) -> bool:
    """Whether a coroutine goes to sleep or wakes up: the profiler calls that a return or a call."""
    operation, argument = frame.f_code.co_code[frame.f_lasti : frame.f_lasti + 2]
    return operation == _YIELD or (operation == _RESUME and argument & 3 != 0)


def kill() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash() -> None:
    """Raise an exception whose text, and whose cause's, hold the API key."""
    key = os.environ["KEEN_API_KEY"]
    raise KeyError({"X-Api-Key": key}) from ValueError(f"illegal header {key.encode()!r}")


def main() -> None:
    act: Callable[[], None] = kill
    if sys.argv[1] == "crash":
        act = crash
        del sys.argv[1]
    elif sys.argv[1] in {"SIGINT", "SIGTERM"}:
        act = partial(os.kill, os.getpid(), signal.Signals[sys.argv[1]])
        del sys.argv[1]
    point, nth = sys.argv[1], int(sys.argv[2])
    sys.argv = ["importer", *sys.argv[3:]]
    from importer.cli import main as run  # noqa: PLC0415 - it reads sys.argv

    act_at(point, nth, act)
    run()


if __name__ == "__main__":
    main()
