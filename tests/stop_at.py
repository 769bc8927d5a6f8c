"""`python stop_at.py POINT N ARGUMENTS…`: the real program, killed with -9 at a named point.

POINT is `call:` or `return:` and a function's qualified name (`return:SqliteLedger.commit`), N says
the how manieth time. The program itself has no hooks: the interpreter's profiler sees each call.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def main() -> None:
    event, _, name = sys.argv[1].partition(":")
    left = int(sys.argv[2])

    def watch(frame: FrameType, what: str, _argument: object) -> None:
        nonlocal left
        if what == event and frame.f_code.co_qualname == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.argv = ["importer", *sys.argv[3:]]
    from importer.cli import main as run  # noqa: PLC0415 - it reads sys.argv

    threading.setprofile(watch)
    sys.setprofile(watch)
    run()


if __name__ == "__main__":
    main()
