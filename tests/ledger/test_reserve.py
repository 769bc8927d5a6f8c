from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from importer.errors import LedgerWriteError
from importer.ledger.reserve import BALLAST, Reserve, reserve_path

if TYPE_CHECKING:
    from pathlib import Path


def test_the_reserve_takes_real_room_until_it_is_released_once(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    reserve = Reserve(ledger)
    reserve.fill()
    reserve.fill()
    taken = reserve_path(ledger).stat()

    assert taken.st_size == BALLAST
    assert taken.st_blocks * 512 >= BALLAST
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite.reserve"]
    assert reserve.release()
    assert not reserve.release()


@pytest.mark.skipif(sys.platform == "win32", reason="no file is limited there")
def test_a_reserve_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415 - POSIX has it

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (BALLAST // 2, before[1]))
    try:
        Reserve(tmp_path / "ledger.sqlite").fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(tmp_path.iterdir()) == []


def test_no_reserve_is_made_of_the_last_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "ledger.sqlite", minimum_free=1 << 60)
    reserve.fill()

    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_nearly_full_is_named_with_what_it_has_left(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    Reserve(ledger).require_space()
    with pytest.raises(LedgerWriteError, match=r"has only \d+ MiB left") as raised:
        Reserve(ledger, minimum_free=1 << 60).require_space()

    assert str(ledger) in raised.value.message
    assert raised.value.code == "disk-full"


def test_a_folder_that_is_gone_has_no_space(tmp_path: Path) -> None:
    assert not Reserve(tmp_path / "gone" / "ledger.sqlite", minimum_free=0).has_space()
    assert Reserve(tmp_path / "ledger.sqlite", minimum_free=0).has_space()
