"""Fixtures for every test: a sandbox, and Hypothesis without a clock."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.program import Program
from tests.sandbox_server import StartSandbox, sandboxes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from importer.sandbox.server import Sandbox

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# Started by `nohup`, the tests would hand an ignored hangup down to every program that they start.
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def start_sandbox(tmp_path: Path) -> Iterator[StartSandbox]:
    """Starts sandboxes with the settings of the test's choice."""
    with sandboxes(tmp_path) as start:
        yield start


@pytest.fixture
def sandbox(start_sandbox: StartSandbox) -> Sandbox:
    """A sandbox that takes every lead and fails nothing."""
    return start_sandbox()


@pytest.fixture
def program(tmp_path: Path, sandbox: Sandbox) -> Program:
    """The importer with a workspace of its own and a sandbox that fails nothing."""
    return Program(tmp_path, sandbox.url)
