"""`importer resolve`: what a person may settle, what is refused, and what is kept of it."""

from __future__ import annotations

import shlex
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from importer.sandbox.company import sandbox_lead
from importer.sandbox.faults import FaultPlan
from tests.program import HEADER, Program, purchases, read_results, statuses, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from importer.sandbox.server import Sandbox
    from tests.sandbox_server import StartSandbox

ID = "9c0d7e8f-5d4a-4b6f-9c0d-7e8f9a0b1c2d"


@pytest.fixture
def doubtful(start_sandbox: StartSandbox) -> Sandbox:
    """A Keen that leaves rows 3 and 4 in doubt."""
    faults = {sandbox_lead(number): ["http-500-after-commit"] for number in (2, 3)}
    return start_sandbox(FaultPlan(by_lead=faults))


@pytest.fixture
def results(doubtful: Sandbox, tmp_path: Path) -> Path:
    program = Program(tmp_path, doubtful.url)
    assert program("run", write_csv(tmp_path / "march.csv", purchases(4))).returncode == 4
    return tmp_path / "march.results.csv"


@pytest.fixture
def program(doubtful: Sandbox, tmp_path: Path) -> Program:
    return Program(tmp_path, doubtful.url)


def fill(results: Path, row: int, **words: str) -> None:
    rows = read_results(results)
    rows[row - 2].update(words)
    write_csv(results, [tuple(each.values()) for each in rows], tuple(rows[0]))


def kept(folder: Path) -> list[tuple[str, str, str]]:
    """Return choice, by and note of every settlement in the ledger."""
    with closing(sqlite3.connect(folder / "workspace" / "ledger.sqlite")) as ledger:
        query = "SELECT choice, who, note FROM resolutions ORDER BY id"
        return ledger.execute(query).fetchall()


@pytest.mark.parametrize(
    ("row", "words", "said"),
    [
        (3, {"keen_resolution": "perhaps"}, "it may say created, not created or send"),
        (3, {"keen_resolution": "created", "keen_purchase_id": "7"}, "is not a UUID"),
        (3, {"keen_resolution": "not created", "keen_purchase_id": ID}, "it says `not created`"),
        (3, {"keen_resolution": "send"}, "`send` is for duplicates and conflicts"),
        (2, {"keen_resolution": "not created"}, "it is not in doubt but created"),
    ],
)
def test_one_row_that_makes_no_sense_settles_none(  # noqa: PLR0917 - a table's columns
    row: int, words: dict[str, str], said: str, results: Path, program: Program, tmp_path: Path
) -> None:
    fill(results, 4, keen_resolution="not created")
    fill(results, row, **words)
    refused = program("resolve", results, "--force")
    assert refused.returncode == 6, refused.stdout
    assert f"row {row}: " in refused.stderr
    assert said in refused.stderr
    assert kept(tmp_path) == []


def test_one_purchase_cannot_be_two_rows(results: Path, program: Program, tmp_path: Path) -> None:
    for row in (3, 4):
        fill(results, row, keen_resolution="created", keen_purchase_id=ID)
    refused = program("resolve", results, "--force")
    assert refused.returncode == 6
    assert "given to row 3 as well" in refused.stderr
    created = read_results(results)[0]["keen_purchase_id"]
    fill(results, 4, keen_resolution="")
    fill(results, 3, keen_purchase_id=created)
    refused = program("resolve", results, "--force")
    assert "belongs to march.csv, row 2 already" in refused.stderr
    assert kept(tmp_path) == []


def test_an_attempt_that_may_still_land_waits_unless_forced(
    results: Path, program: Program, tmp_path: Path
) -> None:
    fill(results, 3, keen_resolution="not created")
    early = program("resolve", results)
    assert early.returncode == 6
    assert "400 s" in early.stderr
    assert program("resolve", results, "--force").returncode == 0
    assert [choice for choice, _, _ in kept(tmp_path)] == ["not created"]


