"""`python -m tests.chaos.run_mutants [WORD…]`: break one rule at a time; a test must notice each.

Words choose the mutants whose names hold one of them. Ends with 1 where one survived, or where a
test fails on the program as it is.
"""

# ruff: noqa: T201 - a script prints

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.chaos.mutants import MUTANTS, Mutant, mutate
from tests.chaos.nursery import REPOSITORY

FAILED_TESTS: Final = 1
"""pytest's exit code where tests ran and some failed; any other says nothing about the mutant."""


def main() -> int:
    chosen = [mutant for mutant in MUTANTS if _is_asked_for(mutant)]
    healthy = _run_tests(REPOSITORY, sorted({mutant.test for mutant in chosen}))
    if healthy.returncode != 0:
        print(healthy.stdout, "The tests fail on the program as it is.", sep="\n")
        return 1
    survivors = 0
    for mutant in chosen:
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="importer-mutant-") as folder:
            tested = _run_tests(mutate(mutant, REPOSITORY, Path(folder)), [mutant.test])
        caught = tested.returncode == FAILED_TESTS
        survivors += not caught
        verdict = "caught" if caught else f"SURVIVED (pytest ended with {tested.returncode})"
        seconds = time.monotonic() - began
        print(f"{verdict:<9} {seconds:5.1f} s  {mutant.name:<52} {mutant.test}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} caught")
    return int(survivors > 0)


def _is_asked_for(mutant: Mutant) -> bool:
    words = sys.argv[1:]
    return not words or any(word in mutant.name for word in words)


def _run_tests(tree: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    # The program's own processes have to come from that tree as well.
    environment = {**os.environ, "PYTHONPATH": str(tree), "CI": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
