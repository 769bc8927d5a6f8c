"""A seed → files imported while everything goes wrong, and the promise checked against the audit.

Every decision comes from the seed, so a campaign can be run again; what the operating system does
in between cannot. With C(k) the purchases that Keen committed for key k, it holds at the end that

- no key was paid twice, and all bodies of a key were the same bytes;
- `created` rows have the id of C(k); a row with C(k) is `created` or in doubt, never anything else;
- every row of every file stands exactly once in its results;
- what a results file once called created or rejected, no later one takes back;
- rows in doubt are no more than ambiguous answers + crashes x concurrency;
- a file that is run again sends nothing; ledger and foreign keys are sound;
- the API key is nowhere but in the environment.

Where Keen remembers keys for some hours and the program is told so, besides:

- no call repeats a purchase that Keen may have forgotten: none comes later than so many hours after
  the purchase was committed;
- where those hours outlast the campaign, every row is created in the end, and nobody was asked.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from importer.sandbox.audit import Audit
from importer.sandbox.company import SANDBOX_API_KEY
from tests.chaos.power_loss import Disk
from tests.chaos.upset import Upset
from tests.invariants import check_promise
from tests.program import Program, purchases, read_results, write_csv

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from tests.chaos.keen import Keen
    from tests.chaos.nursery import Nursery, Run

CONCURRENCY = 4
TIMEOUT = 1.5
OUTLASTS = 12.0
"""Hours; Keen's memory of a key, where it is longer, outlasts the longest campaign."""
SHARE_FORGOTTEN = 0.4
"""How often the next run begins when Keen has forgotten all keys, where its memory is short."""

FAULTS: Mapping[str, float] = {
    "reset-before-commit": 0.004,
    "reset-after-commit": 0.006,
    "close-before-commit": 0.004,
    "close-after-commit": 0.006,
    "http-500-before-commit": 0.004,
    "http-500-after-commit": 0.006,
    "http-502-after-commit": 0.002,
    "http-504-after-commit": 0.002,
    "http-408-after-commit": 0.002,
    "hang-before-commit": 0.0005,
    "hang-after-commit": 0.0005,
    "late-commit": 0.001,
    "redirect-after-commit": 0.001,
    "html-200": 0.002,
    "empty-200": 0.002,
    "no-id-200": 0.002,
    "cut-length": 0.003,
    "cut-reset": 0.003,
    "cut-chunked": 0.003,
    "gzip-garbage": 0.002,
    "stale-connection": 0.01,
    "chunked": 0.02,
    "early-hints": 0.02,
    "close-delimited": 0.01,
    "http-400": 0.004,
    "http-403": 0.004,
    "http-429": 0.003,
    "http-503-boot-error": 0.004,
    "http-521": 0.003,
}
CLEAR = frozenset(
    {
        *("none", "chunked", "early-hints", "close-delimited", "http-400", "http-403", "http-429"),
        *("http-503-boot-error", "http-521"),
    }
)
"""Faults that leave no doubt."""

POINTS = (
    ("call:SqliteLedger.commit", "before a commit of the ledger"),
    ("return:SqliteLedger.commit", "after it: intents and outcomes are durable"),
    ("call:Connection.post", "between intent and first byte"),
    ("call:Connection._leave", "at the first byte"),
    ("return:Connection.post", "after the answer"),
    ("return:GroupCommit.put", "before the outcome is durable"),
)
ENTERING = (
    ("call:Journal.enter", "before the journal is entered"),
    ("return:Journal.enter", "before what was entered is durable"),
    ("call:Journal.forget", "after it is durable"),
)
ENDS = (
    ("call:write_results", "before the results"),
    ("call:_rename", "at the rename of the results"),
    ("return:write_results", "after the results"),
    ("return:SqliteLedger.end_run", "after the end is recorded"),
)
NAMES = dict((*POINTS, *ENTERING, *ENDS))


