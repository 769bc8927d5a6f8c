"""What is committed while rows are sent → a journal; now and then all of it → the entries.

Touches the ledger's file through the connection that it is given.

A commit of entries costs a page for each of them, for a key has a random place in its index, and
an outcome makes an entry longer, which splits the pages they stand on. The journal's rows are only
ever put behind each other, so a commit writes a third of that. Entered many at a time, entries
share pages. Nobody reads the journal: whoever reads or changes entries has it entered first.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Final

from importer.errors import LedgerWriteError
from importer.ledger import journal_statements as statements
from importer.ledger.contract import TRANSITIONS, Cause, Intent, Settlement
from importer.ledger.records import intent_row, outcome_row, pack_key, pack_uuid
from importer.model import Verdict

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from importer.ledger.contract import Change
    from importer.ledger.records import Row

DISK_FULL: Final = "disk-full"
UNWRITABLE: Final = "ledger-unwritable"
_DIFFERS: Final = "journal-differs"
"""Codes of a LedgerWriteError, as of the two before."""
MOST: Final = 256
"""Rows of one statement at most. Sizes are powers of two, so that few statements are compiled; what
is left of one is filled with nulls, for a second statement costs more."""


_CREATED: Final = TRANSITIONS[Cause.APPLIED][1].value


@dataclass(slots=True)
class Step:
    """What one transaction does to the journal: remembered once it is on disk."""

    run: Row
    rest: list[Change] = field(default_factory=list)
    """The changes that the journal does not take, in their order: they are the entries'."""
    intents: list[Intent] = field(default_factory=list)
    outcomes: list[Settlement] = field(default_factory=list)
    entered: bool = False
    """Whether all that stood in the journal was entered."""


