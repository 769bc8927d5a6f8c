"""Results files, settings and words that come back: whoever runs them again pays nothing twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from importer.sandbox.faults import FaultPlan
from tests.program import Program, purchases, read_results, statuses, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from importer.sandbox.server import Sandbox
    from tests.sandbox_server import StartSandbox


def rewrite(results: Path, rows: list[dict[str, str]]) -> Path:
    return write_csv(results, [tuple(row.values()) for row in rows], tuple(rows[0]))


def test_results_sorted_by_status_and_run_again_send_nothing(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    program("run", write_csv(tmp_path / "march.csv", purchases(1) * 2))
    results = tmp_path / "march.results.csv"
    assert statuses(results) == ["created", "duplicate"]
    rewrite(results, sorted(read_results(results), key=lambda row: row["keen_status"])[::-1])
    assert program("run", results).returncode == 3
    assert statuses(tmp_path / "march.results-2.csv") == ["duplicate", "already_created"]
    assert sandbox.purchase_requests == 1


def test_results_of_a_batch_run_without_it_are_held(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    assert program("run", file, "--batch", "2026-03").returncode == 0
    results = tmp_path / "march.results.csv"
    for held in (results, tmp_path / "march.results-2.csv"):
        assert program("run", held).returncode == 3
    assert program("run", results, "--batch", "2026-03").returncode == 0
    assert sandbox.purchase_requests == 2


def test_commands_that_only_look_rows_up_refuse_other_identity_settings(
    program: Program, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    assert program("run", file).returncode == 0
    program.settings["IMPORTER_FORMAT__TIMEZONE"] = "Europe/Berlin"
    for command in (("results", file), ("resolve", tmp_path / "march.results.csv")):
        refused = program(*command)
        assert refused.returncode == 6
        assert 'format.timezone was "UTC", now "Europe/Berlin"' in refused.stderr


@pytest.mark.parametrize(
    ("setting", "before", "now"),
    [
        ("IMPORTER_FORMAT__DATES", '["%m/%d/%Y"]', '["%d/%m/%Y"]'),
        ("IMPORTER_COLUMNS__DATE", '["Date"]', '["Ordered"]'),
    ],
)
def test_what_makes_a_date_another_one_is_an_identity_setting(  # noqa: PLR0917 - a table's columns
    setting: str, before: str, now: str, program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    header = ("Lead ID", "Product", "Amount", "Date", "Ordered")
    date = "03/04/2026" if "FORMAT" in setting else "2026-03-04"
    rows = [(*row[:3], date, "2026-05-06") for row in purchases(2)]
    file = write_csv(tmp_path / "march.csv", rows, header)
    program.settings[setting] = before
    assert program("run", file).returncode == 0
    program.settings[setting] = now
    refused = program("run", file)
    assert refused.returncode == 6
    assert "--accept-identity-change" in refused.stderr
    assert sandbox.purchase_requests == 2


def test_an_address_that_nobody_answered_at_is_not_remembered(
    program: Program, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "march.csv", purchases(2))
    right, program.url = program.url, "http://127.0.0.1:9/mistyped"
    program.settings["IMPORTER_SEND__MAX_ATTEMPTS"] = "1"
    assert program("run", file).returncode in {5, 7}
    program.url = right
    assert program("run", file).returncode == 0
    assert sandbox.purchase_requests == 2


# A person's words


def test_a_word_settles_the_attempt_that_was_looked_up_and_no_later_one(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(script=["http-500-before-commit", "http-500-after-commit"]))
    program = Program(tmp_path, sandbox.url)
    assert program("run", write_csv(tmp_path / "march.csv", purchases(1))).returncode == 4
    results = tmp_path / "march.results.csv"
    rewrite(results, [{**read_results(results)[0], "keen_resolution": "not created"}])
    assert program("resolve", results, "--force").returncode == 0
    assert program("run", results).returncode == 4
    refused = program("resolve", results, "--force")
    assert refused.returncode == 6
    assert "sent again since this file was written" in refused.stderr
    again = tmp_path / "march.results-2.csv"
    assert statuses(again) == ["in_doubt"]
    assert read_results(again)[0]["keen_resolution"] == ""
    assert "Nothing to settle" in program("resolve", again, "--force").stdout
    assert sum(map(len, sandbox.audit.purchases_by_key().values())) == 1


def test_send_releases_a_held_row_whose_attempt_was_not_applied(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox(FaultPlan(script=["none", "http-429"]))
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__MAX_ATTEMPTS": "1"})
    file = write_csv(tmp_path / "march.csv", purchases(1) * 2)
    assert program("run", file, "--allow-duplicates").returncode == 5
    assert program("run", file).returncode == 3
    results = tmp_path / "march.results.csv"
    created, held = read_results(results)
    assert (created["keen_status"], held["keen_status"]) == ("already_created", "duplicate")
    rewrite(results, [created, {**held, "keen_resolution": "send"}])
    assert program("resolve", results).returncode == 0
    assert program("run", file).returncode == 0
    assert sum(map(len, sandbox.audit.purchases_by_key().values())) == 2
