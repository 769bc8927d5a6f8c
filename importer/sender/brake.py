"""Reasons to stop → no new attempt, waits cut short, errors kept for the end. Touches tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import anyio

from importer.errors import ImporterError
from importer.sender.events import Event, Stopped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from importer.sender.signals import StopRequest

_T = TypeVar("_T")

ASKED: Final = "a stop was asked for; what is on its way is awaited, a second signal drops it"


class Brake:
    """What stops one run. The first reason is the one that counts."""

    def __init__(self, stop: StopRequest, observe: Callable[[Event], None]) -> None:
        self._stop = stop
        self._observe = observe
        self._halted = False
        self._waits: set[anyio.CancelScope] = set()
        self.error: ImporterError | None = None
        self.bug: Exception | None = None

    @property
    def on(self) -> bool:
        """Whether no attempt may begin any more."""
        return self._halted or self._stop.requested is not None

    async def watch(self, scope: anyio.CancelScope) -> None:
        """Obey the stop request: the first call drains, the second drops what is on its way."""
        await self._stop.asked.wait()
        self._halt(ASKED)
        await self._stop.insisted.wait()
        scope.cancel()

    def halt(self, error: ImporterError) -> None:
        """Stop the run for this reason, unless it is stopping already."""
        if not self._halted:
            self.error = error
            self._halt(error.message)

    async def wait(self, wait: Callable[[], Awaitable[_T]]) -> _T | None:
        """Wait for something that a stop cuts short; None: the run is stopping."""
        result = None
        if not self.on:
            with anyio.CancelScope() as scope:
                self._waits.add(scope)
                try:
                    result = await wait()
                finally:
                    self._waits.discard(scope)
        return None if self.on else result

    async def drain_on_error(self, work: Callable[[], Awaitable[None]]) -> None:
        """Let no worker's error cancel the requests of the others, which are on their way."""
        try:
            await work()
        except ImporterError as error:
            self.halt(error)
        except Exception as error:  # noqa: BLE001 - a bug is told once all have drained
            self.bug = self.bug or error
            self._halt("an unexpected error")

    def _halt(self, why: str) -> None:
        if self._halted:
            return
        self._halted = True
        for scope in self._waits:
            scope.cancel()
        try:
            self._observe(Stopped(why))
        except Exception as error:  # noqa: BLE001 - told once all have drained
            self.bug = self.bug or error
