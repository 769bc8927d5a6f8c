from __future__ import annotations

from datetime import date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from importer.errors import ResultsError
from importer.model import RESULT_COLUMNS
from importer.neutral import undo
from importer.reconciler.results_cells import MAX_CHARACTERS
from importer.reconciler.results_workbook import write_workbook
from tests.reconciler.samples import KEY, results_of, table_of, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMULAS = ["=1+1", '=HYPERLINK("x")', "+A1", "-A1", "@SUM(1)", "\t=1", "=", "#N/A", "#REF!"]

quotes = st.text(alphabet="'=-+1a", max_size=6)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"))
escapes = st.text(alphabet="_x0041 \r\n\t\x00\x0b\u00a0\u2003", max_size=30)


def write(
    folder: Path, lines: Sequence[str | None], kinds: Sequence[str | None] | None = None
) -> Path:
    table = table_of(
        ["own"],
        [[text] for text in lines],
        kinds=None if kinds is None else [[kind] for kind in kinds],
    )
    return write_table(folder / "r.xlsx", table, results_of(table))


def cells(path: Path) -> list[Any]:
    """Return the first column's cells below the header, as openpyxl reads them."""
    return [row[0] for row in load_workbook(path)["Results"].iter_rows(min_row=2)]


def values(path: Path) -> Sequence[object]:
    """Return the first column's values below the header, as Excel (and calamine) reads them."""
    sheet = CalamineWorkbook.from_path(path).get_sheet_by_name("Results")
    return [row[0] for row in sheet.to_python(skip_empty_area=False)][1:]


def test_the_sheet_has_a_bold_frozen_header_and_a_filter(tmp_path: Path) -> None:
    sheet = load_workbook(write(tmp_path, ["a", "b"]))["Results"]
    header = next(sheet.iter_rows(max_row=1))
    assert [cell.value for cell in header] == ["own", *RESULT_COLUMNS]
    assert all(cell.font.bold for cell in header)
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:K3"
    assert sheet.column_dimensions["I"].width == 38


def test_the_keen_columns_hold_numbers_and_text(tmp_path: Path) -> None:
    row = next(load_workbook(write(tmp_path, ["a"]))["Results"].iter_rows(min_row=2))
    assert [cell.value for cell in row[1:]] == [
        *(2, "created", "p-1", None, None, 200, 1),
        *(KEY, "2026-03-04T10:20:30Z", None),
    ]


@pytest.mark.parametrize("kind", [None, "text", "formula"])
def test_nothing_becomes_a_live_formula_or_an_error(tmp_path: Path, kind: str | None) -> None:
    kinds = None if kind is None else [kind] * len(FORMULAS)
    path = write(tmp_path, FORMULAS, kinds)
    assert [cell.data_type for cell in cells(path)] == ["s"] * len(FORMULAS)
    assert [cell.value for cell in cells(path)] == FORMULAS
    assert [cell.quotePrefix for cell in cells(path)] == [not f.startswith("#") for f in FORMULAS]


def test_headers_and_messages_are_no_formulas_either(tmp_path: Path) -> None:
    table = table_of(["=H()"], [["1"]])
    path = write_table(tmp_path / "r.xlsx", table, results_of(table, error="=E()"))
    sheet = load_workbook(path)["Results"]
    assert (sheet["A1"].value, sheet["A1"].data_type) == ("=H()", "s")
    assert (sheet["F2"].value, sheet["F2"].data_type) == ("=E()", "s")


