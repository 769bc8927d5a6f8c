"""Columns and ranges by Excel's names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.reader.places import CellRange, column_index, column_letters, parse_range


@pytest.mark.parametrize(
    ("index", "letters"),
    [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16383, "XFD")],
)
def test_columns_have_the_letters_of_excel(index: int, letters: str) -> None:
    assert column_letters(index) == letters


@given(st.integers(0, 20_000))
def test_letters_name_one_column_only(index: int) -> None:
    assert column_index(column_letters(index)) == index


def test_a_range_is_its_first_and_last_row_and_column() -> None:
    assert parse_range("B2:AA30") == CellRange("B2:AA30", 2, 30, 1, 26)


@pytest.mark.parametrize("reference", ["", "A1", "a1:b2", "A0:B2", "A1:B2:C3", "$A$1:$B$2"])
def test_what_is_no_range_is_none(reference: str) -> None:
    assert parse_range(reference) is None
