"""How fast `importer run` sends, with its peers beside it. Writes temporary files.

    python benchmarks/send.py [--rows 20000] [--rounds 3] [--peers PYTHON] [--figures FILE]

1. The whole job, each a process of its own: a CSV file → purchases → a results file, at concurrency
   64, against a server that answers at once. The peers take turns with the importer, so that a
   busy computer slows all of them; what counts are the ratios of the medians. PYTHON is an
   interpreter that has aiohttp, httpx, requests and tenacity (scripts/bench makes one); where it
   lacks one of them, or without it, a peer is skipped.
2. The importer alone against a server that takes 50 ms, at rising concurrency. What the latency
   allows is reckoned with what a bare client waits, which is half a millisecond more.
3. The importer alone with more and more rows, and into a ledger of many keys.

FILE takes all figures as JSON; benchmarks/plots.py draws them.
"""

# ruff: noqa: S608 - the names put into a statement here are those of the ledger's own columns

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from keen import keen, measure_latency
from read import write_csv

from importer.ledger.statements import FILE, UNFILED

ROOT: Final = Path(__file__).resolve().parent.parent
LEDGER: Final = "ledger.sqlite"
CONCURRENCY: Final = 64
LATENCY: Final = 0.05
GROWN_BY: Final = 20_000
GOALS: Final = {1: None, 4: None, 16: 0.95, 64: 0.92, 256: 0.85}
"""Concurrency → the least share of concurrency ÷ latency."""


@dataclass(frozen=True)
class Job:
    """One whole job that ended."""

    rows: int
    seconds: float
    cpu: float
    """Seconds of processor time."""
    peak: int
    """MiB."""
    steady: float = 0.0
    """Rows a second, without start and end."""

    @property
    def rate(self) -> float:
        """Rows a second of the whole job."""
        return self.rows / self.seconds


PEERS: Final = {
    "aiohttp + Semaphore, no retries, no ledger": ("aiohttp_semaphore", "aiohttp"),
    "threads + requests": ("requests_threads", "requests"),
    "httpx + Semaphore + tenacity": ("httpx_semaphore", "httpx, tenacity"),
}


