"""The server's life: free ports, restarts, kill -9."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from importer.errors import UsageError
from importer.sandbox.audit import read_audit
from importer.sandbox.company import SANDBOX_API_KEY
from importer.sandbox.faults import FaultPlan
from tests.sandbox.client import ORDER, send, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from importer.sandbox.server import Sandbox
    from tests.sandbox_server import StartSandbox

IN_ITS_OWN_PROCESS = """
import sys
from pathlib import Path
from importer.sandbox.server import SandboxSettings, serve_forever

settings = SandboxSettings(Path(sys.argv[1]), honour_keys=True)
serve_forever(settings, "127.0.0.1", 0, lambda url: print(url, flush=True))
"""


@contextlib.contextmanager
def process(audit: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", IN_ITS_OWN_PROCESS, str(audit)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server, server.stdout.readline().strip()
        finally:
            server.kill()


def buy(url: str, key: str) -> str:
    headers = {"X-Api-Key": SANDBOX_API_KEY, "Idempotency-Key": key}
    answer = httpx.post(url, json=ORDER, headers=headers)
    return str(answer.json()["purchase"]["id"])


def test_a_restart_knows_what_was_bought_before(start_sandbox: StartSandbox) -> None:
    first = start_sandbox(honour_keys=True)
    bought = buy(first.url, "k")
    first.stop()
    with pytest.raises(httpx.ConnectError):
        buy(first.url, "k")
    again = start_sandbox(honour_keys=True, port=first.port)
    assert again.url == first.url
    assert buy(again.url, "k") == bought
    assert [call.call for call in again.audit.received] == [1, 2]
    assert len(again.audit.committed) == 1
    assert again.total_requests == 1


def test_kill_9_loses_no_purchase_that_was_answered(tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    with process(audit) as (server, url):
        bought = [buy(url, f"k{number}") for number in range(20)]
        server.kill()
        server.wait()
    assert [purchase.purchase_id for purchase in read_audit(audit).committed] == bought
    with process(audit) as (_, url):
        assert buy(url, "k7") == bought[7]


def test_ctrl_c_ends_the_foreground_server_without_noise(tmp_path: Path) -> None:
    with process(tmp_path / "audit.jsonl") as (server, url):
        buy(url, "k")
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0


def test_stopping_drops_open_connections_and_commits_nothing_more(
    start_sandbox: StartSandbox,
) -> None:
    sandbox = start_sandbox(FaultPlan(script=["slow"], slow_seconds=1e6))
    with send(sandbox) as connection:
        wait_until(lambda: sandbox.under_way == 1)
        sandbox.stop()
        sandbox.stop()
        assert connection.recv(1) == b""
    assert sandbox.audit.committed == ()


def test_a_taken_port_is_named(start_sandbox: StartSandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}"):
            start_sandbox(port=port)


def test_faults_can_be_changed_while_it_runs(sandbox: Sandbox) -> None:
    sandbox.change_faults(FaultPlan(shares={"http-500-before-commit": 1.0}))
    with pytest.raises(KeyError):
        buy(sandbox.url, "k")
    sandbox.change_faults(FaultPlan())
    assert buy(sandbox.url, "k")
