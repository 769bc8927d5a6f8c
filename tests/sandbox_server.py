"""Sandboxes for tests: real servers on free loopback ports, ended with the block."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from importer.sandbox.faults import FaultPlan
from importer.sandbox.server import Sandbox, SandboxSettings, run_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class StartSandbox(Protocol):
    """Starts a sandbox that is stopped when the test ends."""

    def __call__(
        self,
        faults: FaultPlan = ...,
        *,
        any_lead: bool = True,
        honour_keys: bool = False,
        audit: str = "audit.jsonl",
        port: int = 0,
    ) -> Sandbox:
        """Two sandboxes with one `audit` (a name in tmp_path) are one Keen restarted."""


@contextmanager
def sandboxes(folder: Path) -> Iterator[StartSandbox]:
    """Yield a factory; every sandbox that it started is stopped at the end."""
    with ExitStack() as stack:

        def start(
            faults: FaultPlan | None = None,
            *,
            any_lead: bool = True,
            honour_keys: bool = False,
            audit: str = "audit.jsonl",
            port: int = 0,
        ) -> Sandbox:
            settings = SandboxSettings(
                audit=folder / audit,
                faults=faults or FaultPlan(),
                any_lead=any_lead,
                honour_keys=honour_keys,
            )
            return stack.enter_context(run_sandbox(settings, port=port))

        yield start
