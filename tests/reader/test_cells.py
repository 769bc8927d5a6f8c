from __future__ import annotations

import unicodedata
import uuid
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.reader.cells import (
    MAX_DESCRIPTION,
    MAX_NAME,
    MAX_TRIGGERS,
    read_descriptions,
    read_identities,
    read_lead_ids,
    read_names,
    read_trigger_ids,
)
from tests.reader.frames import cells, values

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from importer.reader.cells import Reading

ID = "3f2b8c1e-5d4a-4b6f-9c0d-7e8f9a0b1c2d"
OTHER = "0a000000-0000-4000-8000-00000000000b"
READERS = [read_lead_ids, read_trigger_ids, read_names, read_descriptions, read_identities]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("text", ["", " ", "\u00a0\u202f\u2007", "\u200b", "\ufeff \t\n", None])
def test_a_cell_of_blanks_is_empty(
    read: Callable[[pl.DataFrame], Reading], text: str | None
) -> None:
    assert values(read(cells(text))) == [None]


@pytest.mark.parametrize("read", READERS)
def test_error_cells_and_unsaved_formulas_are_faults_everywhere(
    read: Callable[[pl.DataFrame], Reading],
) -> None:
    assert values(read(cells("#N/A", kind="error"))) == ["error-cell"]
    assert values(read(cells("#REF!", " #DIV/0! "))) == ["error-cell", "error-cell"]
    assert values(read(cells(None, kind="formula"))) == ["formula-without-value"]


@pytest.mark.parametrize(
    "text",
    [ID, ID.upper(), f"{{{ID}}}", f"\u00a0{ID}\u200b ", f"\ufeff{ID}", f"{ID[:9]}\u200b{ID[9:]}"],
)
def test_a_lead_id_is_read_as_its_lower_case_form(text: str) -> None:
    assert values(read_lead_ids(cells(text))) == [ID]


@pytest.mark.parametrize(
    "text",
    [
        ID.replace("-", ""),
        f"{{{ID}",
        f"{ID}}}",
        f"{{{{{ID}}}}}",
        f"urn:uuid:{ID}",
        ID[:-1],
        f"{ID}0",
        f"{ID};{OTHER}",
        ID.replace("3", "\u0663"),
        ID.replace("3", "\uff13"),
        f"{ID[:9]} {ID[9:]}",
        "g" + ID[1:],
        "12",
    ],
)
def test_what_is_no_canonical_uuid_is_refused(text: str) -> None:
    assert values(read_lead_ids(cells(text))) == ["not-a-uuid"]


def test_ids_stored_as_numbers_are_refused() -> None:
    assert values(read_lead_ids(cells("123", kind="number"))) == ["id-is-number"]
    assert values(read_trigger_ids(cells("123", kind="number"))) == ["id-is-number"]


@given(st.uuids(), st.booleans(), st.booleans(), st.sampled_from(["", " ", "\u00a0", "\ufeff"]))
def test_any_uuid_in_any_spelling_is_the_same_lead(
    lead: uuid.UUID,
    upper: bool,
    braces: bool,
    blank: str,
) -> None:
    text = str(lead).upper() if upper else str(lead)
    text = f"{blank}{{{text}}}{blank}" if braces else f"{blank}{text}{blank}"
    assert values(read_lead_ids(cells(text))) == [str(lead)]


@given(st.text(max_size=60))
def test_no_other_text_becomes_a_lead(text: str) -> None:
    (value,) = values(read_lead_ids(cells(text)))
    assert value in {None, "not-a-uuid", "error-cell"}


@pytest.mark.parametrize("gap", [";", ",", "|", " ", "\n", "\r\n", "; ", " | ", "\u00a0", ";;"])
def test_trigger_ids_are_sorted_whatever_separates_them(gap: str) -> None:
    text = f"{ID.upper()}{gap}{{{OTHER}}}{gap}{ID}{gap}"
    assert values(read_trigger_ids(cells(text))) == [[OTHER, ID]]


