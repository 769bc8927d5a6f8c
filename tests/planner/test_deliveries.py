"""Deliveries of planned rows: what the ledger is asked, and what it knew."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import polars as pl

from importer.model import Next, Outcome, Verdict
from importer.planner.deliveries import make_deliveries
from tests.planner.stories import JUDGED, Story, bought, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.ledger.contract import Entry
    from importer.ledger.sqlite import SqliteLedger

UNREACHED = Outcome(Verdict.NOT_APPLIED, Next.RETRY, "no-connection", "No byte left.")


class Asked:
    """A ledger that notes for which keys it is asked."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self.ledger = ledger
        self.keys: list[str] = []

    def find(self, scope: str, keys: Iterable[str]) -> Iterator[Entry]:
        asked = list(keys)
        self.keys += asked
        return self.ledger.find(scope, asked)

    def body(self, scope: str, key: str) -> bytes | None:
        return self.ledger.body(scope, key)


def test_the_ledger_is_asked_only_for_rows_that_the_plan_says_it_may_know() -> None:
    with closing(Story()) as story:
        story.run(bought(1), bought(2), bought(3), outcomes=[UNREACHED])
        (unsent, *_) = story.sent
        again = [bought(4), bought(3), bought(2), bought(1), bought(5)]

        plan = story.plan(*again)
        judged = pl.DataFrame(
            [{"row": number, **row} for number, row in enumerate(again, start=2)], schema=JUDGED
        )
        *_, typed = rows_of(judged)
        ledger = Asked(story.ledger)
        deliveries = list(
            make_deliveries(typed.beside(plan.to_send), ledger, scope="keen", action="a")  # type: ignore[arg-type]  # only what is used
        )

    assert [(one.row, one.attempts) for one in deliveries] == [(2, 0), (5, 1), (6, 0)]
    assert ledger.keys == [unsent] == [deliveries[1].key]
