"""The key of recipe 1: frozen by golden vectors, blind to spelling, sharp for content."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.config import Config, FormatSection, IdentitySection
from importer.reader.identity import (
    add_contents,
    identity_settings,
    import_content,
    stand_alone,
)
from importer.reader.keys import make_key

LEAD = "6f1c7c3e-0a51-4b0e-9d2a-0d6a3c1f2b11"
TRIGGER = "0d9b2c8e-5a11-4a53-8f6f-9a1f2b3c4d5e"
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "lead_id": pl.String,
    "product_name": pl.String,
    "product_description": pl.String,
    "purchase_amount": pl.String,
    "date": pl.Datetime("us", "UTC"),
    "trigger_ids": pl.List(pl.String),
    "identity": pl.List(pl.String),
}


def row(**changes: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "row": 2,
        "lead_id": LEAD,
        "product_name": "Tea",
        "product_description": None,
        "purchase_amount": "12.5",
        "date": datetime(2026, 3, 4, tzinfo=UTC),
        "trigger_ids": None,
        "identity": None,
    }
    return plain | changes


def contents(*rows: dict[str, object], scope: str = "keen", batch: str = "") -> list[bytes]:
    frame = pl.DataFrame(list(rows), schema=SCHEMA)
    return add_contents(frame, scope=scope, batch=batch)["content"].to_list()


def content(**changes: object) -> bytes:
    scope, batch = str(changes.pop("scope", "keen")), str(changes.pop("batch", ""))
    return contents(row(**changes), scope=scope, batch=batch)[0]


GOLDEN = [
    (row(), "keen", "", 1, "d5b5b114-dc1f-822c-bdb6-b0b5e34875bc"),
    (row(), "keen", "", 2, "67a06faf-da8e-84c6-ab8c-609eb85da1e4"),
    (row(), "demo", "", 1, "67a3fdaf-f11b-8ce2-a9c3-a82f956e9b8c"),
    (row(), "keen", "march", 1, "3eee6fd7-894e-8e8d-9164-578c30f06ba0"),
    (row(date=None), "keen", "", 1, "c3a40c14-3e18-8619-a6d7-710fb9ce3c34"),
    (row(product_description="two\nlines"), "keen", "", 1, "9c1901c5-dd35-8c3a-b0bc-076d95c22d63"),
    (row(trigger_ids=[TRIGGER, LEAD]), "keen", "", 1, "1fe687e5-67db-8e28-bb49-a0017fb08760"),
    (row(identity=["A-1", ""]), "keen", "", 1, "00a989b7-a8eb-80ad-985f-c2abf7c75c0b"),
    (
        row(product_name="Thé à la menthe 🍵", purchase_amount="-0.01"),
        "keen",
        "",
        1,
        "fbb4f5de-61c4-8dd8-91aa-cf14128df4be",
    ),
    (
        row(date=datetime(1999, 12, 31, 23, 59, 59, 123456, UTC)),
        "keen",
        "",
        64,
        "3f5d4a3d-7dcb-8c37-9bac-68f937978674",
    ),
]


@pytest.mark.parametrize(("values", "scope", "batch", "occurrence", "key"), GOLDEN)
def test_recipe_1_never_changes_a_key(
    values: dict[str, object], scope: str, batch: str, occurrence: int, key: str
) -> None:
    [made] = contents(values, scope=scope, batch=batch)
    assert make_key(made, occurrence) == key


def spell_out(values: dict[str, object], scope: str, batch: str) -> bytes:
    """Recipe 1 once more, a row at a time and from its description only."""

    def netstring(value: str | None) -> str:
        return "-," if value is None else f"{len(value.encode())}:{value},"

    def fold(value: object) -> str | None:
        if value is None:
            return None
        return " ".join(unicodedata.normalize("NFC", str(value)).split())

    identity = values["identity"]
    triggers = values["trigger_ids"]
    date = values["date"]
    description = values["product_description"]
    told = [str(value) for value in identity] if isinstance(identity, list) else []
    since_1970 = (
        str((date - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))
        if isinstance(date, datetime)
        else None
    )
    canonical = "".join(
        [
            netstring("importer"),
            netstring("1"),
            netstring(scope),
            netstring(batch),
            netstring(str(len(told))),
            *(netstring(fold(value)) for value in told),
            netstring(str(values["lead_id"]).lower()),
            netstring(fold(values["product_name"])),
            netstring(
                None if description is None else unicodedata.normalize("NFC", str(description))
            ),
            netstring(str(values["purchase_amount"])),
            netstring(since_1970),
            netstring(
                ",".join(sorted(triggers)) if isinstance(triggers, list) and triggers else None
            ),
        ]
    )
    return hashlib.sha256(canonical.encode()).digest()


text = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn")), min_size=1, max_size=20
).filter(lambda value: value.strip() != "")


instants = st.datetimes(
    datetime(2000, 1, 1),  # noqa: DTZ001 - Hypothesis wants naive bounds
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
rows = st.fixed_dictionaries(
    {
        "product_name": text,
        "product_description": st.none() | text,
        "date": st.none() | instants,
        "trigger_ids": st.none() | st.lists(st.uuids().map(str), max_size=3),
        "identity": st.none() | st.lists(text | st.just(""), min_size=1, max_size=3),
    }
)


@given(changes=st.lists(rows, min_size=1, max_size=4), batch=text | st.just(""))
def test_columns_and_single_rows_have_the_same_content(
    changes: list[dict[str, object]], batch: str
) -> None:
    values = [row(**each) for each in changes]
    assert contents(*values, batch=batch) == [spell_out(each, "keen", batch) for each in values]


@pytest.mark.parametrize(
    "spelling",
    [
        {"lead_id": LEAD.upper()},
        {"product_name": "  Tea "},
        {"product_name": "Tea", "trigger_ids": []},
    ],
)
def test_spelling_does_not_change_the_content(spelling: dict[str, object]) -> None:
    assert content(**spelling) == content()


def test_decomposed_letters_and_trigger_order_do_not_change_the_content() -> None:
    assert content(product_name="Te\u0301") == content(product_name="T\u00e9")
    assert content(trigger_ids=[TRIGGER, LEAD]) == content(trigger_ids=[LEAD, TRIGGER])


@pytest.mark.parametrize(
    "change",
    [
        {"lead_id": TRIGGER},
        {"product_name": "tea"},
        {"product_name": None},
        {"product_description": "Tea"},
        {"product_description": ""},
        {"purchase_amount": "12.51"},
        {"date": None},
        {"date": datetime(2026, 3, 4, 0, 0, 0, 1, UTC)},
        {"trigger_ids": [TRIGGER]},
        {"identity": [""]},
        {"identity": ["A-1"]},
        {"scope": "demo"},
        {"batch": "march"},
    ],
)
def test_every_part_of_a_purchase_changes_the_content(change: dict[str, object]) -> None:
    assert content(**change) != content()


def test_neighbouring_values_cannot_run_into_each_other() -> None:
    assert content(product_name="Tea", product_description="1:x,") != content(
        product_name="Tea3:1:x,", product_description=None
    )
    assert content(identity=["a", "b"]) != content(identity=["a1:b"])


def test_half_empty_identity_values_tell_nothing_apart() -> None:
    frame = pl.DataFrame(
        [row(identity=["A-1", "7"]), row(identity=["A-1", ""]), row(identity=None)], schema=SCHEMA
    )
    keys = add_contents(frame, scope="keen", batch="")["identity_key"].to_list()
    assert [key is not None for key in keys] == [True, False, False]


def test_an_import_is_the_same_in_any_order_but_not_with_a_row_twice() -> None:
    one, two = content(), content(date=None)
    assert import_content([one, two]) == import_content([two, one])
    assert import_content([one, two]) != import_content([one, two, two])


def test_the_settings_that_change_keys_are_spelt_canonically() -> None:
    config = Config(
        identity=IdentitySection(columns=("order_id",)),
        format=FormatSection(timezone="Europe/Paris"),
    )
    assert (
        identity_settings(config)
        == '{"format.timezone": "Europe/Paris", "identity.columns": ["order_id"]}'
    )


BEGINNINGS = [b"a" * 8, b"a" * 7 + b"b"]


@given(st.lists(st.tuples(st.sampled_from(BEGINNINGS), st.sampled_from([b"x", b"y", b"z"]))))
def test_contents_that_only_begin_alike_stand_alone(pieces: list[tuple[bytes, bytes]]) -> None:
    contents = pl.Series([begin + end * 24 for begin, end in pieces], dtype=pl.Binary)
    alone = [pieces.count(piece) == 1 for piece in pieces]
    assert stand_alone(contents).to_list() == alone
