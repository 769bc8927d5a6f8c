"""`environment.c` → the library that is preloaded into the program, built with gcc."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("environment.c")


def build(folder: Path) -> Path | None:
    """Return the library, or None where this computer cannot build or preload it."""
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    library = folder / "environment.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run([*command, "-ldl", "-lpthread"], check=True)
    return library
