"""Judged rows and a ledger → the plan: each valid row's key, and whether it is to be sent.

Reads the ledger, page by page; changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from importer.errors import GuardError
from importer.ledger.contract import LedgerState, fingerprint_product
from importer.model import RowStatus
from importer.planner.claims import Claim, Claimant, claim
from importer.planner.guard import Conflict, Suspect, find_conflict
from importer.planner.plan import Candidate, Policy, judge
from importer.reader.identity import add_contents, import_content

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from importer.ledger.contract import Entry, Ledger

PAGE_ROWS: Final = 5_000
"""Rows looked up at once; bounds how many ledger entries are in memory."""

SENT_STATUSES: Final = (RowStatus.CREATED, RowStatus.ALREADY_CREATED, RowStatus.IN_DOUBT)
"""Carried statuses that say: this key has been sent, and may have been applied."""


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Which purchases the plan is about, and by what rules."""

    scope: str
    batch: str
    policy: Policy
    now: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """The valid rows in the file's order, with what has been decided of each.

    To the columns of validation's frame come `content` and `identity_key` (Binary), `occurrence`
    (UInt32), `key` (String), `twin_row` (UInt32: the first row with the same purchase, null in
    that row itself), `conflict_code` and `conflict` (String), `released`, `send` (Boolean) and
    `status` (String: the row's status if nothing more is sent).
    """

    rows: pl.DataFrame
    import_content: bytes

    @property
    def to_send(self) -> pl.DataFrame:
        """The rows that go out, in the file's order."""
        return self.rows.filter("send")


def make_plan(judged: pl.DataFrame, ledger: Ledger, view: Viewpoint) -> Plan:
    """Return the plan for validation's `rows` frame.

    Raises GuardError where the file carries keys of sent rows that this ledger has never seen.
    """
    _refuse_another_ledger(judged, ledger)
    rows = add_contents(judged.filter("valid"), scope=view.scope, batch=view.batch)
    content = import_content(rows["content"].to_list())
    rows = _add_claims(rows, ledger, view.scope, content)
    known, unsent, claimed = _judge_known(rows, ledger, view)
    # An amended or broken row that carries an entry's key is still that entry's own row.
    claimed.update(judged["carried_key"].drop_nulls().to_list())
    fresh = rows.filter(~pl.col("row").is_in(pl.Series(list(known), dtype=pl.UInt32).implode()))
    conflicts = _find_conflicts(fresh, claimed, ledger, view)
    held = fresh.filter(
        pl.col("twin_row").is_not_null()
        | pl.col("row").is_in(pl.Series(list(conflicts), dtype=pl.UInt32).implode())
    )
    released = ledger.released(view.scope, held["key"].to_list())
    for row, key, twin_row in fresh.select("row", "key", "twin_row").iter_rows():
        candidate = Candidate(row, key, twin_row, conflicts.get(row), key in released)
        known[row] = _decide(candidate, unsent.get(key), view)
    return Plan(_add_decisions(rows, known, conflicts, released), content)


def candidate_of(planned: Mapping[str, Any]) -> Candidate:
    """Return the candidate that a row of the plan's frame (as a mapping) stands for."""
    code = planned["conflict_code"]
    return Candidate(
        row=planned["row"],
        key=planned["key"],
        twin_row=planned["twin_row"],
        conflict=None if code is None else Conflict(code, planned["conflict"]),
        released=planned["released"],
        carried_key=planned["carried_key"],
    )


def _refuse_another_ledger(judged: pl.DataFrame, ledger: Ledger) -> None:
    carrying = judged.filter(
        pl.col("carried_key").is_not_null() & pl.col("carried_status").is_in(SENT_STATUSES)
    )
    for page in carrying.select("row", "carried_key").iter_slices(PAGE_ROWS):
        known = {key for key, _ in ledger.elsewhere(page["carried_key"].to_list())}
        strangers = page.filter(~pl.col("carried_key").is_in(list(known)))["row"].to_list()
        if strangers:
            raise GuardError(
                f"Row {strangers[0]} and perhaps others of this file were sent before, as its "
                "keen_idempotency_key says, but this ledger has never seen them: the file was "
                "made with another ledger.",
                "Run where that ledger is (see workspace.path), or remove the keen_ columns if "
                "these purchases are really meant to be made again.",
                code="another-ledger",
            )


