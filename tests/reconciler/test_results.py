from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from openpyxl import load_workbook

from importer.errors import ResultsError
from importer.model import RESULT_COLUMNS, result_column
from importer.neutral import undo, undo_column
from importer.reader.delimited import read_delimited
from importer.reader.pieces import Pieces
from importer.reconciler.results import PART_ROWS, write_results
from tests.reconciler.samples import KEY, results_of, table_of, write_table

KEEN_VALUES = ["created", "p-1", "", "", "200", "1", KEY, "2026-03-04T10:20:30Z", ""]

texts = st.none() | st.text(min_size=1) | st.text(alphabet="'=+-@\"\r\n\t;,| 1a", min_size=1)


def read_csv(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter, strict=True))


def lines_of(path: Path) -> list[list[object]]:
    """Return the header and the lines below it, whatever the format."""
    if path.suffix == ".csv":
        return [list(line) for line in read_csv(path)]
    if path.suffix == ".xlsx":
        sheet = load_workbook(path)["Results"]
        return [list(line) for line in sheet.iter_rows(values_only=True)]
    objects = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [list(one) for one in objects[:1]] + [list(one.values()) for one in objects]


def test_a_csv_has_the_inputs_columns_and_then_the_ten(tmp_path: Path) -> None:
    table = table_of(["Lead", "Amount"], [["l-1", "12.50"], ["l-2", None]])
    path = tmp_path / "r.csv"
    assert write_table(path, table, results_of(table)) == path
    assert read_csv(path) == [
        ["Lead", "Amount", *RESULT_COLUMNS],
        ["l-1", "12.50", "2", *KEEN_VALUES],
        ["l-2", "", "3", *KEEN_VALUES],
    ]


def test_more_rows_than_are_told_at_once_are_all_written(tmp_path: Path) -> None:
    rows = PART_ROWS + 1
    table = table_of(["Lead"], [[f"l-{number}"] for number in range(2, rows + 2)])
    path = write_results(tmp_path / "r.csv", Pieces.of(table), results_of(table))
    numbers = map(str, range(2, rows + 2))
    assert [line[:2] for line in read_csv(path)[1:]] == [[f"l-{n}", n] for n in numbers]


def test_a_csv_begins_with_a_bom_and_ends_its_lines_by_rfc_4180(tmp_path: Path) -> None:
    table = table_of(["Prénom"], [["zoë"]])
    written = write_table(tmp_path / "r.csv", table, results_of(table)).read_bytes()
    assert written.startswith("\ufeffPrénom,keen_row,".encode())
    assert written.count(b"\r\n") == written.count(b"\n") == 2
    assert written.endswith(b"\r\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_keeps_the_inputs_delimiter(tmp_path: Path, delimiter: str) -> None:
    line = ["a;b", "c,d", "e\tf", "g|h"]
    table = table_of(["w;", "x,", "y\t", "z|"], [line], delimiter=delimiter)
    path = write_table(tmp_path / "r.csv", table, results_of(table))
    header, row = read_csv(path, delimiter)
    assert header == [*table.headers, *RESULT_COLUMNS]
    assert row[:4] == line


def test_a_workbooks_results_as_csv_are_separated_by_commas(tmp_path: Path) -> None:
    table = table_of(["a"], [["-12.5"]], kinds=[["number"]])
    path = write_table(tmp_path / "r.csv", table, results_of(table))
    assert read_csv(path)[1][:2] == ["-12.5", "2"]


def test_formulas_are_harmless_in_headers_cells_and_messages(tmp_path: Path) -> None:
    table = table_of(["=H()", "'q"], [["=1+1", "-12"], ["'x", "\t+A1"]])
    results = results_of(table, error="@cell", purchase_id="=p")
    header, first, second = read_csv(write_table(tmp_path / "r.csv", table, results))
    assert header[:2] == ["'=H()", "''q"]
    assert first[:2] == ["'=1+1", "-12"]
    assert second[:2] == ["''x", "'\t+A1"]
    assert (first[4], first[6]) == ("'=p", "'@cell")


@given(st.lists(st.tuples(texts, texts), max_size=8), st.sampled_from(",;\t|"))
def test_every_text_comes_back_from_a_csv(
    lines: list[tuple[str | None, str | None]], delimiter: str
) -> None:
    table = table_of(["a", "b"], lines, delimiter=delimiter)
    with TemporaryDirectory() as folder:
        path = write_table(Path(folder) / "r.csv", table, results_of(table))
        rows = read_csv(path, delimiter)[1:]
    assert [tuple(undo(text) for text in row[:2]) for row in rows] == [
        tuple(text or "" for text in line) for line in lines
    ]


@given(st.lists(st.tuples(texts, texts), max_size=8), st.sampled_from(",;\t|"))
def test_the_reader_reads_a_csv_as_the_table_it_was_made_from(
    lines: list[tuple[str | None, str | None]], delimiter: str
) -> None:
    assume(not any("\0" in (text or "") for line in lines for text in line))
    table = table_of(["=a", "b"], lines, delimiter=delimiter)
    with TemporaryDirectory() as folder:
        path = write_table(Path(folder) / "r.csv", table, results_of(table))
        again = read_delimited(path, "r.csv", header_row=None).whole()
    assert again.headers == ("'=a", "b", *RESULT_COLUMNS)
    undone = again.cells.select("row", undo_column(pl.col("cell_0", "cell_1")))
    assert undone.equals(table.cells)


@given(st.lists(st.tuples(texts, texts), max_size=8))
def test_every_text_comes_back_from_json_lines(lines: list[tuple[str | None, str | None]]) -> None:
    table = table_of(["a", "b"], lines)
    with TemporaryDirectory() as folder:
        path = write_table(Path(folder) / "r.jsonl", table, results_of(table))
        rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [(row["a"], row["b"]) for row in rows] == lines


def test_json_lines_have_the_types_of_json(tmp_path: Path) -> None:
    table = table_of(["Lead", "Amount"], [["=l", None]])
    results = results_of(table, http_status=None, attempts=3, status="in_doubt")
    path = write_table(tmp_path / "r.jsonl", table, results)
    (line,) = path.read_text(encoding="utf-8").splitlines()
    row = json.loads(line)
    assert list(row) == ["Lead", "Amount", *RESULT_COLUMNS]
    assert list(row.values()) == [
        *("=l", None, 2, "in_doubt", "p-1", None, None, None),
        *(3, KEY, "2026-03-04T10:20:30Z", None),
    ]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "xlsx"])
