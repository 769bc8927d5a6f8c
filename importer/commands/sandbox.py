"""Options → the miniature Keen API, served until it is interrupted. Touches a port and a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import ExitCode
from importer.sandbox.company import SANDBOX_API_KEY, sandbox_lead
from importer.sandbox.faults import Fault, FaultPlan, parse_shares
from importer.sandbox.server import SandboxSettings, serve_forever

if TYPE_CHECKING:
    from collections.abc import Sequence


def sandbox_command(
    *,
    port: int,
    audit: Path | None,
    faults: Sequence[str],
    seed: int,
    latency: float,
    honour_keys: bool,
    any_lead: bool,
) -> ExitCode:
    """Serve the sandbox on 127.0.0.1; `latency` in seconds."""
    if "help" in faults:
        for fault in Fault:
            print(fault.value)
        return ExitCode.OK
    settings = SandboxSettings(
        audit=audit or Path("sandbox-audit.jsonl"),
        faults=FaultPlan(shares=parse_shares(faults), seed=seed, latency=latency),
        any_lead=any_lead,
        honour_keys=honour_keys,
    )
    serve_forever(settings, "127.0.0.1", port, lambda url: _announce(url, settings.audit))
    return ExitCode.OK


def _announce(url: str, audit: Path) -> None:
    print(f"The sandbox answers at {url}", flush=True)
    print(f"  export IMPORTER_API__URL={url} IMPORTER_API__SCOPE=sandbox")
    print(f"  export KEEN_API_KEY={SANDBOX_API_KEY}")
    print(f"  A lead that it knows: {sandbox_lead(1)}")
    print(f"  It records every call in {audit}. Ctrl-C ends it.", flush=True)