def _add_claims(rows: pl.DataFrame, ledger: Ledger, scope: str, content: bytes) -> pl.DataFrame:
    """Return `rows` with `occurrence`, `key` and `twin_row`."""
    claims: dict[int, Claim] = {}
    lone = rows.filter(pl.col("content").is_unique())
    for page in lone.iter_slices(PAGE_ROWS):
        claims |= _claim_page(page, ledger, scope, content)
    twins = rows.filter(pl.col("content").is_duplicated())
    if twins.height:
        claims |= _claim_page(twins, ledger, scope, content)
    made = [claims[row] for row in rows["row"].to_list()]
    first = pl.col("row").first().over("content")
    return rows.with_columns(
        pl.Series("occurrence", [one.occurrence for one in made], dtype=pl.UInt32),
        pl.Series("key", [one.key for one in made], dtype=pl.String),
        pl.when(first != pl.col("row")).then(first).alias("twin_row"),
    )


def _claim_page(
    page: pl.DataFrame, ledger: Ledger, scope: str, import_content: bytes
) -> dict[int, Claim]:
    """Return row → claim; all rows of a content must stand in the same page."""
    groups: defaultdict[bytes, list[Claimant]] = defaultdict(list)
    for row, content, carried_key, dated, identity in page.select(
        "row", "content", "carried_key", pl.col("date").is_not_null(), "identity_key"
    ).iter_rows():
        groups[content].append(Claimant(row, carried_key, dated or identity is not None))
    known: defaultdict[bytes, list[Entry]] = defaultdict(list)
    for entry in ledger.find_content(scope, groups):
        known[entry.content].append(entry)
    return {
        made.row: made
        for content, claimants in groups.items()
        for made in claim(content, claimants, known[content], import_content)
    }


def _judge_known(
    rows: pl.DataFrame, ledger: Ledger, view: Viewpoint
) -> tuple[dict[int, tuple[bool, str]], dict[str, Entry], set[str]]:
    """Return row → decision where the ledger decides, the unsent entries, and all known keys."""
    decided: dict[int, tuple[bool, str]] = {}
    unsent: dict[str, Entry] = {}
    claimed: set[str] = set()
    for page in rows.select("row", "key", "twin_row").iter_slices(PAGE_ROWS):
        entries = {entry.key: entry for entry in ledger.find(view.scope, page["key"].to_list())}
        claimed.update(entries)
        for row, key, twin_row in page.iter_rows():
            entry = entries.get(key)
            if entry is None:
                continue
            if entry.state is LedgerState.UNSENT:
                unsent[key] = entry
            else:
                decided[row] = _decide(Candidate(row, key, twin_row), entry, view)
    return decided, unsent, claimed


def _find_conflicts(
    fresh: pl.DataFrame, claimed: set[str], ledger: Ledger, view: Viewpoint
) -> dict[int, Conflict]:
    """Return row → conflict for those of the `fresh` rows (never applied) that the guard holds."""
    conflicts: dict[int, Conflict] = {}
    for page in fresh.iter_slices(PAGE_ROWS):
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
        carried_keys = page["carried_key"].drop_nulls().to_list()
        carried = {
            entry.key: entry
            for entry in (ledger.find(view.scope, carried_keys) if carried_keys else ())
            if entry.batch == view.batch
        }
        for row in page.iter_rows(named=True):
            suspect = _suspect(row)
            near = [*identities.get(suspect.identity or b"", ()), *leads.get(suspect.lead_id, ())]
            conflict = find_conflict(suspect, carried.get(row["carried_key"]), near, claimed)
            if conflict is not None:
                conflicts[suspect.row] = conflict
    return conflicts


def _suspect(row: Mapping[str, Any]) -> Suspect:
    return Suspect(
        row=row["row"],
        key=row["key"],
        content=row["content"],
        identity=row["identity_key"],
        lead_id=row["lead_id"],
        product=fingerprint_product(row["product_name"]),
        amount=row["purchase_amount"],
        date=row["date"],
    )


def _decide(candidate: Candidate, entry: Entry | None, view: Viewpoint) -> tuple[bool, str]:
    judgement = judge(candidate, entry, view.policy, run_id=None, now=view.now)
    return judgement.send, judgement.result.status.value


def _add_decisions(
    rows: pl.DataFrame,
    decided: Mapping[int, tuple[bool, str]],
    conflicts: Mapping[int, Conflict],
    released: set[str],
) -> pl.DataFrame:
    numbers = rows["row"].to_list()
    found = [conflicts.get(row) for row in numbers]
    return rows.with_columns(
        pl.Series("conflict_code", [c and c.code for c in found], dtype=pl.String),
        pl.Series("conflict", [c and c.message for c in found], dtype=pl.String),
        pl.Series("released", [key in released for key in rows["key"].to_list()], dtype=pl.Boolean),
        pl.Series("send", [decided[row][0] for row in numbers], dtype=pl.Boolean),
        pl.Series("status", [decided[row][1] for row in numbers], dtype=pl.String),
    )
