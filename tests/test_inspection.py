"""What only looks loads nothing that sends: a tenth of a second of each start."""

from __future__ import annotations

import subprocess
import sys


def test_check_and_results_load_no_http() -> None:
    code = """
import sys
import importer.commands.imports
loaded = {"httpx", "h11", "importer.sender.api", "importer.dispatch"} & set(sys.modules)
sys.exit(f"loaded: {loaded}" if loaded else 0)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