def test_from_a_csv_every_own_cell_is_text(tmp_path: Path) -> None:
    lines = ["00123", "12.50", "2026-03-04", "TRUE", "1e5"]
    path = write(tmp_path, lines)
    assert [(cell.value, cell.data_type) for cell in cells(path)] == [(t, "s") for t in lines]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("number", "12.50", 12.5),
        ("number", "-7", -7),
        ("number", "0.30000000000000004", 0.30000000000000004),
        ("number", "123456789012345678", 123456789012345678),
        ("number", "1e5", "1e5"),
        ("text", "12.50", "12.50"),
        ("text", "00123", "00123"),
        ("date", "2026-03-04", datetime(2026, 3, 4)),  # noqa: DTZ001 - a cell has no zone
        ("date", "2026-03-04T10:20:30", datetime(2026, 3, 4, 10, 20, 30)),  # noqa: DTZ001
        ("date", "1900-02-28", "1900-02-28"),
        ("date", "soon", "soon"),
        ("date", "2026-03-04T10:20:30Z", "2026-03-04T10:20:30Z"),
        ("time", "10:20:30", time(10, 20, 30)),
        ("time", "25:00:00", "25:00:00"),
        ("boolean", "TRUE", True),
        ("boolean", "false", False),
        ("boolean", "perhaps", "perhaps"),
        ("error", "#N/A", "#N/A"),
        ("error", "#SPILL!", "#SPILL!"),
    ],
)
def test_a_workbooks_values_keep_their_types(
    tmp_path: Path, kind: str, text: str, value: object
) -> None:
    (cell,) = cells(write(tmp_path, [text], [kind]))
    assert cell.value == value
    assert isinstance(cell.value, str) == isinstance(value, str)
    assert (cell.data_type == "e") == (text == "#N/A")


def test_dates_are_shown_as_dates(tmp_path: Path) -> None:
    path = write(tmp_path, ["2026-03-04", "2026-03-04T10:20:30"], ["date", "date"])
    assert [cell.number_format for cell in cells(path)] == ["yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"]
    assert values(path) == [date(2026, 3, 4), datetime(2026, 3, 4, 10, 20, 30)]  # noqa: DTZ001


@settings(max_examples=40)
@given(st.lists(texts | escapes | quotes, min_size=1, max_size=30))
def test_every_text_comes_back_control_characters_and_all(lines: list[str]) -> None:
    with TemporaryDirectory() as folder:
        read = values(write(Path(folder), lines))
    assert [undo(str(text)) for text in read] == lines


def test_the_two_characters_that_xml_lacks_are_spelt_out(tmp_path: Path) -> None:
    (cell,) = cells(write(tmp_path, ["a\ufffeb\uffff"]))
    assert cell.value == "a_xFFFE_b_xFFFF_"


@pytest.mark.parametrize("text", ["y" * MAX_CHARACTERS, "😀" * (MAX_CHARACTERS // 2)])
def test_the_longest_text_that_fits_is_whole(tmp_path: Path, text: str) -> None:
    assert values(write(tmp_path, [text])) == [text]


@pytest.mark.parametrize(
    "text", ["y" * (MAX_CHARACTERS + 1), "😀" * 20_000, "\x01" * 9_000, "_x0041_" * 5_000]
)
def test_a_longer_text_is_cut_and_says_so(tmp_path: Path, text: str) -> None:
    (value,) = values(write(tmp_path, [text]))
    kept, mark = str(value).split("…")
    assert mark == f" [cut: {len(text)} characters]"
    assert text.startswith(kept)
    (cell,) = cells(tmp_path / "r.xlsx")
    assert len(kept) > 4_000
    assert len(cell.value.encode("utf-16-le")) // 2 <= MAX_CHARACTERS


@pytest.mark.parametrize(("rows", "columns"), [(1_048_576, 1), (1, 16_385)])
def test_what_no_sheet_can_hold_is_refused_with_the_way_out(
    tmp_path: Path, rows: int, columns: int
) -> None:
    frame = pl.select(pl.lit("x").repeat_by(rows).list.explode().alias("c0"))
    frame = frame.with_columns(pl.lit("x").alias(f"c{n}") for n in range(1, columns))
    with pytest.raises(ResultsError, match=r"\.csv"):
        write_workbook(tmp_path / "r.xlsx", list(frame.columns), frame, {})


def test_rows_beyond_one_page_keep_their_order(tmp_path: Path) -> None:
    lines = [f"={n}" if n % 7 == 0 else str(n) for n in range(12_000)]
    kinds = ["text" if n % 7 == 0 else "number" for n in range(12_000)]
    sheet = load_workbook(write(tmp_path, lines, kinds), read_only=True)["Results"]
    read = [row[:2] for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert read == [(f"={n}" if n % 7 == 0 else n, n + 2) for n in range(12_000)]
    sheet.parent.close()
