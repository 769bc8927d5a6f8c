"""Text for the standard streams → these streams, or what says that it is lost. Writes to them."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from importer.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO


class Output:
    """A standard stream as the commands see it; all but writing is the stream's own.

    Who closes a pipe early, as `head` does, has read enough: what follows goes nowhere, the run
    goes on, and its exit code stays. Where nothing can be written otherwise, as on a full disk,
    OutputError is raised once; of stderr what follows goes nowhere then, too, for the results are
    still to come. Without this Python would try again at its own exit, and end with its own code,
    120.
    """

    def __init__(self, stream: TextIO, *, may_be_lost: bool = False) -> None:
        self._stream = stream
        self._may_be_lost = may_be_lost

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`. Raises OutputError."""
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Write what waits. Raises OutputError."""
        self._attempt(self._stream.flush)

    def _attempt(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            if self._may_be_lost and isinstance(error, BlockingIOError):
                return  # whoever reads is slow; only this is lost
            discard(self._stream.fileno())
            if not (self._may_be_lost or isinstance(error, BrokenPipeError)):
                raise OutputError(
                    f"Standard output could not be written: {error.strerror}.",
                    "Make room there. What was sent is in the ledger: see `importer status`.",
                ) from error


def discard(descriptor: int) -> None:
    """Let what is written to an open file descriptor go nowhere. Raises OSError."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def watch_output() -> None:
    """Let everything that is printed from now on pass through an Output."""
    sys.stdout = Output(sys.stdout)
    sys.stderr = Output(sys.stderr, may_be_lost=True)
