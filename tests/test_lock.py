from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from importer import lock

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import os, subprocess, sys, time
from pathlib import Path
from importer import lock
assert lock.acquire(Path(sys.argv[1])) is not None
if sys.argv[2] == "none":
    print(0, flush=True)
elif sys.argv[2] == "fork":
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        sys.stdin.read()
        os._exit(0)
else:
    code = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"
    subprocess.Popen([sys.executable, "-c", code], close_fds=False)
sys.stdin.read()
"""
"""Takes the lock and starts a child, which tells its id and lives as long as stdin is open."""


def start_holder(path: Path, child: str) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="no fork, no SIGKILL")
@pytest.mark.parametrize("child", ["none", "fork", "exec"])
def test_a_killed_holder_frees_the_lock_at_once_though_its_child_lives(
    tmp_path: Path, child: str
) -> None:
    path = tmp_path / "lock"
    process, pid = start_holder(path, child)
    with process:
        assert lock.is_held(path)
        assert lock.acquire(path) is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert child == "none" or is_alive(pid)
        descriptor = lock.acquire(path)
        assert descriptor is not None
        lock.release(descriptor)


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_childs_end_does_not_free_its_parents_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process, pid = start_holder(path, "fork")
    with process:
        os.kill(pid, signal.SIGKILL)
        assert lock.is_held(path)
        process.communicate()
    assert not lock.is_held(path)


def test_the_lock_is_taken_once_also_within_a_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    descriptor = lock.acquire(path)
    assert descriptor is not None
    assert lock.acquire(path) is None
    assert lock.is_held(path), "a refused try leaves the lock as it is"
    lock.release(descriptor)
    again = lock.acquire(path)
    assert again is not None
    lock.release(again)


def test_a_question_creates_no_file(tmp_path: Path) -> None:
    assert not lock.is_held(tmp_path / "lock")
    assert not lock.is_held(tmp_path / "missing" / "lock")
    assert list(tmp_path.iterdir()) == []
