"""The benchmarks run, and draw. What they measure here says nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
PATIENCE = 250


def run(script: str, *arguments: str | Path) -> str:
    ended = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="os.wait4 tells what a process used")
def test_sending_is_measured_and_drawn(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    small = ("--rows", "40", "--rounds", "1", "--turns", "3")
    sizes = ("--sizes", "10", "100", "--known", "500")
    # This very interpreter lacks most peers, which are then left out.
    told = run("send.py", *small, *sizes, "--peers", sys.executable, "--figures", figures)
    assert "importer, transport direct" in told
    assert set(json.loads(figures.read_text("utf-8"))["sizes"]) == {"10", "100"}
    run("plots.py", figures, tmp_path / "pictures")
    pictures = sorted((tmp_path / "pictures").iterdir())
    assert [picture.name for picture in pictures] == ["rate.svg", "time.svg"]
    for picture in pictures:
        ET.fromstring(picture.read_text("utf-8"))  # noqa: S314 - our own


@pytest.mark.skipif(sys.platform == "win32", reason="os.wait4 tells what a process used")
@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("ledger.py", ("--rows", "100", "--rounds", "1", "--transport", "direct")),
        ("read.py", ("--rows", "200", "--sheet-rows", "50")),
        ("results.py", ("--rows", "100", "--sheet-rows", "50")),
    ],
)
def test_the_ledger_reading_and_results_are_measured(script: str, arguments: Sequence[str]) -> None:
    assert "rows" in run(script, *arguments)
