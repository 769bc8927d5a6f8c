from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import pytest

from importer.errors import ExitCode, UsageError
from importer.reconciler.results_path import check_results_path, default_results_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("source", "kind", "results"),
    [
        ("sales.csv", "same", "sales.results.csv"),
        ("sales.tsv", "same", "sales.results.csv"),
        ("sales.txt", "same", "sales.results.csv"),
        ("sales.XLSX", "same", "sales.results.xlsx"),
        ("sales.xlsm", "same", "sales.results.xlsx"),
        ("sales.xlsb", "same", "sales.results.xlsx"),
        ("sales.xls", "same", "sales.results.xlsx"),
        ("sales.ods", "same", "sales.results.xlsx"),
        ("sales.csv", "xlsx", "sales.results.xlsx"),
        ("sales.xlsx", "jsonl", "sales.results.jsonl"),
        ("sales", "same", "sales.results.csv"),
        ("sales.2026.csv", "same", "sales.2026.results.csv"),
        ("sales.results.csv", "same", "sales.results-2.csv"),
        ("sales.results-2.xlsx", "same", "sales.results-3.xlsx"),
        ("sales.results-9.csv", "xlsx", "sales.results-10.xlsx"),
        ("results.csv", "same", "results.results.csv"),
        ("sales.results-final.csv", "same", "sales.results-final.results.csv"),
    ],
)
def test_results_are_named_after_their_input(
    source: str, kind: Literal["same", "csv", "xlsx", "jsonl"], results: str
) -> None:
    assert default_results_path(Path("in") / source, kind) == Path("in") / results
    assert default_results_path(Path("in") / source, kind, Path("out")) == Path("out") / results


def refused(path: Path, source: Path, rows: int = 1) -> str:
    with pytest.raises(UsageError) as refusal:
        check_results_path(path, input_path=source, rows=rows)
    assert refusal.value.exit_code is ExitCode.USAGE
    assert refusal.value.remedy
    return refusal.value.code


def test_a_path_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    source, path = tmp_path / "x.csv", tmp_path / "r.csv"
    source.write_text("a")
    check_results_path(path, input_path=source, rows=3)
    assert names(tmp_path) == ["x.csv"]
    path.write_text("earlier results")
    check_results_path(path, input_path=source, rows=3)
    assert path.read_text() == "earlier results"
    assert names(tmp_path) == ["r.csv", "x.csv"]


def test_the_input_is_refused_under_each_of_its_names(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    source.write_text("a")
    (tmp_path / "hard.csv").hardlink_to(source)
    (tmp_path / "soft.csv").symlink_to(source)
    for name in ("x.csv", "hard.csv", "soft.csv", f"../{tmp_path.name}/x.csv"):
        assert refused(tmp_path / name, source) == "results-same-file"


@pytest.mark.parametrize("name", ["r.xls", "r.pdf", "r", "r.csv.gz", ".csv"])
def test_an_ending_that_means_no_format_is_refused(tmp_path: Path, name: str) -> None:
    assert refused(tmp_path / name, tmp_path / "x.csv") == "results-ending"


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none" / "r.csv", tmp_path / "x.csv") == "results-unwritable"
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file" / "r.csv", tmp_path / "x.csv") == "results-unwritable"


@pytest.mark.skipif(sys.platform != "linux", reason="a folder that refuses even root")
def test_a_folder_that_takes_no_file_is_refused(tmp_path: Path) -> None:
    assert refused(Path("/proc/r.csv"), tmp_path / "x.csv") == "results-unwritable"


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").mkdir()
    assert refused(tmp_path / "r.csv", tmp_path / "x.csv") == "results-no-file"


def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / ("r" * 255 + ".csv"), tmp_path / "x.csv") == "results-unwritable"


def test_more_rows_than_a_sheet_holds_are_refused_for_a_workbook_only(tmp_path: Path) -> None:
    source = tmp_path / "x.csv"
    assert refused(tmp_path / "r.xlsx", source, rows=1_048_576) == "results-too-long"
    check_results_path(tmp_path / "r.xlsx", input_path=source, rows=1_048_575)
    check_results_path(tmp_path / "r.csv", input_path=source, rows=1_048_576)
