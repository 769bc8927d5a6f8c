"""Processes of the program that start in milliseconds: forked from one that has imported it all.

Each is a process of its own with its own environment, folder, files and signals, and dies of
kill -9 like any other; only the imports are spared it. `Nursery` is the test's end, `main` the
other one: a process that forks on request and says who ended how.
"""

from __future__ import annotations

import atexit
import json
import os
import random
import selectors
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.upset import Upset, apply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Run:
    """One process of the program."""

    pid: int
    _pidfd: int
    _out: Path
    _err: Path
    _ended: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    returncode: int | None = None
    """As subprocess has it: below zero, a signal's number."""

    @property
    def running(self) -> bool:
        return not self._ended.is_set()

    def send(self, signum: int) -> None:
        """Send a signal; nothing happens where it has ended already."""
        with self._lock, suppress(ProcessLookupError):
            if self.running:
                signal.pidfd_send_signal(self._pidfd, signum)

    def end(self, returncode: int) -> None:
        """Take note that it has ended."""
        with self._lock:
            self.returncode = returncode
            os.close(self._pidfd)
            self._ended.set()

    def wait(self, timeout: float = 120) -> int:
        """Return the code with which it ended."""
        assert self._ended.wait(timeout), f"still running: {self.err[-2000:]}"
        assert self.returncode is not None
        return self.returncode

    @property
    def out(self) -> str:
        return self._out.read_text("utf-8", "replace")

    @property
    def err(self) -> str:
        return self._err.read_text("utf-8", "replace")


class Nursery:
    """Starts processes of the program."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._runs: dict[int, Run] = {}
        self._born: list[int] = []
        self._told = threading.Condition()
        self._count = 0
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def start(
        self,
        *arguments: str | Path,
        environment: Mapping[str, str],
        upset: Upset | None = None,
    ) -> Run:
        """Start the program with these arguments and do not wait."""
        self._count += 1
        out, err = (self._folder / f"{self._count}.{name}" for name in ("out", "err"))
        for path in (out, err):  # a process may be killed before it opens them
            path.touch()
        order = {
            "arguments": [str(each) for each in arguments],
            "environment": dict(environment),
            "folder": str(self._folder),
            "out": str(out),
            "err": str(err),
            "upset": asdict(upset or Upset()),
        }
        assert self._process.stdin is not None
        with self._told:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            assert self._told.wait_for(lambda: self._born, timeout=30), "the nursery is dead"
            pid = self._born.pop()
            # It cannot be reaped, and its number not be given away, before the next line is read.
            run = self._runs[pid] = Run(pid, os.pidfd_open(pid), out, err)
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        return run

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word, pid, *rest = line.split()
            with self._told:
                if word == "born":
                    self._born.append(int(pid))
                    self._told.notify_all()
                else:
                    self._runs.pop(int(pid)).end(int(rest[0]))

    def close(self) -> None:
        for run in list(self._runs.values()):
            run.send(signal.SIGKILL)
            run.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._listener.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def nursery(folder: Path, *, preload: Path | None, tree: Path = REPOSITORY) -> Iterator[Nursery]:
    """Yield a nursery of the program in `tree`, whose runs keep their outputs in `folder`."""
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{tree}:{REPOSITORY}"}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    if preload is not None:
        environment["LD_PRELOAD"] = str(preload)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        cwd=tree,
        text=True,
    )
    made = Nursery(process, folder)
    try:
        yield made
    finally:
        made.close()


def main() -> None:
    """Fork on request until stdin ends. Lines in: an order, then `go`. Out: `born`, `ended`."""
    _import_all()
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    children: dict[int, int] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd != 0:
                    pid = children.pop(key.fd)
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                    print("ended", pid, code, file=told, flush=True)
                    continue
                line = _read_line()
                if not line:
                    return
                pid = os.fork()
                if pid == 0:
                    _be_born(json.loads(line))
                pidfd = os.pidfd_open(pid)
                children[pidfd] = pid
                print("born", pid, file=told, flush=True)
                _read_line()
                selector.register(pidfd, selectors.EVENT_READ)


def _read_line() -> str:
    """Return the next line; unbuffered, so that the selector sees what is left."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return ""
        line += byte
    return line.decode()


def _import_all() -> None:
    import importer.cli  # noqa: PLC0415 - by the one that forks only
    import importer.commands.resolution  # noqa: PLC0415
    import importer.commands.sending  # noqa: PLC0415
    import importer.commands.status  # noqa: PLC0415
    import importer.logs  # noqa: F401, PLC0415


def _be_born(order: dict[str, Any]) -> None:
    """Become a process of the program, and never return."""
    from importer.cli import main as run  # noqa: PLC0415

    code = 1
    try:
        os.closerange(3, 256)
        for descriptor, path in ((0, os.devnull), (1, order["out"]), (2, order["err"])):
            flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            file = os.open(path, flags, 0o600)
            if file != descriptor:
                os.dup2(file, descriptor)
                os.close(file)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        sys.argv = ["importer", *order["arguments"]]
        random.seed()
        apply(Upset(**order["upset"]))
        run()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.setprofile(None)
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
