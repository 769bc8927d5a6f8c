"""Imports point down the house only, and each outside thing has one seam."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "importer"

FLOORS = [
    {"cli", "__main__"},
    {"options", "commands"},
    {"screen"},
    {"tally"},
    {"wording"},
    {"pipeline", "inspection"},
    {"preparation", "dispatch", "conclusion"},
    {"job"},
    {"workspace"},
    {"reconciler"},
    {"sender"},
    {"planner"},
    {"reader"},
    {"ledger"},
    {"sandbox"},
    {"logs", "output", "template", "lock", "filesystem", "loading", "progress_bar"},
    {"config_loading"},
    {"config", "config_checks", "config_faults", "config_sources", "neutral"},
    {"model", "errors"},
]
"""Top to bottom; a module imports its own floor and those below."""

SEAMS = {
    "httpx": {
        "sender/api.py",
        "sender/failures.py",
        "sender/transport.py",
        "sender/stock_transport.py",
        "sender/direct_transport.py",
    },
    "httpcore": {"sender/stock_transport.py"},
    "h11": {"sender/direct_transport.py", "sender/failures.py"},
    "sqlite3": {"ledger"},
    "openpyxl": {"reader", "reconciler"},
    "python_calamine": {"reader"},
    "starlette": {"sandbox"},
    "uvicorn": {"sandbox"},
    "typer": {"cli.py", "options.py"},
    "platformdirs": {"config_loading.py", "config_sources.py", "commands/demo.py"},
    "rich": {"progress_bar.py", "logs.py", "commands/demo.py"},
    "polars": {"reader", "planner", "reconciler", "neutral.py", "job.py", "preparation.py"},
    "anyio": {"sender", "ledger/writer.py", "dispatch.py", "sandbox"},
}
"""Outside thing → the only places of the package that may import it."""

NEIGHBOURS = {
    ("reader", "sender"),
    ("reader", "ledger"),
    ("sender", "planner"),
    ("sandbox", "ledger"),
}
"""Pairs of floors where the upper has no business with the lower: (from, to)."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.add(str(node.module))
            if node.module == "importer":
                found.update(f"importer.{alias.name}" for alias in node.names)
    return found


def floor(name: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if name in names)


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_downwards_and_only_its_own_seams(path: Path) -> None:
    here = room(path)
    place = path.relative_to(PACKAGE).as_posix()
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "importer" and rest and here != "__init__":
            there = rest.split(".")[0]
            assert floor(there) >= floor(here), f"{place} imports upwards: {name}"
            assert (here, there) not in NEIGHBOURS, f"{place} has no business with {name}"
        for seam, places in SEAMS.items():
            if top == seam:
                assert any(place == one or place.startswith(f"{one}/") for one in places), (
                    f"{place} may not import {seam}"
                )


def test_packages_say_nothing_of_themselves() -> None:
    assert [path for path in PACKAGE.rglob("__init__.py") if path.read_text("utf-8")] == []


def test_a_module_says_first_what_goes_in_and_what_it_touches() -> None:
    for path in modules():
        if path.name != "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path
