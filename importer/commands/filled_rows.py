"""Rows in which a person wrote something → what is to be recorded, or why not. Reads the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from uuid import UUID

from importer.errors import GuardError
from importer.ledger.contract import Choice, LedgerState, Resolution
from importer.model import LANDS_WITHIN, RELEASABLE, RowStatus
from importer.planner.releases import find_released, find_used_words

if TYPE_CHECKING:
    from datetime import datetime

    from importer.job import Prepared
    from importer.ledger.contract import Entry, Ledger


HOLDS: Final = ("twin_row", "conflict_code")
"""Columns of the plan that say why a row is held."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A row in which a person wrote something."""

    row: int
    text: str
    key: str | None
    """The key that the file carries."""
    found_id: str | None
    attempts: str | None
    """How often the row had been sent when the file was written."""
    planned_key: str | None
    """The key under which the row would be sent now; None: the row is invalid."""
    status: str | None
    is_held: bool
    """Whether it is a duplicate or in conflict, so that `send` can release it."""
    lead_id: str | None
    """The lead that the row's cells name; None: no lead can be read there."""


class Unacceptable(Exception):  # noqa: N818 - caught here, row by row
    """What a person wrote into a row cannot be done."""


class Resolver:
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
        keys = {key for filled in self._filled for key in (filled.key, filled.planned_key) if key}
        self._entries = {entry.key: entry for entry in ledger.find(scope, keys)}
        found = [filled.found_id for filled in self._filled if filled.found_id]
        owners = ledger.purchase_ids(scope, found)
        self._id_owners = {
            entry.purchase_id.lower(): entry for entry in owners if entry.purchase_id
        }
        plan, said = prepared.plan, prepared.reading.rows.drop_nulls("resolution")
        planned = plan.rows.join(said.select("row"), on="row", how="semi")
        self._released = find_released(planned, ledger, scope, plan.import_content)
        self._used = find_used_words(planned, ledger, scope)

    def resolutions(self) -> list[tuple[int, Resolution]]:
        """Return what is to be recorded. Raises GuardError that names every row that cannot be."""
        made: list[tuple[int, Resolution]] = []
        faults: list[str] = []
        seen_ids: dict[str, int] = {}
        said: dict[str, tuple[int, Resolution]] = {}
        for filled in self._filled:
            try:
                resolution = self._resolve(filled)
                if resolution is not None and _is_new(resolution, filled.row, said):
                    _refuse_repeated_id(resolution, filled.row, seen_ids)
                    made.append((filled.row, resolution))
            except Unacceptable as fault:
                faults.append(f"row {filled.row}: {fault}")
        if faults:
            raise GuardError(
                "Nothing was settled.\n  " + "\n  ".join(faults) + "\n ",
                "Correct these rows, or wait where it says so, and settle all of them again.",
                code="resolution",
            )
        return made

    def _resolve(self, filled: Filled) -> Resolution | None:
        choice = _choice(filled.text)
        if choice is Choice.SEND:
            return self._release(filled)
        entry = self._entry(filled)
        self._refuse_other_cells(filled, entry)
        if entry.state is not LedgerState.IN_DOUBT:
            if _is_settled_so(entry, choice):
                _refuse_another_id(filled, entry)
                return None
            raise Unacceptable(f"it is not in doubt but {entry.state.value}")
        if choice is Choice.NOT_CREATED and filled.found_id is not None:
            raise Unacceptable(
                f"it says `not created`, but keen_purchase_id holds {filled.found_id!r}"
            )
        if filled.attempts != str(entry.attempts):
            raise Unacceptable(
                "it was sent again since this file was written; look again, and use the results of "
                "the last run (`importer results FILE`)"
            )
        purchase_id = self._purchase_id(filled, entry) if choice is Choice.CREATED else None
        age = int((self._now - entry.last_sent_at).total_seconds())
        if age < LANDS_WITHIN.seconds and not self._force:
            ago = f"{age} s ago" if age >= 0 else "in the future, by this computer's clock,"
            raise Unacceptable(
                f"its last attempt was {ago} and may still land in Keen; wait until "
                f"{LANDS_WITHIN.seconds} s have passed, then look again (or use --force)"
            )
        return self._made(entry.key, choice, purchase_id)

    def _entry(self, filled: Filled) -> Entry:
        """Return the entry that is meant: of the carried key, or of the row's own if that doubts.

        A row that was edited into a doubtful purchase still carries the key that it had before.
        """
        entry = self._entries.get(filled.key or "")
        own = self._entries.get(filled.planned_key or "")
        carried_doubts = entry is not None and entry.state is LedgerState.IN_DOUBT
        if own is not None and own.state is LedgerState.IN_DOUBT and not carried_doubts:
            return own
        if entry is None:
            raise Unacceptable("its keen_idempotency_key is not one that was ever sent")
        return entry

    def _refuse_other_cells(self, filled: Filled, entry: Entry) -> None:
        """Refuse a row whose cells are another purchase's than its key.

        A person looks up what the cells say: where some columns were sorted and others not, the
        word would settle a purchase that nobody looked at, and `not created` would pay it twice.
        An amount that was corrected is no other purchase, so only what is certain is refused.
        """
        own = self._entries.get(filled.planned_key or "")
        other_purchase = own is not None and own.key != entry.key
        if not other_purchase and filled.lead_id in {None, entry.lead_id}:
            return
        raise Unacceptable(
            f"its keen_idempotency_key is that of lead {entry.lead_id}, sent by {entry.file}, row "
            f"{entry.row}, but its cells are those of another purchase; were some columns sorted "
            "without the others? Write the results anew (`importer results FILE`) and fill those in"
        )

    def _release(self, filled: Filled) -> Resolution | None:
        if filled.planned_key is None:
            raise Unacceptable("it is invalid; correct it first")
        if filled.row in self._released:
            return None
        self._refuse_used_word(filled)
        if not filled.is_held:
            instead = "; write `created` or `not created`" if filled.status == "in_doubt" else ""
            raise Unacceptable(
                f"`send` is for duplicates and conflicts; it is {filled.status}{instead}"
            )
        content = self._prepared.plan.import_content()
        made = self._made(filled.planned_key, Choice.SEND, None)
        return replace(made, import_content=content, said_beside=filled.key)

    def _refuse_used_word(self, filled: Filled) -> None:
        """Refuse a word that was taken already, or of which nothing tells whether it was."""
        if filled.row not in self._used:
            return
        anew = "write the results anew (`importer results FILE`) and say it there"
        if filled.key is None:
            raise Unacceptable(
                "it has neither a keen_idempotency_key nor a date or order number, so equal rows "
                f"cannot be told from it; {anew}"
            )
        if not self._force:
            entry = self._entries.get(filled.key)
            sent = "" if entry is None else f"; sent by {entry.file}, row {entry.row}"
            raise Unacceptable(
                f"its keen_idempotency_key was released or sent since this file was written{sent}; "
                f"if one more is meant, {anew}, or use --force"
            )

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
    rows = prepared.reading.rows.drop_nulls("resolution")
    leads: dict[int, str | None] = {}
    for piece in prepared.reading.typed.beside(rows):
        leads |= dict(piece.select("row", "lead_id").iter_rows())
    frame = rows.select("row", "resolution", "carried_key", "found_id", "carried_attempts").join(
        prepared.plan.keyed_rows.select("row", "key", "status", *HOLDS),
        on="row",
        how="left",
        maintain_order="left",
    )
    return [
        Filled(
            row=row["row"],
            text=row["resolution"],
            key=row["carried_key"],
            found_id=row["found_id"],
            attempts=row["carried_attempts"],
            planned_key=row["key"],
            status=row["status"],
            # Of a rejected row that is held as well its status does not tell.
            is_held=row["status"] in RELEASABLE
            or (
                row["status"] == RowStatus.REJECTED and any(row[hold] is not None for hold in HOLDS)
            ),
            lead_id=leads[row["row"]],
        )
        for row in frame.iter_rows(named=True)
    ]


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


def _is_new(resolution: Resolution, row: int, said: dict[str, tuple[int, Resolution]]) -> bool:
    """Whether no earlier row has said the same of the same key, as a copied row does."""
    first, other = said.setdefault(resolution.key, (row, resolution))
    if first == row:
        return True
    if (other.choice, other.purchase_id) != (resolution.choice, resolution.purchase_id):
        raise Unacceptable(f"row {first} says something else of the same purchase")
    return False


def _refuse_another_id(filled: Filled, entry: Entry) -> None:
    """Refuse an id that cannot be recorded any more: it would be dropped without a word."""
    if filled.found_id is None or entry.state is not LedgerState.CREATED:
        return
    if filled.found_id.lower() != (entry.purchase_id or "").lower():
        known = f"as purchase {entry.purchase_id}" if entry.purchase_id else "without an id"
        raise Unacceptable(f"it is settled already, {known}, which is final")


def _refuse_repeated_id(resolution: Resolution, row: int, seen: dict[str, int]) -> None:
    if resolution.purchase_id is None:
        return
    first = seen.setdefault(resolution.purchase_id, row)
    if first != row:
        raise Unacceptable(f"purchase {resolution.purchase_id} is given to row {first} as well")
