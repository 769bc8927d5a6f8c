"""What every ledger must do. A subclass gives the fixture `ledger`, an open and empty one."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from importer.errors import LedgerError, LedgerWriteError
from importer.ledger.contract import (
    TRANSITIONS,
    Cause,
    Choice,
    Intent,
    LedgerState,
    Release,
    Settlement,
)
from importer.ledger.records import pack_instant
from importer.model import Next, Outcome, PurchaseRequest, Verdict
from tests.ledger.examples import (
    APPLIED,
    NOON,
    NOT_APPLIED,
    REFUSED,
    SCOPE,
    UNPROVEN,
    apply,
    begin,
    bring,
    deliver,
    digest,
    entry_of,
    intend,
    minutes,
    say,
    settle,
    uuid,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.ledger.contract import Ledger

STATES: list[LedgerState | None] = [None, *LedgerState]


class LedgerContract:
    """The suite."""

    def test_a_scope_is_blank_until_one_of_its_keys_is_recorded(self, ledger: Ledger) -> None:
        assert ledger.is_blank(SCOPE)
        run_id = begin(ledger)
        assert ledger.is_blank(SCOPE)
        ledger.commit(run_id, [intend(deliver(2))])
        assert not ledger.is_blank(SCOPE)
        assert ledger.is_blank("another")

    def test_a_scope_has_the_url_last_used_under_it(self, ledger: Ledger) -> None:
        assert ledger.scope_url("keen") is None
        ledger.remember_scope("keen", "https://one.example")
        ledger.remember_scope("keen", "https://two.example")
        ledger.remember_scope("demo", "http://localhost")

        assert ledger.scope_url("keen") == "https://two.example"
        assert ledger.scope_url("demo") == "http://localhost"

    def test_a_scope_known_by_a_run_alone_has_no_url(self, ledger: Ledger) -> None:
        begin(ledger)

        assert ledger.scope_url(SCOPE) is None

    def test_a_scope_has_its_latest_identity_settings(self, ledger: Ledger) -> None:
        assert ledger.identity_settings("keen") is None
        ledger.remember_identity_settings("keen", '{"columns":[]}')
        ledger.remember_identity_settings("demo", "{}")
        ledger.remember_identity_settings("keen", '{"columns":["order_id"]}')

        assert ledger.identity_settings("keen") == '{"columns":["order_id"]}'
        assert ledger.identity_settings("demo") == "{}"

    def test_runs_of_the_same_rows_are_one_import_whatever_the_file(self, ledger: Ledger) -> None:
        first, run = ledger.begin_run(
            scope="keen", batch="b", file="a.csv", content=b"rows", plan="{}", at=minutes(0)
        )
        again, other_run = ledger.begin_run(
            scope="keen", batch="b", file="b.xlsx", content=b"rows", plan="{}", at=minutes(1)
        )

        assert again == first
        assert (first.scope, first.batch, first.file) == ("keen", "b", "a.csv")
        assert (first.content, first.started_at) == (b"rows", minutes(0))
        assert other_run != run

    @pytest.mark.parametrize(
        "other", [{"scope": "demo"}, {"batch": "again"}, {"content": b"other rows"}]
    )
    def test_another_scope_batch_or_content_is_another_import(
        self, ledger: Ledger, other: dict[str, str | bytes]
    ) -> None:
        begin(ledger)
        begin(ledger, **other)  # type: ignore[arg-type]

        assert len(ledger.imports()) == 2

    def test_imports_come_newest_run_first_with_their_counts(self, ledger: Ledger) -> None:
        old = begin(ledger, content=b"old")
        bring(ledger, old, deliver(2), LedgerState.CREATED)
        bring(ledger, old, deliver(3), LedgerState.CREATED)
        bring(ledger, old, deliver(4), LedgerState.IN_DOUBT)
        ledger.end_run(old, exit_code=4, summary="{}", at=minutes(1))
        begin(ledger, content=b"dead", at=minutes(2))
        again = begin(ledger, content=b"old", at=minutes(3))
        bring(ledger, again, deliver(5), LedgerState.REJECTED)
        ledger.end_run(again, exit_code=3, summary="{}", at=minutes(4))

        newest, dead = ledger.imports()

        assert newest.imported.content == b"old"
        assert (newest.last_run_at, newest.exit_code) == (minutes(3), 3)
        assert newest.counts == {
            LedgerState.CREATED: 2,
            LedgerState.IN_DOUBT: 1,
            LedgerState.REJECTED: 1,
            LedgerState.SENDING: 0,
            LedgerState.UNSENT: 0,
        }
        assert (dead.imported.content, dead.exit_code) == (b"dead", None)
        assert ledger.imports(limit=1) == [newest]

    @pytest.mark.parametrize("amount", ["12.50", "12.5", "-0.01", "99999999999999999.99", "0"])
    def test_an_intent_keeps_every_value_as_it_is(self, ledger: Ledger, amount: str) -> None:
        run = begin(ledger, batch="spring", file="märz 🧾.csv")
        name = "Thé 'vert'; \u2028 100 %"
        request = PurchaseRequest(
            lead_id=UUID(uuid(99)),
            product_name=name,
            purchase_amount=Decimal(amount),
            date=datetime(2026, 3, 4, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=2))),
        )
        sent = deliver(17, occurrence=3, identity=digest("order 5"), request=request)
        ledger.commit(run, [intend(sent, minutes(0.001), retention=1.5)])

        entry = entry_of(ledger, sent.key)

        assert entry is not None
        assert (entry.key, entry.recipe, entry.batch) == (sent.key, 1, "spring")
        assert (entry.content, entry.occurrence) == (sent.content, 3)
        assert (entry.identity, entry.lead_id) == (digest("order 5"), uuid(99))
        assert entry.product == hashlib.sha256(name.encode()).hexdigest()
        assert entry.amount == amount
        assert entry.date == datetime(2026, 3, 3, 23, 2, 3, 456789, tzinfo=UTC)
        assert (entry.state, entry.attempts) == (LedgerState.SENDING, 1)
        assert entry.first_sent_at == entry.last_sent_at == minutes(0.001)
        assert entry.retention == 1.5
        assert (entry.file, entry.row, entry.run_id) == ("märz 🧾.csv", 17, run)
        assert entry.import_content == b"rows"
        assert entry.import_id == ledger.imports()[0].imported.id
        assert (entry.purchase_id, entry.http_status) == (None, None)
        assert (entry.code, entry.message) == (None, None)
        assert ledger.body(SCOPE, sent.key) == sent.body

    def test_an_intent_of_a_bare_request_has_no_optional_values(self, ledger: Ledger) -> None:
        bare = deliver(2, request=PurchaseRequest(lead_id=UUID(uuid(1))))
        ledger.commit(begin(ledger), [intend(bare)])

        entry = entry_of(ledger, bare.key)

        assert entry is not None
        assert (entry.product, entry.amount, entry.date, entry.identity) == (None,) * 4

    @pytest.mark.parametrize("outcome", [APPLIED, REFUSED, NOT_APPLIED, UNPROVEN])
    def test_an_outcome_is_kept_whole(self, ledger: Ledger, outcome: Outcome) -> None:
        run = begin(ledger)
        ledger.commit(run, [intend(deliver(2)), settle(deliver(2), outcome)])

        entry = entry_of(ledger, uuid(2))

        assert entry is not None
        assert entry.state is TRANSITIONS[settle(deliver(2), outcome).cause][1]
        assert entry.purchase_id == outcome.purchase_id
        assert entry.http_status == outcome.http_status
        assert (entry.code, entry.message) == (outcome.code, outcome.message)

    def test_an_answer_with_half_a_surrogate_pair_is_stored_all_the_same(
        self, ledger: Ledger
    ) -> None:
        run = begin(ledger)
        odd = Outcome(Verdict.APPLIED, Next.DONE, "created", "\ud83d!", 200, "id-\udc00\x00")
        ledger.commit(run, [intend(deliver(2)), settle(deliver(2), odd)])

        entry = entry_of(ledger, uuid(2))

        assert entry is not None
        assert entry.state is LedgerState.CREATED
        assert (entry.message, entry.purchase_id) == ("\\ud83d!", "id-\\udc00\x00")

    @pytest.mark.parametrize("cause", Cause)
    @pytest.mark.parametrize("state", STATES)
    def test_transitions_are_those_of_the_table(
        self, ledger: Ledger, state: LedgerState | None, cause: Cause
    ) -> None:
        run = begin(ledger)
        bring(ledger, run, deliver(2), state)
        before = entry_of(ledger, uuid(2))
        starts, end = TRANSITIONS[cause]

        if state in starts:
            apply(ledger, run, deliver(2), cause)
            after = entry_of(ledger, uuid(2))
            assert after is not None
            assert after.state is end
        elif cause is Cause.RUN_DIED:
            assert ledger.interrupted(minutes(1)) == 0
            assert entry_of(ledger, uuid(2)) == before
        else:
            with pytest.raises(LedgerError) as raised:
                apply(ledger, run, deliver(2), cause)
            assert uuid(2) in str(raised.value)
            assert state is None or repr(state.value) in str(raised.value)
            assert entry_of(ledger, uuid(2)) == before

    def test_a_group_with_one_illegal_change_changes_nothing(self, ledger: Ledger) -> None:
        run = begin(ledger)
        ledger.commit(run, [intend(deliver(2))])
        group: list[Intent | Settlement] = [
            settle(deliver(2), APPLIED),
            intend(deliver(3)),
            settle(deliver(4), APPLIED),
        ]
        with pytest.raises(LedgerWriteError) as raised:
            ledger.commit(run, group)

        entry = entry_of(ledger, uuid(2))
        assert raised.value.code == "illegal-transition"
        assert entry is not None
        assert entry.state is LedgerState.SENDING
        assert entry_of(ledger, uuid(3)) is None

    def test_a_key_is_never_intended_twice_in_a_group(self, ledger: Ledger) -> None:
        run = begin(ledger)
        with pytest.raises(LedgerWriteError):
            ledger.commit(run, [intend(deliver(2)), intend(deliver(2))])
        assert entry_of(ledger, uuid(2)) is None

    def test_a_group_is_applied_in_its_order(self, ledger: Ledger) -> None:
        run = begin(ledger)
        ledger.commit(run, [intend(deliver(2))])
        ledger.commit(run, [settle(deliver(2), NOT_APPLIED), intend(deliver(2), minutes(1))])

        entry = entry_of(ledger, uuid(2))
        assert entry is not None
        assert (entry.state, entry.attempts) == (LedgerState.SENDING, 2)

    def test_a_run_that_never_began_cannot_commit(self, ledger: Ledger) -> None:
        with pytest.raises(LedgerWriteError):
            ledger.commit(41, [intend(deliver(2))])

    def test_a_later_attempt_keeps_the_first_and_the_shortest_retention(
        self, ledger: Ledger
    ) -> None:
        first = begin(ledger, file="a.csv")
        ledger.commit(first, [intend(deliver(2), minutes(0), retention=24)])
        ledger.commit(first, [settle(deliver(2), REFUSED)])
        second = begin(ledger, file="b.csv", content=b"more rows")
        moved = deliver(2)._replace(row=30)
        ledger.commit(second, [intend(moved, minutes(5), retention=48)])

        entry = entry_of(ledger, uuid(2))

        assert entry is not None
        assert (entry.attempts, entry.retention) == (2, 24)
        assert (entry.first_sent_at, entry.last_sent_at) == (minutes(0), minutes(5))
        assert (entry.file, entry.row, entry.run_id) == ("b.csv", 30, second)
        assert entry.import_content == b"more rows"
        assert (entry.code, entry.message, entry.http_status) == (None, None, None)

    @pytest.mark.parametrize("state", [LedgerState.UNSENT, LedgerState.REJECTED])
    def test_a_body_may_change_while_no_attempt_was_applied(
        self, ledger: Ledger, state: LedgerState
    ) -> None:
        run = begin(ledger)
        bring(ledger, run, deliver(2), state)
        ledger.commit(run, [intend(deliver(2, action="create_purchase"))])

        assert ledger.body(SCOPE, uuid(2)) == deliver(2, action="create_purchase").body

    def test_a_doubt_goes_out_again_with_the_same_bytes_only(self, ledger: Ledger) -> None:
        run = begin(ledger)
        bring(ledger, run, deliver(2), LedgerState.IN_DOUBT)
        other = deliver(2, action="create_purchase")
        with pytest.raises(LedgerWriteError):
            ledger.commit(run, [Intent(other, minutes(1), Cause.RETENTION)])
        ledger.commit(run, [Intent(deliver(2), minutes(1), Cause.RETENTION, retention=1)])

        assert ledger.body(SCOPE, uuid(2)) == deliver(2).body

    @pytest.mark.parametrize("cause", [Cause.INTENT, Cause.RETENTION])
    @pytest.mark.parametrize("change", [{"content": b"other"}, {"occurrence": 2}])
    def test_a_key_never_names_another_purchase(
        self, ledger: Ledger, cause: Cause, change: dict[str, bytes | int]
    ) -> None:
        run = begin(ledger)
        state = LedgerState.UNSENT if cause is Cause.INTENT else LedgerState.IN_DOUBT
        bring(ledger, run, deliver(2), state)
        other = deliver(2, **change)  # type: ignore[arg-type]
        with pytest.raises(LedgerWriteError):
            ledger.commit(run, [Intent(other, minutes(1), cause)])

    def test_a_key_never_moves_to_another_batch(self, ledger: Ledger) -> None:
        bring(ledger, begin(ledger, batch="may"), deliver(2), LedgerState.UNSENT)
        with pytest.raises(LedgerWriteError):
            ledger.commit(begin(ledger, batch="june"), [intend(deliver(2))])

    @pytest.mark.parametrize("outcome", [NOT_APPLIED, REFUSED])
    def test_proof_about_a_later_attempt_does_not_settle_an_earlier_doubt(
        self, ledger: Ledger, outcome: Outcome
    ) -> None:
        run = begin(ledger)
        bring(ledger, run, deliver(2), LedgerState.IN_DOUBT)
        ledger.commit(run, [Intent(deliver(2), minutes(1), Cause.RETENTION)])
        ledger.commit(run, [settle(deliver(2), outcome)])

        entry = entry_of(ledger, uuid(2))

        assert entry is not None
        assert entry.state is LedgerState.IN_DOUBT
        assert "earlier attempt is still in doubt" in (entry.message or "")
        with pytest.raises(LedgerWriteError):
            ledger.commit(run, [intend(deliver(2), minutes(2))])

    def test_a_settled_doubt_casts_none_on_later_attempts(self, ledger: Ledger) -> None:
        run = begin(ledger)
        bring(ledger, run, deliver(2), LedgerState.IN_DOUBT)
        ledger.commit(run, [Intent(deliver(2), minutes(1), Cause.RETENTION)])
        ledger.commit(run, [settle(deliver(2), UNPROVEN)])
        ledger.resolve(SCOPE, [say(uuid(2), Choice.NOT_CREATED)], file="results.csv")
        ledger.commit(run, [intend(deliver(2), minutes(2)), settle(deliver(2), NOT_APPLIED)])

        entry = entry_of(ledger, uuid(2))

        assert entry is not None
        assert (entry.state, entry.attempts) == (LedgerState.UNSENT, 3)

    def test_what_a_dead_run_left_is_in_doubt_and_says_when_it_was_sent(
        self, ledger: Ledger
    ) -> None:
        run, demo = begin(ledger), begin(ledger, scope="demo")
        ledger.commit(run, [intend(deliver(2)), intend(deliver(3)), settle(deliver(3), APPLIED)])
        ledger.commit(demo, [intend(deliver(4), minutes(1))])

        assert ledger.interrupted(minutes(9)) == 2
        assert ledger.interrupted(minutes(9)) == 0

        left, created = entry_of(ledger, uuid(2)), entry_of(ledger, uuid(3))
        assert left is not None
        assert (left.state, left.code) == (LedgerState.IN_DOUBT, "interrupted")
        assert left.message == (
            "Sent at 2026-03-04T12:00:00Z; the program ended before the answer was stored."
        )
        assert created is not None
        assert created.state is LedgerState.CREATED

    def test_any_number_of_keys_is_found_each_once(self, ledger: Ledger) -> None:
        run = begin(ledger)
        sent = [deliver(row) for row in range(2, 1203)]
        ledger.commit(run, [intend(each) for each in sent])
        asked = [each.key for each in sent] * 2 + [uuid(5000), "", "no key", f"{{{uuid(2)}}}"]

        found = [entry.key for entry in ledger.find(SCOPE, asked)]

        assert sorted(found) == sorted(each.key for each in sent)

    def test_scopes_never_meet(self, ledger: Ledger) -> None:
        keen, demo = begin(ledger), begin(ledger, scope="demo")
        both = deliver(2, identity=b"order")
        bring(ledger, keen, both, LedgerState.CREATED)
        ledger.commit(demo, [intend(both)])

        assert [e.state for e in ledger.find("keen", [uuid(2)])] == [LedgerState.CREATED]
        assert [e.state for e in ledger.find("demo", [uuid(2)])] == [LedgerState.SENDING]
        assert [e.state for e in ledger.find_content("demo", [both.content])] == [
            LedgerState.SENDING
        ]
        similar = ledger.find_similar("demo", "", leads=[uuid(7)], identities=[b"order"])
        assert [e.state for e in similar] == [LedgerState.SENDING]
        assert list(ledger.purchase_ids("demo", ["purchase-1"])) == []
        assert list(ledger.find("never used", [uuid(2)])) == []
        assert ledger.body("never used", uuid(2)) is None

    def test_content_finds_every_occurrence(self, ledger: Ledger) -> None:
        run = begin(ledger)
        same = [deliver(row, content=b"same", occurrence=row - 1) for row in (2, 3, 4)]
        ledger.commit(run, [intend(each) for each in [*same, deliver(5)]])

        found = ledger.find_content(SCOPE, [b"same", b"unknown"])

        assert sorted(entry.occurrence for entry in found) == [1, 2, 3]

    @pytest.mark.parametrize("asked", [1, 12], ids=["looked up", "read through"])
    def test_standings_tell_what_of_the_asked_contents_stands(
        self, ledger: Ledger, asked: int
    ) -> None:
        mine, other = begin(ledger), begin(ledger, content=b"other rows")
        for number, state in enumerate(LedgerState, start=2):
            bring(ledger, mine, deliver(number, content=b"%d" % number), state)
        for number in range(8, 13):
            delivery = deliver(number, content=b"same", occurrence=number)
            bring(ledger, other, delivery, LedgerState.CREATED)
        bring(ledger, begin(ledger, scope="demo"), deliver(2, content=b"2"), LedgerState.CREATED)
        contents = [b"2", *(b"unknown %d" % number for number in range(asked))]
        for wanted in (contents, [b"same", *contents]):
            pages = ledger.standings(SCOPE, wanted, import_content=b"rows")
            found = {one for page in pages for one in page if one[0] in wanted}

            mine_told = {(b"2", 1, "sending", 1)}
            others = {(b"same", number, "created", 0) for number in range(8, 13)}
            assert found == (mine_told | others if b"same" in wanted else mine_told)

    def test_nothing_found_is_no_page(self, ledger: Ledger) -> None:
        run = begin(ledger)
        for number in range(2, 9):
            bring(ledger, run, deliver(number), LedgerState.REJECTED)

        assert list(ledger.standings(SCOPE, [b"unknown"], import_content=b"rows")) == []
        assert list(ledger.standings("never used", [b"unknown"] * 9, import_content=b"")) == []
        assert list(ledger.created(SCOPE, lambda: [uuid(2)], count=1)) == []
        assert list(ledger.created(SCOPE, lambda: map(uuid, range(2, 9)), count=7)) == []

    @pytest.mark.parametrize("at_once", [1, 5], ids=["looked up", "read through"])
    def test_created_entries_come_with_what_their_results_need(
        self, ledger: Ledger, at_once: int
    ) -> None:
        run = begin(ledger)
        for number, state in enumerate(LedgerState, start=2):
            bring(ledger, run, deliver(number), state)
        doubt = next(e for e in ledger.find(SCOPE, map(uuid, range(2, 7))) if e.state == "in_doubt")
        ledger.resolve(SCOPE, [say(doubt.key, Choice.CREATED, "found-1")], file="results.csv")
        bring(ledger, begin(ledger, scope="demo"), deliver(2), LedgerState.CREATED)
        keys = [uuid(number) for number in range(2, 7)]

        asked = [keys[start : start + at_once] for start in range(0, len(keys), at_once)]
        found = {
            one[0]: one
            for some in asked
            for page in ledger.created(SCOPE, partial(iter, some), count=len(some))
            for one in page
        }

        entries = {bytes.fromhex(key.replace("-", "")): entry_of(ledger, key) for key in keys}
        expected = {
            packed: (
                packed,
                entry.purchase_id,
                entry.http_status,
                entry.attempts,
                pack_instant(entry.last_sent_at),
                entry.file,
                entry.row,
                entry.message,
                entry.run_id,
            )
            for packed, entry in entries.items()
            if entry is not None and entry.state is LedgerState.CREATED
        }
        assert len(expected) == 2
        assert found == expected

    def test_created_entries_of_this_run_and_of_earlier_ones_come_once_each(
        self, ledger: Ledger
    ) -> None:
        earlier = begin(ledger)
        for number in range(2, 22):
            bring(ledger, earlier, deliver(number), LedgerState.CREATED)
        ledger.end_run(earlier, exit_code=0, summary="{}", at=minutes(9))
        present = begin(ledger)
        for number in range(22, 25):
            bring(ledger, present, deliver(number), LedgerState.CREATED)
        asked = [uuid(number) for number in (2, 21, 22, 24, 99)]
        found: Counter[str] = Counter()
        told = []

        def missing() -> list[str]:
            told.append(set(found))
            return [key for key in asked if key not in found]

        for page in ledger.created(SCOPE, missing, count=len(asked)):
            found.update(str(UUID(bytes=one[0])) for one in page)

        assert [found[key] for key in asked] == [1, 1, 1, 1, 0]
        assert sum(found.values()) < 20  # most of what nobody asked for was not read
        assert told == [{uuid(22), uuid(23), uuid(24)}]  # the newest first, the others by key

    @pytest.mark.parametrize("state", LedgerState)
    def test_similar_entries_are_those_that_may_have_been_applied(
        self, ledger: Ledger, state: LedgerState
    ) -> None:
        bring(ledger, begin(ledger), deliver(2, lead=1, identity=b"i"), state)
        telling = {LedgerState.CREATED, LedgerState.IN_DOUBT, LedgerState.SENDING}

        by_lead = list(ledger.find_similar(SCOPE, "", leads=[uuid(1)], identities=[]))
        by_identity = list(ledger.find_similar(SCOPE, "", leads=[], identities=[b"i"]))

        assert len(by_lead) == len(by_identity) == (state in telling)

    def test_an_entry_similar_in_two_ways_comes_once(self, ledger: Ledger) -> None:
        run = begin(ledger)
        ledger.commit(run, [intend(deliver(2, lead=1, identity=b"i"))])
        ledger.commit(run, [intend(deliver(3, lead=2, identity=b"i"))])
        ledger.commit(run, [intend(deliver(4, lead=3, identity=b"j"))])

        found = ledger.find_similar(SCOPE, "", leads=[uuid(1), "no lead"], identities=[b"i"])

        assert sorted(entry.row for entry in found) == [2, 3]

    def test_batches_are_never_similar(self, ledger: Ledger) -> None:
        ledger.commit(begin(ledger, batch="may"), [intend(deliver(2, lead=1))])

        assert list(ledger.find_similar(SCOPE, "", leads=[uuid(1)], identities=[])) == []
        assert len(list(ledger.find_similar(SCOPE, "may", leads=[uuid(1)], identities=[]))) == 1

    def test_keys_are_known_elsewhere_by_their_scope(self, ledger: Ledger) -> None:
        ledger.commit(begin(ledger), [intend(deliver(2)), intend(deliver(3))])
        ledger.commit(begin(ledger, scope="demo"), [intend(deliver(2))])

        known = ledger.elsewhere([uuid(2), uuid(3), uuid(4), "no key"])

        assert sorted(known) == [(uuid(2), "demo"), (uuid(2), "keen"), (uuid(3), "keen")]

    def test_purchase_ids_find_their_entries(self, ledger: Ledger) -> None:
        run = begin(ledger)
        bring(ledger, run, deliver(2), LedgerState.CREATED)
        bring(ledger, run, deliver(3), LedgerState.IN_DOUBT)
        bring(ledger, begin(ledger, scope="demo"), deliver(4), LedgerState.CREATED)

        found = ledger.purchase_ids(SCOPE, ["Purchase-1", "purchase-2"])

        assert [entry.row for entry in found] == [2]
        assert list(ledger.purchase_ids(SCOPE, ["purchase-2"])) == []
        assert list(ledger.purchase_ids(SCOPE, [])) == []

    def test_bodies_are_those_of_known_keys_only(self, ledger: Ledger) -> None:
        ledger.commit(begin(ledger), [intend(deliver(2))])

        assert ledger.body(SCOPE, uuid(2)) == deliver(2).body
        assert ledger.body(SCOPE, uuid(3)) is None
        assert ledger.body(SCOPE, "no key") is None

    def test_old_bodies_are_blanked_a_few_at_a_time_and_nothing_else(self, ledger: Ledger) -> None:
        run = begin(ledger)
        states = [*LedgerState, LedgerState.CREATED]
        for row, state in enumerate(states, 2):
            bring(ledger, run, deliver(row), state)
        before = dict(ledger.entries())

        assert ledger.blank_bodies(NOON, 9) == 0
        assert [ledger.blank_bodies(minutes(1), 3) for _ in range(3)] == [3, 1, 0]
        assert dict(ledger.entries()) == before
        kept = {LedgerState.SENDING, LedgerState.IN_DOUBT}
        for row, state in enumerate(states, 2):
            assert ledger.body(SCOPE, uuid(row)) == (deliver(row).body if state in kept else b"")

    def test_a_doubt_that_was_settled_late_is_blanked_late(self, ledger: Ledger) -> None:
        bring(ledger, begin(ledger), deliver(2), LedgerState.IN_DOUBT)
        assert ledger.blank_bodies(minutes(1), 9) == 0
        ledger.resolve(SCOPE, [say(uuid(2), Choice.NOT_CREATED)], file="results.csv")

        assert ledger.blank_bodies(minutes(60), 9) == 0
        assert ledger.blank_bodies(minutes(61), 9) == 1
        ledger.commit(begin(ledger), [intend(deliver(2), minutes(90))])
        assert ledger.body(SCOPE, uuid(2)) == deliver(2).body

    def test_every_entry_is_told_with_its_scope(self, ledger: Ledger) -> None:
        rows = range(2, 12_003)
        ledger.commit(begin(ledger), [intend(deliver(row)) for row in rows])
        ledger.commit(begin(ledger, scope="demo"), [intend(deliver(2))])

        told = sorted((scope, entry.row) for scope, entry in ledger.entries())

        assert told == [("demo", 2), *((SCOPE, row) for row in rows)]

    def test_a_sound_ledger_has_no_faults(self, ledger: Ledger) -> None:
        ledger.commit(begin(ledger), [intend(deliver(2))])

        assert ledger.faults() == []

    def test_doubts_wait_oldest_attempt_first(self, ledger: Ledger) -> None:
        keen, demo = begin(ledger), begin(ledger, scope="demo")
        for run, row, at in [(keen, 2, 5), (demo, 3, 1), (keen, 4, 3), (keen, 5, 2)]:
            ledger.commit(run, [intend(deliver(row), minutes(at))])
            ledger.commit(run, [settle(deliver(row), APPLIED if row == 5 else UNPROVEN)])

        assert [(s, e.row) for s, e in ledger.waiting()] == [("demo", 3), ("keen", 4), ("keen", 2)]
        assert [entry.row for _, entry in ledger.waiting("keen")] == [4, 2]

    @pytest.mark.parametrize("purchase_id", ["found-9", None])
    def test_a_person_who_found_the_purchase_makes_it_created(
        self, ledger: Ledger, purchase_id: str | None
    ) -> None:
        bring(ledger, begin(ledger), deliver(2), LedgerState.IN_DOUBT)
        ledger.resolve(SCOPE, [say(uuid(2), Choice.CREATED, purchase_id)], file="results.csv")

        entry = entry_of(ledger, uuid(2))

        assert entry is not None
        assert (entry.state, entry.purchase_id) == (LedgerState.CREATED, purchase_id)
        assert (entry.run_id, entry.file) == (0, "march.csv")
        assert (entry.code, entry.attempts) == ("resolved", 1)
        assert entry.message == "ana settled this row as 'created' on 2026-03-04T13:00:00Z."

    def test_a_person_who_missed_the_purchase_lets_it_be_sent_again(self, ledger: Ledger) -> None:
        run = begin(ledger)
        bring(ledger, run, deliver(2), LedgerState.IN_DOUBT)
        ledger.resolve(SCOPE, [say(uuid(2), Choice.NOT_CREATED)], file="results.csv")
        missed = entry_of(ledger, uuid(2))
        ledger.commit(run, [intend(deliver(2), minutes(61))])
        sent = entry_of(ledger, uuid(2))

        assert missed is not None
        assert (missed.state, missed.run_id) == (LedgerState.UNSENT, 0)
        assert sent is not None
        assert (sent.state, sent.run_id, sent.attempts) == (LedgerState.SENDING, run, 2)
        assert sent.first_sent_at == NOON

    def test_a_released_key_is_one_that_was_never_sent(self, ledger: Ledger) -> None:
        ledger.commit(begin(ledger), [intend(deliver(3))])
        for content in (b"january", b"february", None):
            said = replace(say(uuid(2), Choice.SEND), import_content=content)
            ledger.resolve(SCOPE, [said], file="results.csv")

        asked = [uuid(2), uuid(3), "no key"]
        assert ledger.released(SCOPE, asked) == {
            uuid(2): [
                Release(content, minutes(60), 1) for content in (b"january", b"february", None)
            ]
        }
        assert ledger.released("demo", asked) == {}
        assert entry_of(ledger, uuid(2)) is None
        with pytest.raises(LedgerError, match=r"march\.csv, row 3"):
            ledger.resolve(SCOPE, [say(uuid(3), Choice.SEND)], file="results.csv")

    @pytest.mark.parametrize(
        ("key", "choice"),
        [
            (uuid(3), Choice.CREATED),  # not in doubt
            (uuid(3), Choice.NOT_CREATED),
            (uuid(3), Choice.SEND),  # known
            (uuid(4), Choice.CREATED),  # unknown
            (uuid(4), Choice.NOT_CREATED),
            ("no key", Choice.SEND),
            (uuid(2), Choice.NOT_CREATED),  # said twice
        ],
    )
    def test_one_word_that_does_not_fit_settles_nothing(
        self, ledger: Ledger, key: str, choice: Choice
    ) -> None:
        run = begin(ledger)
        bring(ledger, run, deliver(2), LedgerState.IN_DOUBT)
        bring(ledger, run, deliver(3), LedgerState.CREATED)
        said = [say(uuid(2), Choice.CREATED), say(uuid(9), Choice.SEND), say(key, choice)]
        with pytest.raises(LedgerError, match=key) as raised:
            ledger.resolve(SCOPE, said, file="results.csv")

        entry = entry_of(ledger, uuid(2))
        assert not isinstance(raised.value, LedgerWriteError)
        assert entry is not None
        assert entry.state is LedgerState.IN_DOUBT
        assert ledger.released(SCOPE, [uuid(9)]) == {}

    @pytest.mark.parametrize(
        "call",
        [
            lambda ledger: ledger.scope_url(SCOPE),
            lambda ledger: ledger.remember_scope(SCOPE, ""),
            lambda ledger: ledger.identity_settings(SCOPE),
            lambda ledger: ledger.remember_identity_settings(SCOPE, ""),
            begin,
            lambda ledger: ledger.end_run(1, exit_code=0, summary="", at=NOON),
            lambda ledger: ledger.commit(1, [intend(deliver(2))]),
            lambda ledger: ledger.interrupted(NOON),
            lambda ledger: list(ledger.find(SCOPE, [uuid(2)])),
            lambda ledger: list(ledger.find_content(SCOPE, [b""])),
            lambda ledger: list(ledger.standings(SCOPE, [b""], import_content=b"")),
            lambda ledger: list(ledger.created(SCOPE, lambda: [uuid(2)], count=1)),
            lambda ledger: list(ledger.find_similar(SCOPE, "", leads=[uuid(2)], identities=[])),
            lambda ledger: list(ledger.elsewhere([uuid(2)])),
            lambda ledger: ledger.body(SCOPE, uuid(2)),
            lambda ledger: list(ledger.waiting()),
            lambda ledger: ledger.resolve(SCOPE, [say(uuid(2), Choice.SEND)], file=""),
            lambda ledger: ledger.released(SCOPE, [uuid(2)]),
            lambda ledger: list(ledger.purchase_ids(SCOPE, ["1"])),
            lambda ledger: ledger.imports(),
            lambda ledger: ledger.blank_bodies(NOON, 1),
            lambda ledger: list(ledger.entries()),
            lambda ledger: ledger.faults(),
        ],
    )
    def test_a_closed_ledger_refuses_every_call(
        self, ledger: Ledger, call: Callable[[Ledger], object]
    ) -> None:
        ledger.close()
        ledger.close()
        with pytest.raises(LedgerError, match="closed"):
            call(ledger)
