from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import structlog

from importer.model import Next, Outcome, Verdict
from importer.sender.events import Paused, Retrying, Settled, Stopped
from importer.tally import LOG_EVERY, Tally, ticking
from importer.workspace import Progress, read_progress

if TYPE_CHECKING:
    from pathlib import Path

CREATED = Outcome(Verdict.APPLIED, Next.DONE, "created", "")
UNKNOWN = Outcome(Verdict.IN_DOUBT, Next.HOLD, "read-timeout", "")
LATER = Outcome(Verdict.NOT_APPLIED, Next.RETRY, "http-503", "")


class Watched:
    """A tally with a clock, a log and perhaps a bar that can be read."""

    def __init__(self, folder: Path, *, bar: bool = False, level: int = logging.DEBUG) -> None:
        self.now = 0.0
        self.shown: list[tuple[str, int]] = []
        self.logged: list[dict[str, Any]] = []
        leveled = structlog.make_filtering_bound_logger(level)
        log = structlog.wrap_logger(None, processors=[self.take], wrapper_class=leveled)
        progress = Progress(folder, file="x.csv", total=10)
        shown = (lambda *told: self.shown.append(told)) if bar else None
        self.tally = Tally(progress, 10, shown, log, lambda: self.now)

    def take(self, _logger: object, level: str, event: Any) -> Any:  # noqa: ANN401 - structlog's
        self.logged.append({"level": level, **event})
        raise structlog.DropEvent


def test_a_row_is_a_debug_event_and_doubt_a_warning(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.tally.observe(Retrying(2, 1, LATER, 0.5))
    watched.tally.observe(Settled(2, 2, CREATED))
    watched.tally.observe(Settled(3, 1, UNKNOWN))
    assert [(one["level"], one["event"], one["attempt"]) for one in watched.logged] == [
        *[("debug", "row.retrying", 1), ("debug", "row.created", 2), ("warning", "row.in_doubt", 1)]
    ]


def test_a_log_of_totals_names_rows_in_doubt_alone(tmp_path: Path) -> None:
    watched = Watched(tmp_path, level=logging.INFO)
    watched.tally.observe(Retrying(2, 1, LATER, 0.5))
    watched.tally.observe(Settled(2, 2, CREATED))
    watched.tally.observe(Settled(3, 1, UNKNOWN))
    assert [(one["level"], one["event"], one["row"]) for one in watched.logged] == [
        ("warning", "row.in_doubt", 3)
    ]


def test_a_log_has_a_line_every_ten_seconds_also_in_a_pause(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.tally.observe(Settled(2, 1, CREATED))
    watched.tally.observe(Paused(30, "Keen asked for it"))
    watched.logged.clear()
    for second in range(1, 41):
        watched.now = float(second)
        watched.tally.tick()
    assert LOG_EVERY == 10
    assert [one.get("paused") for one in watched.logged] == [20, 10, None, None]
    assert {one["event"] for one in watched.logged} == {"run.progress"}
    assert {one["created"] for one in watched.logged} == {1}


def test_the_bar_names_the_pause_counts_it_down_and_forgets_it(tmp_path: Path) -> None:
    watched = Watched(tmp_path, bar=True)
    watched.tally.observe(Settled(2, 1, CREATED))
    watched.tally.observe(Paused(12, "Keen asked for it"))
    assert watched.shown[-1] == ("created 1  paused 12 s: Keen asked for it", 1)
    watched.now = 5
    watched.tally.tick()
    assert watched.shown[-1][0] == "created 1  paused 7 s: Keen asked for it"
    told = read_progress(tmp_path)
    assert told is not None
    assert told["paused_until"]
    watched.now = 13
    watched.tally.observe(Settled(3, 1, CREATED))
    assert watched.shown[-1] == ("created 2", 2)
    assert (read_progress(tmp_path) or {})["paused_until"] is None


def test_a_row_that_was_on_its_way_does_not_end_the_pause(tmp_path: Path) -> None:
    watched = Watched(tmp_path, bar=True)
    watched.tally.observe(Paused(12, "Keen asked for it"))
    watched.now = 1
    watched.tally.observe(Settled(2, 1, CREATED))
    assert "paused 11 s" in watched.shown[-1][0]


def test_the_bar_says_that_the_run_is_stopping(tmp_path: Path) -> None:
    watched = Watched(tmp_path, bar=True)
    watched.tally.observe(Stopped("SIGINT"))
    watched.tally.tick()
    assert watched.shown[-1][0] == "stopping: SIGINT"


def test_what_a_tick_logs_carries_what_its_run_has_bound() -> None:
    bound: list[dict[str, Any]] = []
    ticked = threading.Event()

    def tick() -> None:
        bound.append(structlog.contextvars.get_contextvars())
        ticked.set()

    with structlog.contextvars.bound_contextvars(run_id=7), ticking(tick, every=0.001):
        assert ticked.wait(10)
    assert bound[0] == {"run_id": 7}


def test_ticks_come_while_the_block_lasts_and_not_after_it() -> None:
    ticked = threading.Event()
    with ticking(ticked.set, every=0.001):
        assert ticked.wait(10)
    assert "tick" not in {thread.name for thread in threading.enumerate()}
