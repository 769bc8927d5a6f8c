"""Every exit code as its users meet it: real files, a real process, a real socket."""

from __future__ import annotations

import gzip
import json
import random
import re
import resource
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from importer.sandbox.company import SANDBOX_API_KEY, sandbox_lead
from importer.sandbox.faults import FaultPlan
from tests.invariants import check_promise
from tests.program import (
    PROGRAM,
    Program,
    purchases,
    read_results,
    statuses,
    write_csv,
    write_xlsx,
)

if TYPE_CHECKING:
    from importer.sandbox.server import Sandbox
    from tests.sandbox_server import StartSandbox


# The main job


def test_a_thousand_rows_go_out_once_from_csv_and_never_again_from_a_shuffled_workbook(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = purchases(1000)
    first = program("run", write_csv(tmp_path / "march.csv", rows))
    assert (first.returncode, sandbox.purchase_requests) == (0, 1000)
    check_promise(
        sandbox.audit, rows, tmp_path / "march.results.csv", tmp_path / "workspace/ledger.sqlite"
    )
    shuffled = list(rows)
    random.Random(1).shuffle(shuffled)  # noqa: S311 - replayable
    again = program.summary("run", write_xlsx(tmp_path / "other.xlsx", shuffled))
    assert again["counts"]["already_created"] == 1000
    assert (again["exit_code"], sandbox.purchase_requests) == (0, 1000)


def test_concurrency_is_bounded(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox = start_sandbox(FaultPlan(latency=0.02))
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__CONCURRENCY": "5"})
    assert program("run", write_csv(tmp_path / "march.csv", purchases(60))).returncode == 0
    assert 2 <= sandbox.peak_concurrency <= 5


def test_the_same_file_under_a_batch_makes_the_purchases_once_more(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(3))
    for batch, sent in (("", 3), ("2026-04", 6), ("2026-04", 6), ("", 6)):
        assert program("run", file, "--batch", batch).returncode == 0
        assert sandbox.purchase_requests == sent


def test_a_limit_sends_a_part_now_and_the_rest_later(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(5))
    assert program("run", file, "--limit", "2").returncode == 5
    assert statuses(tmp_path / "march.results.csv") == ["created"] * 2 + ["unsent"] * 3
    assert program("run", file).returncode == 0
    assert sandbox.purchase_requests == 5


@pytest.mark.parametrize("ending", ["csv", "xlsx", "jsonl"])
def test_results_are_written_as_the_user_asks(
    ending: str, program: Program, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    out = tmp_path / f"out.{ending}"
    assert program("run", file, "--results", out).returncode == 0
    assert out.stat().st_size
    assert not (tmp_path / "march.results.csv").exists()


def test_a_header_without_rows_is_nothing_to_do(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    ended = program("run", write_csv(tmp_path / "march.csv", []))
    assert ended.returncode == 0
    assert "nothing to do" in ended.stdout
    assert sandbox.total_requests == 0


# Check


def test_check_needs_no_key_no_url_and_leaves_no_trace(program: Program, tmp_path: Path) -> None:
    program.settings |= {"KEEN_API_KEY": "", "IMPORTER_API__URL": ""}
    assert program("check", write_csv(tmp_path / "march.csv", purchases(2))).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audit.jsonl", "march.csv"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_check_writes_the_rows_with_faults_where_they_can_be_corrected_and_imported(
    ending: str, program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    write = write_csv if ending == "csv" else write_xlsx
    file = write(
        tmp_path / f"march.{ending}",
        [*purchases(2), ("x", "Tea", "1", "", ""), ("y", "Tea", "2", "25/03/2026", "")],
    )
    problems = tmp_path / f"march.problems.{ending}"
    for _ in range(2):  # and no second file for the same problems
        ended = program("check", file)
        assert ended.returncode == 3
        assert "Lead ID: not-a-uuid: rows 4, 5" in ended.stdout
        assert problems.name in ended.stdout
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"audit.jsonl", file.name, problems.name}
    assert program("run", problems, "--expect-rows", "2").returncode == 3
    assert sandbox.purchase_requests == 0


def test_a_file_through_standard_input_is_imported_and_known_again(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    content = write_csv(tmp_path / "march.csv", purchases(3)).read_bytes()
    for packed in (content, gzip.compress(content)):
        assert program("run", "-", stdin=packed).returncode == 0
        assert sandbox.purchase_requests == 3
    assert statuses(tmp_path / "stdin.results.csv") == ["already_created"] * 3


def test_check_knows_what_is_created_already(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    program("run", file)
    checked = json.loads(program("check", file, "--json").stdout)
    assert (checked["to_send"], checked["statuses"]["already_created"]) == (0, 2)
    assert sandbox.purchase_requests == 2


# What stops before anything is sent


@pytest.mark.parametrize(
    ("name", "content", "options", "code", "said"),
    [
        ("none.csv", None, [], 2, "none.csv"),
        ("empty.csv", "", [], 6, "empty"),
        ("short.csv", "Lead ID,Product,Amount\n1,2\n", [], 6, "row 2"),
        ("missing.csv", "Lead ID,Prodct,Amount\n", [], 6, "Prodct"),
        ("two.csv", "Lead ID,lead_id,Product,Amount\n", [], 6, "lead_id"),
        ("zip.csv", "PK\x03\x04" + "x" * 60, [], 6, "zip.csv"),
        ("good.csv", "good", ["--expect-rows", "7"], 6, "--expect-rows"),
        ("good.csv", "good", ["--expect-total", "1"], 6, "--expect-total"),
        ("good.csv", "good", ["--max-total", "1"], 6, "--max-total"),
        ("bad.csv", "bad", ["--strict"], 6, "1 row is invalid (5), and --strict"),
        ("good.csv", "good", ["--results", "good.csv"], 2, "good.csv"),
        ("good.csv", "good", ["--results", "no/such/folder.csv"], 2, "folder"),
        ("good.csv", "good", ["--results", "out.pdf"], 2, "out.pdf"),
        ("good.csv", "good", ["--config", "none.toml"], 2, "none.toml"),
        ("good.csv", "good", ["--max-total", "1e3"], 2, "1e3"),
        ("good.csv", "good", ["--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_what_cannot_be_trusted_sends_nothing(  # noqa: PLR0917 - a table's columns
    name: str, content: str | None, options: list[str], code: int, said: str,
    program: Program, sandbox: Sandbox, tmp_path: Path,
) -> None:  # fmt: skip
    path = tmp_path / name
    if content == "good":
        write_csv(path, purchases(3))
    elif content == "bad":
        write_csv(path, [*purchases(3), ("x", "Tea", "1", "", "")])
    elif content is not None:
        path.write_text(content, encoding="utf-8")
    ended = program("run", path, *options)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sandbox.total_requests == 0
    assert not list(tmp_path.glob("*.results.*"))


def test_a_sheet_that_is_not_there_is_answered_with_those_that_are(
    program: Program, tmp_path: Path
) -> None:
    ended = program("run", write_xlsx(tmp_path / "march.xlsx", purchases(1)), "--sheet", "May")
    assert ended.returncode == 2
    assert "May" in ended.stderr
    assert "Sheet" in ended.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"KEEN_API_KEY": ""}, "KEEN_API_KEY"),
        ({"KEEN_API_KEY": "two words"}, "KEEN_API_KEY"),
        ({"KEEN_API_KEY": "test"}, "The API key has fewer than 8 characters"),
        ({"IMPORTER_API__URL": ""}, "importer init"),
        ({"IMPORTER_API__URL": "http://example.com/x"}, "https"),
        ({"IMPORTER_SEND__CONCURENCY": "3"}, "CONCURRENCY"),
        ({"IMPORTER_SEND__CONCURRENCY": "many"}, "CONCURRENCY"),
        ({"IMPORTER_WORKSPACE__PATH": "/dev/null/x"}, "/dev/null/x"),
    ],
)
def test_a_configuration_that_cannot_work_is_one_clear_line(
    settings: dict[str, str], said: str, program: Program, tmp_path: Path
) -> None:
    program.settings |= settings
    ended = program("run", write_csv(tmp_path / "march.csv", purchases(1)))
    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1, ended.stderr
    assert "two words" not in ended.stderr


def test_a_wrong_key_stops_before_any_purchase(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    program.settings["KEEN_API_KEY"] = "not-the-key-of-the-sandbox"
    ended = program("run", write_csv(tmp_path / "march.csv", purchases(3)))
    assert ended.returncode == 7
    assert sandbox.purchase_requests == 0
    assert statuses(tmp_path / "march.results.csv") == ["unsent"] * 3
    assert "not-the-key-of-the-sandbox" not in ended.stdout + ended.stderr


def test_another_url_under_a_known_scope_is_refused_until_it_is_the_same_keen(
    program: Program, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    program("run", file)
    moved = start_sandbox(audit="moved.jsonl")
    former, program.url = program.url, moved.url
    refused = program("run", file)
    assert refused.returncode == 6
    assert "formerly" in refused.stderr
    program.settings["IMPORTER_API__FORMERLY"] = json.dumps([former])
    assert program("run", file).returncode == 0
    assert moved.purchase_requests == 0


def test_an_identity_column_added_in_june_stops_until_it_is_accepted(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    may = purchases(2)
    file = write_csv(tmp_path / "may.csv", may)
    program("run", file)
    program.settings["IMPORTER_IDENTITY__COLUMNS"] = '["Order"]'
    refused = program("run", file)
    assert refused.returncode == 6
    assert "--accept-identity-change" in refused.stderr
    assert "Order" in refused.stderr
    june = write_csv(tmp_path / "june.csv", [*may, *purchases(1, first=3)])
    accepted = program("run", june, "--accept-identity-change")
    assert accepted.returncode == 3
    assert statuses(tmp_path / "june.results.csv") == ["conflict", "conflict", "created"]
    assert sandbox.purchase_requests == 3
    assert program("run", june).returncode == 3


# A workspace has one run at a time


def test_a_second_run_leaves_at_once_and_names_the_first(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(latency=0.2))
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__CONCURRENCY": "1"})
    file = write_csv(tmp_path / "march.csv", purchases(200))
    first = program.start("run", file)
    while not sandbox.purchase_requests:
        assert first.poll() is None, first.communicate()
    second = program("run", file)
    assert second.returncode == 11
    assert str(first.pid) in second.stderr
    assert "march.csv" in second.stderr
    status = json.loads(program("status", "--json").stdout)
    assert (status["running"]["pid"], status["running"]["total"]) == (first.pid, 200)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 143
    first.communicate()


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]
)
def test_a_signal_drains_what_is_on_its_way_and_writes_the_results(
    signum: int, code: int, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(latency=0.05))
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__CONCURRENCY": "3"})
    rows = purchases(300)
    file = write_csv(tmp_path / "march.csv", rows)
    running = program.start("run", file)
    while sandbox.purchase_requests < 10:
        assert running.poll() is None, running.communicate()
    running.send_signal(signum)
    _, logged = running.communicate(timeout=60)
    assert running.returncode == code, logged
    counts = check_promise(
        sandbox.audit, rows, tmp_path / "march.results.csv", tmp_path / "workspace/ledger.sqlite"
    )
    assert counts["in_doubt"] == 0
    assert counts["created"] == sandbox.purchase_requests < 300
    assert program("run", file).returncode == 0
    assert sandbox.purchase_requests == 300


def test_results_that_could_not_be_written_are_written_by_the_command_that_is_told(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(latency=0.05))
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__CONCURRENCY": "1"})
    (tmp_path / "in").mkdir()
    file = write_csv(tmp_path / "in" / "march.csv", purchases(40))
    running = program.start("run", file, "--batch", "may 1")
    while not sandbox.purchase_requests:
        assert running.poll() is None, running.communicate()
    (tmp_path / "in").rename(tmp_path / "moved")
    _, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "importer results" in said, said
    told = said[said.index("importer results") :].strip()
    assert told == f"importer results {file} --results OTHER.csv --batch 'may 1'"
    (tmp_path / "moved").rename(tmp_path / "in")
    assert program(*shlex.split(told)[1:]).returncode == 0
    assert statuses(tmp_path / "OTHER.csv") == ["already_created"] * 40


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["run", "check"])
def test_output_that_cannot_be_written_ends_in_a_line_and_a_code(
    command: str, unbuffered: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    program = Program(tmp_path, sandbox.url, {"PYTHONUNBUFFERED": unbuffered})
    file = write_csv(tmp_path / "march.csv", purchases(2))
    full = program.start(command, file, via=("sh", "-c", '"$0" "$@" > /dev/full', *PROGRAM))
    _, said = full.communicate(timeout=60)
    assert full.returncode == 1
    assert "importer: Standard output could not be written: No space left on device." in said
    assert "Traceback" not in said
    assert "Exception ignored" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
@pytest.mark.parametrize("how", ["--quiet", "--json", "--verbose"])
def test_messages_that_cannot_be_written_cost_no_results(
    how: str, program: Program, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", [*purchases(2), ("no lead", "Tea", "1.00", "", "")])
    deaf = program.start("run", file, how, via=("sh", "-c", '"$0" "$@" 2> /dev/full', *PROGRAM))
    deaf.communicate(timeout=60)
    assert deaf.returncode == 3
    assert statuses(tmp_path / "march.results.csv") == ["created", "created", "invalid"]


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_has_read_enough_changes_neither_run_nor_exit_code(
    unbuffered: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    program = Program(tmp_path, sandbox.url, {"PYTHONUNBUFFERED": unbuffered})
    file = write_csv(tmp_path / "march.csv", purchases(2))
    piped = '{ "$0" "$@"; echo "ended with $?" >&2; } | exec true'
    _, said = program.start("run", file, via=("sh", "-c", piped, *PROGRAM)).communicate(timeout=60)
    assert "ended with 0" in said
    assert "Broken pipe" not in said
    assert sandbox.purchase_requests == 2


HANGS_UP = """
import os, pty, re, sys
process, terminal = pty.fork()
if process == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown = b""
while not re.search(rb"created +[1-9]", shown):
    shown += os.read(terminal, 65536)
os.close(terminal)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""
"""Runs a command in a terminal of its own, and closes it as soon as a row is created."""


def test_a_terminal_that_is_closed_leaves_no_row_in_doubt(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(latency=0.05))
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__CONCURRENCY": "3"})
    rows = purchases(300)
    file = write_csv(tmp_path / "march.csv", rows)
    closed = program.start("run", file, "--yes", via=(sys.executable, "-c", HANGS_UP, *PROGRAM))
    _, logged = closed.communicate(timeout=60)
    assert closed.returncode == 143, logged
    counts = check_promise(
        sandbox.audit, rows, tmp_path / "march.results.csv", tmp_path / "workspace/ledger.sqlite"
    )
    assert counts["in_doubt"] == 0
    assert 0 < counts["created"] == sandbox.purchase_requests < 300


# Doubt and its settlement


def test_rows_in_doubt_are_named_held_and_settled_by_a_person(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    leads = [sandbox_lead(number) for number in (2, 3)]
    sandbox = start_sandbox(
        FaultPlan(by_lead={leads[0]: ["reset-after-commit"], leads[1]: ["http-500-before-commit"]})
    )
    program = Program(tmp_path, sandbox.url)
    file = write_csv(tmp_path / "march.csv", purchases(4))
    ended = program("run", file)
    assert ended.returncode == 4
    assert "rows 3, 4" in ended.stdout
    results = tmp_path / "march.results.csv"
    assert statuses(results) == ["created", "in_doubt", "in_doubt", "created"]
    assert program("run", file).returncode == 4
    assert sandbox.purchase_requests == 4

    [found] = [one for one in sandbox.audit.committed if one.lead_id == leads[0]]
    fill_in(results, {3: ("created", found.purchase_id), 4: ("not created", "")})
    assert program("resolve", results, "--by", "ops").returncode == 6  # too young
    settled = program("resolve", results, "--by", "ops", "--note", "seen in Keen", "--force")
    assert settled.returncode == 0, settled.stderr
    assert "has a new keen_resolution" in program("resolve", results, "--force").stdout
    assert program("run", file).returncode == 0
    assert statuses(results) == ["already_created"] * 2 + ["created", "already_created"]
    assert read_results(results)[1]["keen_purchase_id"] == found.purchase_id
    assert sandbox.purchase_requests == 5


@pytest.mark.parametrize(
    ("filled", "said"),
    [
        ({2: ("maybe", "")}, "maybe"),
        ({2: ("not created", "")}, "row 2"),
        ({3: ("created", "not-an-id")}, "not-an-id"),
        ({3: ("created", "TAKEN")}, "row 2"),
        ({3: ("send", "")}, "send"),
    ],
)
def test_a_settlement_that_makes_no_sense_settles_nothing(
    filled: dict[int, tuple[str, str]], said: str, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(by_lead={sandbox_lead(2): ["http-500-after-commit"]}))
    program = Program(tmp_path, sandbox.url)
    file = write_csv(tmp_path / "march.csv", purchases(2))
    program("run", file)
    results = tmp_path / "march.results.csv"
    taken = read_results(results)[0]["keen_purchase_id"]
    words = {row: (text, found.replace("TAKEN", taken)) for row, (text, found) in filled.items()}
    fill_in(results, words)
    ended = program("resolve", results, "--force")
    assert ended.returncode == 6
    assert said in ended.stderr
    assert json.loads(program("status", "--json").stdout)["in_doubt"]


def test_an_input_given_to_resolve_is_refused(program: Program, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(1))
    program("run", file)
    ended = program("resolve", file)
    assert ended.returncode == 2
    assert "march.csv is not a results file" in ended.stderr


def test_an_id_found_too_late_is_refused_and_not_dropped(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(by_lead={sandbox_lead(2): ["http-500-after-commit"]}))
    program = Program(tmp_path, sandbox.url)
    program("run", write_csv(tmp_path / "march.csv", purchases(2)))
    results = tmp_path / "march.results.csv"
    fill_in(results, {3: ("created", "")})
    assert program("resolve", results, "--force").returncode == 0
    fill_in(results, {3: ("created", sandbox_lead(9))})
    ended = program("resolve", results, "--force")
    assert ended.returncode == 6
    assert "settled already, without an id" in ended.stderr


def test_one_batch_spelt_twice_is_one_batch(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(1))
    assert program("run", file, "--batch", "March").returncode == 0
    assert program("run", file, "--batch", " march ").returncode == 0
    assert sandbox.purchase_requests == 1


def test_a_held_duplicate_goes_out_once_when_a_person_says_send(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(1) * 2)
    assert program("run", file).returncode == 3
    results = tmp_path / "march.results.csv"
    fill_in(results, {3: ("send", "")})
    assert program("resolve", results).returncode == 0
    assert program("run", file).returncode == 0
    assert program("run", file).returncode == 0
    assert sandbox.purchase_requests == 2


def fill_in(results: Path, words: dict[int, tuple[str, str]]) -> None:
    """Write keen_resolution and keen_purchase_id as a person would, by row number."""
    rows = read_results(results)
    for row in rows:
        if (number := int(row["keen_row"])) in words:
            row["keen_resolution"], row["keen_purchase_id"] = words[number]
    write_csv(results, [tuple(row.values()) for row in rows], tuple(rows[0]))


def test_results_and_status_come_from_the_ledger_alone(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(3))
    program("run", file)
    (tmp_path / "march.results.csv").unlink()
    calls = sandbox.total_requests
    assert program("results", file).returncode == 0
    assert statuses(tmp_path / "march.results.csv") == ["already_created"] * 3
    status = program("status")
    assert "march.csv" in status.stdout
    assert "created 3" in status.stdout
    assert sandbox.total_requests == calls


@pytest.mark.parametrize(("options", "scope"), [(("--batch", "may"), "sandbox"), ((), "other")])
def test_results_of_what_never_ran_are_refused_and_leave_those_that_did(
    options: tuple[str, ...], scope: str, program: Program, tmp_path: Path
) -> None:
    """Else a paid file looks unsent, and what is asked for is to pay it again."""
    file = write_csv(tmp_path / "march.csv", purchases(3))
    program("run", file)
    program.settings["IMPORTER_API__SCOPE"] = scope
    refused = program("results", file, *options)
    assert refused.returncode == 6
    assert "This ledger knows no row of march.csv under" in refused.stderr
    assert statuses(tmp_path / "march.results.csv") == ["created"] * 3


def test_files_without_a_valid_row_are_imports_of_their_own(
    program: Program, tmp_path: Path
) -> None:
    for name in ("one.csv", "two.csv"):
        program("run", write_csv(tmp_path / name, [("nobody", name, "1", "", "")]))
    told = json.loads(program("status", "--json").stdout)["imports"]
    assert sorted((each["file"], each["rows"]["invalid"]) for each in told) == [
        ("one.csv", 1),
        ("two.csv", 1),
    ]


def test_status_names_the_file_that_ran_last_beside_the_one_that_the_rows_first_came_in(
    program: Program, tmp_path: Path
) -> None:
    program("run", write_csv(tmp_path / "march.csv", purchases(3)))
    assert " march.csv (" in program("status").stdout
    program("run", write_csv(tmp_path / "june.csv", purchases(3)[::-1]))
    assert "march.csv, last as june.csv (" in program("status").stdout
    [told] = json.loads(program("status", "--json").stdout)["imports"]
    assert (told["file"], told["last_file"]) == ("march.csv", "june.csv")


# Faults on the way


def test_what_provably_did_nothing_is_retried_until_it_is_created(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(
        FaultPlan(
            by_lead={
                sandbox_lead(2): ["http-503-boot-error"],
                sandbox_lead(3): ["http-429-retry-after", "http-521"],
            }
        )
    )
    program = Program(tmp_path, sandbox.url)
    assert program("run", write_csv(tmp_path / "march.csv", purchases(4))).returncode == 0
    found = read_results(tmp_path / "march.results.csv")
    assert [row["keen_attempts"] for row in found] == ["1", "2", "3", "1"]
    assert len(sandbox.audit.committed) == 4


def test_nobody_answering_leaves_every_row_unsent(tmp_path: Path, program: Program) -> None:
    program.url = "http://127.0.0.1:1/"
    ended = program("run", write_csv(tmp_path / "march.csv", purchases(2)))
    assert ended.returncode == 5
    assert statuses(tmp_path / "march.results.csv") == ["unsent"] * 2


# The rest of the commands


def test_the_demo_sends_everything_once_and_nothing_the_second_time(tmp_path: Path) -> None:
    program = Program(tmp_path, "")
    program.settings |= {"KEEN_API_KEY": "", "IMPORTER_API__SCOPE": "keen"}
    first = program("demo", "--folder", tmp_path / "demo")
    assert first.returncode == 0, first.stderr
    assert "29 purchase requests" in first.stdout
    again = program("demo", "--folder", tmp_path / "demo")
    assert "0 purchase requests" in again.stdout
    faulty = program("demo", "--faults", "--folder", tmp_path / "demo")
    assert faulty.returncode == 0
    assert "in doubt" in faulty.stdout


def test_init_writes_a_configuration_that_works_and_never_replaces_one(
    tmp_path: Path, program: Program
) -> None:
    assert program("init").returncode == 0
    written = tmp_path / "importer.toml"
    example = Path(__file__).resolve().parent.parent / "config.example.toml"
    assert written.read_text("utf-8") == example.read_text("utf-8")
    assert program("check", write_csv(tmp_path / "march.csv", purchases(1))).returncode == 0
    assert program("init").returncode == 2


def test_the_sandbox_serves_the_program_until_it_is_interrupted(tmp_path: Path) -> None:
    program = Program(tmp_path, "")
    serving = program.start("sandbox", "--port", "0", "--any-lead")
    assert serving.stdout is not None
    first = serving.stdout.readline()
    found = re.search(r"http://\S+", first)
    assert found, first
    program.url = found[0]
    assert program("run", write_csv(tmp_path / "march.csv", purchases(2))).returncode == 0
    serving.send_signal(signal.SIGINT)
    serving.communicate(timeout=30)
    assert serving.returncode == 0
    assert SANDBOX_API_KEY not in (tmp_path / "sandbox-audit.jsonl").read_text("utf-8")


def test_help_is_quick_and_speaks_of_every_command(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = Program(tmp_path, "")("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    commands = ("run", "check", "results", "status", "resolve", "sandbox", "demo", "init")
    assert all(f"\n  {command} " in ended.stdout for command in commands), ended.stdout
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 0.5, f"{spent:.2f} s of CPU"


def test_a_check_does_not_say_that_it_sends_without_asking(tmp_path: Path) -> None:
    told = [Program(tmp_path, "")(command, "--help").stdout for command in ("run", "check")]
    assert ["Send without asking" in text for text in told] == [True, False]
    assert all("--yes" in text for text in told)


def test_without_a_terminal_no_cell_value_reaches_the_output(
    program: Program, tmp_path: Path
) -> None:
    rows = [*purchases(2), ("SECRET-LEAD", "SECRET-NAME", "SECRET-SUM", "SECRET-DAY", "")]
    ended = program("run", write_csv(tmp_path / "march.csv", rows))
    assert ended.returncode == 3
    assert "SECRET" not in ended.stdout + ended.stderr
    assert "row 4" in ended.stdout
    assert "SECRET-SUM" in (tmp_path / "march.results.csv").read_text("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the streams")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_is_no_reason_to_fail(
    program: Program, tmp_path: Path, closed: str
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    shell = f'"{sys.executable}" -m importer run "{file}" --yes {closed}'
    ended = subprocess.run(  # noqa: S602 - the shell closes the stream
        shell, shell=True, env=program.environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert (ended.returncode, b"Traceback" in ended.stderr) == (0, False)
    assert (tmp_path / "march.results.csv").exists()


def test_a_demo_that_cannot_have_its_folder_says_so(program: Program, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    ended = program("demo", "--folder", "taken")
    assert ended.returncode == 2
    assert ended.stderr.startswith("importer: The sample files cannot be copied to taken: ")


def test_every_log_line_of_a_run_names_its_import_and_itself(
    program: Program, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    for run in (1, 2):
        told = program("run", file, "--verbose", "--retry-rejected").stderr
        lines = [json.loads(line) for line in told.splitlines()]
        assert lines
        assert {(line["import_id"], line["run_id"]) for line in lines} == {(1, run)}
    assert "run.finished" in {line["event"] for line in lines}


def test_quiet_says_nothing_when_all_is_well(program: Program, tmp_path: Path) -> None:
    ended = program("run", write_csv(tmp_path / "march.csv", purchases(1)), "--quiet")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_the_key_is_nowhere(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    sandbox = start_sandbox(
        FaultPlan(
            shares={"reset-after-commit": 0.2, "http-500-before-commit": 0.2, "html-200": 0.1}
        )
    )
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__MAX_IN_DOUBT": "0"})
    ended = program("run", write_csv(tmp_path / "march.csv", purchases(40)))
    assert SANDBOX_API_KEY not in ended.stdout + ended.stderr
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert SANDBOX_API_KEY.encode() not in path.read_bytes(), path


def test_results_of_a_paid_file_without_dates_that_grew_are_written(
    program: Program, tmp_path: Path
) -> None:
    paid = [(sandbox_lead(number), "Fee", "5.00", "", "") for number in (1, 2)]
    program("run", write_csv(tmp_path / "march.csv", paid))
    write_csv(tmp_path / "march.csv", [*paid, purchases(3)[2]])
    assert program("results", "march.csv").returncode == 5
    assert statuses(tmp_path / "march.results.csv") == ["conflict", "conflict", "unsent"]
