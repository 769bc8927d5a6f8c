from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from importer.errors import ConfigError, ExitCode, WorkspaceBusyError
from importer.model import RowStatus
from importer.workspace import Holder, Progress, Workspace, holder, read_progress

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from importer.workspace import Workspace
workspace = Workspace(Path(sys.argv[1]))
with workspace.hold("sales.csv"):
    (workspace.copies_folder / "copy.csv").write_text("lead_id")
    print("held", flush=True)
    sys.stdin.read()
"""


def start_holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def names(path: Path) -> set[str]:
    return {each.name for each in path.iterdir()}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "state" / "importer")


# Holding


def test_a_held_workspace_is_refused_with_who_holds_it(workspace: Workspace) -> None:
    slept: list[float] = []
    with start_holder(workspace.path) as process:
        found = holder(workspace.path)
        assert found is not None
        assert (found.pid, found.file) == (process.pid, "sales.csv")
        assert found.started is not None
        assert found.started.tzinfo == UTC
        with pytest.raises(WorkspaceBusyError) as raised, workspace.hold("b.csv", slept.append):
            pass
        process.communicate()
    assert raised.value.exit_code is ExitCode.WORKSPACE_BUSY
    assert f"Another run (process {process.pid}) of sales.csv, since 2" in str(raised.value)
    assert slept, "`importer status` takes the lock for an instant, so one try is not enough"
    assert holder(workspace.path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_after_kill_9_the_workspace_is_free_and_its_leftovers_go(workspace: Workspace) -> None:
    with start_holder(workspace.path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(list(workspace.path.glob("*/copy.csv"))) == 1
    assert holder(workspace.path) is None, "what the dead run wrote of itself is not believed"
    with workspace.hold("b.csv"):
        assert list(workspace.path.glob("*/copy.csv")) == []
        found = holder(workspace.path)
        assert found is not None
        assert (found.pid, found.file) == (os.getpid(), "b.csv")


def test_two_holders_in_one_process_exclude_each_other(workspace: Workspace) -> None:
    with workspace.hold("a.csv"):
        other = Workspace(workspace.path)
        with (
            pytest.raises(WorkspaceBusyError, match=r"of a\.csv"),
            other.hold("b.csv", lambda _: None),
        ):
            pass
        assert holder(workspace.path) is not None, "the refused one freed nothing"
        assert workspace.copies_folder.is_dir(), "and cleared nothing away"
    with other.hold("b.csv"):
        pass


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"pid": "x"}', '{"pid": null}'])
def test_a_holder_that_has_not_said_who_it_is_is_still_one(
    workspace: Workspace, text: str | None
) -> None:
    with workspace.hold("a.csv"):
        run = workspace.path / "run.json"
        run.unlink()
        if text is not None:
            run.write_text(text)
        assert holder(workspace.path) == Holder()
        with (
            pytest.raises(WorkspaceBusyError, match="Another run holds the workspace"),
            Workspace(workspace.path).hold("b.csv", lambda _: None),
        ):
            pass


def test_the_workspace_is_freed_when_the_run_fails(workspace: Workspace) -> None:
    with pytest.raises(ZeroDivisionError), workspace.hold("a.csv"):
        raise ZeroDivisionError
    assert holder(workspace.path) is None


# The folder


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such bits")
def test_a_new_folder_and_the_copies_are_the_users_alone(workspace: Workspace) -> None:
    with workspace.hold("a.csv"):
        for folder in (workspace.path, workspace.copies_folder):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_after_a_run_only_the_lock_and_what_others_made_remain(workspace: Workspace) -> None:
    with workspace.hold("a.csv"):
        workspace.ledger_path.write_bytes(b"ledger")
        (workspace.path / "copies").mkdir()
        (workspace.copies_folder / "copy.csv").write_text("lead_id")
        Progress(workspace.path, file="a.csv", total=1)
    assert names(workspace.path) == {"lock", "ledger.sqlite", "copies"}


def test_each_run_has_an_empty_folder_for_copies_and_none_without_hold(
    workspace: Workspace,
) -> None:
    folders = set()
    for _ in range(2):
        with workspace.hold("a.csv"):
            assert names(workspace.copies_folder) == set()
            folders.add(workspace.copies_folder)
    assert len(folders) == 2
    with pytest.raises(RuntimeError, match="while the workspace is held"):
        _ = workspace.copies_folder


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path, cause in ((tmp_path / "file", "it is a file"), (tmp_path / "file" / "x", "Not a di")):
        with pytest.raises(ConfigError, match=cause) as raised, Workspace(path).hold("a.csv"):
            pass
        assert raised.value.exit_code is ExitCode.USAGE
        assert str(path) in str(raised.value)


def test_a_folder_that_takes_no_files_is_refused_before_the_run_begins(
    workspace: Workspace,
) -> None:
    with workspace.hold("a.csv"):
        pass
    (workspace.path / "run.new").mkdir()  # in the way: even root cannot write there
    began = False
    with pytest.raises(ConfigError, match=r"cannot be used: .*run\.new"), workspace.hold("a.csv"):
        began = True
    assert not began
    assert holder(workspace.path) is None


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(workspace: Workspace) -> None:
    with workspace.hold("a.csv"):
        pass
    workspace.path.chmod(0o500)
    with pytest.raises(ConfigError, match="Permission denied"), workspace.hold("a.csv"):
        pass
    workspace.path.chmod(0o700)


def test_a_network_file_system_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path.resolve() / "ledger"
    workspace = Workspace(path, mounts=f"/dev/sda1 / ext4 rw\nserver:/x {path.parent} nfs4 rw")
    with (
        pytest.raises(ConfigError, match=r"network file system \(nfs4\).*cannot be trusted"),
        workspace.hold("a.csv"),
    ):
        pass
    assert not path.exists()


def test_a_synchronised_folder_gets_a_note(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.note is None
    assert "synchronised by Dropbox" in str(Workspace(tmp_path / "Dropbox" / "keen").note)


# Progress


def test_progress_can_be_read_without_the_lock(workspace: Workspace) -> None:
    now = [100.0]
    with workspace.hold("a.csv"):
        progress = Progress(workspace.path, file="a.csv", total=10, clock=lambda: now[0])
        first = read_progress(workspace.path)
        assert first is not None
        assert datetime.fromisoformat(first.pop("started")).tzinfo == UTC
        assert first == {
            "pid": os.getpid(),
            "file": "a.csv",
            "total": 10,
            "counts": {},
            "rate": 0.0,
            "paused_until": None,
        }
        now[0] = 102.0
        progress.count_sent(RowStatus.CREATED)
        now[0] = 104.0
        progress.count_sent(RowStatus.REJECTED)
        second = read_progress(workspace.path)
        assert second is not None
        assert second["counts"] == {"created": 1, "rejected": 1}
        assert second["rate"] == 0.5, "rows a second"
    assert read_progress(workspace.path) is None


def test_progress_is_written_at_most_once_a_second_and_a_pause_at_once(tmp_path: Path) -> None:
    now = [0.0]
    progress = Progress(tmp_path, file="a.csv", total=10, clock=lambda: now[0])
    seen = []
    for now[0] in (0.5, 0.9, 1.0, 1.5, 1.9, 2.1):
        progress.count_sent(RowStatus.CREATED)
        read = read_progress(tmp_path)
        assert read is not None
        seen.append(read["counts"].get("created", 0))
    assert seen == [0, 0, 3, 3, 3, 6]
    progress.pause(datetime(2026, 3, 4, 10, 20, tzinfo=UTC))
    paused = read_progress(tmp_path)
    assert paused is not None
    assert paused["paused_until"] == "2026-03-04T10:20:00Z"
    progress.pause(None)
    assert json.loads((tmp_path / "progress.json").read_text())["paused_until"] is None


def test_progress_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "progress.new").mkdir()
    Progress(tmp_path, file="a.csv", total=1).count_sent(RowStatus.CREATED)
    assert read_progress(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00"])
def test_a_broken_progress_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "progress.json").write_text(text)
    assert read_progress(tmp_path) is None
