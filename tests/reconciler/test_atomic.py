from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from importer.reconciler.atomic import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

HALF_WRITER = """
import sys, time
from pathlib import Path
from importer.reconciler.atomic import write_atomically

def write(temporary):
    temporary.write_bytes(b"half of the new")
    print("half", flush=True)
    time.sleep(300)

write_atomically(Path(sys.argv[1]), write)
"""


def new(temporary: Path) -> None:
    temporary.write_bytes(b"new")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"old")
    assert write_atomically(path, new) == path
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["r.csv"]


def test_a_writer_that_is_killed_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"old")
    with subprocess.Popen(
        [sys.executable, "-c", HALF_WRITER, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline().strip() == b"half"
        writer.kill()
    assert path.read_bytes() == b"old"
    temporary, name = names(tmp_path)
    assert name == "r.csv"
    assert temporary.startswith(".r.csv.")
    assert temporary.endswith(".tmp")


def test_a_writer_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["r.csv"]


def test_where_the_old_file_is_open_in_excel_a_sibling_is_written(tmp_path: Path) -> None:
    path = tmp_path / "r.results.csv"
    path.write_bytes(b"open in Excel")
    (tmp_path / "r.results.2.csv").write_bytes(b"from yesterday")

    def replace_as_windows_does(source: Path, target: Path) -> None:
        if target.exists():
            raise PermissionError(13, "Permission denied", str(target))
        source.rename(target)

    written = write_atomically(path, new, replace=replace_as_windows_does)
    assert written == tmp_path / "r.results.3.csv"
    assert written.read_bytes() == b"new"
    assert path.read_bytes() == b"open in Excel"
    assert names(tmp_path) == ["r.results.2.csv", "r.results.3.csv", "r.results.csv"]


def test_a_folder_that_refuses_is_an_error_and_not_a_sibling(tmp_path: Path) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied", f"{source} -> {target}")

    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "r.csv", new, replace=refuse)
    assert names(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for a privilege to make links")
def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_bytes(b"old")
    link = tmp_path / "link.csv"
    link.symlink_to("real.csv")
    assert write_atomically(link, new) == link
    assert link.is_symlink()
    assert (tmp_path / "real.csv").read_bytes() == b"new"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps rights elsewhere")
def test_nobody_reads_the_new_file_who_could_not_read_the_old(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"old")
    path.chmod(0o600)
    seen: list[int] = []

    def look(temporary: Path) -> None:
        seen.append(temporary.stat().st_mode & 0o777)

    write_atomically(path, look)
    assert [*seen, path.stat().st_mode & 0o777] == [0o600, 0o600]


def test_the_longest_of_names_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".csv")
    assert write_atomically(path, new).read_bytes() == b"new"
