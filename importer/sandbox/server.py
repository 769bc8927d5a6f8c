"""Settings → the sandbox on a loopback port: in a thread, or in the foreground. Touches sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import uvicorn

from importer.errors import UsageError
from importer.sandbox.app import ENDPOINT, Gateway, build_app
from importer.sandbox.audit import Audit, AuditFile, read_audit
from importer.sandbox.company import build_company
from importer.sandbox.faults import FaultPlan, FaultSequence
from importer.sandbox.operations import Operations
from importer.sandbox.wire import SandboxProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import FrameType

_SILENT: Final = 60  # above every level: the audit says what happened
_IDLE_SECONDS: Final = 75
_BACKLOG: Final = 2048


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """What one sandbox is and does."""

    audit: Path
    """The JSONL file of `audit.py`; what it says already happened stays true."""
    faults: FaultPlan = field(default_factory=FaultPlan)
    any_lead: bool = False
    """Accept every lead's UUID; the unknown ones are in channel 1."""
    honour_keys: bool = False
    """Answer a known Idempotency-Key with its first purchase. Keen does not: it commits again."""
    leads: int = 1000
    """The company has `sandbox_lead(1)` to this one."""


class Sandbox:
    """A running sandbox, as another thread sees it."""

    def __init__(
        self, server: _Server, thread: threading.Thread, gateway: Gateway, audit_path: Path
    ) -> None:
        self.url = server.url
        """The endpoint, with host and port."""
        self.port = server.port
        self.audit_path = audit_path
        self._server = server
        self._thread = thread
        self._gateway = gateway

    @property
    def audit(self) -> Audit:
        """What the audit file says at this moment."""
        return read_audit(self.audit_path)

    @property
    def total_requests(self) -> int:
        """Calls of any action since this sandbox started."""
        return self._gateway.requests

    @property
    def purchase_requests(self) -> int:
        """Purchase calls since this sandbox started, faulted ones included."""
        return self._gateway.purchase_requests

    @property
    def under_way(self) -> int:
        """Purchase calls whose answer has not ended at this moment."""
        return self._gateway.under_way

    @property
    def peak_concurrency(self) -> int:
        """The most purchase calls that were under way at once."""
        return self._gateway.peak_concurrency

    def change_faults(self, plan: FaultPlan) -> None:
        """Let the calls that come from now on meet `plan`, from its beginning."""
        self._gateway.faults = FaultSequence(plan)

    def stop(self) -> None:
        """End now: connections are dropped, purchases not committed yet never are. Repeatable."""
        self._server.leave()
        self._thread.join()


class _Server(uvicorn.Server):
    """uvicorn without its polling: it says when it is ready and leaves at once when told to."""

    def __init__(
        self, gateway: Gateway, listener: socket.socket, on_ready: Callable[[], None]
    ) -> None:
        config = uvicorn.Config(
            build_app(gateway),
            loop="asyncio",
            http=SandboxProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=_SILENT,
            access_log=False,
            workers=1,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_IDLE_SECONDS,
            backlog=_BACKLOG,
        )
        super().__init__(config)
        host, self.port = listener.getsockname()
        self.url = f"http://{host}:{self.port}{ENDPOINT}"
        self._listener = listener
        self._on_ready = on_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving = asyncio.Event()

    def serve_until_told(self) -> None:
        self.run([self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self._on_ready()

    async def main_loop(self) -> None:
        await self._leaving.wait()

    def leave(self) -> None:
        # A loop that is closed has left already.
        with suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._leaving.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self.leave()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def run_sandbox(
    settings: SandboxSettings, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Sandbox]:
    """Serve in a thread while the block runs; port 0 takes a free one.

    Raises UsageError where the port cannot be had or the audit cannot be used.
    """
    ready = threading.Event()
    with _opened(settings, host, port, ready.set) as (server, gateway):
        thread = threading.Thread(target=server.serve_until_told, name="sandbox")
        thread.start()
        sandbox = Sandbox(server, thread, gateway, settings.audit)
        try:
            ready.wait()
            yield sandbox
        finally:
            sandbox.stop()


def serve_forever(
    settings: SandboxSettings, host: str, port: int, announce: Callable[[str], None]
) -> None:
    """Serve in this thread, the main one, until SIGINT; SIGTERM ends the process after serving.

    `announce` gets the endpoint's URL as soon as it answers. Raises as `run_sandbox` does.
    """
    with (
        _opened(settings, host, port, lambda: announce(server.url)) as (server, _),
        suppress(KeyboardInterrupt),
    ):
        server.serve_until_told()


@contextmanager
def _opened(
    settings: SandboxSettings, host: str, port: int, on_ready: Callable[[], None]
) -> Iterator[tuple[_Server, Gateway]]:
    audit = AuditFile(settings.audit)
    try:
        operations = Operations(
            build_company(settings.leads),
            audit,
            any_lead=settings.any_lead,
            honour_keys=settings.honour_keys,
        )
        gateway = Gateway(operations, audit, settings.faults)
        with _listen(host, port) as listener:
            yield _Server(gateway, listener, on_ready), gateway
    finally:
        audit.close()


def _listen(host: str, port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is named; without it an answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would share a port that another program holds
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"The sandbox cannot listen on {host}:{port}: {error.strerror}.",
            "Choose another port, or end the program that holds this one.",
            code="port-taken",
        ) from error
    return listener