def test_it_shows_what_it_does_and_keeps_who_and_why(
    results: Path, program: Program, tmp_path: Path, doubtful: Sandbox
) -> None:
    fill(results, 3, keen_resolution="Created", keen_purchase_id=ID.upper())
    fill(results, 4, keen_resolution=" NOT_created ")
    settled = program("resolve", results, "--force", "--by", "zoë", "--note", "seen in Keen")
    assert settled.returncode == 0, settled.stderr
    assert f"row 3: created, as purchase {ID}" in settled.stdout
    assert "row 4: not created; the next run sends it again" in settled.stdout
    assert "Settled 2 rows, by zoë: seen in Keen." in settled.stdout
    assert kept(tmp_path) == [
        ("created", "zoë", "seen in Keen"),
        ("not created", "zoë", "seen in Keen"),
    ]
    assert program("run", tmp_path / "march.csv").returncode in {0, 4}
    assert statuses(results)[1] == "already_created"
    assert doubtful.purchase_requests == 5


def test_results_as_jsonl_lead_to_a_file_that_can_be_settled(
    doubtful: Sandbox, program: Program, tmp_path: Path
) -> None:
    march = write_csv(tmp_path / "march.csv", purchases(4))
    summary = program.summary("run", march, "--results", tmp_path / "march.jsonl")
    write, settle = (shlex.split(step["command"])[1:] for step in summary["next"])
    assert program(*write).returncode == 4
    for row in (3, 4):
        fill(tmp_path / "march.results.csv", row, keen_resolution="created")
    settled = program(*settle, "--force")
    assert (settled.returncode, settled.stderr) == (0, "")
    assert program.summary("run", march)["counts"]["already_created"] == 4
    assert doubtful.purchase_requests == 4


def test_a_key_that_was_copied_to_two_rows_is_settled_once(
    results: Path, program: Program, tmp_path: Path
) -> None:
    rows = read_results(results)
    fill(results, 4, keen_idempotency_key=rows[1]["keen_idempotency_key"])
    fill(results, 3, keen_resolution="created")
    fill(results, 4, keen_resolution="not created")
    refused = program("resolve", results, "--force")
    assert refused.returncode == 6
    assert kept(tmp_path) == []


@pytest.mark.parametrize("sorted_apart", ["both in doubt", "one unknown"])
def test_words_beside_the_cells_of_another_purchase_settle_nothing(
    sorted_apart: str, results: Path, program: Program, tmp_path: Path
) -> None:
    rows = read_results(results)
    if sorted_apart == "both in doubt":
        for row, other in ((3, rows[2]), (4, rows[1])):
            fill(results, row, **{name: other[name] for name in HEADER})
    else:
        fill(results, 3, **dict(zip(HEADER, purchases(1, first=9)[0], strict=True)))
    fill(results, 3, keen_resolution="not created")
    refused = program("resolve", results, "--force")
    assert refused.returncode == 6, refused.stdout
    assert "row 3: its keen_idempotency_key is that of lead" in refused.stderr
    assert "sent by march.csv, row 3, but its cells are those of another purchase" in refused.stderr
    assert kept(tmp_path) == []


def test_a_row_in_doubt_is_settled_though_its_amount_was_corrected(
    results: Path, program: Program, tmp_path: Path
) -> None:
    fill(results, 3, keen_resolution="not created", Amount="99.50")
    assert program("resolve", results, "--force").returncode == 0
    assert [choice for choice, _, _ in kept(tmp_path)] == ["not created"]


