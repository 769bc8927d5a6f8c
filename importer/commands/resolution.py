"""A results file that a person filled in → settled rows in the ledger. Touches the workspace."""

from __future__ import annotations

import getpass
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from importer.commands.imports import make_job
from importer.errors import ExitCode, GuardError
from importer.ledger.contract import Choice, LedgerState, Resolution
from importer.model import RowStatus
from importer.preparation import open_ledger, prepare
from importer.screen import print_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.job import Prepared
    from importer.ledger.contract import Entry, Ledger

YOUNGEST: Final = timedelta(seconds=400)
"""A purchase may land in Keen so long after its request: the longest life of its worker."""

HELD: Final = frozenset({RowStatus.DUPLICATE.value, RowStatus.CONFLICT.value})


@dataclass(frozen=True, slots=True)
class Filled:
    """A row in which a person wrote something."""

    row: int
    text: str
    key: str | None
    """The key that the file carries."""
    found_id: str | None
    planned_key: str | None
    """The key under which the row would be sent now; None: the row is invalid."""
    status: str | None


class Unacceptable(Exception):  # noqa: N818 - caught here, row by row
    """What a person wrote into a row cannot be done."""


def resolve_command(params: Mapping[str, Any]) -> ExitCode:
    """Record what a person found out, all of it or nothing."""
    job = make_job(params)
    with open_ledger(job, make=False) as (_, folder, ledger):
        prepared = prepare(job, folder, ledger, writes_results=False)
        who = params["by"] or getpass.getuser()
        resolver = _Resolver(
            ledger, prepared, who, params["note"], datetime.now(UTC), force=params["force"]
        )
        resolutions = resolver.resolutions()
        if not resolutions:
            print("Nothing to settle: no row has a new keen_resolution.")
            return ExitCode.OK
        for row, resolution in resolutions:
            print(f"  row {row}: {_described(resolution)}")
        if not params["yes"] and sys.stdin.isatty() and not _agrees(len(resolutions)):
            print_error("Nothing was settled.")
            return ExitCode.STOPPED_EARLY
        ledger.resolve(prepared.view.scope, [made for _, made in resolutions], file=job.path.name)
    print(f"Settled {len(resolutions)} rows. `importer run` of that file or its input goes on.")
    return ExitCode.OK


class _Resolver:
    """Filled rows, judged one by one against the ledger and the plan."""

    def __init__(
        self, ledger: Ledger, prepared: Prepared, by: str, note: str, now: datetime, *, force: bool
    ) -> None:
        self._prepared = prepared
        self._by = by
        self._note = note
        self._now = now
        self._force = force
        self._filled = _filled_rows(prepared)
        scope = prepared.view.scope
        keys = [filled.key for filled in self._filled if filled.key is not None]
        self._entries = {entry.key: entry for entry in ledger.find(scope, keys)}
        found = [filled.found_id.lower() for filled in self._filled if filled.found_id]
        self._id_owners = {entry.purchase_id: entry for entry in ledger.purchase_ids(scope, found)}
        planned = [filled.planned_key for filled in self._filled if filled.planned_key]
        self._released = ledger.released(scope, planned)

    def resolutions(self) -> list[tuple[int, Resolution]]:
        """Return what is to be recorded. Raises GuardError that names every row that cannot be."""
        made: list[tuple[int, Resolution]] = []
        faults: list[str] = []
        seen_ids: dict[str, int] = {}
        for filled in self._filled:
            try:
                resolution = self._resolve(filled)
                if resolution is not None:
                    _refuse_repeated_id(resolution, filled.row, seen_ids)
                    made.append((filled.row, resolution))
            except Unacceptable as fault:
                faults.append(f"row {filled.row}: {fault}")
        if faults:
            raise GuardError(
                "Nothing was settled. " + "; ".join(faults) + ".",
                "Correct keen_resolution and keen_purchase_id of these rows.",
                code="resolution",
            )
        return made

    def _resolve(self, filled: Filled) -> Resolution | None:
        choice = _choice(filled.text)
        if choice is Choice.SEND:
            return self._release(filled)
        entry = self._entries.get(filled.key or "")
        if entry is None:
            raise Unacceptable("its keen_idempotency_key is not one that was ever sent")
        if entry.state is not LedgerState.IN_DOUBT:
            if _is_settled_so(entry, choice):
                return None
            raise Unacceptable(f"it is not in doubt but {entry.state.value}")
        age = self._now - entry.last_sent_at
        if age < YOUNGEST and not self._force:
            raise Unacceptable(
                f"its last attempt was {age.seconds} s ago and may still land in Keen; wait until "
                f"{YOUNGEST.seconds} s have passed, then look again (or use --force)"
            )
        purchase_id = self._purchase_id(filled, entry) if choice is Choice.CREATED else None
        return self._made(entry.key, choice, purchase_id)

    def _release(self, filled: Filled) -> Resolution | None:
        if filled.planned_key is None:
            raise Unacceptable("it is invalid; correct it first")
        if filled.planned_key in self._released:
            return None
        if filled.status not in HELD:
            raise Unacceptable(f"`send` is for duplicates and conflicts; it is {filled.status}")
        return self._made(filled.planned_key, Choice.SEND, None)

    def _purchase_id(self, filled: Filled, entry: Entry) -> str | None:
        if filled.found_id is None:
            return None
        try:
            purchase_id = str(UUID(filled.found_id))
        except ValueError:
            purchase_id = ""
        if purchase_id != filled.found_id.lower():
            raise Unacceptable(f"keen_purchase_id {filled.found_id!r} is not a UUID")
        owner = self._id_owners.get(purchase_id)
        if owner is not None and owner.key != entry.key:
            raise Unacceptable(
                f"purchase {purchase_id} belongs to {owner.file}, row {owner.row} already"
            )
        return purchase_id

    def _made(self, key: str, choice: Choice, purchase_id: str | None) -> Resolution:
        return Resolution(key, choice, purchase_id, self._by, self._note, self._now)


def _filled_rows(prepared: Prepared) -> list[Filled]:
    frame = (
        prepared.reading.rows.select("row", "resolution", "carried_key", "found_id")
        .drop_nulls("resolution")
        .join(
            prepared.plan.rows.select("row", "key", "status"),
            on="row",
            how="left",
            maintain_order="left",
        )
    )
    return [Filled(*values) for values in frame.iter_rows()]


def _choice(text: str) -> Choice:
    said = " ".join(text.lower().replace("_", " ").split())
    try:
        return Choice(said)
    except ValueError:
        raise Unacceptable(
            f"keen_resolution says {text!r}; it may say created, not created or send"
        ) from None


def _is_settled_so(entry: Entry, choice: Choice) -> bool:
    """Whether the entry already is what the choice says, as after the same file settled twice."""
    settled = LedgerState.CREATED if choice is Choice.CREATED else LedgerState.UNSENT
    return entry.state is settled


def _refuse_repeated_id(resolution: Resolution, row: int, seen: dict[str, int]) -> None:
    if resolution.purchase_id is None:
        return
    first = seen.setdefault(resolution.purchase_id, row)
    if first != row:
        raise Unacceptable(f"purchase {resolution.purchase_id} is given to row {first} as well")


def _described(resolution: Resolution) -> str:
    if resolution.choice is Choice.CREATED:
        return f"created, as purchase {resolution.purchase_id or '(id not known)'}"
    if resolution.choice is Choice.NOT_CREATED:
        return "not created; the next run sends it again"
    return "released; the next run sends it"


def _agrees(count: int) -> bool:
    print(f"Settle {count} rows like this? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
