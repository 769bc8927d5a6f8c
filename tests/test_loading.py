"""A command loads nothing that its libraries would only load because it is there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

SENDING = """
from importer.loading import loading
with loading():
    import importer.commands.sending
"""
COMMAND = """
import sys
from importer.cli import main
try:
    main()
finally:
    print([name for name in ("rich", "click") if name in sys.modules], file=sys.stderr)
"""


def run(program: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    nowhere = {"HOME": str(folder), "IMPORTER_WORKSPACE__PATH": str(folder / "workspace")}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        check=True,
        capture_output=True,
        text=True,
        cwd=folder,
        env=nowhere,
    )


@pytest.mark.parametrize("arguments", [["status"], ["check", "rows.csv"]])
def test_a_command_off_a_terminal_loads_neither_rich_nor_click(
    arguments: list[str], tmp_path: Path
) -> None:
    row = "6f1c7c3e-0a51-4b0e-9d2a-0d6a3c1f2b11,Tea,12.50"
    (tmp_path / "rows.csv").write_text(f"lead_id,product_name,purchase_amount\n{row}\n")

    assert run(COMMAND, *arguments, folder=tmp_path).stderr.splitlines()[-1] == "[]"


def test_what_sends_loads_neither_and_whoever_wants_them_finds_them(tmp_path: Path) -> None:
    told = f"{SENDING}\nimport sys; print('rich' in sys.modules, 'click' in sys.modules)"
    wanted = "import click, rich.console"

    assert run(f"{told}\n{wanted}", folder=tmp_path).stdout == "False False\n"


def test_what_is_loaded_already_stays(tmp_path: Path) -> None:
    program = """
import sys, click
from importer.loading import loading
with loading(without=("click", "no_such_module")):
    import click as again
assert again is click is sys.modules["click"]
assert "no_such_module" not in sys.modules
"""
    run(program, folder=tmp_path)


def test_a_stop_amid_the_loading_leaves_all_as_it_was(tmp_path: Path) -> None:
    program = """
import gc, sys
from importer.loading import loading
try:
    with loading(without=("no_such_module",)):
        del sys.modules["no_such_module"]
        raise KeyboardInterrupt
except KeyboardInterrupt:
    assert gc.isenabled()
"""
    run(program, folder=tmp_path)
