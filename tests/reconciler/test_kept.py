from __future__ import annotations

import json
import os
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from openpyxl import Workbook, load_workbook

from importer.reconciler.kept import REMEMBERED, Kept, Why, WrittenFiles, keep_earlier
from tests.reconciler.samples import KEY, results_of, table_of, write_table

if TYPE_CHECKING:
    from pathlib import Path

OTHER_KEY = "0190a1b2-c3d4-8e5f-8a6b-ffffffffffff"
AT = datetime(2026, 3, 4, 10, 20, 30, tzinfo=UTC).timestamp()

ENDINGS = pytest.mark.parametrize("ending", ["csv", "xlsx", "jsonl"])


@pytest.fixture
def written(tmp_path: Path) -> WrittenFiles:
    (tmp_path / "workspace").mkdir()
    return WrittenFiles(tmp_path / "workspace" / "results.json")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def write(path: Path, written: WrittenFiles, **changed: object) -> Path:
    """Write results as a run does, and remember them."""
    table = table_of(["a"], [["1"]])
    write_table(path, table, results_of(table, **changed))
    written.note(path, keyed="idempotency_key" not in changed)
    return path


@ENDINGS
def test_untouched_results_of_the_same_import_are_replaced(
    tmp_path: Path, written: WrittenFiles, ending: str
) -> None:
    path = write(tmp_path / f"x.results.{ending}", written)
    assert keep_earlier(path, [OTHER_KEY, KEY], written) is None
    assert names(tmp_path) == [path.name]


def test_untouched_results_are_known_by_whichever_way_they_are_reached(
    tmp_path: Path, written: WrittenFiles
) -> None:
    write(tmp_path / "x.results.csv", written)
    (tmp_path / "link").symlink_to(tmp_path)
    for way in ("workspace/..", "link"):
        assert keep_earlier(tmp_path / way / "x.results.csv", [KEY], written) is None


@ENDINGS
def test_results_of_another_import_are_kept_under_the_time_they_were_written(
    tmp_path: Path, written: WrittenFiles, ending: str
) -> None:
    path = write(tmp_path / f"x.results.{ending}", written)
    os.utime(path, (AT, AT))
    whole = path.read_bytes()
    kept = keep_earlier(path, [OTHER_KEY], written)
    assert kept == Kept(tmp_path / f"x.results.20260304-102030.{ending}", Why.OTHER)
    assert kept.path.read_bytes() == whole
    assert names(tmp_path) == [kept.path.name]


def test_results_into_which_a_person_wrote_are_kept(tmp_path: Path, written: WrittenFiles) -> None:
    path = write(tmp_path / "x.results.xlsx", written)
    book = load_workbook(path)
    book["Results"]["K2"] = "created"
    book.save(path)
    kept = keep_earlier(path, [KEY], written)
    assert kept is not None
    assert kept.why is Why.EDITED
    assert load_workbook(kept.path)["Results"]["K2"].value == "created"


def test_results_that_name_no_purchase_do_not_pile_up(
    tmp_path: Path, written: WrittenFiles
) -> None:
    path = tmp_path / "x.results.csv"
    for _ in range(3):
        write(path, written, idempotency_key=None)
        assert keep_earlier(path, [], written) is None
    path.write_text(path.read_text("utf-8") + "a note\n", "utf-8")
    assert keep_earlier(path, [], written) is not None


def test_a_file_that_nobody_remembers_is_kept(tmp_path: Path, written: WrittenFiles) -> None:
    path = write(tmp_path / "x.results.csv", written)
    forgetful = WrittenFiles(tmp_path / "nowhere" / "results.json")
    forgetful.note(path, keyed=True)
    assert keep_earlier(path, [KEY], forgetful) is not None


def test_only_the_latest_files_are_remembered(tmp_path: Path, written: WrittenFiles) -> None:
    old = {f"/{number}.csv": {"sha256": "", "keyed": True} for number in range(REMEMBERED)}
    (tmp_path / "workspace" / "results.json").write_text(json.dumps(old), "utf-8")
    path = write(tmp_path / "x.results.csv", written)
    known = json.loads((tmp_path / "workspace" / "results.json").read_text("utf-8"))
    assert len(known) == REMEMBERED
    assert "/0.csv" not in known
    assert written.unchanged(path)


def test_keeping_overwrites_nothing(tmp_path: Path, written: WrittenFiles) -> None:
    path = tmp_path / "x.results.csv"
    kept = []
    for text in ("first", "second", "third"):
        path.write_text(text)
        os.utime(path, (AT, AT))
        kept.append(keep_earlier(path, [KEY], written))
    stem = "x.results.20260304-102030"
    paths = [each.path for each in kept if each]
    assert paths == [tmp_path / f"{stem}{n}.csv" for n in ("", "-2", "-3")]
    assert [path.read_text() for path in paths] == ["first", "second", "third"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", KEY.encode()])
def test_a_workbook_that_cannot_be_read_is_kept(
    tmp_path: Path, written: WrittenFiles, content: bytes
) -> None:
    path = tmp_path / "x.results.xlsx"
    path.write_bytes(content)
    assert keep_earlier(path, [KEY], written) is not None


def test_a_workbook_with_a_broken_part_is_kept(tmp_path: Path, written: WrittenFiles) -> None:
    path = tmp_path / "x.results.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/sharedStrings.xml", KEY * 100)
    content = bytearray(path.read_bytes())
    content[60:70] = b"\xff" * 10
    path.write_bytes(content)
    assert keep_earlier(path, [KEY], written) is not None


def test_results_saved_again_by_a_spreadsheet_are_known_for_this_imports(
    tmp_path: Path, written: WrittenFiles
) -> None:
    path = tmp_path / "x.results.xlsx"
    workbook = Workbook()
    workbook.active.append(["keen idempotency key"])
    workbook.active.append([KEY.upper()])
    workbook.save(path)
    kept = keep_earlier(path, [KEY], written)
    assert kept is not None
    assert kept.why is Why.EDITED


def test_a_key_deep_in_the_file_is_found(tmp_path: Path, written: WrittenFiles) -> None:
    path = tmp_path / "x.results.csv"
    for offset in (-36, -35, -1, 0, 1):
        path.write_bytes(b"." * ((1 << 20) + offset) + KEY.encode() + b"," * 10)
        written.note(path, keyed=True)
        assert keep_earlier(path, [KEY], written) is None


def test_a_key_that_stands_late_among_this_runs_keys_is_found(
    tmp_path: Path, written: WrittenFiles
) -> None:
    path = write(tmp_path / "x.results.csv", written)

    assert keep_earlier(path, [*[OTHER_KEY] * 5_000, KEY], written) is None


def test_where_there_is_no_file_nothing_is_kept(tmp_path: Path, written: WrittenFiles) -> None:
    assert keep_earlier(tmp_path / "x.results.csv", [KEY], written) is None
