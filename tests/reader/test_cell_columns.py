"""A column read at once has the cells that its values have one by one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.reader.cell_columns import count_numbers, keep_filled, read_column, spread_kinds
from importer.reader.sheet_values import read_value

if TYPE_CHECKING:
    from importer.reader.sheet_values import CellValue

KINDS: dict[type, st.SearchStrategy[CellValue]] = {
    str: st.sampled_from(["x", " ", "1.5", "\x1f"]),
    float: st.floats() | st.sampled_from([0.0, 0.1 + 0.2, 1e21, 46085.0]),
    int: st.integers(-(2**53), 2**53),
    bool: st.booleans(),
    dt.date: st.dates(),
    dt.datetime: st.datetimes(),
    dt.time: st.times(),
    dt.timedelta: st.timedeltas(dt.timedelta(0), dt.timedelta(9)),
}


@given(
    values=st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=2).flatmap(
        lambda kinds: st.lists(
            st.one_of(st.just(""), *(KINDS[kind] for kind in kinds)), min_size=1, max_size=9
        )
    )
)
def test_a_column_is_read_as_its_cells_are(values: list[CellValue]) -> None:
    column = read_column(values)
    cells = [read_value(value) for value in values]
    texts, kinds = spread_kinds(column)
    assert list(zip(texts, kinds, strict=True)) == [(text or "", kind) for text, kind in cells]
    assert count_numbers(column) == sum(kind not in {None, "text"} for _, kind in cells)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["", ""], "text"),
        (["x", ""], "text"),
        ([1.5, ""], "number"),
        ([dt.date(2026, 3, 4)], "date"),
        ([True, ""], "boolean"),
        ([1.5, float("inf")], ["number", "error"]),
        ([1.5, "x", ""], ["number", "text", None]),
    ],
)
def test_a_column_of_one_kind_says_so_once(
    values: list[CellValue], kind: str | list[str | None]
) -> None:
    assert read_column(values)[1] == kind


def test_rows_that_show_nothing_are_left_out() -> None:
    columns = [read_column(["", "x", " "]), read_column(["", "", ""])]
    batch = keep_filled(range(1, 4), columns, {1: {2: "EUR"}, 0: {9: "USD"}})
    assert batch.rows == [2]
    assert batch.columns == [(["x"], "text"), ([""], "text")]
    assert batch.currencies == {1: ["EUR"]}
