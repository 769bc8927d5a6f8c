"""The importer as its users start it: a process of its own, with its own workspace."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import openpyxl

from importer.sandbox.company import SANDBOX_API_KEY, sandbox_lead

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = ("Lead ID", "Product", "Amount", "Date", "Order")
PROGRAM = (sys.executable, "-m", "importer")


@dataclass
class Program:
    """One workspace and one API; each call is one run of the program to its end."""

    folder: Path
    url: str
    settings: dict[str, str] = field(default_factory=dict)
    """More of the environment."""

    @property
    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("IMPORTER_", "KEEN_"))
        }
        return inherited | {
            "KEEN_API_KEY": SANDBOX_API_KEY,
            "IMPORTER_API__URL": self.url,
            "IMPORTER_API__SCOPE": "sandbox",
            "IMPORTER_WORKSPACE__PATH": str(self.folder / "workspace"),
            "XDG_CONFIG_HOME": str(self.folder / "no-config"),
            "PYTHONDONTWRITEBYTECODE": "1",
            **self.settings,
        }

    def __call__(
        self, *arguments: str | Path, timeout: float = 120, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end; stdin, stdout and stderr are pipes, as under cron."""
        ended = subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            timeout=timeout,
            check=False,
            input=stdin,
        )
        return subprocess.CompletedProcess(
            ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode()
        )

    def start(
        self, *arguments: str | Path, via: tuple[str, ...] = PROGRAM
    ) -> subprocess.Popen[str]:
        """Start and do not wait."""
        return subprocess.Popen(
            [*via, *map(str, arguments)],
            env=self.environment,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def summary(self, *arguments: str | Path) -> dict[str, Any]:
        """Run with --json and return the summary, whose exit code is the process's."""
        ended = self(*arguments, "--json")
        assert ended.stdout, ended.stderr
        summary: dict[str, Any] = json.loads(ended.stdout)
        assert summary["exit_code"] == ended.returncode
        return summary


def purchases(count: int, *, first: int = 1) -> list[tuple[str, str, str, str, str]]:
    """Return `count` different rows, none of which the guard takes for another."""
    return [
        (sandbox_lead(number), f"Product {number}", f"{number}.50", "2026-03-04", f"O-{number}")
        for number in range(first, first + count)
    ]


def write_csv(
    path: Path, rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = HEADER
) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_xlsx(
    path: Path, rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = HEADER
) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (header, *rows):
        sheet.append(row)
    book.save(path)
    return path


def read_results(path: Path) -> list[dict[str, str]]:
    """Return a CSV results file as mappings, a comma or whatever its first line uses between."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def statuses(path: Path) -> list[str]:
    return [row["keen_status"] for row in read_results(path)]
