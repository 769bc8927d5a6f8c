"""Whole columns claim what one row after the other would."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from importer.ledger.contract import Choice, LedgerState
from importer.ledger.sqlite import SqliteLedger
from importer.planner.claiming import add_claims
from importer.planner.claims import Claimant, claim
from importer.planner.created import find_created, spell_created
from importer.planner.plan import Candidate, Policy, judge
from importer.reader.keys import add_keys, make_key
from tests.ledger.examples import NOON, SCOPE, begin, bring, deliver, digest, say

if TYPE_CHECKING:
    from importer.ledger.contract import Entry, Ledger

CONTENTS = [digest("one"), digest("two"), digest("three")]
IMPORTS = [b"this import", b"another one"]
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(CONTENTS),
        st.integers(1, 3),
        st.sampled_from([state for state in LedgerState if state is not LedgerState.SENDING]),
        st.sampled_from(IMPORTS),
    ),
    max_size=6,
    unique_by=lambda entry: entry[:2],
)
CARRIED = st.none() | st.builds(make_key, st.sampled_from(CONTENTS), st.integers(1, 3))
ROWS = st.lists(
    st.tuples(
        st.sampled_from(CONTENTS),
        CARRIED,
        st.sampled_from([None, "created", "unsent"]),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def fill(ledger: Ledger, entries: list[tuple[bytes, int, LedgerState, bytes]]) -> None:
    runs = [begin(ledger, content=content) for content in IMPORTS]
    for number, (content, occurrence, state, import_content) in enumerate(entries, start=2):
        key = make_key(content, occurrence)
        delivery = deliver(number, key=key, content=content, occurrence=occurrence)
        bring(ledger, runs[IMPORTS.index(import_content)], delivery, state)


def frame(rows: list[tuple[bytes, str | None, str | None, bool, bool]]) -> pl.DataFrame:
    columns: dict[str, Any] = {
        "row": range(2, 2 + len(rows)),
        "content": [row[0] for row in rows],
        "carried_key": [row[1] for row in rows],
        "carried_status": [row[2] for row in rows],
        "date": [NOON if row[3] else None for row in rows],
        "identity_key": [b"order" if row[4] else None for row in rows],
    }
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "row": pl.UInt32,
        "content": pl.Binary,
        "carried_key": pl.String,
        "carried_status": pl.String,
        "date": pl.Datetime("us", "UTC"),
        "identity_key": pl.Binary,
    }
    return pl.DataFrame(columns, schema=schema)


@given(entries=ENTRIES, rows=ROWS)
def test_rows_claimed_plainly_claim_what_they_would_one_by_one(
    entries: list[tuple[bytes, int, LedgerState, bytes]],
    rows: list[tuple[bytes, str | None, str | None, bool, bool]],
) -> None:
    with closing(SqliteLedger.open(None)) as ledger:
        fill(ledger, entries)
        claimed = add_claims(frame(rows), ledger, SCOPE, lambda: IMPORTS[0])
        known = {entry.key: entry for entry in ledger.find_content(SCOPE, CONTENTS)}

    claimants: defaultdict[bytes, list[Claimant]] = defaultdict(list)
    for number, (content, key, status, dated, identified) in enumerate(rows, start=2):
        claimants[content].append(Claimant(number, key, status, dated or identified))
    expected = {}
    for content, some in claimants.items():
        of_content: list[Entry] = [entry for entry in known.values() if entry.content == content]
        for one in claim(content, some, of_content, IMPORTS[0]):
            expected[one.row] = one.occurrence
    assert dict(claimed.select("row", "occurrence").iter_rows()) == expected
    told = add_keys(claimed).select("key", "is_created", "asked")
    for key, is_created, asked in told.iter_rows():
        entry = known.get(key)
        assert not (is_created and asked)
        if is_created:
            assert entry is not None
            assert entry.state is LedgerState.CREATED
        elif not asked:
            assert entry is None


@given(
    entries=ENTRIES,
    claims=st.lists(st.tuples(st.sampled_from(CONTENTS), st.integers(1, 3)), unique=True),
    present=st.sampled_from([None, 1, 2]),
    settled=st.booleans(),
)
def test_created_rows_get_the_results_that_they_would_get_one_by_one(
    entries: list[tuple[bytes, int, LedgerState, bytes]],
    claims: list[tuple[bytes, int]],
    present: int | None,
    settled: bool,
) -> None:
    with closing(SqliteLedger.open(None)) as ledger:
        fill(ledger, entries)
        if settled:
            doubts = [say(one.key, Choice.CREATED, "found") for _, one in ledger.waiting(SCOPE)]
            ledger.resolve(SCOPE, doubts, file="results.csv")
        keys = [make_key(*one) for one in claims]
        rows = pl.DataFrame(
            [(row, *one) for row, one in enumerate(claims, start=2)],
            schema={"row": pl.UInt32, "content": pl.Binary, "occurrence": pl.UInt32},
            orient="row",
        )
        found = spell_created(find_created(rows, ledger, SCOPE, present))
        known = {entry.key: entry for entry in ledger.find(SCOPE, keys)}

    expected = []
    for row, key in enumerate(keys, start=2):
        entry = known.get(key)
        if entry is None or entry.state is not LedgerState.CREATED:
            continue
        told = judge(Candidate(row, key), entry, Policy(), run_id=present, now=NOON).result
        expected.append(
            {
                "row": row,
                "status": told.status.value,
                "purchase_id": told.purchase_id,
                "error_code": told.error_code,
                "error": told.error,
                "http_status": told.http_status,
                "attempts": told.attempts,
                "idempotency_key": told.key,
                "sent_at": told.sent_at,
            }
        )
    assert [dict(sorted(row.items())) for row in found.to_dicts()] == [
        dict(sorted(row.items())) for row in expected
    ]
