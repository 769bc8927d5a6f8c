"""The folder of one ledger: its lock, private copies of inputs, and the progress of a run.

In: the folder's path. Out: a held folder that is private, local and writable. Touches that folder.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from importer import lock
from importer.errors import ConfigError, WorkspaceBusyError
from importer.filesystem import network_type, sync_folder, synced_by
from importer.model import RowStatus, format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK: Final = "lock"
RUN: Final = "run.json"
PROGRESS: Final = "progress.json"
COPIES: Final = "importer-copies-"
"""Telling enough that nothing of the user's is ever removed, whatever folder they chose."""
STATUS: Final = "importer status"
"""What stands for a file's name while only the ledger's status is read."""
TRIES: Final = 5
STATUS_TRIES: Final = 200
PATIENCE: Final = 0.05
"""Seconds between tries for the lock. A run leaves at once where another run has it, but not
because somebody looks at the status just then."""
INTERVAL: Final = 1.0
"""Seconds, at least, between two writes of the progress."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a workspace, as far as it has said so."""

    pid: int | None = None
    started: datetime | None = None
    file: str | None = None

    def __str__(self) -> str:
        """Return a noun phrase for messages."""
        who = "Another run" if self.pid is None else f"Another run (process {self.pid})"
        what = f" of {self.file}" if self.file else ""
        since = (
            f", since {format_instant(self.started.replace(microsecond=0))},"
            if self.started
            else ""
        )
        return f"{who}{what}{since}"


class Workspace:
    """The folder of one ledger. Nothing is created before `hold`."""

    def __init__(self, path: Path, *, mounts: str | None = None) -> None:
        """`mounts`: the text of /proc/mounts, where it is not to be read from the kernel."""
        self.path = path
        self._mounts = mounts
        self.ledger_path = path / "ledger.sqlite"
        self.written_path = path / "results.json"
        """Where results files are remembered as they were written."""
        self._copies: Path | None = None

    @property
    def copies_folder(self) -> Path:
        """The folder for this run's private copies of inputs; it is gone after `hold`."""
        if self._copies is None:
            raise RuntimeError("copies are made while the workspace is held")
        return self._copies

    @property
    def note(self) -> str | None:
        """A warning where the folder is synchronised with other computers."""
        service = synced_by(self.path)
        return service and (
            f"The workspace {self.path} is synchronised by {service}, which may put back an old "
            "ledger: rows could then be sent twice. Set workspace.path to a folder that is not."
        )

    @contextmanager
    def hold(self, file_name: str, sleep: Callable[[float], object] = time.sleep) -> Iterator[None]:
        """Hold the workspace for one run, which works on `file_name`.

        The kernel frees the lock when the process ends, however it ends: it is never stale.
        Raises WorkspaceBusyError where another process or caller holds it, ConfigError where the
        folder cannot be used.
        """
        try:
            _refuse_network(self.path, self._mounts)
            _make_folder(self.path)
            descriptor = _lock_patiently(self.path / LOCK, sleep)
        except OSError as error:
            raise _unusable(self.path, error) from error
        if descriptor is None:
            raise WorkspaceBusyError(
                f"{_read_holder(self.path)} holds the workspace {self.path}.",
                "Wait until it has ended; `importer status` shows its progress.",
            )
        try:
            try:
                self._prepare(file_name)
            except OSError as error:
                raise _unusable(self.path, error) from error
            yield
        finally:
            try:
                self._clear()
            finally:
                lock.release(descriptor)

    def _prepare(self, file_name: str) -> None:
        """Clear away what a dead run left, and write what this run needs: so it is writable."""
        self._clear()
        self._copies = Path(tempfile.mkdtemp(prefix=COPIES, dir=self.path))
        run = {"pid": os.getpid(), "started": format_instant(datetime.now(UTC)), "file": file_name}
        _replace(self.path / RUN, json.dumps(run))

    def _clear(self) -> None:
        self._copies = None
        for copies in self.path.glob(f"{COPIES}*"):
            shutil.rmtree(copies, ignore_errors=True)
        for name in (RUN, PROGRESS):
            for path in (self.path / name, _draft(self.path / name)):
                with suppress(OSError):
                    path.unlink()


