from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from importer.config import Config, Order
from importer.errors import ApiError, ApiUnavailableError
from importer.job import Job
from importer.model import RowStatus
from importer.reconciler.error_groups import FaultGroup
from importer.reconciler.next_steps import MEANING, Commands, next_steps, settle_kept
from importer.wording import end_lines
from tests.reconciler.test_report_page import summary

COMMANDS = Commands("run it", "run the results", "resolve it")
UNREADABLE = replace(COMMANDS, as_csv="write it as CSV")


def test_every_status_has_a_meaning() -> None:
    assert set(MEANING) == {status.value for status in RowStatus}


@pytest.mark.parametrize(
    ("status", "results", "commands"),
    [
        ("created", "r.csv", []),
        ("already_created", "r.xlsx", []),
        ("unsent", "r.xlsx", ["run it"]),
        ("in_doubt", "r.xlsx", ["resolve it"]),
        ("in_doubt", "r.csv", ["resolve it"]),
        ("invalid", "r.xlsx", ["run the results"]),
        ("rejected", "r.csv", ["run the results"]),
        ("duplicate", "r.csv", ["resolve it"]),
        ("conflict", "r.xlsx", ["resolve it"]),
        ("in_doubt", "r.jsonl", ["write it as CSV", "resolve it"]),
        ("conflict", "r.jsonl", ["write it as CSV", "resolve it"]),
        ("invalid", "r.jsonl", ["run it"]),
    ],
)
def test_each_status_leads_to_the_command_that_goes_on(
    status: str, results: str, commands: list[str]
) -> None:
    counts = dict.fromkeys(MEANING, 0) | {status: 1}
    steps = next_steps(counts, UNREADABLE if results == "r.jsonl" else COMMANDS, results)
    assert [step.command for step in steps] == commands


def test_doubt_comes_first() -> None:
    steps = next_steps(dict.fromkeys(MEANING, 1), COMMANDS, "r.xlsx")
    order = ["resolve it", "run it", "resolve it", "run the results"]
    assert [step.command for step in steps] == order
    assert "“In doubt”" in steps[0].text
    assert "`send` into keen_resolution on the sheet “To fix”" in steps[2].text
    assert "Correct the rows on the sheet “To fix”" in steps[3].text


@pytest.mark.parametrize(("status", "told"), [("rejected", True), ("invalid", False)])
def test_what_keen_refused_may_be_right_as_it_is(status: str, told: bool) -> None:
    counts = dict.fromkeys(MEANING, 0) | {status: 1}
    for given, results in ((COMMANDS, "r.xlsx"), (COMMANDS, "r.csv"), (UNREADABLE, "r.jsonl")):
        [fix] = next_steps(counts, given, results)
        assert ("--retry-rejected" in fix.text) == told


def test_a_refused_key_is_corrected_before_anything_is_run_again() -> None:
    counts = dict.fromkeys(MEANING, 0) | {"unsent": 1}
    [refused] = next_steps(counts, COMMANDS, "r.csv", ApiError("The key is wrong."))
    assert refused.text.startswith("Correct the API key")
    assert refused.command == "run it"
    [down] = next_steps(counts, COMMANDS, "r.csv", ApiUnavailableError("Keen is down."))
    assert "API key" not in down.text


@pytest.mark.parametrize(("limit", "run"), [(0, "importer run x.csv --batch may"), (2, None)])
def test_a_limit_of_nothing_is_not_repeated(limit: int, run: str | None) -> None:
    job = Job(Path("x.csv"), Config(), Order(limit=limit, batch="may"))
    assert job.commands(Path("r.csv")).run == (run or job.command)


def test_results_that_nothing_reads_are_written_as_csv_with_what_tells_their_rows() -> None:
    order = Order(
        results=Path("out/x.jsonl"), sheet="May", header_row=3, hidden_rows="skip", batch="may"
    )
    given = Job(Path("x.xlsx"), Config(), order).commands(Path("out/x.jsonl"))
    told = "--sheet May --header-row 3 --skip-hidden-rows --batch may"
    assert given.as_csv == f"importer results x.xlsx --results out/x.results.csv {told}"
    assert given.resolve == "importer resolve out/x.results.csv --batch may"


def test_a_name_that_would_pass_for_an_option_is_a_file_in_every_command() -> None:
    given = Job(Path("-x.csv"), Config(), Order()).commands(Path("-x.results.jsonl"))
    assert given.run == "importer run ./-x.csv"
    assert given.as_csv == "importer results ./-x.csv --results -x.results.csv"
    assert given.resolve == "importer resolve ./-x.results.csv"
    assert Job(Path("-"), Config(), Order()).command == "importer run -"


def test_words_that_could_not_be_counted_are_told_of_all_the_same() -> None:
    assert settle_kept("k.csv", None, "resolve it").text.startswith("What was written into keen")
    assert settle_kept("k.csv", 1200, "").text.startswith("1,200 rows with keen_resolution are in")


def test_a_person_is_shown_why_a_row_is_held_and_a_log_only_its_code() -> None:
    group = FaultGroup("", "amended", 1, (7,), "Like may.csv, row 3, on 2026-05-01.", "conflict")
    told = summary()
    told = replace(
        told,
        counts=told.counts | {"conflict": 1},
        waiting_rows={"conflict": [7]},
        errors=(group,),
    )
    lines = list(end_lines(told, private=True))
    at = lines.index("      amended: row 7")
    assert lines[at + 1] == f"          {group.example}"
    assert group.example not in "".join(end_lines(told, private=False))
