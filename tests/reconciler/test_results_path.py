from __future__ import annotations

import os
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
from openpyxl import Workbook

from importer.errors import ExitCode, UsageError
from importer.reconciler.results import write_results
from importer.reconciler.results_path import (
    check_results_path,
    default_results_path,
    keep_other,
)
from tests.reconciler.samples import KEY, results_of, table_of

OTHER_KEY = "0190a1b2-c3d4-8e5f-8a6b-ffffffffffff"
WRITTEN = datetime(2026, 3, 4, 10, 20, 30, tzinfo=UTC).timestamp()

ENDINGS = pytest.mark.parametrize("ending", ["csv", "xlsx", "jsonl"])


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


@ENDINGS
def test_results_of_the_same_import_are_not_kept(tmp_path: Path, ending: str) -> None:
    table = table_of(["a"], [["1"]])
    path = write_results(tmp_path / f"x.results.{ending}", table, results_of(table))
    assert keep_other(path, [OTHER_KEY, KEY]) is None
    assert names(tmp_path) == [path.name]


@ENDINGS
def test_results_of_another_import_are_kept_under_the_time_they_were_written(
    tmp_path: Path, ending: str
) -> None:
    table = table_of(["a"], [["1"]])
    path = write_results(tmp_path / f"x.results.{ending}", table, results_of(table))
    os.utime(path, (WRITTEN, WRITTEN))
    whole = path.read_bytes()
    kept = keep_other(path, [OTHER_KEY])
    assert kept == tmp_path / f"x.results.20260304-102030.{ending}"
    assert kept.read_bytes() == whole
    assert names(tmp_path) == [kept.name]


def test_keeping_overwrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.results.csv"
    kept = []
    for text in ("first", "second", "third"):
        path.write_text(text)
        os.utime(path, (WRITTEN, WRITTEN))
        kept.append(keep_other(path, [KEY]))
    stem = "x.results.20260304-102030"
    assert kept == [tmp_path / f"{stem}{n}.csv" for n in ("", "-2", "-3")]
    assert [name.read_text() for name in kept if name] == ["first", "second", "third"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", KEY.encode()])
def test_a_workbook_that_cannot_be_read_is_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.results.xlsx"
    path.write_bytes(content)
    assert keep_other(path, [KEY]) is not None


def test_a_workbook_with_a_broken_part_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.results.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/sharedStrings.xml", KEY * 100)
    content = bytearray(path.read_bytes())
    content[60:70] = b"\xff" * 10
    path.write_bytes(content)
    assert keep_other(path, [KEY]) is not None


def test_results_saved_again_by_a_spreadsheet_are_known(tmp_path: Path) -> None:
    path = tmp_path / "x.results.xlsx"
    workbook = Workbook()
    workbook.active.append(["keen idempotency key"])
    workbook.active.append([KEY.upper()])
    workbook.save(path)
    assert keep_other(path, [KEY]) is None
    text = tmp_path / "x.results.csv"
    text.write_text(f'keen_status\tkeen_idempotency_key\r\n"created"\t"{KEY}"\r\n')
    assert keep_other(text, [KEY]) is None


def test_a_key_deep_in_the_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.results.csv"
    for offset in (-36, -35, -1, 0, 1):
        path.write_bytes(b"." * ((1 << 20) + offset) + KEY.encode() + b"," * 10)
        assert keep_other(path, [KEY]) is None


def test_where_there_is_no_file_nothing_is_kept(tmp_path: Path) -> None:
    assert keep_other(tmp_path / "x.results.csv", [KEY]) is None
