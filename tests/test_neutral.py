from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.neutral import neutralise, neutralise_column, protect, undo, undo_column

FORMULAS = [
    "=1+1",
    "=cmd|'/c calc'!A0",
    "+SUM(A1)",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\ttext",
    " =1+1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff@x",
    "\x01=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0dA1",
    "\uff20SUM(1)",
    "\x00=1",
]
NEARLY_NUMBERS = ["-1+A1", "+1.2.3", "-1e5", "--1", "-12\n", "-1 23", "-\u0661", "- 12", "-,"]
HARMLESS = ["", "tea", "12", "-12", "+12.50", "-1.234,50", "+1 234,5", "-1'234", "-.5", " -12 "]
HARMLESS += ["-", "+", "(12)", "a=1", "x-y", "2026-03-04", "€ -5", "\u22125", "#N/A", "a\n=1"]

cells = st.one_of(
    st.text(),
    st.text(alphabet="'=+-@\t\r\n 01.,a\u00a0\uff1d\uff0b\uff0d\uff20"),
)


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert neutralise(text) == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS)
def test_plain_numbers_and_other_text_stay_as_they_are(text: str) -> None:
    assert neutralise(text) == text


@pytest.mark.parametrize("text", NEARLY_NUMBERS)
def test_what_only_begins_like_a_number_gets_an_apostrophe(text: str) -> None:
    assert neutralise(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "written"),
    [("'tea", "''tea"), ("'=1", "''=1"), ("'", "''"), ("''", "'''"), ("'-12", "''-12")],
)
def test_a_leading_apostrophe_is_doubled_so_that_it_can_be_told_from_ours(
    text: str, written: str
) -> None:
    assert neutralise(text) == written
    assert undo(written) == text


@pytest.mark.parametrize("text", ["'tea", "'-12", "'", "tea", ""])
def test_a_text_that_neutralise_cannot_have_made_is_left_alone(text: str) -> None:
    assert undo(text) == text


@given(cells)
@example("'\n")
@example("-\n")
def test_undo_gives_back_every_text(text: str) -> None:
    assert undo(neutralise(text)) == text


@given(cells)
def test_undo_gives_back_every_text_that_a_workbook_protects(text: str) -> None:
    assert undo(protect(text)) == text


@pytest.mark.parametrize("text", [*FORMULAS, *HARMLESS, "'tea", "'"])
def test_in_a_workbook_formulas_stay_as_they_are(text: str) -> None:
    assert protect(text) == text


@given(cells)
def test_what_is_written_never_begins_like_a_formula(text: str) -> None:
    written = neutralise(text)
    if written.lstrip()[:1] in set("=@\uff1d\uff0b\uff0d\uff20") or written[:1] in set("\t\r\n"):
        pytest.fail(written)
    if written.lstrip()[:1] in {"+", "-"}:  # then nothing but a number may follow
        assert set(written) <= set("+-0123456789.,' \u00a0\u202f")
        assert sum(written.count(sign) for sign in "+-") == 1


@given(st.lists(st.none() | cells, max_size=20))
def test_a_column_is_treated_as_each_of_its_texts(texts: list[str | None]) -> None:
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    columns = frame.select(
        neutral=neutralise_column(pl.col("text")), undone=undo_column(pl.col("text"))
    )
    assert columns["neutral"].to_list() == [t if t is None else neutralise(t) for t in texts]
    assert columns["undone"].to_list() == [t if t is None else undo(t) for t in texts]