@dataclass
class Figures:
    """What a campaign did."""

    runs: int = 0
    kills: int = 0
    """Processes of the importer that ended by SIGKILL, power losses among them."""
    crashes: int = 0
    """Ends that may leave requests on their way: kills, second signals, ends of Keen."""
    power_losses: int = 0
    disks_filled: int = 0
    overlaps: int = 0
    signals: int = 0
    keen_deaths: int = 0
    clocks_moved: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    """How often each thing was done; each at least once where there are kills enough."""
    killed_at: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    committed: int = 0
    ambiguous: int = 0
    repeated: int = 0
    """Keys that were sent more than once, where Keen remembers them."""
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """Return the figures for people."""
        statuses = ", ".join(f"{count:,} {name}" for name, count in sorted(self.statuses.items()))
        points = ", ".join(f"{name} {count}" for name, count in sorted(self.killed_at.items()))
        causes = (
            f"{self.kills:,} kills",
            f"{self.power_losses:,} power losses",
            f"{self.signals:,} SIGTERMs",
            f"{self.overlaps:,} overlapping runs",
            f"{self.disks_filled:,} full disks",
            f"{self.clocks_moved:,} clock jumps",
            f"{self.keen_deaths:,} deaths of Keen",
            f"{self.ambiguous:,} ambiguous answers",
        )
        told = [
            f"{self.rows:,} rows in {self.runs:,} runs, {self.seconds:,.0f} s: {statuses}",
            ", ".join(causes),
            f"killed at named points: {points or 'none'}",
            f"{self.calls:,} purchase calls, {self.committed:,} purchases; none lost or paid twice",
        ]
        if self.repeated:
            told.append(f"{self.repeated:,} keys were sent more than once, as Keen remembers them")
        return told


