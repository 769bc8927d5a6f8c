from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from importer.config import Config
from importer.model import MAX_BODY_BYTES
from importer.reader.cells import MAX_DESCRIPTION, MAX_NAME, MAX_TRIGGERS
from importer.reader.columns import match_columns
from importer.reader.validation import Judged, build_requests, judge
from tests.reader.frames import shown, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from importer.reader.table import Table

ID = "3f2b8c1e-5d4a-4b6f-9c0d-7e8f9a0b1c2d"
OTHER = "0a000000-0000-4000-8000-00000000000b"
FIELDS = (
    "lead_id",
    "product_name",
    "product_description",
    "purchase_amount",
    "date",
    "trigger_ids",
)


def judged(source: Table, **sections: object) -> Judged:
    config = Config.model_validate(sections)
    columns = match_columns(
        source.headers, config.columns, config.rules.required, config.identity.columns
    )
    return judge(source, columns, config)


def faults(result: Judged) -> list[tuple[int, str, str]]:
    return result.faults.select("row", "column", "code").rows()


def test_a_row_is_typed_whole() -> None:
    source = table(
        {
            "Lead ID": [ID.upper()],
            "Product": [" Green\u00a0 tea "],
            "description": ["two\r\nlines"],
            "amount": ["1.234,50"],
            "date": ["4.3.2026"],
            "triggers": [f"{ID}; {OTHER}"],
        }
    )
    result = judged(source)
    assert result.rows.to_dicts() == [
        {
            "row": 2,
            "lead_id": ID,
            "product_name": "Green tea",
            "product_description": "two\nlines",
            "purchase_amount": "1234.5",
            "date": datetime(2026, 3, 4, tzinfo=UTC),
            "trigger_ids": [OTHER, ID],
            "identity": None,
            "carried_key": None,
            "carried_status": None,
            "valid": True,
        }
    ]
    assert result.faults.height == 0
    (request,) = build_requests(result.rows)
    assert request.body("create_purchase_custom") == (
        b'{"action":"create_purchase_custom","lead_id":"3f2b8c1e-5d4a-4b6f-9c0d-7e8f9a0b1c2d",'
        b'"product_name":"Green tea","product_description":"two\\nlines",'
        b'"purchase_amount":1234.5,"date":"2026-03-04T00:00:00Z","trigger_ids":'
        b'["0a000000-0000-4000-8000-00000000000b","3f2b8c1e-5d4a-4b6f-9c0d-7e8f9a0b1c2d"]}'
    )


def test_columns_that_the_file_lacks_are_left_out_of_the_request() -> None:
    result = judged(table({"lead": [ID], "product": ["Tea"], "amount": ["5"]}))
    (request,) = build_requests(result.rows)
    assert request.model_dump(exclude_unset=False, exclude_defaults=True) == {
        "lead_id": UUID(ID),
        "product_name": "Tea",
        "purchase_amount": Decimal(5),
    }
    assert result.rows.schema["trigger_ids"] == pl.List(pl.String)
    assert result.rows.schema["date"] == pl.Datetime("us", "UTC")


def test_a_file_without_rows_has_frames_of_the_same_shape() -> None:
    full = judged(table({"lead": [ID], "product": ["Tea"], "amount": ["x"]}))
    empty = judged(table({"lead": [], "product": [], "amount": []}))
    assert empty.rows.schema == full.rows.schema
    assert empty.faults.schema == full.faults.schema
    assert (empty.rows.height, empty.faults.height, empty.notes) == (0, 0, ())


def test_all_faults_of_a_row_are_told_at_once_in_the_order_of_the_file() -> None:
    source = table(
        {
            "amount": ["5", "12x", "-7"],
            "product": ["Tea", None, "a\nb"],
            "Notes": ["#N/A", None, None],
            "lead": [ID, "17", ID],
            "date": ["2026-02-30", None, "2026-03-04"],
        }
    )
    result = judged(source)
    assert faults(result) == [
        (2, "date", "not-a-date"),
        (3, "amount", "not-an-amount"),
        (3, "product", "missing"),
        (3, "lead", "not-a-uuid"),
        (4, "amount", "negative-amount"),
        (4, "product", "control-character"),
    ]
    assert result.rows["valid"].to_list() == [False, False, False]
    assert result.faults.row(1, named=True) == {
        "row": 3,
        "index": 0,
        "column": "amount",
        "field": "purchase_amount",
        "code": "not-an-amount",
        "text": "12x",
        "detail": None,
        "message": 'row 3, column amount: "12x" is not an amount; write it like 1234.50.',
    }


