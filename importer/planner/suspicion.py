"""Rows that may be sent and a ledger → the evidence they carry and the conflicts that hold them.

Reads the ledger, page by page.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import polars as pl

from importer.ledger.contract import hash_product
from importer.planner.claiming import PAGE_ROWS
from importer.planner.guard import LIVE, Conflict, InThisFile, Suspect, find_conflict
from importer.reader.keys import add_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from importer.ledger.contract import Entry, Ledger
    from importer.planner.viewpoint import Viewpoint


def find_evidence(
    judged: pl.DataFrame, rows: pl.DataFrame, ledger: Ledger, scope: str
) -> dict[int, Entry]:
    """Return row → the live entry whose key it carries though its content is another, or broken."""
    carrying = judged.select("row", "carried_key").drop_nulls()
    own = rows.select("row", "content", "occurrence").join(carrying, on="row", how="semi")
    carrying = carrying.join(add_keys(own), on="row", how="left", maintain_order="left").filter(
        pl.col("key").is_null() | (pl.col("key") != pl.col("carried_key"))
    )
    found: dict[int, Entry] = {}
    for page in carrying.iter_slices(PAGE_ROWS):
        keys = page["carried_key"].to_list()
        entries = {entry.key: entry for entry in ledger.find(scope, keys)}
        for row, carried_key, content in page.select("row", "carried_key", "content").iter_rows():
            entry = entries.get(carried_key)
            # Equal content makes it a copy of the entry's own row, which is no amendment.
            if entry is not None and entry.state in LIVE and entry.content != content:
                found[row] = entry
    return found


def find_conflicts(
    fresh: Iterable[pl.DataFrame],
    evidence: Mapping[int, Entry],
    file: InThisFile,
    ledger: Ledger,
    view: Viewpoint,
) -> dict[int, Conflict]:
    """Return row → conflict for those of the `fresh` rows (never applied) that the guard holds.

    They are the plan's, with all that validation typed, a piece at a time.
    """
    conflicts: dict[int, Conflict] = {}
    for page in (page for piece in fresh for page in piece.iter_slices(PAGE_ROWS)):
        leads: defaultdict[str, list[Entry]] = defaultdict(list)
        identities: defaultdict[bytes, list[Entry]] = defaultdict(list)
        for entry in ledger.find_similar(
            view.scope,
            view.batch,
            leads=page["lead_id"].unique().to_list(),
            identities=page["identity_key"].drop_nulls().unique().to_list(),
        ):
            leads[entry.lead_id].append(entry)
            if entry.identity is not None:
                identities[entry.identity].append(entry)
        near_rows = add_keys(_with_neighbours(page, leads, identities, evidence))
        for row in near_rows.iter_rows(named=True):
            suspect = _suspect(row)
            carried = evidence.get(suspect.row)
            near = [*identities.get(suspect.identity or b"", ()), *leads.get(suspect.lead_id, ())]
            conflict = find_conflict(suspect, carried, near, file, batch=view.batch, zone=view.zone)
            if conflict is not None:
                conflicts[suspect.row] = conflict
    return conflicts


def _with_neighbours(
    page: pl.DataFrame, leads: Iterable[str], identities: Iterable[bytes], evidence: Iterable[int]
) -> pl.DataFrame:
    """Return the rows that share anything with an entry: no other can be in conflict."""
    return page.filter(
        pl.col("lead_id").is_in(pl.Series(list(leads), dtype=pl.String).implode())
        | pl.col("identity_key").is_in(pl.Series(list(identities), dtype=pl.Binary).implode())
        | pl.col("row").is_in(pl.Series(list(evidence), dtype=pl.UInt32).implode())
    )


def _suspect(row: Mapping[str, Any]) -> Suspect:
    name = row["product_name"]
    return Suspect(
        row=row["row"],
        key=row["key"],
        content=row["content"],
        identity=row["identity_key"],
        lead_id=row["lead_id"],
        product=None if name is None else hash_product(name).hex(),
        amount=row["purchase_amount"],
        date=row["date"],
    )