class Journal:
    """The usual changes of one run since the last entering: first intents, and their outcomes.

    Every other change of a key that stands here has the journal entered before.
    """

    def __init__(self) -> None:
        self.is_known = False
        """Before the first entering it may hold what a dead run left."""
        self._run: Row | None = None
        self._on_their_way: dict[str, int] = {}
        """Key → the id of its intent, which has no outcome here."""
        self._settled: dict[str, int] = {}
        """The same for those that have one."""
        self.last_id = 0
        """Of an intent here, as far as known."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be entered."""
        return self.is_known and len(self) == 0

    @property
    def awaits_outcomes(self) -> bool:
        """Whether a row is on its way of which nothing but the intent stands here."""
        return bool(self._on_their_way)

    def __len__(self) -> int:
        """How many rows wait to be entered, as far as known."""
        return len(self._on_their_way) + len(self._settled)

    def enter(self, connection: sqlite3.Connection, up_to: int | None = None) -> None:
        """Make entries of all that stands here, or up to an id. Once that is on disk: `forget`."""
        for statement in statements.ENTER_ALL if up_to is None else statements.ENTER_UP_TO:
            connection.execute(statement, {} if up_to is None else {"up_to": up_to})

    def forget(self, up_to: int | None = None) -> None:
        """Know that nothing stands here any more, or nothing up to an id."""
        if up_to is None:
            self.is_known = True
            self._on_their_way.clear()
            self._settled.clear()
            self.last_id = 0
            return
        for rows in (self._on_their_way, self._settled):
            for key in [key for key, number in rows.items() if number <= up_to]:
                del rows[key]

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Know nothing any more where the block ends halfway: then it is entered before all else.

        A full disk and a refusal leave everything as it was. After a KeyboardInterrupt, which comes
        at any line, or another error of the disk nobody can say what is on it.
        """
        try:
            yield
        except BaseException as error:
            code = error.code if isinstance(error, LedgerWriteError) else UNWRITABLE
            if code in {UNWRITABLE, _DIFFERS}:
                self.is_known = False
            raise

    def take(
        self, connection: sqlite3.Connection, changes: Sequence[Change], run: Row, scope_id: int
    ) -> Step:
        """Write down the usual changes of a group. Once they are on disk: `remember`.

        `run` is what intent_row takes. The rest is to be made in the same transaction.
        """
        is_ours = self.is_known and (self._run == run or len(self) == 0)
        step = self._divide(connection, changes, run, scope_id) if is_ours else None
        if step is None:
            self.enter(connection)
            return Step(run, rest=list(changes), entered=True)
        numbers = range(self.last_id + 1, self.last_id + 1 + len(step.intents))
        rows = [
            (number, *intent_row(intent, run))
            for number, intent in zip(numbers, step.intents, strict=True)
        ]
        _write(connection, statements.add_intents, rows)
        numbers_of, end_of = self._on_their_way, _end_of
        rows = [
            outcome_row(each, numbers_of[each.key], pack_key(each.key), end_of(each))
            for each in step.outcomes
        ]
        _write(connection, statements.add_outcomes, rows)
        return step

    def remember(self, step: Step) -> None:
        """Know that what `take` did is on disk."""
        if step.entered:
            self.forget()
        self._run = step.run
        for number, intent in enumerate(step.intents, self.last_id + 1):
            self._on_their_way[intent.delivery.key] = number
        self.last_id += len(step.intents)
        for settlement in step.outcomes:
            self._settled[settlement.key] = self._on_their_way.pop(settlement.key)

    def _divide(
        self, connection: sqlite3.Connection, changes: Sequence[Change], run: Row, scope_id: int
    ) -> Step | None:
        """Return who takes which change, None where the journal has to be entered first.

        Asks the entries for the keys of first intents.
        """
        step = Step(run)
        keys = set()
        for change in changes:
            if isinstance(change, Intent):
                key = change.delivery.key
                here = key in self._on_their_way or key in self._settled
                usual = change.cause is Cause.INTENT and not here
                (step.intents if usual else step.rest).append(change)
            else:
                key = change.key
                usual = key in self._on_their_way
                here = usual or key in self._settled
                (step.outcomes if usual else step.rest).append(change)
            if key in keys or (here and not usual):
                return None
            keys.add(key)
        if step.intents:
            known = _find_known(connection, step.intents, scope_id)
            if known:
                _leave(known, step, changes)
        return step


def _find_known(connection: sqlite3.Connection, intents: list[Intent], scope_id: int) -> set[bytes]:
    """Return those of the intents' keys that have an entry: their intents are no first ones."""
    packed = [pack_key(intent.delivery.key) for intent in intents]
    known: set[bytes] = set()
    for begin in range(0, len(packed), MOST):
        page = packed[begin : begin + MOST]
        nothing = (None,) * (_size(len(page)) - len(page))
        query = statements.known_keys(_size(len(page)))
        known.update(key for (key,) in connection.execute(query, (*page, *nothing, scope_id)))
    return known


def _leave(known: set[bytes], step: Step, changes: Sequence[Change]) -> None:
    """Let the entries take the intents of `known` keys, among the rest in its order."""
    step.intents = [each for each in step.intents if pack_uuid(each.delivery.key) not in known]
    taken = {each.delivery.key for each in step.intents} | {each.key for each in step.outcomes}
    step.rest = [
        change
        for change in changes
        if (change.delivery.key if isinstance(change, Intent) else change.key) not in taken
    ]


def _end_of(settlement: Settlement) -> str:
    if settlement.outcome.verdict is Verdict.APPLIED:  # nearly always, and an enum is slow to hash
        return _CREATED
    return TRANSITIONS[settlement.cause][1].value


def _write(
    connection: sqlite3.Connection, statement: Callable[[int], str], rows: list[Row]
) -> None:
    """Run a statement for many on all rows; LedgerWriteError where it does not take each."""
    for begin in range(0, len(rows), MOST):
        page = rows[begin : begin + MOST]
        nothing = (None,) * len(page[0]) * (_size(len(page)) - len(page))
        made = connection.execute(
            statement(_size(len(page))), (*chain.from_iterable(page), *nothing)
        )
        if made.rowcount != len(page):
            raise LedgerWriteError(
                "Bug: the journal is not what is remembered of it.", code=_DIFFERS
            )


def _size(rows: int) -> int:
    return 1 << (rows - 1).bit_length()