def test_a_cell_of_a_workbook_is_named_as_its_sheet_names_it() -> None:
    source = table(
        {"lead": ["17"], "product": [None], "amount": ["5"]},
        kinds={"lead": ["number"], "product": ["formula"], "amount": ["number"]},
        sheet="March",
    )
    result = judged(source)
    assert [message.split(": ")[0] for message in result.faults["message"]] == [
        "March!A2",
        "March!B2",
    ]
    assert result.faults["code"].to_list() == ["id-is-number", "formula-without-value"]
    assert result.faults["text"].to_list() == ["17", ""]


def test_a_long_text_is_cut_where_it_is_shown() -> None:
    result = judged(table({"lead": ["x" * 5000], "product": ["Tea"], "amount": ["5"]}))
    assert result.faults["text"].to_list() == ["x" * 80]
    assert len(result.faults["message"][0]) < 300


def test_required_fields_are_those_of_the_rules_and_always_the_lead() -> None:
    source = table({"lead": [None, ID], "product": [None, None], "date": [None, "2026-03-04"]})
    result = judged(source, rules={"required": ["date"]})
    assert faults(result) == [(2, "lead", "missing"), (2, "date", "missing")]
    assert result.rows["valid"].to_list() == [False, True]


def test_identity_columns_come_in_the_configured_order_with_blanks_folded() -> None:
    source = table(
        {
            "order": [" A\u00a0 1 ", None],
            "lead": [ID, ID],
            "product": ["Tea", "Tea"],
            "amount": ["5", "6"],
            "line": ["1", "2"],
        }
    )
    result = judged(source, identity={"columns": ["line", "order"]})
    assert result.rows["identity"].to_list() == [["1", "A 1"], ["2", ""]]


def test_an_identity_column_that_is_a_field_is_told_by_its_value_not_its_spelling() -> None:
    source = table(
        {
            "lead": [ID.upper(), f"{{{ID}}}"],
            "product": ["Tea", "Tea"],
            "amount": ["5.00", "5"],
            "date": ["2026-03-04", "4.3.2026 0:00"],
            "triggers": [f"{ID} {OTHER}", f"{OTHER};{ID}"],
        }
    )
    result = judged(source, identity={"columns": ["lead", "amount", "date", "triggers"]})
    first, second = result.rows["identity"].to_list()
    assert first == second == [ID, "5", "2026-03-04T00:00:00.000000Z", f"{OTHER};{ID}"]


def test_an_error_in_an_identity_column_makes_its_row_invalid() -> None:
    source = table(
        {"lead": [ID], "product": ["Tea"], "amount": ["5"], "order": ["#REF!"]},
        kinds={"amount": ["number"], "order": ["error"]},
    )
    result = judged(source, identity={"columns": ["order"]})
    assert result.faults.select("column", "field", "code").rows() == [("order", None, "error-cell")]
    assert result.rows["valid"].to_list() == [False]


def test_what_an_earlier_run_said_of_a_row_is_carried_but_never_a_fault() -> None:
    source = table(
        {
            "lead": [ID] * 3,
            "product": ["Tea"] * 3,
            "amount": ["5"] * 3,
            "keen_status": [" created ", None, "?"],
            "keen_idempotency_key": [ID.upper(), None, "see above"],
            "keen_error": ["#N/A", None, None],
        }
    )
    result = judged(source)
    assert result.rows["carried_key"].to_list() == [ID, None, None]
    assert result.rows["carried_status"].to_list() == ["created", None, "?"]
    assert result.rows["valid"].all()


