"""The counts of a run and the commands at hand → what a person does next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from importer.errors import ExitCode
from importer.model import LANDS_WITHIN, RELEASABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.errors import ImporterError

TO_FIX: Final = ("invalid", "rejected", "duplicate", "conflict")
"""Statuses of rows that a person can put right, in the order of the sheet `To fix`."""


MEANING: Final = {
    "created": "created now",
    "already_created": "created by an earlier run; nothing was sent",
    "unsent": "never applied; run again",
    "in_doubt": "sent, but nobody can prove what happened; never sent again by itself",
    "rejected": "refused by Keen for good",
    "invalid": "a cell is wrong",
    "duplicate": "the same purchase stands in an earlier row",
    "conflict": "looks like an amended or repeated purchase of an earlier file",
}
"""What each status means, in the order in which people are shown them."""


@dataclass(frozen=True, slots=True)
class Commands:
    """Command lines that can be pasted into a shell, with all the options that matter."""

    run: str
    """This run again; without a `--limit 0`, which would send nothing for ever."""
    run_results: str
    """A run of the results file."""
    resolve: str
    """A settlement from the results file, or from the one that `as_csv` writes."""
    as_csv: str = ""
    """Writes the results once more, as CSV: where nothing reads them as they are (`.jsonl`)."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do: a sentence, and the command that follows it."""

    text: str
    command: str


def file_argument(path: object) -> str:
    """Return `path` as a command takes it: a name that starts with - would pass for an option.

    A lone - is standard input.
    """
    name = str(path)
    return f"./{name}" if name.startswith("-") and name != "-" else name


def next_steps(
    counts: Mapping[str, int], commands: Commands, results: str, stop: ImporterError | None = None
) -> tuple[NextStep, ...]:
    """Return what is left to do, the most pressing first.

    `results` is the results file's name, `stop` why the run stopped itself.
    """
    ending = PurePath(results).suffix.lower()
    held = any(counts[status] for status in RELEASABLE)
    steps = []
    if commands.as_csv and (counts["in_doubt"] or held):
        text = (
            "Rows in doubt or held are settled in a results file that can be read back; write one:"
        )
        steps.append(NextStep(text, commands.as_csv))
    if counts["in_doubt"]:
        steps.append(_settle(commands, ending))
    if counts["unsent"]:
        steps.append(_resume(commands, stop))
    if held:
        steps.append(_release(commands, ending))
    if counts["invalid"] or counts["rejected"]:
        steps.append(_fix(commands, ending, rejected=counts["rejected"] > 0))
    return tuple(steps)


def settle_kept(kept: str, waiting: int | None, command: str) -> NextStep:
    """Return what to do with the words of a person in the results file that is now called `kept`.

    `waiting` is how many rows have such words; None where that could not be counted.
    """
    if waiting is None:
        told = f"What was written into keen_resolution is in {kept}; settle that first:"
    else:
        rows = "row" if waiting == 1 else "rows"
        verb = "is" if waiting == 1 else "are"
        first = "settle it first" if waiting == 1 else "settle them first"
        told = f"{waiting:,} {rows} with keen_resolution {verb} in {kept}; {first}:"
    return NextStep(told, command)


def run_kept(kept: str, command: str) -> NextStep:
    """Return what to do with corrections in the results file that is now called `kept`."""
    return NextStep(f"Rows that were corrected in {kept} go out with a run of that file:", command)


def _resume(commands: Commands, stop: ImporterError | None) -> NextStep:
    text = "Run it again; only what is not created is sent."
    if stop is not None and stop.exit_code is ExitCode.API_REFUSED:
        text = (
            "Correct the API key (KEEN_API_KEY or api.key_file) or the address (api.url) first: "
            "Keen refused the call itself. Then run it again; only what is not created is sent."
        )
    return NextStep(text, commands.run)


def _settle(commands: Commands, ending: str) -> NextStep:
    return NextStep(
        f"Look each row in doubt up in Keen, {LANDS_WITHIN.seconds} s after its last attempt or "
        "later: it may still land. Write `created` (with the id into keen_purchase_id) or "
        f"`not created` into keen_resolution {_place(commands, ending, 'In doubt')}, then:",
        commands.resolve,
    )


def _release(commands: Commands, ending: str) -> NextStep:
    return NextStep(
        "Held rows (duplicate, conflict) look like the purchases that keen_error names. Where one "
        "is another purchase, write `send` into keen_resolution "
        f"{_place(commands, ending, 'To fix')}, then:",
        commands.resolve,
    )


def _place(commands: Commands, ending: str, sheet: str) -> str:
    if commands.as_csv:
        return "in that file"
    return f"on the sheet “{sheet}”" if ending == ".xlsx" else "in the results file"


def _fix(commands: Commands, ending: str, *, rejected: bool) -> NextStep:
    as_it_is = (
        " A rejected row that is right as it is goes out again with --retry-rejected."
        if rejected
        else ""
    )
    if commands.as_csv:
        text = f"Correct the rows in the input and run it again.{as_it_is}"
        return NextStep(text, commands.run)
    place = _place(commands, ending, "To fix")
    return NextStep(
        f"Correct the rows {place}, and run the results file, which knows what is created "
        f"already.{as_it_is}",
        commands.run_results,
    )
