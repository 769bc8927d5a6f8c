"""The program with one rule broken → a copy of its tree.

Each mutant is one of the mistakes that this program exists to avoid. `scripts/mutants` makes each
and runs the cheapest test that has to fail.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Edit:
    """One place of one file; it must stand there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A mistake and the test that catches it."""

    name: str
    edits: tuple[Edit, ...]
    test: str


STOPS = "tests/test_stops.py::test_a_run_killed_at_any_step_is_finished_by_the_next"

COMMIT = "await self.writer.commit(Intent(delivery, at, cause, self.key_retention))\n"

MUTANTS = (
    Mutant(
        "a restart sends again what was `sending`",
        (
            Edit(
                "importer/ledger/contract.py",
                "Cause.RUN_DIED: (frozenset({LedgerState.SENDING}), LedgerState.IN_DOUBT)",
                "Cause.RUN_DIED: (frozenset({LedgerState.SENDING}), LedgerState.UNSENT)",
            ),
        ),
        f"{STOPS}[after the first answer]",
    ),
    Mutant(
        "the intent comes after the send",
        (
            Edit(
                "importer/sender/delivery.py",
                f"            {COMMIT}            began = time.monotonic()\n",
                "            began = time.monotonic()\n",
            ),
            Edit(
                "importer/sender/delivery.py",
                "        seconds = time.monotonic() - began\n",
                f"        seconds = time.monotonic() - began\n        {COMMIT}",
            ),
        ),
        f"{STOPS}[after the first answer]",
    ),
    Mutant(
        "a 500 proves that nothing happened",
        (
            Edit(
                "importer/sender/outcome.py",
                "RULES: Final[tuple[Rule, ...]] = (\n",
                "RULES: Final[tuple[Rule, ...]] = (\n"
                '    Rule({500}, Verdict.NOT_APPLIED, Next.RETRY, "500", ""),\n',
            ),
        ),
        "tests/chaos/test_chaos.py::test_a_call_that_commits_and_then_fails_is_never_repeated",
    ),
    Mutant(
        "a disconnect is tried again",
        (
            Edit(
                "importer/sender/outcome.py",
                "    if on_wire:\n",
                "    if on_wire and failure not in {Failure.DISCONNECTED, Failure.READ_ERROR}:\n",
            ),
        ),
        "tests/chaos/test_chaos.py::test_a_call_that_commits_and_then_fails_is_never_repeated",
    ),
    Mutant(
        "synchronous=NORMAL",
        (
            Edit(
                "importer/ledger/sqlite_file.py",
                'connection.execute("PRAGMA synchronous = FULL")',
                'connection.execute("PRAGMA synchronous = NORMAL")',
            ),
        ),
        "tests/chaos/test_power_loss.py::test_what_was_synced_is_enough",
    ),
    Mutant(
        "a key without its occurrence number",
        (
            Edit(
                "importer/reader/keys.py",
                "content + netstring(str(occurrence)).encode()",
                'content + netstring("1").encode()',
            ),
            Edit(
                "importer/reader/keys.py",
                'number = pl.col("occurrence").cast(pl.String)',
                'number = pl.lit("1")',
            ),
        ),
        "tests/chaos/test_chaos.py::test_equal_rows_are_as_many_purchases_as_rows",
    ),
    Mutant(
        "a redirect is followed",
        (
            Edit(
                "importer/sender/stock_transport.py",
                "self._transport.handle_async_request(request)",
                "httpx.AsyncClient(transport=self._transport, follow_redirects=True).send(request)",
            ),
        ),
        "tests/sender/test_api.py",
    ),
    Mutant(
        "of two headers of one name the last counts",
        (
            Edit(
                "importer/sender/wire.py",
                'told[key] = b"%b, %b" % (told[key], value) if key in told else value',
                "told[key] = value",
            ),
        ),
        "tests/sender/test_api.py",
    ),
    Mutant(
        "results are written before the outcome is durable",
        (
            Edit(
                "importer/ledger/sqlite_session.py",
                '            connection.execute("BEGIN IMMEDIATE")\n',
                "            if not connection.in_transaction:\n"
                '                connection.execute("BEGIN IMMEDIATE")\n',
            ),
            Edit(
                "importer/ledger/sqlite_session.py",
                '            connection.execute("COMMIT")\n',
                '            if durable:\n                connection.execute("COMMIT")\n',
            ),
            Edit(
                "importer/ledger/sqlite_session.py",
                "def transaction(self)",
                "def transaction(self, durable=True)",
            ),
            Edit(
                "importer/ledger/sqlite.py",
                "        with self._session.transaction() as connection:\n",
                "        durable = any(isinstance(change, Intent) for change in changes)\n"
                "        with self._session.transaction(durable) as connection:\n",
            ),
        ),
        "tests/chaos/test_chaos.py::test_results_take_nothing_back",
    ),
    Mutant(
        "what a dead run left in the journal is forgotten",
        (
            Edit(
                "importer/ledger/journal.py",
                'self.is_known = False\n        """Before',
                'self.is_known = True\n        """Before',
            ),
        ),
        "tests/ledger/test_journal.py",
    ),
    Mutant(
        "the journal takes what has an entry for new",
        (
            Edit(
                "importer/ledger/journal.py",
                "        if step.intents:\n",
                "        if not step.intents:\n",
            ),
        ),
        "tests/ledger/test_journal.py",
    ),
    Mutant(
        "a second intent of a key in the journal goes past it",
        (
            Edit(
                "importer/ledger/journal.py",
                "if key in keys or (here and not usual):",
                "if key in keys:",
            ),
        ),
        "tests/ledger/test_journal.py",
    ),
    Mutant(
        "two runs at once",
        (
            Edit(
                "importer/lock.py",
                "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
                "fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)",
            ),
        ),
        "tests/test_lock.py",
    ),
    Mutant(
        "a doubt is sent again though Keen may have forgotten its key",
        (
            Edit(
                "importer/model.py",
                "    return timedelta(0) <= age < timedelta(hours=retention_hours)"
                " - timedelta(seconds=timeout)\n",
                "    return retention_hours > 0\n",
            ),
        ),
        "tests/sender/test_sender.py",
    ),
    Mutant(
        "results that are not synced before they are renamed",
        (Edit("importer/reconciler/atomic.py", "            _sync_file(temporary)\n", ""),),
        "tests/chaos/test_power_loss.py::test_results_are_whole_or_absent",
    ),
    Mutant(
        "an outcome whose intent is not there counts as stored",
        (
            Edit(
                "importer/ledger/journal.py",
                "if made.rowcount != len(page):",
                "if made.rowcount > len(page):",
            ),
        ),
        "tests/ledger/test_journal.py",
    ),
    Mutant(
        "whoever waits for a group that failed is told that it is stored",
        (
            Edit(
                "importer/ledger/writer.py",
                "        self.failed = True\n",
                "        self.failed = False\n",
            ),
        ),
        "tests/ledger/test_writer.py",
    ),
    Mutant(
        "a request leaves though nobody waits for its answer any more",
        (
            Edit(
                "importer/sender/line.py",
                '        """End the connection at once."""\n        self._waiting = None\n',
                '        """End the connection at once."""\n',
            ),
            Edit(
                "importer/sender/line.py",
                "if self._news is not None and self._news.cancelled():",
                "if self._news is None:",
            ),
        ),
        "tests/sender/test_outbox.py",
    ),
    Mutant(
        "what a server said before it was asked is its answer",
        (
            Edit(
                "importer/sender/line.py",
                "(self._waiting is not None or not self._received):",
                "not self._received:",
            ),
        ),
        "tests/sender/test_outbox.py",
    ),
    Mutant(
        "what follows an answer is thought to be part of it",
        (
            Edit(
                "importer/sender/plain_http.py",
                "len(received) - end != head.length",
                "len(received) - end < head.length",
            ),
        ),
        "tests/sender/test_plain_http.py",
    ),
)


def mutate(mutant: Mutant, repository: Path, folder: Path) -> Path:
    """Return a copy of the tree with the mistake in it. Raises where it does not apply."""
    unwanted = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(repository, folder, ignore=unwanted, dirs_exist_ok=True)
    for edit in mutant.edits:
        path = folder / edit.file
        text = path.read_text("utf-8")
        assert text.count(edit.old) == 1, f"{mutant.name}: {edit.file} has changed"
        path.write_text(text.replace(edit.old, edit.new), "utf-8")
    return folder
