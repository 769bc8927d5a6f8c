"""Options → the miniature Keen API, served until it is interrupted. Touches a port and a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from importer.errors import ExitCode
from importer.options import SANDBOX_PORT
from importer.sandbox.company import SANDBOX_API_KEY, sandbox_lead
from importer.sandbox.effects import describe
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
            print(f"{fault.value:<36} {describe(fault)}")
        return ExitCode.OK
    settings = SandboxSettings(
        audit=audit or Path("sandbox-audit.jsonl"),
        faults=FaultPlan(shares=parse_shares(faults), seed=seed, latency=latency),
        any_lead=any_lead,
        honour_keys=honour_keys,
    )
    serve_forever(settings, "127.0.0.1", port, lambda url: _announce(url, settings))
    return ExitCode.OK


def _announce(url: str, settings: SandboxSettings) -> None:
    # The ledger knows a scope by its URL, so a sandbox on another port is another Keen to it.
    port = urlsplit(url).port
    scope = "sandbox" if port == SANDBOX_PORT else f"sandbox-{port}"
    print(f"The sandbox answers at {url}", flush=True)
    print(f"  export IMPORTER_API__URL={url} IMPORTER_API__SCOPE={scope}")
    print(f"  export KEEN_API_KEY={SANDBOX_API_KEY}")
    if not settings.any_lead:
        print(f"  A lead that it knows: {sandbox_lead(1)}; with --any-lead it takes every lead.")
    print(f"  It records every call in {settings.audit}. Ctrl-C ends it.", flush=True)
