"""Results that cannot be proven are not told: each proof meets what it is there to find."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from importer.errors import ResultsError
from importer.planner.planner import Plan, make_plan
from importer.reconciler.reconciler import reconcile
from tests.planner.stories import FAULTS, JUDGED, Story, bought, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS = (bought(1, "10"), bought(2, "20"), bought(3, "30"))


def forget_row(plan: Plan) -> Plan:
    return replace(plan, rows=plan.rows.head(2))


def tell_row_twice(plan: Plan) -> Plan:
    return replace(plan, rows=pl.concat([plan.rows, plan.rows.tail(1)]))


def give_row_the_key_of_another(plan: Plan) -> Plan:
    first = plan.rows["content"].gather([0, 0, 2])
    return replace(plan, rows=plan.rows.with_columns(first))


def change_amount(plan: Plan) -> Plan:
    amounts = pl.Series("purchase_amount", ["10", "20", "30.01"])
    return replace(plan, rows=plan.rows.with_columns(amounts))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (forget_row, "the rows of the results are not the rows of the file"),
        (tell_row_twice, "0 invalid and 4 planned rows do not add up"),
        (give_row_the_key_of_another, "two created rows share one key"),
        (change_amount, "the amounts do not add up to the plan's"),
    ],
)
def test_results_that_do_not_fit_the_file_and_its_plan_are_refused(
    story: Story, change: Callable[[Plan], Plan], told: str
) -> None:
    story.run(*ROWS)
    rows = [{"row": number, **row} for number, row in enumerate(ROWS, start=2)]
    judged = pl.DataFrame(rows, schema=JUDGED)
    plan = change(make_plan(*rows_of(judged), story.ledger, story.view()))
    faults = pl.DataFrame(schema=FAULTS)

    with pytest.raises(ResultsError, match=told) as refused:
        reconcile(judged, faults, plan, story.ledger, story.view(), run_id=None)

    assert refused.value.code == "unproven"


@pytest.fixture
def story() -> Iterator[Story]:
    with closing(Story()) as told:
        yield told
