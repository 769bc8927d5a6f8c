from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from importer.ledger.checkup import DAY, Checkup
from importer.ledger.sqlite import SqliteLedger
from tests.ledger.examples import begin, deliver, intend

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_790_000_000.0
LATER = NOW + DAY - 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger that was checked at NOW and closed in order."""
    path = tmp_path / "ledger.sqlite"
    ledger = SqliteLedger.open(path)
    ledger.commit(begin(ledger), [intend(deliver(2))])
    ledger.close()
    checkup = Checkup(path, small=0, now=NOW)
    checkup.passed()
    checkup.seal()
    return path


def test_a_large_ledger_is_not_checked_again_on_the_same_day(path: Path) -> None:
    assert not Checkup(path, small=0, now=LATER).is_due()


def test_not_checking_it_does_not_put_the_next_check_off(path: Path) -> None:
    checkup = Checkup(path, small=0, now=LATER)
    assert not checkup.is_due()
    checkup.seal()

    assert Checkup(path, small=0, now=LATER + 2).is_due()


def test_a_small_ledger_is_always_checked(path: Path) -> None:
    assert Checkup(path, small=path.stat().st_size, now=LATER).is_due()


@pytest.mark.parametrize("now", [NOW + DAY, NOW - 1], ids=["a day later", "a clock put back"])
def test_a_check_of_another_day_proves_nothing(path: Path, now: float) -> None:
    assert Checkup(path, small=0, now=now).is_due()


def test_a_ledger_whose_run_died_is_checked(path: Path) -> None:
    path.with_name("ledger.sqlite-wal").write_bytes(b"left behind")

    assert Checkup(path, small=0, now=LATER).is_due()


def test_a_ledger_that_was_put_back_or_changed_is_checked(path: Path) -> None:
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))

    assert Checkup(path, small=0, now=LATER).is_due()


@pytest.mark.parametrize("note", ["", "[]", '{"size": 1}', "\ud83d"])
def test_a_note_that_says_nothing_means_a_check(path: Path, note: str) -> None:
    path.with_name("ledger.sqlite.checked").write_text(note, "utf-8", "surrogatepass")

    assert Checkup(path, small=0, now=LATER).is_due()


def test_without_a_check_that_passed_nothing_is_noted(path: Path) -> None:
    path.with_name("ledger.sqlite.checked").unlink()
    checkup = Checkup(path, small=0, now=LATER)
    assert checkup.is_due()
    checkup.seal()

    assert Checkup(path, small=0, now=LATER).is_due()
