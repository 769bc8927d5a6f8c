"""The sandbox in a process of its own, which can be killed and started again as the same Keen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from importer.sandbox.audit import Audit, read_audit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CALL = b'{"event":"received"'


class Keen:
    """A miniature Keen. Its audit tells what it committed, whoever has died since."""

    def __init__(
        self,
        audit: Path,
        shares: Mapping[str, float],
        *,
        seed: int,
        latency: float,
        honour_keys: bool = False,
    ) -> None:
        self.audit_path = audit
        self._options = [f"--fault={name}={share}" for name, share in shares.items()]
        self._options += [f"--latency={latency}", "--any-lead"]
        self._options += ["--honour-keys"] if honour_keys else []
        self._seed = seed
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self._seen = 0
        self._calls = 0
        self.url = ""
        self.start()

    def start(self) -> None:
        """Start it, at the port that it had before."""
        command = [sys.executable, "-m", "importer", "sandbox", f"--port={self._port}"]
        command += [f"--audit={self.audit_path}", f"--seed={self._seed}", *self._options]
        self._seed += 1  # after a restart other calls fail
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "LD_PRELOAD"},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the sandbox did not start"
        self.url = line.split()[-1]
        self._port = int(self.url.split(":")[2].split("/")[0])

    def kill(self) -> None:
        """End it as kill -9 does: what it was about to commit never is."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def calls(self) -> int:
        """Calls so far, of any action, across restarts. Reads what the audit has gained."""
        with self.audit_path.open("rb") as file:
            file.seek(self._seen)
            gained, _, _ = file.read().rpartition(b"\n")
        self._seen += len(gained) + bool(gained)
        self._calls += gained.count(_CALL)
        return self._calls

    @property
    def audit(self) -> Audit:
        """What it has committed by now."""
        return read_audit(self.audit_path)

    def settle(self) -> None:
        """Wait until nothing is on its way any more: late commits have landed."""
        calls, size = -1, -1
        while (calls, size) != (self.calls, self.audit_path.stat().st_size):
            calls, size = self.calls, self.audit_path.stat().st_size
            time.sleep(0.3)