def test_notes_of_amounts_and_dates_are_passed_on() -> None:
    source = table(
        {
            "lead": [ID] * 2,
            "product": ["Tea"] * 2,
            "amount": ["1,234", "7.50"],
            "date": ["3/4/2026", "3/14/2026"],
        }
    )
    assert shown(judged(source).notes) == (
        'Amounts read with "." as the decimal sign, proven by row 3: 7.50.',
        "Dates read with the month first, proven by row 3: 3/14/2026.",
        "Dates without an offset taken in UTC, for example row 2: 3/4/2026.",
    )


@pytest.mark.parametrize("character", ["x", "\u00e9", "\U0001f375", '"', "\\", "\u200d"])
def test_no_valid_row_makes_a_body_that_is_too_large(character: str) -> None:
    many = ";".join(str(UUID(int=number)) for number in range(MAX_TRIGGERS))
    source = table(
        {
            "lead": [ID],
            "product": [character * MAX_NAME],
            "description": [character * MAX_DESCRIPTION],
            "amount": ["-1234567.123456"],
            "date": ["2026-03-04T10:20:30.123456Z"],
            "triggers": [many],
        }
    )
    result = judged(source, rules={"allow_negative": True, "max_decimals": 6})
    assert faults(result) == []
    (request,) = build_requests(result.rows)
    body = request.body("create_purchase_custom" * 4)
    assert len(body) < MAX_BODY_BYTES


@pytest.mark.parametrize(
    "change",
    [
        {"lead_id": None},
        {"lead_id": "17"},
        {"product_name": ""},
        {"purchase_amount": "NaN"},
        {"trigger_ids": ["x"]},
    ],
)
def test_a_row_that_is_not_valid_builds_no_request(change: dict[str, object]) -> None:
    sound = judged(table({field: [ID if field == "lead_id" else None] for field in CELLS})).rows
    build_requests(sound)
    changed = [pl.Series(name, [value], sound.schema[name]) for name, value in change.items()]
    with pytest.raises(ValidationError):
        build_requests(sound.with_columns(changed))


CELLS: Mapping[str, Sequence[str | None]] = {
    "lead_id": [ID, ID.upper(), f"{{{OTHER}}}", f" {ID}\u200b", "17", "", None, "#N/A"],
    "product_name": ["Tea", " Cafe\u0301 ", "a\nb", "\u200b", "x" * 501, None, "\U0001f375", "="],
    "product_description": ["one\r\ntwo", "\t", "a\x00", None, '"quoted"'],
    "purchase_amount": [
        "5",
        "1.234,50",
        "1,234.50",
        "1,234",
        "(7)",
        "1e5",
        "0",
        "-0",
        None,
        "5.123",
    ],
    "date": ["2026-03-04", "13/04/2026", "3/4/2026", "2026-03-29 02:30", "1999-01-01", None],
    "trigger_ids": [ID, f"{ID};{OTHER};{ID}", ";", "x", None],
}


@st.composite
def rows_of_cells(draw: st.DrawFn) -> dict[str, list[str | None]]:
    height = draw(st.integers(1, 6))
    return {
        field: [
            draw(st.one_of(st.sampled_from(texts), st.none(), st.text(max_size=12)))
            for _ in range(height)
        ]
        for field, texts in CELLS.items()
    }


@given(rows_of_cells(), st.booleans())
def test_polars_and_pydantic_come_to_the_same_verdict(
    columns: dict[str, list[str | None]], allow_negative: bool
) -> None:
    result = judged(
        table(columns),
        rules={"allow_negative": allow_negative},
        format={"timezone": "Europe/Berlin"},
    )
    assert result.rows.height == len(columns["lead_id"])
    assert set(result.faults["row"]) == set(result.rows.filter(~pl.col("valid"))["row"])
    valid = result.rows.filter("valid")
    for row, request in zip(valid.iter_rows(named=True), build_requests(valid), strict=True):
        assert str(request.lead_id) == row["lead_id"]
        assert request.product_name == row["product_name"]
        assert request.product_description == row["product_description"]
        assert f"{request.purchase_amount:f}" == row["purchase_amount"]
        assert request.date == row["date"]
        assert [str(trigger) for trigger in request.trigger_ids] == (row["trigger_ids"] or [])
        assert request.purchase_amount is not None
        assert allow_negative or request.purchase_amount >= 0
        assert b"\\u00" not in request.body("create_purchase_custom")
