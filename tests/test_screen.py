from __future__ import annotations

import os
import pty
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from importer.sandbox.faults import FaultPlan
from tests.program import PROGRAM, Program, purchases, read_results, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox_server import StartSandbox


def at_a_terminal(
    program: Program,
    *arguments: str | Path,
    typed: str = "",
    sees: bool = True,
    interrupts: bool = False,
) -> tuple[int, str]:
    """Run with a terminal as stdin; `sees`: stderr is shown there too. Return exit code and stderr.

    What is typed stands there before it is asked for; a question that nobody answers has no end.
    `interrupts`: Ctrl-C is the answer.
    """
    keyboard, terminal = pty.openpty()
    with open(keyboard, "r+b", buffering=0) as person:  # noqa: PTH123 - a descriptor
        person.write(typed.encode())
        with subprocess.Popen(
            [*PROGRAM, *map(str, arguments)],
            env=program.environment | {"TERM": "dumb"},
            cwd=program.folder,
            stdin=terminal,
            stdout=subprocess.DEVNULL,
            stderr=terminal if sees else subprocess.PIPE,
        ) as running:
            os.close(terminal)
            shown = b""
            with suppress(OSError):  # the terminal is closed when the program has ended
                while part := person.read(4096):
                    shown += part
                    if interrupts and b"[y/N]" in shown:
                        running.send_signal(signal.SIGINT)
                        interrupts = False
            _, told = running.communicate(timeout=60)
    return running.returncode, (shown + (told or b"")).decode()


@pytest.fixture
def doubtful(start_sandbox: StartSandbox, tmp_path: Path) -> tuple[Program, Path]:
    """A program and the results of a run that left row 2 in doubt, with a person's word on it."""
    sandbox = start_sandbox(FaultPlan(script=["reset-after-commit"]))
    program = Program(tmp_path, sandbox.url)
    program("run", write_csv(tmp_path / "march.csv", purchases(1)))
    results = tmp_path / "march.results.csv"
    [row] = read_results(results)
    row["keen_resolution"] = "created"
    return program, write_csv(results, [tuple(row.values())], tuple(row))


@pytest.mark.parametrize(
    ("typed", "exit_code", "rest"), [("\n", 5, 1), ("n\n", 5, 1), ("YES\n", 0, 0)]
)
def test_a_person_is_asked_and_only_a_yes_is_one(
    doubtful: tuple[Program, Path], typed: str, exit_code: int, rest: int
) -> None:
    program, results = doubtful
    settle = ("resolve", results, "--force")
    ended, shown = at_a_terminal(program, *settle, typed=typed)
    assert ended == exit_code, shown
    assert "Settle this row like this? [y/N]" in shown
    assert program.summary("run", "march.csv")["counts"]["in_doubt"] == rest


def test_nothing_is_sent_where_a_person_says_no(program: Program, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    ended, shown = at_a_terminal(program, "run", file, typed="no\n")
    assert (ended, "Send 2 purchases, total 4.00, to" in shown) == (5, True)
    ended, shown = at_a_terminal(program, "run", file, typed="y\n")
    assert (ended, "Send 2 purchases, total 4.00, to" in shown) == (0, True)


@pytest.mark.parametrize("rebuild", [False, True])
def test_who_cannot_see_a_question_is_not_asked(
    doubtful: tuple[Program, Path], rebuild: bool
) -> None:
    program, results = doubtful
    options = ["--rebuild"] if rebuild else ["--force"]
    if rebuild:
        (program.folder / "workspace").rename(program.folder / "lost")
    ended, told = at_a_terminal(program, "resolve", results, *options, typed="no\n", sees=False)
    assert (ended, "[y/N]" in told) == (0, False), told


def test_a_doubt_says_what_to_do_wherever_it_is_shown(
    doubtful: tuple[Program, Path],
) -> None:
    program, results = doubtful
    [row] = read_results(results)
    assert row["keen_status"] == "in_doubt"
    assert row["keen_error"].endswith("write `created` or `not created` into keen_resolution.")
    waiting = program("status").stdout
    assert "400 s after they were last sent" in waiting
    assert "importer resolve FILE" in waiting
    settle = program("resolve", results)
    assert "row 2: its last attempt was" in settle.stderr
    write_csv(results, [tuple((row | {"keen_resolution": ""}).values())], tuple(row))
    empty = program("resolve", results).stdout
    assert "no row of march.results.csv has a new keen_resolution. Write `created`" in empty


@pytest.mark.parametrize("command", ["run", "resolve"])
def test_ctrl_c_at_the_question_ends_at_once_and_does_nothing(
    doubtful: tuple[Program, Path], command: str
) -> None:
    program, results = doubtful
    file = write_csv(program.folder / "april.csv", purchases(3)) if command == "run" else results
    options = () if command == "run" else ("--force",)
    ended, shown = at_a_terminal(program, command, file, *options, interrupts=True)
    assert ended == 130, shown
    assert "\nimporter: Interrupted; nothing was done." in shown.replace("\r\n", "\n")
    assert "Traceback" not in shown
    assert program.summary("run", "march.csv")["counts"]["in_doubt"] == 1
    assert not (program.folder / "april.results.csv").exists()
