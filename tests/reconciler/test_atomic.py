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


def leave(path: Path) -> Path:
    """Return a temporary file that a writer of `path` has left behind, as one killed now."""
    found: list[Path] = []

    def write(temporary: Path) -> None:
        found.append(temporary)

    write_atomically(path, write)
    path.unlink()
    found[0].write_bytes(b"half")
    return found[0]


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


@pytest.mark.parametrize(
    ("written_for", "name", "left"),
    [
        ("r.csv", "r.csv", False),
        ("r.xlsx", "r.csv", True),
        ("a" * 41 + "1.csv", "a" * 41 + "2.csv", True),
    ],
    ids=["its own", "another file's", "another's that begins alike"],
)
def test_what_a_killed_writer_left_is_removed_by_the_next_of_that_file(
    tmp_path: Path, written_for: str, name: str, left: bool
) -> None:
    leftover = leave(tmp_path / written_for)
    os.utime(leftover, (1e9, 1e9))
    write_atomically(tmp_path / name, new)
    assert leftover.exists() == left
    assert (tmp_path / name).read_bytes() == b"new"


def test_a_file_that_somebody_writes_at_this_moment_or_a_foreign_one_is_left_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / "r.csv"
    young = leave(path)
    foreign = tmp_path / ".r.csv.0123456789abcdef.tmp"
    folder = young.with_name(young.name.replace("-", "-0")[:-5] + ".tmp")
    folder.mkdir()
    foreign.write_bytes(b"?")
    others = [foreign, folder]
    for each in others:
        os.utime(each, (1e9, 1e9))

    def write(temporary: Path) -> None:
        os.utime(temporary, (1e9, 1e9))
        write_atomically(path, new)  # another run with the same results file
        temporary.write_bytes(b"newer")

    assert write_atomically(path, write).read_bytes() == b"newer"
    assert names(tmp_path) == sorted([path.name, young.name, *(each.name for each in others)])


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