def main() -> None:
    """Measure everything and print it."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--rows", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--peers", default="", metavar="PYTHON")
    options.add_argument("--turns", type=int, default=100, help="rows a worker in part 2; 0: none")
    options.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000], help="part 3")
    options.add_argument("--known", type=int, default=0, help="keys that the ledger holds, too")
    options.add_argument("--figures", type=Path, metavar="FILE")
    asked = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no server is left behind
    machine = (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}"
    )
    print(machine)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
        folder = Path(name)
        figures = {
            "machine": machine,
            "rows": asked.rows,
            "jobs": measure_jobs(folder, asked.rows, asked.rounds, asked.peers),
            "latency": measure_late(folder, asked.turns, asked.rounds) if asked.turns else {},
            "sizes": measure_sizes(folder, asked.sizes, asked.known),
        }
    if asked.figures:
        asked.figures.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def measure_jobs(folder: Path, rows: int, rounds: int, peers: str) -> dict[str, float]:
    """Print and return the median rate of every job at no latency."""
    table = write_csv(folder / "rows.csv", rows)
    present = [name for name in PEERS if _can_import(peers, PEERS[name][1])]
    found: dict[str, list[Job]] = {}
    with keen(folder) as (url, server):
        print(
            f"\n{rows:,} rows, concurrency {CONCURRENCY}, {server} answers at once, {rounds} rounds"
        )
        for _ in range(rounds):
            for transport in ("direct", "httpx"):
                job = run_importer(folder, table, url, CONCURRENCY, transport)
                found.setdefault(f"importer, transport {transport}", []).append(job)
            for name in present:
                found.setdefault(name, []).append(run_peer(folder, table, url, peers, name))
    ours = statistics.median(job.rate for job in found["importer, transport direct"])
    print(f"{'':46}{'rows/s':>9}{'direct by':>11}{'CPU µs/row':>12}{'peak MiB':>10}  each")
    for name, jobs in found.items():
        rate = statistics.median(job.rate for job in jobs)
        cpu = statistics.median(job.cpu / job.rows * 1e6 for job in jobs)
        peak = max(job.peak for job in jobs)
        each = " ".join(f"{job.rate:,.0f}" for job in jobs)
        print(f"{name:46}{rate:>9,.0f}{ours / rate:>11.2f}{cpu:>12,.0f}{peak:>10,}  {each}")
    return {name: statistics.median(job.rate for job in jobs) for name, jobs in found.items()}


def measure_late(folder: Path, turns: int, rounds: int) -> dict[int, float]:
    """Print and return rows a second by concurrency, without start and end."""
    rates = {}
    with keen(folder, LATENCY) as (url, _):
        latency = measure_latency(url)
        print(
            f"\nimporter, transport direct, a bare client waits {latency * 1000:.1f} ms for an "
            "answer, start excluded"
        )
        for concurrency, goal in GOALS.items():
            table = write_csv(folder / "late.csv", concurrency * turns)
            jobs = [run_importer(folder, table, url, concurrency, "direct") for _ in range(rounds)]
            rates[concurrency] = statistics.median(job.steady for job in jobs)
            share = rates[concurrency] * latency / concurrency
            wanted = f" (goal {goal:.0%})" if goal else ""
            print(
                f"concurrency {concurrency:>4}{rates[concurrency]:>9,.0f} rows/s, "
                f"{share:.1%} of what the latency allows{wanted}"
            )
    return rates


def measure_sizes(folder: Path, sizes: list[int], known: int) -> dict[int, float]:
    """Print and return the seconds of the whole job by its number of rows.

    The last size once more into a ledger that holds `known` other keys already.
    """
    if sizes:
        print("\nimporter, transport direct, no latency")
    seconds = {}
    runs = [(rows, 0) for rows in sizes] + [(rows, known) for rows in sizes[-1:] if known]
    with keen(folder) as (url, _):
        for rows, held in runs:
            table = write_csv(folder / "many.csv", rows)
            job = run_importer(folder, table, url, CONCURRENCY, "direct", known=held)
            if not held:
                seconds[rows] = job.seconds
            print(
                f"{rows:>10,} rows: {job.seconds:,.1f} s, {job.rate:,.0f} rows/s, "
                f"{job.cpu / rows * 1e6:,.0f} µs CPU a row, peak {job.peak:,} MiB"
                + (f", into a ledger of {held:,} keys" if held else "")
            )
    return seconds


def run_importer(
    folder: Path, table: Path, url: str, concurrency: int, transport: str, *, known: int = 0
) -> Job:
    """Run `importer run` in a new workspace; every row must be created.

    `known`: the ledger holds so many other keys.
    """
    with tempfile.TemporaryDirectory(dir=folder) as name:
        results, log, place = Path(name) / "out.csv", Path(name) / "log", Path(name) / "workspace"
        settings = {
            "KEEN_API_KEY": "benchmark",
            "IMPORTER_API__URL": url,
            "IMPORTER_API__SCOPE": "benchmark",
            "IMPORTER_SEND__CONCURRENCY": str(concurrency),
            "IMPORTER_SEND__TRANSPORT": transport,
            "IMPORTER_WORKSPACE__PATH": str(place),
            "XDG_CONFIG_HOME": str(Path(name) / "no-config"),
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-m", "importer", "run", "--yes", "--quiet"]
        if known:
            one = write_csv(Path(name) / "one.csv", 1)
            _run([*command, str(one)], settings, one, log)
            # In a process of its own: Linux counts what this one held as the peak of its children.
            filling = get_context("spawn").Process(target=fill_ledger, args=(place / LEDGER, known))
            filling.start()
            filling.join()
            if filling.exitcode:
                sys.exit("The ledger could not be filled.")
            _run([*command, str(one)], settings, one, log)  # checks what it did not write itself
        job = _run([*command, str(table), "--results", str(results)], settings, table, log)
        with results.open(encoding="utf-8-sig", newline="") as file:
            # Not all rows at once: what this process ever held counts as its children's peak.
            made = {row["keen_purchase_id"] for row in csv.DictReader(file)} - {""}
        if len(made) != job.rows:
            sys.exit(f"Only {len(made)} of {job.rows} rows were created.")
        steady = _steady_rate(place / LEDGER, concurrency)
        return Job(job.rows, job.seconds, job.cpu, job.peak, steady)


def fill_ledger(ledger: Path, keys: int) -> None:
    """Add so many created entries like the one that is there, each with a key of its own.

    They come as runs of GROWN_BY rows would bring them, so that they lie in the file as those do.
    An index made of all keys at once is denser, and lies in order.
    """
    with closing(sqlite3.connect(ledger, isolation_level=None)) as connection:
        for setting in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1000000"):
            connection.execute(f"PRAGMA {setting}")  # a power cut costs only this benchmark
        (columns,) = connection.execute(
            "SELECT group_concat(name, ', ') FROM pragma_table_info('entries')"
            " WHERE name NOT IN ('id', 'key', 'content', 'lead', 'purchase_id')"
        ).fetchone()
        insert = (
            "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)"
            f" INSERT INTO entries (key, content, lead, purchase_id, {columns})"
            " SELECT randomblob(16), randomblob(32), randomblob(16), hex(randomblob(16)),"
            f" {columns} FROM number, (SELECT * FROM entries LIMIT 1)"
        )
        connection.execute("BEGIN")
        for begin in range(0, keys, GROWN_BY):
            connection.execute(insert, (min(GROWN_BY, keys - begin),))
            up_to, last = connection.execute(UNFILED).fetchone()
            for statement in FILE:
                connection.execute(statement, {"up_to": up_to, "last": last})
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")


def _steady_rate(ledger: Path, concurrency: int) -> float:
    """Return the last run's rows a second between the first requests of all workers and the last.

    The results name times by the second only.
    """
    with closing(sqlite3.connect(ledger)) as connection:
        told = connection.execute(
            "SELECT first_sent_at / 1e6 FROM entries"
            " WHERE run_id = (SELECT max(id) FROM runs) ORDER BY 1"
        )
        sent = [at for (at,) in told][concurrency : 1 - concurrency or None]
    return (len(sent) - 1) / (sent[-1] - sent[0]) if len(sent) > 1 else 0.0


def run_peer(folder: Path, table: Path, url: str, python: str, name: str) -> Job:
    """Run a peer's script; every row must have an answer."""
    script = ROOT / "benchmarks" / "peers" / f"{PEERS[name][0]}.py"
    results = folder / "peer.csv"
    command = [python, str(script), str(table), url, str(results), str(CONCURRENCY)]
    job = _run(command, {}, table, folder / "peer.log")
    with results.open(encoding="utf-8", newline="") as file:
        made = {row["purchase_id"] for row in csv.DictReader(file)}
    if len(made) != job.rows:
        sys.exit(f"{name}: only {len(made)} of {job.rows} rows were created.")
    return job


def _run(command: list[str], settings: dict[str, str], table: Path, log: Path) -> Job:
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("IMPORTER_", "PYTHONDONTWRITE"))
    }
    with log.open("wb") as told:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - this program and its peers
            command, cwd=table.parent, env=kept | settings, stdout=told, stderr=told
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}:\n{log.read_text('utf-8')}")
    with table.open("rb") as file:
        rows = sum(1 for _ in file) - 1
    return Job(rows, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)


def _can_import(python: str, modules: str) -> bool:
    if not python:
        return False
    asked = subprocess.run(  # noqa: S603 - what the user named
        [python, "-c", f"import {modules}"], capture_output=True, check=False
    )
    return asked.returncode == 0


if __name__ == "__main__":
    main()
