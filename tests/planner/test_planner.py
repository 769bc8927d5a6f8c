"""What happens to purchases over months and many files: the stories behind key and guard."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    undated,
)

# The same rows again


def test_a_file_run_again_sends_nothing_and_names_the_earlier_purchase(story: Story) -> None:
    rows = [bought(1), bought(2)]
    first = story.results(*rows)
    again = story.results(*rows)
    assert first["status"].to_list() == ["created", "created"]
    assert again["status"].to_list() == ["already_created", "already_created"]
    assert again["purchase_id"].to_list() == first["purchase_id"].to_list()
    assert again["error"][1] == "Created by march.csv, row 3, on 2026-03-10; nothing was sent."
    assert len(story.sent) == 2


def test_results_stand_in_the_order_of_the_file_whatever_became_of_each_row(story: Story) -> None:
    rows = [bought(1, valid=False), bought(2), bought(3), bought(4, valid=False), bought(5)]
    told = story.results(*rows, outcomes=[REFUSED, applied("any"), IN_DOUBT])
    assert told.select("row", "status").rows() == [
        (2, "invalid"),
        (3, "rejected"),
        (4, "created"),
        (5, "invalid"),
        (6, "in_doubt"),
    ]


def test_the_same_rows_in_another_order_and_file_send_nothing(story: Story) -> None:
    rows = [undated(1), bought(2), undated(3, product="Cake")]
    story.run(*rows, file="march.csv")
    assert story.run(*reversed(rows), file="march.xlsx") == ["already_created"] * 3


def test_a_file_split_in_two_sends_each_row_once(story: Story) -> None:
    rows = [bought(number) for number in range(1, 7)]
    story.run(*rows[:3], file="part-1.csv")
    story.run(*rows[3:], file="part-2.csv")
    assert story.run(*rows, file="whole.csv") == ["already_created"] * 6


def test_a_stopped_run_goes_on_where_it_stopped(story: Story) -> None:
    rows = [bought(1), bought(2)]
    assert story.run(*rows, outcomes=[NOT_APPLIED]) == ["unsent", "created"]
    assert story.run(*rows) == ["created", "already_created"]
    assert story.sent[0] == story.sent[2]


# Equal rows


def test_the_second_of_two_equal_rows_is_held(story: Story) -> None:
    results = story.results(bought(1), bought(1))
    assert results["status"].to_list() == ["created", "duplicate"]
    assert "row 2" in results["error"][1]


def test_equal_rows_go_out_once_each_when_allowed_and_never_again(story: Story) -> None:
    rows = [bought(1), bought(1)]
    assert story.under(allow_duplicates=True).run(*rows) == ["created", "created"]
    assert len(set(story.sent)) == 2
    assert story.run(*rows) == ["already_created", "already_created"]


def test_one_of_two_held_equal_rows_is_released_by_a_person(story: Story) -> None:
    rows = [bought(1), bought(1), bought(1)]
    held = story.results(*rows)
    story.resolve(Choice.SEND, held["idempotency_key"][2])
    assert story.run(*rows) == ["already_created", "duplicate", "created"]
    assert story.run(*rows) == ["already_created", "duplicate", "already_created"]


def test_results_of_equal_rows_fed_back_in_part_keep_their_own_occurrence(story: Story) -> None:
    rows = [bought(1), bought(1), bought(1)]
    results = story.under(allow_duplicates=True).results(*rows)
    fed_back = as_results(results, *rows)[2:]
    assert story.plan(*fed_back).rows["occurrence"].to_list() == [3]
    assert story.run(*fed_back) == ["already_created"]


def test_a_row_copied_in_the_results_file_is_held_as_a_duplicate(story: Story) -> None:
    [row] = as_results(story.results(bought(1)), bought(1))
    assert story.run(row, row) == ["already_created", "duplicate"]
    assert len(story.sent) == 1


def test_an_equal_row_beside_a_carried_key_takes_the_lowest_unclaimed_occurrence(
    story: Story,
) -> None:
    rows = [bought(1), bought(1)]
    second = as_results(story.under(allow_duplicates=True).results(*rows), *rows)[1]
    assert story.plan(bought(1), second).rows["occurrence"].to_list() == [1, 2]


# A fixed row sent back


def test_fixed_rows_of_a_results_file_go_out_and_created_ones_do_not(story: Story) -> None:
    rows = [undated(1), undated(2, valid=False), undated(3, product="Cake")]
    results = story.results(*rows)
    assert results["status"].to_list() == ["created", "invalid", "created"]
    fed_back = as_results(results, *rows)
    fed_back[1]["valid"] = True
    assert story.run(*fed_back, file="march.results.csv") == [
        "already_created",
        "created",
        "already_created",
    ]


def test_a_rejected_row_is_shown_again_and_sent_only_on_request(story: Story) -> None:
    rows = [bought(1)]
    assert story.run(*rows, outcomes=[REFUSED]) == ["rejected"]
    assert story.run(*rows) == ["rejected"]
    assert len(story.sent) == 1
    assert story.under(retry_rejected=True).run(*rows) == ["created"]


def test_a_rejected_row_corrected_by_hand_goes_out_under_its_own_key(story: Story) -> None:
    results = story.results(bought(1), outcomes=[REFUSED])
    [row] = as_results(results, bought(1))
    assert story.run({**row, **bought(2), "carried_key": row["carried_key"]}) == ["created"]


@pytest.mark.parametrize(
    "amended",
    [bought(1, "99"), bought(1, product="Cake"), bought(2), bought(1, date=day(9)), undated(5)],
)
def test_a_created_row_amended_in_its_results_file_is_held_and_stays_held(
    story: Story, amended: dict[str, object]
) -> None:
    [row] = as_results(story.results(bought(1)), bought(1))
    amended = {**row, **amended, "carried_key": row["carried_key"]}
    for _ in range(2):
        results = story.results(amended, file="march.results.csv")
        assert results["status"].to_list() == ["conflict"]
        assert results["error_code"].to_list() == ["amended"]
        [amended] = as_results(results, amended)
    assert len(story.sent) == 1


def test_an_amended_row_goes_out_once_when_a_person_says_send(story: Story) -> None:
    [row] = as_results(story.results(bought(1)), bought(1))
    amended = {**row, "purchase_amount": "99"}
    story.resolve(Choice.SEND, story.plan(amended).keyed_rows["key"][0])
    assert story.run(amended) == ["created"]
    assert story.run(amended) == ["already_created"]
    assert len(story.sent) == 2


def test_a_broken_cell_in_a_created_row_does_not_lose_its_key(story: Story) -> None:
    [row] = as_results(story.results(bought(1)), bought(1))
    [broken] = as_results(story.results({**row, "valid": False}), {**row, "valid": False})
    assert broken["carried_status"] == "invalid"
    assert story.run({**broken, "valid": True, "purchase_amount": "99"}) == ["conflict"]


def test_keys_of_a_ledger_that_is_not_this_one_stop_the_run(story: Story) -> None:
    [row] = as_results(story.results(bought(1)), bought(1))
    with closing(Story()) as elsewhere, pytest.raises(GuardError, match="another ledger"):
        elsewhere.plan(row)


def test_results_of_another_scope_are_new_purchases_here(story: Story) -> None:
    [row] = as_results(story.results(bought(1)), bought(1))
    assert replace(story, scope="sandbox").run(row) == ["created"]
    assert len(set(story.sent)) == 2


# A monthly export without dates


def test_next_months_export_without_dates_is_held_not_taken_for_the_last(story: Story) -> None:
    story.run(undated(1), undated(2), file="january.csv")
    february = [undated(1), undated(2), undated(3)]
    results = story.results(*february, file="february.csv")
    assert results["status"].to_list() == ["conflict", "conflict", "created"]
    assert results["error_code"][0] == "undated-repeat"
    assert "january.csv, row 2" in results["error"][0]
    assert "--batch" in results["error"][0]


def test_an_undated_repeat_goes_out_once_when_a_person_says_send(story: Story) -> None:
    story.run(undated(1), file="january.csv")
    february = [undated(1), undated(2, product="Cake")]
    results = story.results(*february, file="february.csv")
    content = story.plan(*february).import_content()
    story.resolve(Choice.SEND, results["idempotency_key"][0], content=content)
    assert story.run(*february, file="february.csv") == ["created", "already_created"]
    assert story.run(*february, file="february.csv") == ["already_created", "already_created"]
    assert story.run(undated(1), file="january.csv") == ["already_created"]
    assert len(story.sent) == len(set(story.sent)) == 3


def test_a_word_on_one_files_undated_row_sends_no_other_files(story: Story) -> None:
    story.run(undated(1), file="january.csv")
    february, march = [undated(1), undated(2)], [undated(1), undated(3)]
    held = story.results(*february, file="february.csv")
    later = story.results(*march, file="march.csv")
    assert held["idempotency_key"][0] == later["idempotency_key"][0]
    content = story.plan(*february).import_content()
    story.resolve(Choice.SEND, held["idempotency_key"][0], content=content)
    assert story.run(*march, file="march.csv") == ["conflict", "already_created"]
    carried = as_results(later, *march)
    assert story.run(*carried, file="march.results.csv") == ["conflict", "already_created"]
    assert story.run(*february, file="february.csv") == ["created", "already_created"]
    assert story.run(*march, file="march.csv") == ["conflict", "already_created"]


def test_a_word_on_an_undated_row_is_for_the_file_as_it_was(story: Story) -> None:
    story.run(undated(1), file="january.csv")
    february = [undated(1), undated(2), undated(3, valid=False)]
    held = story.results(*february, file="february.csv")
    content = story.plan(*february).import_content()
    story.resolve(Choice.SEND, held["idempotency_key"][0], content=content)
    said, *others, broken = as_results(held, *february)
    mended = [said | {"resolution": "send"}, *others, broken | {"valid": True}]
    assert story.run(*mended) == ["conflict", "already_created", "created"]
    assert story.run(*february) == ["created", "already_created", "invalid"]


def test_a_word_on_an_undated_row_lapses_once_another_file_made_the_purchase(story: Story) -> None:
    story.run(undated(1), file="january.csv")
    february, march = [undated(1), undated(2)], [undated(1), undated(3)]
    for rows in (february, march):
        key = story.results(*rows)["idempotency_key"][0]
        content = story.plan(*rows).import_content()
        story.resolve(Choice.SEND, key, content=content)
    assert story.run(*march) == ["created", "already_created"]
    assert story.run(*february) == ["conflict", "already_created"]


def test_words_on_equal_undated_rows_of_one_file_all_count(story: Story) -> None:
    story.run(undated(1), file="january.csv")
    february = [undated(1), undated(1), undated(2)]
    held = story.results(*february, file="february.csv")
    content = story.plan(*february).import_content()
    story.resolve(Choice.SEND, *held["idempotency_key"][:2], content=content)
    left = story.run(*february, outcomes=[applied("k"), NOT_APPLIED])
    assert left == ["created", "unsent", "already_created"]
    assert story.run(*february) == ["already_created", "created", "already_created"]


def test_a_word_on_a_dated_row_counts_wherever_the_row_stands(story: Story) -> None:
    twice = [bought(1), bought(1)]
    held = story.results(*twice)
    content = story.plan(*twice).import_content()
    story.resolve(Choice.SEND, held["idempotency_key"][1], content=content)
    assert story.run(*twice, bought(2)) == ["already_created", "created", "created"]
    assert story.run(*twice) == ["already_created", "already_created"]


def test_a_held_undated_repeat_stays_held_when_its_results_file_is_run(story: Story) -> None:
    story.run(undated(1), file="january.csv")
    rows = [undated(1), undated(2, product="Cake")]
    for _ in range(2):
        results = story.results(*rows, file="february.results.csv")
        assert results["status"][0] == "conflict"
        rows = as_results(results, *rows)
    assert len(story.sent) == 2


@pytest.mark.parametrize(
    "row", [undated(1, order="A-1"), bought(1, date=day(1))], ids=["order", "date"]
)
def test_a_date_or_an_order_number_tells_a_repeat_from_a_re_run(
    story: Story, row: dict[str, object]
) -> None:
    story.run(row, file="january.csv")
    assert story.run(row, bought(2), file="february.csv") == ["already_created", "created"]


def test_next_month_with_order_numbers_goes_out_without_dates(story: Story) -> None:
    story.run(undated(1, order="A-1"), file="january.csv")
    assert story.run(undated(1, order="A-2"), file="february.csv") == ["created"]


def test_next_month_under_a_batch_goes_out(story: Story) -> None:
    story.run(undated(1), file="january.csv")
    assert story.run(undated(1), file="february.csv", batch="2026-02") == ["created"]
    assert story.run(undated(1), file="february.csv", batch="2026-02") == ["already_created"]


# Amended or repeated in another file


@pytest.mark.parametrize(
    ("later", "code"),
    [
        (bought(1, "11"), "similar-purchase"),
        (bought(1, "10", product="Cake"), "similar-purchase"),
        (bought(1, "11", product="Cake"), None),
        (bought(1, "11", date=day(2)), None),
        (bought(2, "11"), None),
        (undated(1, "11"), None),
    ],
)
def test_a_purchase_like_one_of_another_file_is_held(
    story: Story, later: dict[str, object], code: str | None
) -> None:
    story.run(bought(1, "10"), file="march.csv")
    results = story.results(later, file="march-corrected.csv")
    assert results["error_code"].to_list() == [code]
    assert results["status"].to_list() == ["created" if code is None else "conflict"]


def test_two_line_items_of_one_order_go_out_together_and_alone_after_a_stop(
    story: Story,
) -> None:
    order = [bought(1, "10", order="A-1"), bought(1, "20", order="A-1", product="Cake")]
    assert story.run(*order, outcomes=[None, NOT_APPLIED]) == ["created", "unsent"]  # type: ignore[list-item]
    assert story.run(*order) == ["already_created", "created"]


def test_an_order_number_with_other_values_in_another_file_is_held(story: Story) -> None:
    story.run(bought(1, "10", order="A-1"), file="march.csv")
    results = story.results(bought(1, "10", order="A-1", date=day(2)), file="april.csv")
    assert results["error_code"].to_list() == ["same-identity"]


def test_other_order_numbers_tell_similar_purchases_apart(story: Story) -> None:
    story.run(bought(1, order="A-1"), file="march.csv")
    assert story.run(bought(1, order="A-2"), file="april.csv") == ["created"]


def test_old_purchases_without_order_numbers_hold_similar_ones_with(story: Story) -> None:
    story.run(bought(1), file="may.csv")
    assert story.run(bought(1, order="A-1"), file="june.csv") == ["conflict"]


def test_the_guard_sees_what_is_in_doubt_but_not_what_was_never_applied(story: Story) -> None:
    story.run(bought(1), bought(2), file="march.csv", outcomes=[IN_DOUBT, REFUSED])
    assert story.run(bought(1, "11"), bought(2, "11"), file="april.csv") == ["conflict", "created"]


def test_a_held_purchase_is_free_when_the_doubtful_one_is_settled_as_not_created(
    story: Story,
) -> None:
    [key] = story.results(bought(1), outcomes=[IN_DOUBT])["idempotency_key"]
    story.resolve(Choice.NOT_CREATED, key)
    assert story.run(bought(1, "11"), file="april.csv") == ["created"]


# Doubt


def test_a_row_in_doubt_is_never_sent_again_until_a_person_settles_it(story: Story) -> None:
    results = story.results(bought(1), bought(2), outcomes=[IN_DOUBT, IN_DOUBT])
    assert story.run(bought(1), bought(2)) == ["in_doubt", "in_doubt"]
    one, two = results["idempotency_key"]
    story.resolve(Choice.NOT_CREATED, one)
    story.resolve(Choice.CREATED, two, purchase_id="p-2")
    settled = story.results(bought(1), bought(2))
    assert settled["status"].to_list() == ["created", "already_created"]
    assert settled["purchase_id"][1] == "p-2"
    assert "ops settled this row as 'created'" in settled["error"][1]
    assert story.sent == [one, two, one]


def test_a_doubt_goes_out_again_only_while_every_attempt_is_covered_by_retention(
    story: Story,
) -> None:
    story.run(bought(1), outcomes=[IN_DOUBT])
    story.now -= timedelta(days=1)
    assert not story.under(key_retention=24).plan(bought(1)).to_send.height


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["10", "20"]), st.sampled_from([None, 1])),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_however_rows_are_shuffled_cut_and_repeated_no_key_goes_out_twice(
    drawn: list[tuple[int, str, int | None]], random: object
) -> None:
    with closing(Story()) as story:
        rows = [
            bought(number, amount, date=None if date is None else day(date))
            for number, amount, date in drawn
        ]
        for allow in (False, True, False):
            random.shuffle(rows)  # type: ignore[attr-defined]
            story.under(allow_duplicates=allow).run(*rows)
            story.under(allow_duplicates=allow).run(*rows[: len(rows) // 2])
        assert len(story.sent) == len(set(story.sent))
        again = story.results(*rows)
        assert set(again["status"]) <= {"already_created"}
