"""The crontab line and the systemd units of the README do what they say."""

from __future__ import annotations

import configparser
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from importer.config import SendSection
from importer.reconciler.report import PlanSummary, Summary
from importer.reconciler.timing import Sending
from importer.sandbox.company import SANDBOX_API_KEY, sandbox_lead
from importer.sandbox.faults import FaultPlan
from tests.program import Program, purchases, read_results, write_csv

if TYPE_CHECKING:
    from tests.sandbox_server import StartSandbox

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_the_crontab_line_picks_up_inputs_and_nothing_that_the_importer_wrote(
    tmp_path: Path,
) -> None:
    found = re.search(r"^ 15 6 \*   \*   \*    (.*)$", README, re.MULTILINE)
    assert found
    line = found[1].replace("/srv/keen", str(tmp_path))
    assert "%" not in line  # cron ends a line there
    (tmp_path / "inbox").mkdir()
    for name in (
        *("daily.csv", "a b.csv", "daily.results.csv", "daily.results-2.csv"),
        *("daily.results.20260304-102030.csv", "daily.problems.csv", "daily.report.html"),
    ):
        (tmp_path / "inbox" / name).touch()
    stub = tmp_path / ".venv" / "bin" / "importer"
    stub.parent.mkdir(parents=True)
    stub.write_text('#!/bin/sh\necho "$@"\n')
    stub.chmod(0o755)
    subprocess.run(["/bin/sh", "-c", line], check=True, env={"PATH": os.environ["PATH"]})
    assert (tmp_path / "runs.jsonl").read_text().splitlines() == [
        *("run inbox/a b.csv --quiet --json", "run inbox/daily.csv --quiet --json")
    ]


def test_quiet_says_only_what_needs_a_person_and_status_says_where(
    program: Program, tmp_path: Path
) -> None:
    fine = write_csv(tmp_path / "fine.csv", purchases(2))
    for _ in range(2):
        ended = program("run", fine, "--quiet")
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    broken = write_csv(tmp_path / "broken.csv", [("nobody", "Tea", "1", "", "")])
    ended = program("run", broken, "--quiet", "--json")
    assert json.loads(ended.stdout)["counts"]["invalid"] == 1
    assert "broken.results.csv" in ended.stderr
    assert "Lead ID: not-a-uuid: row 2\n" in ended.stderr
    assert "nobody" not in ended.stdout + ended.stderr
    told = program("status").stdout
    assert "already_created 2" in told
    assert f"when it last ran, 1 row needed a person: {tmp_path / 'broken.results.csv'}" in told
    (tmp_path / "broken.results.csv").unlink()
    assert "when it last ran, 1 row needed a person\n" in program("status").stdout


