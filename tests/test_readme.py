"""The README is true: commands, options, exit codes, statuses and keys are the program's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from importer.cli import app
from importer.config import Config
from importer.errors import ExitCode
from importer.model import LANDS_WITHIN, RESULT_COLUMNS, RowStatus
from importer.planner.guard import ConflictCode
from importer.reader.faults import FaultCode

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = typer.main.get_command(app)


def section(title: str) -> str:
    found = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title!r}"
    return found[1]


def first_cells(text: str) -> set[str]:
    return set(re.findall(r"^\| `?([^`|]+?)`? \|", text, re.MULTILINE))


def test_the_sections_stand_in_their_order() -> None:
    assert re.findall(r"^## (.*)$", README, re.MULTILINE) == [
        "Should I use it?",
        "What it promises, and what it cannot",
        "The columns it reads",
        "Results and error codes",
        "Rows in doubt",
        "Commands",
        "Configuration",
        "Exit codes and cron",
        "My run is stuck",
        "How a row travels",
        "Develop",
        "Design decisions",
    ]


def test_every_command_and_option_is_there_and_no_other() -> None:
    commands = COMMANDS.commands  # type: ignore[attr-defined]
    text = section("Commands")
    assert set(re.findall(r"^\| `importer ([a-z]+)", text, re.MULTILINE)) == set(commands)
    options = {
        option
        for command in commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    } - {"--help"}
    assert set(re.findall(r"--[a-z][a-z-]+", text)) - {"--help"} == options
    assert set(re.findall(r"`(--[a-z][a-z-]+)", README)) - {"--help"} <= options


def test_a_purchase_lands_in_keen_as_late_everywhere() -> None:
    resolve = COMMANDS.commands["resolve"]  # type: ignore[attr-defined]
    [force] = [one.help for one in resolve.params if "--force" in one.opts]
    told = section("Rows in doubt") + force
    assert set(re.findall(r"([0-9]+) seconds", told)) == {str(LANDS_WITHIN.seconds)}


def test_every_exit_code_is_there() -> None:
    codes = {
        int(code)
        for cell in first_cells(section("Exit codes and cron"))
        for code in re.findall(r"\d+", cell)
    }
    assert codes == {int(code) for code in ExitCode}


def test_every_status_result_column_and_fault_code_is_there() -> None:
    text = section("Results and error codes")
    assert first_cells(text) - {"keen_status", "---"} == {status.value for status in RowStatus}
    assert all(f"`{column}`" in text for column in RESULT_COLUMNS)
    assert all(f"`{code.value}`" in text for code in (*FaultCode, *ConflictCode))


def test_every_configuration_key_is_there_and_no_other() -> None:
    rows = re.findall(r"^\| `\[([a-z]+)\]` \| (.*) \|$", section("Configuration"), re.MULTILINE)
    told = {name: set(re.findall(r"`([a-z_]+)`", keys)) for name, keys in rows}
    assert told == {
        name: set(field.annotation.model_fields)  # type: ignore[union-attr]
        for name, field in Config.model_fields.items()
    }


@pytest.mark.parametrize(
    "script", [f"scripts/{name}" for name in ("demo", "test", "check", "lock", "chaos", "mutants")]
)
def test_the_scripts_that_it_names_can_be_run(script: str) -> None:
    assert script in README
    assert (ROOT / script).stat().st_mode & 0o111


def test_the_files_that_it_names_are_there() -> None:
    story = section("How a row travels")
    for name in re.findall(r"^importer/(\S+?)[,\s]", story, re.MULTILINE):
        assert (ROOT / "importer" / name).exists(), name


def test_no_lock_file_names_a_host() -> None:
    assert "://" not in (ROOT / "requirements.lock").read_text("utf-8")
