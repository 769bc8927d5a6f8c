"""planner.bodies: whole columns spell what one request after another spells."""

from __future__ import annotations

from datetime import UTC
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.model import PurchaseField
from importer.planner.bodies import write_bodies
from importer.reader.validation import build_requests

ACTION = "create_purchase_custom"
SCHEMA = pl.Schema(
    dict.fromkeys((field.value for field in PurchaseField), pl.String())
    | {"date": pl.Datetime("us", "UTC"), "trigger_ids": pl.List(pl.String)}
)
IDS = st.uuids().map(str)
TEXTS = st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
AMOUNTS = st.decimals(-(10**9), 10**9, places=2).map(lambda amount: f"{amount.normalize():f}")
DATES = st.datetimes(timezones=st.just(UTC))
ROWS = st.tuples(
    IDS,
    TEXTS,
    TEXTS,
    st.none() | AMOUNTS,
    st.none() | DATES | DATES.map(lambda date: date.replace(microsecond=0)),
    st.none() | st.lists(IDS, max_size=3).map(sorted),
)


@given(st.lists(ROWS, max_size=6))
def test_columns_spell_the_very_bytes_of_single_requests(rows: list[tuple[object, ...]]) -> None:
    typed = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    single = [request.body(ACTION) for request in build_requests(typed)]
    assert write_bodies(typed, ACTION) == single


@pytest.mark.parametrize(
    "change",
    [
        {"lead_id": str(UUID(int=10)).upper()},
        {"lead_id": None},
        {"purchase_amount": "1e5"},
        {"purchase_amount": "05"},
        {"trigger_ids": [f"{{{UUID(int=1)}}}"]},
    ],
)
def test_what_is_not_canonical_is_a_bug_and_no_body(change: dict[str, object]) -> None:
    row = {"lead_id": str(UUID(int=10)), "purchase_amount": "1.5", "trigger_ids": None}
    sound = pl.DataFrame([row], schema=SCHEMA)
    assert write_bodies(sound, ACTION)
    with pytest.raises(ValueError, match="canonically"):
        write_bodies(pl.DataFrame([row | change], schema=SCHEMA), ACTION)


def test_every_character_that_json_escapes_comes_out_as_json_wants_it() -> None:
    characters = [chr(number) for number in range(0x300)]
    rows = [(str(UUID(int=1)), char, f"a{char}b", None, None, None) for char in characters]
    typed = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    single = [request.body('a "b" \\') for request in build_requests(typed)]
    assert write_bodies(typed, 'a "b" \\') == single