def test_where_nothing_was_ever_run_nothing_can_be_settled(
    program: Program, tmp_path: Path
) -> None:
    """A word that is kept nowhere would be thanked for and forgotten."""
    file = write_csv(tmp_path / "march.csv", purchases(1) * 2)
    assert program("run", file, "--limit", "0").returncode == 5
    results = tmp_path / "march.results.csv"
    fill(results, 3, keen_resolution="send")
    elsewhere = {"IMPORTER_WORKSPACE__PATH": str(tmp_path / "elsewhere")}
    refused = Program(tmp_path, program.url, elsewhere)("resolve", results)
    assert refused.returncode == 6, refused.stdout
    assert "there is no ledger in" in refused.stderr
    assert str(tmp_path / "elsewhere") in refused.stderr
    assert not (tmp_path / "elsewhere").exists()
    assert program("resolve", results).returncode == 0
    assert kept(tmp_path) != []


def test_send_in_one_file_without_dates_leaves_an_equal_row_of_another_held(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    program = Program(tmp_path, start_sandbox().url)
    fee = (sandbox_lead(1), "Fee", "5.00", "", "")
    for number, month in enumerate(("january", "february", "march"), start=2):
        write_csv(tmp_path / f"{month}.csv", [fee, purchases(9)[number]])
    assert program("run", "january.csv").returncode == 0
    for month in ("february", "march"):
        assert program("run", f"{month}.csv").returncode == 3
    fill(tmp_path / "february.results.csv", 2, keen_resolution="send")
    assert program("resolve", "february.results.csv").returncode == 0
    assert program("run", "march.csv").returncode == 3
    assert statuses(tmp_path / "march.results.csv") == ["conflict", "already_created"]
    assert program("run", "february.csv").returncode == 0
    fill(tmp_path / "march.results.csv", 2, keen_resolution="send")
    refused = program("resolve", "march.results.csv")
    assert (refused.returncode, "; sent by february.csv, row 2" in refused.stderr) == (6, True)
    assert program("run", "march.csv").returncode == 3
    fill(tmp_path / "march.results.csv", 2, keen_resolution="send")
    assert program("resolve", "march.results.csv").returncode == 0
    assert program("run", "march.csv").returncode == 0
    assert statuses(tmp_path / "march.results.csv") == ["created", "already_created"]


def held_fees(program: Program, folder: Path, *more: tuple[str, ...]) -> None:
    """Run january.csv and february.csv, whose row 2 is the same purchase without a date."""
    fee = (sandbox_lead(1), "Fee", "5.00", "", "")
    write_csv(folder / "january.csv", [fee, purchases(3)[1]])
    write_csv(folder / "february.csv", [fee, purchases(3)[2], *more])
    assert program("run", "january.csv").returncode == 0
    assert program("run", "february.csv").returncode == 3


def test_a_word_of_a_row_without_a_date_is_asked_for_again_where_another_row_was_corrected(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    program = Program(tmp_path, start_sandbox().url)
    held_fees(program, tmp_path, ("nobody", "Tea", "2.00", "", ""))
    results = tmp_path / "february.results.csv"
    fill(results, 2, keen_resolution="send")
    assert program("resolve", results).returncode == 0
    fill(results, 4, **{"Lead ID": sandbox_lead(5)})
    ended = program("run", results, "--results", "end.csv")
    assert (ended.returncode, statuses(tmp_path / "end.csv")[0]) == (3, "conflict")
    assert "1 row has a keen_resolution that is not settled yet" in ended.stdout
    assert program("resolve", results).returncode == 0
    assert program("run", results, "--results", "end.csv").returncode == 0
    assert statuses(tmp_path / "end.csv") == ["created", "already_created", "already_created"]


def test_a_word_that_was_taken_is_not_taken_for_one_more_purchase(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    program = Program(tmp_path, sandbox.url)
    held_fees(program, tmp_path, ("nobody", "Tea", "2.00", "", ""))
    results = tmp_path / "february.results.csv"
    fill(results, 2, keen_resolution="send")
    assert program("resolve", results).returncode == 0
    assert program("run", results, "--results", "end.csv").returncode == 3
    fill(results, 2, keen_resolution=" Send_ ")
    fill(results, 4, **{"Lead ID": sandbox_lead(5)})  # its row 2 still says `send`
    refused = program("resolve", results)
    assert refused.returncode == 6
    assert "since this file was written; sent by february.results.csv, row 2" in refused.stderr
    program("run", results, "--results", "end.csv")
    assert len(sandbox.audit.committed) == 5
    again = read_results(tmp_path / "end.csv")[0]
    assert (again["keen_status"], again["keen_resolution"]) == ("conflict", "")
    assert "Nothing to settle" in program("resolve", "end.csv").stdout


def test_a_word_lapses_where_another_file_made_an_equal_purchase_since(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    faults = {sandbox_lead(1): ["none", "http-429"]}
    sandbox = start_sandbox(FaultPlan(by_lead=faults))
    program = Program(tmp_path, sandbox.url, {"IMPORTER_SEND__MAX_ATTEMPTS": "1"})
    held_fees(program, tmp_path, ("nobody", "Tea", "2.00", "", ""))
    results = tmp_path / "february.results.csv"
    fill(results, 2, keen_resolution="send")
    assert program("resolve", results).returncode == 0
    assert program("run", "february.csv", "--results", "left.csv").returncode == 5
    assert statuses(tmp_path / "left.csv")[0] == "unsent"
    fill(results, 4, **{"Lead ID": sandbox_lead(5)})
    assert program("resolve", results).returncode == 6
    program("run", results, "--results", "end.csv")
    fill(tmp_path / "end.csv", 2, keen_resolution="send")
    assert program("resolve", "end.csv").returncode == 0
    assert program("run", "end.csv", "--results", "last.csv").returncode == 0
    assert statuses(tmp_path / "last.csv")[0] == "created"
    calls = sandbox.purchase_requests
    assert program("run", "february.csv").returncode == 3
    assert sandbox.purchase_requests == calls


def test_a_copy_of_a_created_row_can_be_released(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    program = Program(tmp_path, start_sandbox().url)
    assert program("run", write_csv(tmp_path / "march.csv", purchases(2))).returncode == 0
    results = tmp_path / "march.results.csv"
    rows = read_results(results)
    rows.append(rows[0] | {"keen_resolution": "send"})
    write_csv(results, [tuple(each.values()) for each in rows], tuple(rows[0]))
    assert program("resolve", results).returncode == 0
    assert program("run", results, "--results", "end.csv").returncode == 0
    assert statuses(tmp_path / "end.csv") == ["already_created", "already_created", "created"]


def test_a_released_row_that_keen_refused_can_be_released_again(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    faults = {sandbox_lead(1): ["none", "http-422", "none"]}
    program = Program(tmp_path, start_sandbox(FaultPlan(by_lead=faults)).url)
    held_fees(program, tmp_path, ("nobody", "Tea", "2.00", "", ""))
    results = tmp_path / "february.results.csv"
    fill(results, 2, keen_resolution="send")
    assert program("resolve", results).returncode == 0
    assert program("run", "february.csv").returncode == 3
    assert statuses(results)[0] == "rejected"
    fill(results, 4, **{"Lead ID": sandbox_lead(5)})
    program("run", results, "--retry-rejected", "--results", "end.csv")
    again = read_results(tmp_path / "end.csv")[0]
    assert (again["keen_status"], "write `send`" in again["keen_error"]) == ("rejected", True)
    fill(tmp_path / "end.csv", 2, keen_resolution="send")
    program("run", "end.csv", "--retry-rejected", "--results", "typed.csv")
    assert read_results(tmp_path / "typed.csv")[0]["keen_resolution"] == "send"
    settled = program("resolve", "end.csv")
    assert "released; the next run with --retry-rejected sends it" in settled.stdout
    assert "Next: importer run end.csv --retry-rejected" in settled.stdout
    assert program("run", "end.csv", "--retry-rejected", "--results", "last.csv").returncode == 0
    assert statuses(tmp_path / "last.csv")[0] == "created"


def test_a_word_for_one_attempt_is_not_handed_on_to_the_next(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    faults = {sandbox_lead(1): ["http-500-before-commit", "http-500-after-commit"]}
    sandbox = start_sandbox(FaultPlan(by_lead=faults))
    program = Program(tmp_path, sandbox.url)
    assert program("run", write_csv(tmp_path / "march.csv", purchases(2)[::-1])).returncode == 4
    results = tmp_path / "march.results.csv"
    fill(results, 3, keen_resolution="not created")
    assert program("resolve", results, "--force").returncode == 0
    for again in ("first.csv", "second.csv"):
        assert program("run", results, "--results", again).returncode == 4
    assert read_results(tmp_path / "second.csv")[1]["keen_resolution"] == ""
    assert "Nothing to settle" in program("resolve", "second.csv", "--force").stdout
    assert len(sandbox.audit.committed) == 2


def test_a_row_that_nothing_tells_from_others_cannot_be_released(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    program = Program(tmp_path, start_sandbox().url)
    fee = (sandbox_lead(1), "Fee", "5.00", "", "")
    assert program("run", write_csv(tmp_path / "march.csv", [fee])).returncode == 0
    results = tmp_path / "march.results.csv"
    [paid] = read_results(results)
    added = {name: text for name, text in paid.items() if not name.startswith("keen_")}
    rows = [paid, dict.fromkeys(paid, "") | added | {"keen_resolution": "send"}]
    write_csv(results, [tuple(each.values()) for each in rows], tuple(paid))
    refused = program("resolve", results)
    assert refused.returncode == 6
    assert "row 3: it has neither a keen_idempotency_key nor a date or order number" in (
        refused.stderr
    )
    program("run", results, "--results", "end.csv")
    fill(tmp_path / "end.csv", 3, keen_resolution="send")
    assert program("resolve", "end.csv").returncode == 0
    assert program("run", "end.csv", "--results", "last.csv").returncode == 0


@pytest.mark.parametrize("date", ["", "2026-03-04"])
def test_a_word_on_an_amended_row_counts_once_unless_forced(
    date: str, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    program = Program(tmp_path, sandbox.url)
    fee = (sandbox_lead(1), "Fee", "5.00", date, "")
    broken = ("nobody", "Tea", "2.00", "", "")
    assert program("run", write_csv(tmp_path / "march.csv", [fee, broken])).returncode == 3
    results = tmp_path / "march.results.csv"
    fill(results, 2, Amount="6.00", keen_resolution="send")
    assert program("resolve", results).returncode == 0
    program("run", results, "--results", "end.csv")
    calls = sandbox.purchase_requests
    assert calls == 2
    fill(results, 2, Amount="7.00")  # the word still stands there
    fill(results, 3, **{"Lead ID": sandbox_lead(2)})
    refused = program("resolve", results)
    assert (refused.returncode, "released or sent since" in refused.stderr) == (6, True)
    program("run", results, "--results", "end.csv")
    assert sandbox.purchase_requests == calls + 1
    assert read_results(tmp_path / "end.csv")[0]["keen_resolution"] == ""
    assert program("resolve", results, "--force").returncode == 0
    program("run", results, "--results", "end.csv")
    assert sandbox.purchase_requests == calls + 2


def test_a_word_taken_under_another_batch_is_not_taken_again(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    sandbox = start_sandbox()
    program = Program(tmp_path, sandbox.url)
    file = write_csv(tmp_path / "march.csv", purchases(1) * 2)
    assert program("run", file, "--batch", "a").returncode == 3
    results = tmp_path / "march.results.csv"
    fill(results, 3, keen_resolution="send")
    assert program("resolve", results).returncode == 0
    program("run", results, "--results", "end.csv")
    assert program("resolve", results, "--batch", "a").returncode == 6
    program("run", results, "--batch", "a", "--results", "end.csv")
    assert len(sandbox.audit.committed) == 2