@pytest.mark.parametrize("text", [";", " | ", f"{ID};x", f"{ID}{OTHER}", f"{ID}/{OTHER}", "all"])
def test_trigger_ids_that_say_anything_else_are_refused_rather_than_left_out(text: str) -> None:
    assert values(read_trigger_ids(cells(text))) == ["not-a-uuid"]


def test_too_many_trigger_ids_are_refused() -> None:
    ids = [str(uuid.UUID(int=number)) for number in range(MAX_TRIGGERS + 1)]
    assert values(read_trigger_ids(cells(";".join(ids[1:]), ";".join(ids)))) == [
        ids[1:],
        "too-long",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Tea", "Tea"),
        ("  Green   tea \u00a0 ", "Green tea"),
        ("Green\u00a0tea", "Green tea"),
        ("Green\u3000\u2009tea\n", "Green tea"),
        ("Cafe\u0301", "Café"),
        ("Gre\u200ben\ufeff", "Green"),
        ("e\u200b\u0301", "é"),
        ("a \u200b b", "a b"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("=1+1", "=1+1"),
        ("00123", "00123"),
        ("x" * MAX_NAME, "x" * MAX_NAME),
        ("x" * (MAX_NAME + 1), "too-long"),
        ("a\tb", "control-character"),
        ("a\nb", "control-character"),
        ("a\u2028b", "control-character"),
        ("a\x00b", "control-character"),
        ("a\x85b", "control-character"),
        ("\x1fa", "control-character"),
        ("a\x7f", "control-character"),
    ],
)
def test_a_name_is_one_line_in_nfc_with_single_blanks(text: str, name: str) -> None:
    assert values(read_names(cells(text))) == [name]


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("  one\r\ntwo\n\tthree  \n", "one\ntwo\n\tthree"),
        ("two  blanks", "two  blanks"),
        ("Cafe\u0301", "Café"),
        ("\ufeffภาษา\u200bไทย\u200b", "ภาษา\u200bไทย"),
        ("x" * MAX_DESCRIPTION, "x" * MAX_DESCRIPTION),
        ("x" * (MAX_DESCRIPTION + 1), "too-long"),
        ("one\rtwo", "control-character"),
        ("one\x0btwo", "control-character"),
        ("one\x9ftwo", "control-character"),
    ],
)
def test_a_description_keeps_its_lines_and_inner_blanks(text: str, description: str) -> None:
    assert values(read_descriptions(cells(text))) == [description]


@pytest.mark.parametrize("read", [read_names, read_descriptions])
@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "2024", "2024"),
        ("number", "4006381333931", "4006381333931"),
        ("number", "123456789012345700", "id-is-number"),
        ("text", "123456789012345700", "123456789012345700"),
        ("text", "TRUE", "TRUE"),
        ("boolean", "TRUE", "not-text"),
        ("date", "2026-03-01", "not-text"),
        ("time", "10:20:00", "not-text"),
    ],
)
def test_a_name_takes_a_number_as_text_but_nothing_that_the_sheet_turned_into_something_else(
    read: Callable[[pl.DataFrame], Reading], kind: str, text: str, value: str
) -> None:
    assert values(read(cells(text, kind=kind))) == [value]


@given(st.text(st.characters(exclude_categories=["Cs", "Cn"]), max_size=40))
def test_reading_what_was_read_changes_nothing(text: str) -> None:
    for read in (read_names, read_descriptions, read_identities):
        reading = read(cells(text))
        (once,) = reading.cells["value"].to_list()
        assert read(cells(once)).cells["value"].to_list() == [once]
        if once is not None:
            assert once == unicodedata.normalize("NFC", once)


def test_an_identity_is_a_text_with_single_blanks() -> None:
    read = read_identities(cells(" A\u00a0 1\n2 ", "Cafe\u0301", None, "00123"))
    assert values(read) == ["A 1 2", "Café", None, "00123"]


def test_an_identity_number_beyond_what_a_sheet_keeps_is_refused() -> None:
    numbers = cells("123456789012345", "1234567890123456", kind="number")
    assert values(read_identities(numbers)) == ["123456789012345", "id-is-number"]
    assert values(read_identities(cells("1234567890123456"))) == ["1234567890123456"]
