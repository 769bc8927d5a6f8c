"""How busy a program is: the time that its work took → whether it also waits. Reads two clocks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BUSY: Final = 0.8
"""The share of its time from which on a program counts as busy. Less than all of it, for other
programs want the processor too."""
SPAN: Final = 0.1
"""Seconds, at least, over which that share is taken."""


class Load:
    """Whether work fills the time of the thread that makes it and alone looks; at first it does."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        effort: Callable[[], float] = time.thread_time,
    ) -> None:
        """Both clocks tell seconds, `effort` those that all work took; asked in that thread."""
        self.is_busy = True
        """Of the last span that is over."""
        self._clock = clock
        self._effort = effort
        self._began, self._worked = clock(), effort()

    def look(self) -> None:
        """Look at the clocks: where SPAN is over, the next one begins."""
        now = self._clock()
        if now - self._began >= SPAN:
            worked = self._effort()
            self.is_busy = worked - self._worked >= BUSY * (now - self._began)
            self._began, self._worked = now, worked
