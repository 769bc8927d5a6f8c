"""What is done to one process of the program from within: killed at a point, its surroundings.

The program has no hooks: calls are seen by the interpreter's profiler, its clock and disk by
`environment.c`, which has to be preloaded.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from tests.stop_at import act_at, kill


@dataclass(frozen=True)
class Upset:
    """One process's fate. Every part of it is an environment's doing, none the program's."""

    kill_at: str = ""
    """`call:` or `return:` and a function's qualified name; killed with -9 there."""
    nth: int = 1
    root: str = ""
    """The folder whose files are watched; empty: clock and disk are left alone."""
    record: str = ""
    """Where writes and syncs are recorded."""
    disk_left: int = -1
    """Bytes that can be written before the disk is full; -1: the real disk's."""
    disk_told: int = -1
    """Bytes that the disk says are free; -1: the truth."""
    clock_shift: float = 0.0
    """Seconds by which the wall clock is wrong."""
    clock_jump: float = 0.0
    """Seconds by which it jumps in the middle of the run."""
    jump_after: float = 0.0


def apply(upset: Upset) -> None:
    """Let it begin, in the process that it is for."""
    if upset.root:
        begin = ctypes.CDLL(None).environment_begin
        numbers = (
            upset.disk_left,
            upset.disk_told,
            round(upset.clock_shift * 1e9),
            round(upset.clock_jump * 1e9),
            round(upset.jump_after * 1e9),
        )
        begin(upset.root.encode(), upset.record.encode(), *map(ctypes.c_longlong, numbers))
    if upset.kill_at:
        act_at(upset.kill_at, upset.nth, kill)
