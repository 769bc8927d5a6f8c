"""What a results file says of its rows is evidence, in whatever order and state it comes back."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from importer.errors import GuardError
from importer.ledger.contract import Choice
from tests.planner.stories import (
    IN_DOUBT,
    NOT_APPLIED,
    REFUSED,
    Story,
    applied,
    as_results,
    bought,
    day,
    lead,
    undated,
)

if TYPE_CHECKING:
    from importer.model import Outcome

EQUAL_ROWS = pytest.mark.parametrize(
    "row", [bought(1), undated(1), undated(1, order="A-1")], ids=["dated", "undated", "order"]
)


# A held duplicate, wherever it stands


@EQUAL_ROWS
@pytest.mark.parametrize(
    ("outcome", "told"), [(None, "already_created"), (IN_DOUBT, "in_doubt")], ids=["paid", "doubt"]
)
def test_results_sorted_the_other_way_round_send_no_held_duplicate(
    row: dict[str, Any], outcome: Outcome | None, told: str, story: Story
) -> None:
    outcomes = [] if outcome is None else [outcome]
    fed_back = as_results(story.results(row, row, outcomes=outcomes), row, row)
    assert story.run(*reversed(fed_back), file="march.results.csv") == ["duplicate", told]


def test_a_copy_without_a_key_above_the_created_row_is_held(story: Story) -> None:
    [row] = as_results(story.results(bought(1)), bought(1))
    results = story.results(bought(1), row, file="march.results.csv")
    assert results["status"].to_list() == ["duplicate", "already_created"]
    assert "row 3" in results["error"][0]


@EQUAL_ROWS
@pytest.mark.parametrize(
    "edit", [{"lead_id": lead(7)}, {"valid": False}], ids=["amended", "broken"]
)
def test_a_held_duplicate_stays_held_when_the_created_row_is_edited(
    row: dict[str, Any], edit: dict[str, Any], story: Story
) -> None:
    created, held = as_results(story.results(row, row), row, row)
    assert "created" not in story.run({**created, **edit}, held, file="march.results.csv")


@pytest.mark.parametrize("count", [2, 70])
def test_a_held_duplicate_cut_out_of_its_file_is_held(count: int, story: Story) -> None:
    rows = [bought(1)] * count
    fed_back = as_results(story.results(*rows), *rows)
    assert story.run(fed_back[-1], file="march.results.csv") == ["conflict"]


@pytest.mark.parametrize("kept", [slice(None, None, -1), slice(1, 2)], ids=["sorted", "cut"])
@pytest.mark.parametrize("outcome", [NOT_APPLIED, IN_DOUBT], ids=["not applied", "settled"])
def test_of_equal_rows_that_were_never_applied_one_goes_out(
    kept: slice, outcome: Outcome, story: Story
) -> None:
    rows = [bought(1), bought(1)]
    fed_back = as_results(story.results(*rows, outcomes=[outcome]), *rows)
    if outcome is IN_DOUBT:
        story.resolve(Choice.NOT_CREATED, fed_back[0]["carried_key"])
    assert story.run(*fed_back[kept], file="march.results.csv").count("created") == 1
    assert "created" not in story.run(*rows)


# An amended row, however often it is edited


@pytest.mark.parametrize("allow_duplicates", [False, True])
def test_a_created_row_edited_into_another_one_keeps_its_evidence(
    allow_duplicates: bool, story: Story
) -> None:
    told = story.under(allow_duplicates=allow_duplicates)
    rows = as_results(story.results(bought(1), bought(2)), bought(1), bought(2))
    for number in (1, 3):
        rows[1] = {**rows[1], "lead_id": lead(number)}
        for _ in range(2):
            results = told.results(*rows, file="march.results.csv")
            held = "duplicate" if number == 1 and not allow_duplicates else "conflict"
            assert results["status"].to_list() == ["already_created", held]
            rows = as_results(results, *rows)


@pytest.mark.parametrize("outcome", [REFUSED, IN_DOUBT, NOT_APPLIED])
def test_a_created_row_edited_into_one_that_was_tried_keeps_its_evidence(
    outcome: Outcome, story: Story
) -> None:
    [tried] = story.results(bought(9), file="february.csv", outcomes=[outcome])["idempotency_key"]
    [row] = as_results(story.results(bought(1)), bought(1))
    row = {**row, "lead_id": lead(9)}
    [row] = as_results(story.results(row, file="march.results.csv"), row)
    if outcome is IN_DOUBT:
        story.resolve(Choice.NOT_CREATED, tried)
    results = story.results({**row, "lead_id": lead(5)}, file="march.results-2.csv")
    assert results["error_code"].to_list() == ["amended"]


def test_an_amendment_released_but_not_applied_keeps_its_evidence(story: Story) -> None:
    [row] = as_results(story.results(bought(1)), bought(1))
    row = {**row, "lead_id": lead(2)}
    story.resolve(Choice.SEND, story.plan(row).keyed_rows["key"][0])
    [row] = as_results(story.results(row, outcomes=[NOT_APPLIED]), row)
    assert row["carried_status"] == "unsent"
    assert story.run({**row, "lead_id": lead(3)}) == ["conflict"]


@pytest.mark.parametrize("batch", ["", "2026-03"])
def test_a_held_row_of_a_purchase_that_another_ledger_made_stops_the_run(
    batch: str, story: Story
) -> None:
    [row] = as_results(story.results(bought(1), batch=batch), bought(1))
    row = row if batch else {**row, "purchase_amount": "99"}
    results = story.results(row, file="march.results.csv")
    assert results["error_code"].to_list() == ["other-batch" if batch else "amended"]
    [row] = as_results(results, row)
    with closing(Story()) as elsewhere, pytest.raises(GuardError, match="another ledger"):
        elsewhere.plan(row)


# Batches


@pytest.mark.parametrize(
    ("batch", "status"), [("", "conflict"), ("2026-03", "already_created"), ("2026-04", "conflict")]
)
def test_results_of_a_batch_are_known_under_it_and_held_under_any_other(
    batch: str, status: str, story: Story
) -> None:
    [row] = as_results(story.results(bought(1), batch="2026-03"), bought(1))
    first = story.results(row, file="march.results.csv", batch=batch)
    assert first["status"].to_list() == [status]
    [row] = as_results(first, row)
    again = {"created": "already_created"}.get(status, status)
    assert story.run(row, file="march.results-2.csv", batch=batch) == [again]


# Rejected rows that are asked for again


def test_a_rejected_row_that_the_guard_holds_stays_rejected_and_says_why(story: Story) -> None:
    results = story.results(bought(1), outcomes=[REFUSED])
    [row] = as_results(results, bought(1))
    assert story.run({**row, "purchase_amount": "11"}, file="march.results.csv") == ["created"]
    again = story.under(retry_rejected=True).results(bought(1))
    assert again.select("status", "error_code").row(0) == ("rejected", "http-403")
    assert again["error"][0].startswith(
        "Lead not accessible Not sent again: A purchase was created"
    )
    assert len(story.sent) == 2


def test_a_created_row_edited_into_a_rejected_one_is_not_sent_on_request(story: Story) -> None:
    story.run(bought(9), file="february.csv", outcomes=[REFUSED])
    [row] = as_results(story.results(bought(1)), bought(1))
    row = {**row, "lead_id": lead(9)}
    assert story.under(retry_rejected=True).run(row, file="march.results.csv") == ["rejected"]
    assert len(story.sent) == 2


def test_of_equal_rejected_rows_one_goes_out_again_unless_all_are_allowed(story: Story) -> None:
    rows = [bought(1), bought(1)]
    story.under(allow_duplicates=True).run(*rows, outcomes=[REFUSED, REFUSED])
    held = story.under(retry_rejected=True).results(*rows, outcomes=[REFUSED])
    assert held["status"].to_list() == ["rejected", "rejected"]
    assert held["attempts"].to_list() == [2, 1]
    assert "row 2" in held["error"][1]
    both = story.under(retry_rejected=True, allow_duplicates=True)
    sent = both.results(*rows, outcomes=[applied("any"), NOT_APPLIED])
    assert sent["status"].to_list() == ["created", "unsent"]
    assert sent["attempts"].to_list() == [3, 2]


# A person's word


def test_send_releases_a_duplicate_whose_attempt_was_not_applied(story: Story) -> None:
    rows = [bought(1), bought(1)]
    story.under(allow_duplicates=True).run(*rows, outcomes=[applied("any"), NOT_APPLIED])
    held = story.results(*rows)
    assert held["status"].to_list() == ["already_created", "duplicate"]
    assert held["attempts"].to_list() == [1, 1]
    story.resolve(Choice.SEND, held["idempotency_key"][1])
    assert story.run(*rows) == ["already_created", "created"]


def test_send_releases_a_conflict_that_was_settled_as_not_created(story: Story) -> None:
    [key] = story.results(bought(1), outcomes=[IN_DOUBT])["idempotency_key"]
    story.resolve(Choice.NOT_CREATED, key)
    assert story.run(bought(1, "11"), file="april.csv") == ["created"]
    assert story.run(bought(1)) == ["conflict"]
    story.resolve(Choice.SEND, key)
    assert story.run(bought(1)) == ["created"]


def test_a_duplicate_that_is_in_conflict_too_tells_both_before_it_is_released(
    story: Story,
) -> None:
    story.run(bought(1, "11"), file="january.csv")
    rows = [bought(1), bought(1)]
    held = story.results(*rows, file="february.csv")
    assert held["status"].to_list() == ["conflict", "duplicate"]
    assert "stands in row 2" in held["error"][1]
    assert "january.csv, row 2" in held["error"][1]
    story.resolve(Choice.SEND, held["idempotency_key"][1])
    assert story.run(*rows, file="february.csv") == ["conflict", "created"]
    assert story.run(*rows, file="february.csv") == ["duplicate", "already_created"]


def test_a_word_for_an_earlier_attempt_is_not_written_beside_the_next(story: Story) -> None:
    row = bought(1, resolution="not created")
    first = story.results(row, outcomes=[IN_DOUBT])
    assert first["resolution"].to_list() == [None]
    assert story.results(row)["resolution"].to_list() == [None]
    looked_at = row | {"carried_attempts": "1"}
    assert story.results(looked_at)["resolution"].to_list() == ["not created"]
    story.resolve(Choice.NOT_CREATED, first["idempotency_key"][0])
    again = story.results(row, outcomes=[IN_DOUBT])
    assert again.select("status", "resolution").row(0) == ("in_doubt", None)


# Rows without dates that meet another file's attempt


@pytest.mark.parametrize("found", [Choice.CREATED, Choice.NOT_CREATED])
def test_an_undated_row_that_meets_a_doubt_of_another_file_is_not_taken_for_it(
    found: Choice, story: Story
) -> None:
    [key] = story.results(undated(1), file="january.csv", outcomes=[IN_DOUBT])["idempotency_key"]
    rows = [undated(1), undated(3)]
    results = story.results(*rows, file="february.csv")
    assert results["error_code"].to_list() == ["undated-repeat", None]
    story.resolve(found, key)
    fed_back = as_results(results, *rows)
    status = "conflict" if found is Choice.CREATED else "created"
    assert story.run(*fed_back, file="february.results.csv") == [status, "already_created"]


def test_an_unsent_undated_row_whose_key_another_file_took_is_held(story: Story) -> None:
    january = [undated(1), undated(2)]
    results = story.results(*january, file="january.csv", outcomes=[NOT_APPLIED])
    assert story.run(undated(1), undated(3), file="february.csv") == ["created", "created"]
    assert story.run(*january, file="january.csv") == ["conflict", "already_created"]
    fed_back = as_results(results, *january)
    assert story.run(*fed_back, file="january.results.csv") == ["conflict", "already_created"]


# What is alike


@pytest.mark.parametrize(
    ("zone", "hour", "status"),
    [
        ("UTC", 9, "conflict"),
        ("UTC", -1, "created"),
        ("Asia/Tokyo", 9, "conflict"),
        ("Asia/Tokyo", -15, "created"),
    ],
)
def test_a_date_without_a_time_is_any_time_of_its_day(
    zone: str, hour: int, status: str, story: Story
) -> None:
    here = replace(story, zone=ZoneInfo(zone))
    midnight = day(2).replace(tzinfo=here.zone)
    here.run(bought(1, date=midnight), file="march.csv")
    assert here.run(bought(1, date=midnight + timedelta(hours=hour)), file="april.csv") == [status]


def test_two_absent_products_are_nothing_in_common(story: Story) -> None:
    story.run(bought(1, "10", product=None), file="march.csv")
    assert story.run(bought(1, "11", product=None), file="april.csv") == ["created"]
    assert story.run(bought(1, "11", product="Tea"), file="may.csv") == ["conflict"]


def test_created_rows_of_a_results_file_are_held_when_it_is_run_under_a_batch(story: Story) -> None:
    rows = [bought(1), bought(2)]
    fed = as_results(story.results(*rows), *rows)
    fed[1]["purchase_amount"] = "99"
    assert story.run(*fed, file="march.results.csv", batch="again") == ["conflict", "conflict"]


def test_a_row_that_was_not_reached_is_not_taken_for_an_equal_one_that_was_paid(
    story: Story,
) -> None:
    rows = [bought(1)] * 81
    keys = story.plan(*rows).keyed_rows["key"]
    story.under(allow_duplicates=True).run(*rows[:60])
    left = bought(1, key=keys[79], was="unsent")
    assert story.run(left, file="rest.csv") == ["conflict"]


def test_a_copy_that_was_not_applied_is_not_taken_for_the_row_it_was_copied_from(
    story: Story,
) -> None:
    [row] = as_results(story.results(bought(1)), bought(1))
    copied = story.under(allow_duplicates=True).results(row, row, outcomes=[NOT_APPLIED])
    assert copied["status"].to_list() == ["already_created", "unsent"]
    assert story.run(as_results(copied, row, row)[1], file="rest.csv") == ["conflict"]
