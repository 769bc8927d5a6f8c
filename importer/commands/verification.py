"""An open ledger → what is wrong with it, a line each. Reads all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from importer.reader.identity import RECIPE
from importer.reader.keys import make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.ledger.contract import Entry, Ledger

NAMED: Final = 20
"""Entries that are named one by one; of more only the number is told."""


def verify(ledger: Ledger) -> dict[str, Any]:
    """Return how many entries there are, and every fault: of the file, its references, its keys.

    A key is made of its entry's content and occurrence, so a bit that has turned in either shows.
    """
    entries = 0
    strange: list[str] = []
    for scope, entry in ledger.entries():
        entries += 1
        if entry.recipe == RECIPE and make_key(entry.content, entry.occurrence) != entry.key:
            strange.append(_described(scope, entry))
    faults = [*ledger.faults(), *strange[:NAMED]]
    if len(strange) > NAMED:
        faults.append(f"and {len(strange) - NAMED:,} more keys that are not their content's")
    return {"entries": entries, "faults": faults}


def verification_lines(verified: dict[str, Any]) -> Iterator[str]:
    """Yield what was found, for people."""
    if not verified["faults"]:
        yield f"  The ledger is sound: {verified['entries']:,} keys are their content's."
        return
    yield f"  THE LEDGER IS DAMAGED ({verified['entries']:,} keys):"
    for fault in verified["faults"]:
        yield f"    {fault}"
    yield "  Run nothing with it: restore it from a backup, or rebuild it from results files with"
    yield "  `importer resolve FILE --rebuild` in a new workspace."


def _described(scope: str, entry: Entry) -> str:
    return f"key {entry.key} ({scope}, {entry.file}, row {entry.row}) is not the key of its content"