def test_a_quiet_check_names_rows_columns_and_codes(program: Program, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    rows = [*purchases(2), ("nobody", "Tea", "1", "", ""), *purchases(1)]
    broken = write_csv(tmp_path / "broken.csv", rows)
    ended = program("check", broken, "--quiet", "--results", "out/x.csv")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "Plan for broken.csv" in ended.stderr
    assert "Lead ID: not-a-uuid: row 4\n" in ended.stderr
    assert "row 5\n" in ended.stderr  # the duplicate
    assert "nobody" not in ended.stderr
    assert "The rows with faults are in broken.problems.csv" in ended.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["broken.problems.csv"]
    told = program("check", broken, "--json", "--results", "no/such/folder.csv")
    assert told.returncode == 3
    assert "nobody" not in told.stdout
    fine = program("check", write_csv(tmp_path / "fine.csv", purchases(2)), "--quiet")
    assert (fine.returncode, fine.stdout, fine.stderr) == (0, "", "")


def test_words_in_a_results_file_that_was_kept_are_named_first_until_they_are_settled(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    faults = {sandbox_lead(2): ["http-500-after-commit"], sandbox_lead(3): ["http-403"]}
    program = Program(tmp_path, start_sandbox(FaultPlan(by_lead=faults)).url)
    file = write_csv(tmp_path / "march.csv", purchases(3))
    results = tmp_path / "march.results.csv"
    assert "rejected" in program("run", file, "--quiet").stderr

    def write_word(row: int, word: str) -> None:
        rows = read_results(results)
        rows[row - 2]["keen_resolution"] = word
        write_csv(results, [tuple(each.values()) for each in rows], tuple(rows[0]))

    write_word(3, "created")
    ended = program("run", file, "--quiet")
    assert ended.returncode == 4
    assert "http-403: row 4\n" in ended.stderr
    [kept] = tmp_path.glob("march.results.2*.csv")
    lines = ended.stderr.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  Next: "))
    assert f"1 row with keen_resolution is in {kept.name}; settle it first:" in " ".join(
        " ".join(lines[first : first + 3]).split()
    )
    commands = [line.strip() for line in lines if line.strip().startswith("importer ")]
    assert commands[0] == f"importer resolve {kept}"
    assert program("resolve", kept, "--force").returncode == 0
    assert program("run", file, "--retry-rejected").returncode == 0
    write_word(3, "created")
    ended = program("run", file, "--quiet")
    assert len(list(tmp_path.glob("march.results.2*.csv"))) == 2
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_status_names_the_batch_and_says_how_a_run_that_did_not_end_goes_on(
    program: Program, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    stop = (sys.executable, str(ROOT / "tests" / "stop_at.py"))
    killed = program.start("call:reconcile", "1", "run", file, "--batch", "may 1", via=stop)
    killed.communicate(timeout=60)
    told = program("status").stdout
    assert "batch “may 1”)  did not end" in told
    command = f"cd {tmp_path} && importer run {file} --batch 'may 1'"
    assert f"did not end: run it again, `{command}` goes on" in told
    assert program("run", file, "--batch", "may 1").returncode == 0
    assert "did not end" not in program("status").stdout


def test_status_says_how_a_run_that_left_rows_unsent_goes_on(
    program: Program, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(3))
    assert program("run", file, "--limit", "0").returncode == 5
    assert f"`cd {tmp_path} && importer run {file}` goes on" in program("status").stdout
    assert program("run", file, "--limit", "2").returncode == 5
    line = "when it last ran, 1 row was left unsent:"
    command = f"`cd {tmp_path} && importer run {file} --limit 2` goes on"
    assert f"{line} {command}" in program("status").stdout
    assert program("run", file).returncode == 0
    assert "unsent" not in program("status").stdout
    assert json.loads(program("status", "--json").stdout)["imports"][0]["again"] is None


def test_the_summary_is_kept_with_the_run_and_says_what_the_report_says(
    program: Program, tmp_path: Path
) -> None:
    told = program.summary("run", write_csv(tmp_path / "march.csv", purchases(3)))
    assert told["sending"]["attempts"] == told["sending"]["rows"] == 3
    with closing(sqlite3.connect(tmp_path / "workspace" / "ledger.sqlite")) as ledger:
        [(kept,)] = ledger.execute("SELECT summary FROM runs").fetchall()
    assert json.loads(kept) == told
    page = Path(told["report"]).read_text("utf-8")
    assert f"<b>{told['sending']['rows_per_second']:,}</b>" in page
    assert told["file_sha256"] in page
    assert SANDBOX_API_KEY not in page


def test_the_systemd_unit_waits_longer_than_a_request_may_take() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read(ROOT / "docs" / "systemd" / "importer.service")
    service = dict(unit["Service"])
    assert int(service["timeoutstopsec"]) == 200 > SendSection().timeout
    assert service["standarderror"] == "journal", "words for people among the JSON lines"
    assert service["execstart"].split()[1:] == ["run", "daily.csv", "--quiet", "--json"]


def test_every_member_of_the_summary_is_described() -> None:
    text = (ROOT / "docs" / "summary.md").read_text("utf-8")
    about, sending, check, _ = re.split("^## ", text, flags=re.MULTILINE)
    described_kinds = ((Summary, about), (Sending, sending), (PlanSummary, check))
    for kind, described in described_kinds:
        cells = re.findall(r"^\| (`.*?) \|", described, re.MULTILINE)
        told = {name for cell in cells for name in re.findall(r"`([a-z_0-9]+)`", cell)}
        assert told == {field.name for field in fields(kind)}


def test_every_member_of_the_status_is_described(program: Program, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "summary.md").read_text("utf-8")
    described = set(re.findall(r"`([a-z_]+)`", text.split("## `importer status")[-1]))
    program("run", write_csv(tmp_path / "march.csv", purchases(1)))
    told = json.loads(program("status", "--json", "--verify").stdout)
    assert {*told, *told["imports"][0]} <= described