@dataclass
class Campaign:
    """Files, the program that imports them, and the Keen that they go to."""

    folder: Path
    nursery: Nursery
    keen: Keen
    rng: random.Random
    surroundings: bool
    """Whether clock, disk and power can be made to fail."""
    key_retention: float = 0.0
    """Hours for which Keen remembers keys, by the program's configuration."""
    transport: str = "httpx"
    figures: Figures = field(default_factory=Figures)

    def __post_init__(self) -> None:
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        self.program = Program(
            self.disk,
            self.keen.url,
            {
                "IMPORTER_SEND__CONCURRENCY": str(CONCURRENCY),
                "IMPORTER_SEND__MAX_IN_DOUBT": "0",
                "IMPORTER_SEND__TIMEOUT": str(TIMEOUT),
                "IMPORTER_API__KEY_RETENTION": str(self.key_retention),
                "IMPORTER_SEND__TRANSPORT": self.transport,
            },
        )
        self._told: dict[str, str] = {}
        """Key → what a results file said for good."""
        self._fates: list[tuple[int, Callable[[Path], None]]] = [
            (30, self._kill_while_sending),
            (12, self._kill_any_time),
            (20, self._kill_at_a_point),
            (8, self._kill_while_entering),
            (8, self._kill_at_the_end),
            (6, self._ask_to_stop),
            (3, self._insist_on_stopping),
            (6, self._overlap),
            (3, self._lose_keen),
        ]
        if self.surroundings:
            self._fates += [
                (14, self._lose_power),
                (6, self._fill_disk),
            ]
        if self.surroundings and not self.key_retention:
            # How old a key is only a clock can tell: a wrong one is beyond what retention promises.
            self._fates.append((6, self._shift_clock))

    # ---- the story ----

    def run(self, *, rows: int, files: int, kills: int) -> Figures:
        """Import `rows` rows in `files` files with about `kills` kills, and check all of it."""
        began = time.monotonic()
        size = rows // files
        self._portion = max(CONCURRENCY, round(1.2 * rows / kills))
        made = []
        for number in range(files):
            path = self.disk / f"file{number}.csv"
            table = purchases(size, first=1 + number * size)
            made.append((write_csv(path, table), size))
            self._import(path, size, kills * (number + 1) // files)
        self._check(made)
        self.figures.seconds = time.monotonic() - began
        return self.figures

    def _import(self, path: Path, size: int, kills: int) -> None:
        """Import one file; where it is done before its kills are, the next ones take them over."""
        last_call = self.keen.calls + size
        weights = [weight for weight, _ in self._fates]
        fates = [fate for _, fate in self._fates]
        while self.figures.kills < kills and self.keen.calls < last_call:
            once = [fate for fate in fates if fate.__name__ not in self.figures.fates]
            fate = self.rng.choice(once) if once else self.rng.choices(fates, weights)[0]
            self.figures.fates[fate.__name__] += 1
            fate(path)
            self._look_at_results(path)
            if self.key_retention and not self._all_settle and self.rng.random() < SHARE_FORGOTTEN:
                time.sleep(self._memory.total_seconds())
        for _ in range(60):
            run = self._start(path)
            code = run.wait()
            self._count(run)
            assert code in {0, 3, 4, 5}, f"exit {code}: {run.err}"
            self._look_at_results(path)
            counts = json.loads(run.out)["counts"]
            if not counts["unsent"] and not (self._all_settle and counts["in_doubt"]):
                return
        raise AssertionError(f"{path.name} is never finished: {run.out} {run.err}")

    @property
    def _all_settle(self) -> bool:
        """Whether runs alone settle every doubt."""
        return self.key_retention > OUTLASTS

    @property
    def _memory(self) -> timedelta:
        return timedelta(hours=self.key_retention)

    # ---- what goes wrong ----

    def _kill_while_sending(self, path: Path) -> None:
        run = self._start_portion(path)
        self._await_some_calls(run)
        self._kill(run)

    def _kill_any_time(self, path: Path) -> None:
        run = self._start_portion(path)
        time.sleep(self.rng.random() * 0.4)
        self._kill(run)

    def _kill_at_a_point(self, path: Path) -> None:
        point, _ = self.rng.choice(POINTS)
        self._run_to(path, Upset(kill_at=point, nth=self.rng.randint(1, 8)), self._limit())

    def _kill_while_entering(self, path: Path) -> None:
        point, _ = self.rng.choice(ENTERING)
        # The first time it enters what a dead run left.
        self._run_to(path, Upset(kill_at=point, nth=self.rng.randint(1, 3)), self._limit())

    def _kill_at_the_end(self, path: Path) -> None:
        point, _ = self.rng.choice(ENDS)
        self._run_to(path, Upset(kill_at=point), self._limit())

    def _run_to(self, path: Path, upset: Upset, *options: str) -> None:
        run = self._start(path, *options, upset=upset)
        run.wait()
        self._count(run)
        if run.returncode == -signal.SIGKILL:
            self.figures.killed_at[NAMES[upset.kill_at]] += 1

    def _ask_to_stop(self, path: Path) -> None:
        run = self._start_portion(path)
        self._await_some_calls(run)
        run.send(signal.SIGTERM)
        code = run.wait()
        self._count(run)
        self.figures.signals += 1
        # Before it listens a signal ends it at once; after the last row it finishes.
        assert code in {143, 0, 3, 4, 5, -signal.SIGTERM}, f"exit {code}: {run.err}"

    def _insist_on_stopping(self, path: Path) -> None:
        run = self._start_portion(path)
        self._await_some_calls(run)
        run.send(signal.SIGTERM)
        time.sleep(self.rng.random() * 0.02)
        run.send(signal.SIGTERM)
        run.wait()
        self._count(run)
        self.figures.signals += 2
        self.figures.crashes += 1

    def _overlap(self, path: Path) -> None:
        """Start two runs at once: one of them leaves and names the other."""
        runs = [self._start_portion(path), self._start_portion(path)]
        while all(run.running for run in runs):
            time.sleep(0.001)
        loser, winner = sorted(runs, key=lambda run: run.running)
        if loser.returncode == 11:
            assert f"process {winner.pid}" in loser.err, loser.err
            self.figures.overlaps += 1
        self._await_some_calls(winner)
        self._kill(winner)
        self._count(loser)

    def _lose_keen(self, path: Path) -> None:
        run = self._start_portion(path)
        self._await_some_calls(run)
        self.keen.kill()
        time.sleep(self.rng.random() * 0.05)
        self._kill(run)
        self.figures.keen_deaths += 1
        self.keen.start()

    def _shift_clock(self, path: Path) -> None:
        """The clock is wrong by up to ten years and jumps while rows are sent."""
        self.figures.clocks_moved += 1
        upset = Upset(
            root=str(self.disk),
            clock_shift=self.rng.uniform(-3e8, 3e8),
            clock_jump=self.rng.choice([-86400.0, -30.0, 30.0, 86400.0, 3e8]),
            jump_after=self.rng.random() * 0.3,
        )
        run = self._start_portion(path, upset)
        self._await_some_calls(run)
        self._kill(run)

    def _fill_disk(self, path: Path) -> None:
        """The disk takes so many bytes more and then none; the run has to end by itself."""
        upset = Upset(root=str(self.disk), disk_left=self.rng.randint(0, 200_000))
        run = self._start_portion(path, upset)
        run.wait()
        self._count(run, may_fail=True)  # results that find no room are an error
        self.figures.disks_filled += 1
        if "NOT STORED" in run.err:
            self.figures.crashes += 1  # those outcomes are in doubt from now on

    def _lose_power(self, path: Path) -> None:
        """Kill it; what was not synced is gone."""
        record = self.folder / "record"
        record.unlink(missing_ok=True)
        disk = Disk(self.disk)
        upset = Upset(root=str(self.disk), record=str(record))
        run = self._start_portion(path, upset)
        self._await_some_calls(run)
        self._kill(run)
        if record.exists():
            disk.replay(record)
        disk.write_image(self.rng if self.rng.random() < 0.5 else None)
        self.figures.power_losses += 1

    # ---- the parts of it ----

    def _start(self, path: Path, *options: str, upset: Upset | None = None) -> Run:
        self.figures.runs += 1
        environment = self.program.environment
        return self.nursery.start(
            "run", path, "--json", *options, environment=environment, upset=upset
        )

    def _start_portion(self, path: Path, upset: Upset | None = None) -> Run:
        return self._start(path, self._limit(), upset=upset)

    def _limit(self) -> str:
        """So few rows at a time that the file outlasts its kills, and runs reach their end."""
        self._rows_now = self.rng.randint(2, self._portion)
        return f"--limit={self._rows_now}"

    def _await_some_calls(self, run: Run) -> None:
        self._await_calls(run, self.rng.randint(1, self._rows_now))

    def _await_calls(self, run: Run, count: int) -> None:
        target = self.keen.calls + count
        while run.running and self.keen.calls < target:
            time.sleep(0.001)

    def _kill(self, run: Run) -> None:
        self._look_at_arguments(run)
        run.send(signal.SIGKILL)
        run.wait()
        self._count(run)

    def _count(self, run: Run, *, may_fail: bool = False) -> None:
        if run.returncode == -signal.SIGKILL:
            self.figures.kills += 1
            self.figures.crashes += 1
        assert may_fail or run.returncode != 1, run.err
        assert SANDBOX_API_KEY not in run.out + run.err

    def _look_at_arguments(self, run: Run) -> None:
        try:
            arguments = Path(f"/proc/{run.pid}/cmdline").read_bytes()
        except OSError:
            return  # it has ended already
        assert SANDBOX_API_KEY.encode() not in arguments

    def _look_at_results(self, path: Path) -> None:
        """The results are whole or absent, and take nothing back."""
        results = path.with_suffix(".results.csv")
        if not results.exists():
            return
        found = read_results(results)
        lines = path.read_text("utf-8").count("\n") - 1
        assert [row["keen_row"] for row in found] == [str(n) for n in range(2, lines + 2)]
        for row in found:
            status = "created" if row["keen_purchase_id"] else row["keen_status"]
            said = f"{status} {row['keen_purchase_id']}"
            key = row["keen_idempotency_key"]
            before = self._told.get(key)
            assert before in {None, said}, f"{key} was {before!r} in the results, now {said!r}"
            if status in {"created", "rejected"}:
                self._told[key] = said

    # ---- the end of it ----

    def _check(self, made: list[tuple[Path, int]]) -> None:
        self.keen.settle()
        audit = self.keen.audit
        ledger = self.disk / "workspace/ledger.sqlite"
        figures = self.figures
        committed = audit.purchases_by_key()
        for path, size in made:
            results = path.with_suffix(".results.csv")
            own = {row["keen_idempotency_key"] for row in read_results(results)}
            figures.statuses += check_promise(_only(audit, own), range(size), results, ledger)
            figures.rows += size
        assert set(committed) <= set(self._keys(made)), "a purchase that no results file names"
        figures.calls = len(audit.purchase_calls)
        figures.committed = len(audit.committed)
        figures.ambiguous = sum(call.fault not in CLEAR for call in audit.purchase_calls)
        bound = figures.ambiguous + figures.crashes * CONCURRENCY
        assert figures.statuses["in_doubt"] <= bound, f"more than {bound} in doubt"
        statuses = set(figures.statuses)
        assert statuses <= {"created", "already_created", "in_doubt", "rejected"}, statuses
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        if self.key_retention:
            self._check_retention(audit, made)
            figures.calls = len(self.keen.audit.purchase_calls)
        for path, _ in made:
            run = self._start(path)
            assert run.wait() in {0, 3, 4}, run.err
        self.keen.settle()
        assert len(self.keen.audit.purchase_calls) == figures.calls, "a finished file sent rows"
        self._look_for_the_key()

    def _check_retention(self, audit: Audit, made: list[tuple[Path, int]]) -> None:
        """No repetition came too late, and where Keen remembers for long every row is created."""
        calls = defaultdict(list)
        for call in audit.purchase_calls:
            calls[call.key].append(call)
        for purchase in audit.committed:
            latest = datetime.fromisoformat(calls[purchase.key][-1].at)
            late = latest - datetime.fromisoformat(purchase.at) - self._memory
            assert late <= timedelta(0), f"{purchase.key} was sent {late} after it was forgotten"
        self.figures.repeated = sum(len(found) > 1 for found in calls.values())
        if not self._all_settle:
            time.sleep(self._memory.total_seconds())  # from now on nothing is sent again
            return
        assert not self.figures.statuses["in_doubt"]
        for path, _ in made:
            for _ in range(60):
                run = self._start(path, "--retry-rejected")
                assert run.wait() in {0, 3, 4, 5}, run.err
                if run.returncode == 0:
                    break
            assert run.returncode == 0, f"{path.name} is never created: {run.out}"
        assert len(self.keen.audit.committed) == self.figures.rows

    def _keys(self, made: list[tuple[Path, int]]) -> list[str]:
        return [
            row["keen_idempotency_key"]
            for path, _ in made
            for row in read_results(path.with_suffix(".results.csv"))
        ]

    def _look_for_the_key(self) -> None:
        for path in self.folder.rglob("*"):
            if path.is_file():
                assert SANDBOX_API_KEY.encode() not in path.read_bytes(), f"the key is in {path}"


def _only(audit: Audit, keys: set[str]) -> Audit:
    return Audit(
        tuple(call for call in audit.received if call.key in keys),
        tuple(purchase for purchase in audit.committed if purchase.key in keys),
    )