def holder(path: Path) -> Holder | None:
    """Return who holds the workspace at `path` right now, or None where nobody does."""
    try:
        return _read_holder(path) if lock.is_held(path / LOCK) else None
    except OSError as error:
        raise _unusable(path, error) from error


class Progress:
    """What `importer status` shows of a running import: a small file, written now and then.

    It promises nothing: no sync, and where it cannot be written the run goes on.
    """

    def __init__(
        self,
        path: Path,
        *,
        file: str,
        total: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`path` is the workspace's, `total` a number of rows."""
        self._path = path / PROGRESS
        self._about = {
            "pid": os.getpid(),
            "file": file,
            "started": format_instant(datetime.now(UTC)),
        }
        self._total = total
        self._clock = clock
        self._counts = dict.fromkeys(RowStatus, 0)
        self._paused_until: datetime | None = None
        self._began = clock()
        self._write(self._began)

    def count_sent(self, status: RowStatus) -> None:
        """Add a row whose request has an outcome."""
        self._counts[status] += 1
        now = self._clock()
        if now - self._written >= INTERVAL:
            self._write(now)

    def pause(self, until: datetime | None) -> None:
        """Say that all requests wait until then, or no more (None)."""
        self._paused_until = until
        self._write(self._clock())  # at once: in a pause there is nothing to count

    def _write(self, now: float) -> None:
        self._written = now
        shown = {
            **self._about,
            "total": self._total,
            "counts": {status.value: rows for status, rows in self._counts.items() if rows},
            "rate": round(sum(self._counts.values()) / max(now - self._began, 0.001), 1),
            "paused_until": self._paused_until and format_instant(self._paused_until),
        }
        with suppress(OSError):
            _replace(self._path, json.dumps(shown))


def read_progress(path: Path) -> dict[str, Any] | None:
    """Return the progress of the run in the workspace at `path`, or of one that died there.

    Keys: pid, file, started, total, counts, rate (rows a second), paused_until. None: no run.
    """
    return _read_json(path / PROGRESS)


def _make_folder(path: Path) -> None:
    """Make the folder, and its missing parents, so that no power loss takes it and the ledger."""
    if path.is_dir():
        return
    if not path.parent.exists():
        _make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent)


def _lock_patiently(path: Path, sleep: Callable[[float], object]) -> int | None:
    for attempt in range(STATUS_TRIES):
        descriptor = lock.acquire(path)
        if descriptor is not None:
            return descriptor
        if attempt + 1 >= TRIES and _read_holder(path.parent).file != STATUS:
            return None
        sleep(PATIENCE)
    return None


def _refuse_network(path: Path, mounts: str | None) -> None:
    kind = network_type(path, mounts)
    if kind is not None:
        raise ConfigError(
            f"The workspace {path} is on a network file system ({kind}), where the ledger's locks "
            "and its writes to disk cannot be trusted.",
            "Set workspace.path to a folder on a disk of this computer.",
            code="network-workspace",
        )


def _unusable(path: Path, error: OSError) -> ConfigError:
    taken = isinstance(error, FileExistsError)  # mkdir's complaint of what is no folder
    cause = "it is a file" if taken else f"{error.strerror} ({error.filename})"
    return ConfigError(
        f"The workspace {path} cannot be used: {cause}.",
        "Set workspace.path to a folder that you may write to.",
    )


def _read_holder(path: Path) -> Holder:
    said = _read_json(path / RUN) or {}
    try:
        return Holder(int(said["pid"]), datetime.fromisoformat(said["started"]), str(said["file"]))
    except (KeyError, TypeError, ValueError):
        return Holder()


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        read = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None


def _replace(path: Path, text: str) -> None:
    draft = _draft(path)
    draft.write_text(text, "utf-8")
    draft.replace(path)


def _draft(path: Path) -> Path:
    return path.with_suffix(".new")
