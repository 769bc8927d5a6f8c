"""Random histories of files, edits, doubts and words: nobody is paid more often than asked for."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import polars as pl
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from importer.ledger.contract import Choice, Intent, LedgerState, Settlement
from importer.planner.deliveries import make_deliveries
from importer.planner.planner import make_plan
from importer.reconciler.reconciler import reconcile
from tests.planner.stories import (
    FAULTS,
    IN_DOUBT,
    JUDGED,
    NOT_APPLIED,
    REFUSED,
    Story,
    applied,
    as_results,
    bought,
    lead,
    rows_of,
    undated,
    whole,
)

if TYPE_CHECKING:
    from importer.planner.planner import Plan

Row: TypeAlias = dict[str, Any]
Purchase: TypeAlias = tuple[object, ...]

PURCHASES: Final = (
    bought(1),
    undated(1),
    bought(1, "20"),
    undated(2, order="O-1"),
    bought(3, order=""),
)
VALUES: Final = ("lead_id", "purchase_amount", "date", "identity")
"""What tells the PURCHASES apart."""

OUTCOMES: Final = {
    "applied": None,
    "in doubt, applied": IN_DOUBT,
    "in doubt, not applied": IN_DOUBT,
    "not applied": NOT_APPLIED,
    "refused": REFUSED,
}
APPLIED: Final = frozenset({"applied", "in doubt, applied"})

kinds = st.sampled_from([0, 0, 0, 1, 2, 3, 4])
outcomes = st.lists(st.sampled_from(sorted(OUTCOMES)), max_size=3)
files = st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2, 3, 5])
"""A file, counted back from the newest: most histories are about one file that goes on."""
places = st.integers(0, 4)
"""A row of a file, by its number modulo their count."""


def purchase_of(row: Row) -> Purchase:
    return (row["lead_id"], row["purchase_amount"], row["date"], tuple(row["identity"] or ()))


class Histories(RuleBasedStateMachine):
    """Files of one scope and what people do to them, beside the truth about Keen.

    A row remembers the purchase that it was written for (`origin`). A purchase may be paid once
    when a file asks for it, as often as a file asks for it under --allow-duplicates, and once
    more for each key to which a person said `send`; whatever a paid row is edited into is an
    amendment and may only be paid on such a word, or in another row's stead. Everything else may
    happen to a file: run in part or again, sorted, cut, copied, joined, its keys removed, its
    cells broken, edited and mended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.files: list[list[Row]] = []
        self.paid: Counter[str] = Counter()
        """Key → how often Keen applied it."""
        self.paid_for: Counter[Purchase] = Counter()
        self.asked: Counter[Purchase] = Counter()
        self.released: defaultdict[Purchase, set[str]] = defaultdict(set)
        self.doubts: dict[str, bool] = {}
        """Key in doubt → whether Keen applied it."""
        self.leads = 100

    def teardown(self) -> None:
        self.story.close()

    def file(self, number: int) -> list[Row]:
        """Return copies of a file's rows."""
        return [dict(row) for row in self.files[-1 - number % len(self.files)]]

    # What people do to files

    @initialize(drawn=st.lists(kinds, min_size=1, max_size=3), coming=outcomes)
    def begin(self, drawn: list[int], coming: list[str]) -> None:
        self.write(drawn)
        self.run(0, coming, limit=None, allow_duplicates=False, retry_rejected=False, kept=False)

    @rule(drawn=st.lists(kinds, min_size=1, max_size=3))
    def write(self, drawn: list[int]) -> None:
        rows = [{**PURCHASES[kind], "origin": purchase_of(PURCHASES[kind])} for kind in drawn]
        for row in rows:
            self.asked[row["origin"]] = max(1, self.asked[row["origin"]])
        self.files.append(rows)

    @rule(number=files, kept=st.lists(places, min_size=1, max_size=4))
    def sort_cut_or_copy(self, number: int, kept: list[int]) -> None:
        rows = self.file(number)
        self.files.append([dict(rows[place % len(rows)]) for place in kept])

    @rule(one=files, other=files)
    def join(self, one: int, other: int) -> None:
        self.files.append([*self.file(one), *self.file(other)][:5])

    @rule(number=files)
    def remove_keys(self, number: int) -> None:
        rows = self.file(number)
        if all(row["origin"] == purchase_of(row) for row in rows):
            nothing = dict.fromkeys(("carried_key", "carried_status", "carried_code"))
            self.files.append([row | nothing for row in rows])

    @rule(number=files, place=places, into=st.sampled_from(["new", "back", 0, 1, 2]))
    def edit(self, number: int, place: int, into: str | int) -> None:
        rows = self.file(number)
        row = rows[place % len(rows)]
        untouched = purchase_of(row) == row["origin"]
        if untouched and not self.paid[row.get("carried_key") or ""]:
            return  # a row that was never paid may become whatever it likes
        if into == "new":
            self.leads += 1
            row["lead_id"] = lead(self.leads)
        elif into == "back":
            *values, order = row["origin"]
            row.update(zip(VALUES, (*values, list(order) or None), strict=True))
        else:
            row.update({name: PURCHASES[int(into)][name] for name in VALUES})
        self.files.append(rows)

    @rule(number=files, place=places)
    def break_or_mend(self, number: int, place: int) -> None:
        rows = self.file(number)
        row = rows[place % len(rows)]
        row["valid"] = not row["valid"]
        self.files.append(rows)

    @rule(number=files, place=places)
    def say_send(self, number: int, place: int) -> None:
        rows = self.file(number)
        row_number = place % len(rows) + 2
        planned = make_plan(
            *rows_of(_judged(rows)), self.story.ledger, self.story.view()
        ).keyed_rows
        held = pl.col("status").is_in(["duplicate", "conflict"])
        for key in planned.filter(held, row=row_number)["key"]:
            self.released[purchase_of(rows[row_number - 2])].add(key)
            self.story.resolve(Choice.SEND, key)

    @precondition(lambda self: self.doubts)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.doubts)))
        self.story.resolve(Choice.CREATED if self.doubts.pop(key) else Choice.NOT_CREATED, key)

    # What the importer does

    @rule(number=files)
    def run_as_usual(self, number: int) -> None:
        self.run(number, [], limit=None, allow_duplicates=False, retry_rejected=False, kept=False)

    @rule(
        number=files,
        coming=outcomes,
        limit=st.sampled_from([None, None, 1]),
        allow_duplicates=st.booleans(),
        retry_rejected=st.booleans(),
        kept=st.booleans(),
    )
    def run(  # noqa: PLR0917 - what a run is told
        self,
        number: int,
        coming: list[str],
        limit: int | None,
        allow_duplicates: bool,
        retry_rejected: bool,
        kept: bool,
    ) -> None:
        """Run a file, prove its results; they come to the files, or in the file's place."""
        rows = self.file(number)
        told = self.story.under(allow_duplicates=allow_duplicates, retry_rejected=retry_rejected)
        if allow_duplicates:
            for origin, count in Counter(
                row["origin"] for row in rows if row["valid"] and row["origin"] == purchase_of(row)
            ).items():
                self.asked[origin] = max(self.asked[origin], count)
        judged = _judged(rows)
        plan = make_plan(*rows_of(judged), told.ledger, told.view())
        to_send = plan.to_send.head(len(rows) if limit is None else limit)
        run_id = self._send(rows, plan, to_send, coming)
        self.story.now += timedelta(days=1)
        results = whole(
            reconcile(judged, _faults(judged), plan, told.ledger, told.view(), run_id=run_id)
        )
        note(f"   results {results.select('status', 'idempotency_key').rows()}")
        self._prove_results(rows, results, plan, to_send)
        fed_back = as_results(results, *rows)
        if kept:
            self.files.append(fed_back)
        else:
            self.files[-1 - number % len(self.files)] = fed_back

    def _send(self, rows: list[Row], plan: Plan, to_send: pl.DataFrame, coming: list[str]) -> int:
        ledger, now = self.story.ledger, self.story.now
        ledger.remember_scope("keen", "http://127.0.0.1:1/")
        content = plan.import_content()
        _, run_id = ledger.begin_run(
            scope="keen", batch="", file="a.csv", content=content, plan="{}", at=now
        )
        outcomes_left = iter(coming)
        *_, typed = rows_of(_judged(rows))
        whole = typed.beside(to_send)
        for delivery in make_deliveries(whole, ledger, scope="keen", action="a"):
            kind = next(outcomes_left, "applied")
            note(f"   sends row {delivery.row} as {delivery.key}: {kind}")
            outcome = OUTCOMES[kind] or applied(delivery.key)
            ledger.commit(run_id, [Intent(delivery, now)])
            ledger.commit(run_id, [Settlement(delivery.key, delivery.row, outcome, now)])
            if kind in APPLIED:
                self.paid[delivery.key] += 1
                self.paid_for[purchase_of(rows[delivery.row - 2])] += 1
            if outcome is IN_DOUBT:
                self.doubts[delivery.key] = kind in APPLIED
        return run_id

    def _prove_results(
        self, rows: list[Row], results: pl.DataFrame, plan: Plan, to_send: pl.DataFrame
    ) -> None:
        assert results["row"].to_list() == list(range(2, len(rows) + 2))
        told = results.select("status", "idempotency_key").iter_rows()
        for row, (status, key) in zip(rows, told, strict=True):
            if status in {"created", "already_created"}:
                assert self.paid[key] == 1, "called created, and never paid"
                assert self.paid_for[purchase_of(row)], "called created by another purchase"
        not_sent = plan.rows.join(to_send, on="row", how="anti").select("row", "status")
        both = not_sent.join(results.select("row", "status"), on="row", suffix="_told")
        assert both["status"].equals(both["status_told"]), "plan and results disagree"

    @invariant()
    def no_key_is_paid_twice(self) -> None:
        assert all(times == 1 for times in self.paid.values())

    @invariant()
    def no_purchase_is_paid_more_often_than_asked_for(self) -> None:
        for purchase, times in self.paid_for.items():
            assert times <= self.asked[purchase] + len(self.released[purchase]), purchase

    @invariant()
    def the_ledger_knows_what_was_paid_or_doubts_it(self) -> None:
        for _, entry in self.story.ledger.entries():
            paid = self.paid[entry.key] == 1
            if entry.key in self.doubts:
                assert entry.state is LedgerState.IN_DOUBT
            else:
                assert paid == (entry.state is LedgerState.CREATED)


def _judged(rows: list[Row]) -> pl.DataFrame:
    told = [{name: row.get(name) for name in JUDGED} for row in rows]
    return pl.DataFrame(
        [{**row, "row": number} for number, row in enumerate(told, start=2)], schema=JUDGED
    )


def _faults(judged: pl.DataFrame) -> pl.DataFrame:
    broken = judged.filter(~pl.col("valid"))["row"]
    return pl.DataFrame(
        [{"row": row, "column": "Amount", "code": "x", "message": "x"} for row in broken],
        schema=FAULTS,
    )


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=250, stateful_step_count=14)
