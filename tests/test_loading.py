"""A command loads nothing that its libraries would only load because it is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

STARTS = {
    "run": "importer.commands.sending",
    "check": "importer.commands.imports",
    "status": "importer.commands.status",
    "resolve": "importer.commands.resolution",
}


@pytest.mark.parametrize("command", STARTS)
def test_a_command_starts_without_what_serves_nobody(command: str) -> None:
    program = f"""
import sys
from importer.loading import UNWANTED, loading
with loading():
    import {STARTS[command]}
print(*(name for name in UNWANTED if name in sys.modules))
import click, rich.console
"""
    told = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )

    assert (told.stdout, told.stderr, told.returncode) == ("\n", "", 0)


def test_what_is_loaded_already_stays() -> None:
    program = """
import sys, click
from importer.loading import loading
with loading(without=("click", "no_such_module")):
    import click as again
assert again is click is sys.modules["click"]
assert "no_such_module" not in sys.modules
"""
    told = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )

    assert (told.stdout, told.stderr, told.returncode) == ("", "", 0)