def test_earlier_keen_columns_give_way_wherever_they_stand(tmp_path: Path, ending: str) -> None:
    headers = ["Keen Row", "a", "KEEN-STATUS", "keen_idempotency_key", "keen_note"]
    line = ["9", "mine", "rejected", "old", "kept"]
    kinds = [["text"] * 5] if ending == "xlsx" else None
    table = table_of(headers, [line], kinds=kinds)
    path = write_table(tmp_path / f"r.{ending}", table, results_of(table))
    header, row = lines_of(path)
    assert header == ["a", "keen_note", *RESULT_COLUMNS]
    assert [str(value) for value in row[:4]] == ["mine", "kept", "2", "created"]


def test_every_result_column_is_known_however_it_is_spelt() -> None:
    for name in RESULT_COLUMNS:
        for spelt in (name, name.upper(), name.replace("_", " "), name.title().replace("_", "-")):
            assert result_column(spelt) == name
    assert result_column("keen_note") is None
    assert result_column("row") is None


@pytest.mark.parametrize("ending", ["csv", "jsonl", "xlsx"])
def test_a_file_without_rows_has_results_without_rows(tmp_path: Path, ending: str) -> None:
    table = table_of(["a"], [])
    path = write_table(tmp_path / f"r.{ending}", table, results_of(table))
    assert lines_of(path)[1:] == []


def test_results_that_do_not_match_the_rows_are_not_written(tmp_path: Path) -> None:
    table = table_of(["a"], [["1"], ["2"]])
    for wrong in (results_of(table).head(1), results_of(table).reverse()):
        with pytest.raises(ResultsError, match="do not match"):
            write_table(tmp_path / "r.csv", table, wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_has_gone_is_told_with_the_way_out(tmp_path: Path) -> None:
    table = table_of(["a"], [["1"]])
    with pytest.raises(ResultsError, match="could not be written") as stop:
        write_table(tmp_path / "gone" / "r.csv", table, results_of(table))
    assert stop.value.code == "results-unwritten"


FULL_DISK_WRITER = """
import resource, signal, sys
from pathlib import Path
from importer.errors import ResultsError
from tests.reconciler.samples import results_of, table_of, write_table

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
table = table_of(["a"], [[str(n)] for n in range(5000)])
results = results_of(table)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    write_table(Path(sys.argv[1]), table, results)
except ResultsError as error:
    print(error.code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of a file")
@pytest.mark.parametrize("ending", ["csv", "jsonl", "xlsx"])
def test_a_disk_that_fills_up_leaves_the_old_file_whole(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"r.{ending}"
    path.write_bytes(b"old")
    writer = subprocess.run(
        [sys.executable, "-c", FULL_DISK_WRITER, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert writer.stdout.strip() == "results-unwritten"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_time_of_sending_is_written_in_utc(tmp_path: Path) -> None:
    table = table_of(["a"], [["1"]])
    results = results_of(table).with_columns(pl.col("sent_at").dt.convert_time_zone("Asia/Tokyo"))
    path = write_table(tmp_path / "r.csv", table, results)
    assert read_csv(path)[1][-2] == "2026-03-04T10:20:30Z"
