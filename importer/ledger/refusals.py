"""A change or a person's word that does not fit its key → the error that says so. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.errors import LedgerError, LedgerWriteError
from importer.ledger.contract import Choice, Intent

if TYPE_CHECKING:
    from importer.ledger.contract import Change, Entry, Resolution


def refuse_change(change: Change, entry: Entry | None) -> LedgerWriteError:
    """Return the error for a change that is not in TRANSITIONS: always a bug."""
    if isinstance(change, Intent):
        key, row = change.delivery.key, change.delivery.row
    else:
        key, row = change.key, change.row
    found = f"the key {key} (row {row})"
    if entry is None:
        found += ", which was never sent"
    else:
        found += f", which is {entry.state.value!r}"
        if isinstance(change, Intent):
            found += ", or its purchase or body is another one than before"
    return LedgerWriteError(
        f"Bug: {change.cause.value!r} is no legal change of {found}.",
        "Nothing of this group was stored. Please report it.",
        code="illegal-transition",
    )


def refuse_resolution(resolution: Resolution, entry: Entry | None) -> LedgerError:
    """Return the error for a person's word on a key that is in another state."""
    said = f"{resolution.choice.value!r} cannot be said of the key {resolution.key}"
    if entry is None:
        return LedgerError(
            f"{said}: it was never sent.",
            "Check keen_idempotency_key, and that this is the ledger that sent the row.",
            code="unknown-key",
        )
    said += f" ({entry.file}, row {entry.row}): it is {entry.state.value!r}."
    if resolution.choice is Choice.SEND:
        return LedgerError(
            said, "Only a row that surely made no purchase can be released.", code="known-key"
        )
    return LedgerError(said, "Only a row in doubt can be settled.", code="not-in-doubt")
