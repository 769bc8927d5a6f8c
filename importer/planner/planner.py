"""Judged rows and a ledger → the plan: each valid row's key, and whether it is to be sent.

Reads the ledger, page by page; changes nothing.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import polars as pl

from importer.errors import GuardError
from importer.ledger.contract import LedgerState
from importer.model import APPLIED, RowStatus
from importer.planner.claiming import PAGE_ROWS, add_claims, add_twins
from importer.planner.guard import (
    LIVE,
    Conflict,
    ConflictCode,
    InThisFile,
    LazySet,
)
from importer.planner.plan import Candidate, judge
from importer.planner.releases import find_released
from importer.planner.suspicion import find_conflicts, find_evidence
from importer.reader.identity import import_content_of
from importer.reader.keys import add_keys, make_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from importer.ledger.contract import Entry, Ledger
    from importer.planner.viewpoint import Viewpoint
    from importer.reader.typed_rows import TypedRows

EVIDENCE_CODES: Final = (ConflictCode.AMENDED, ConflictCode.OTHER_BATCH)
"""Carried error codes that say of a key that is not the row's own: it may be applied."""

STATUSES: Final = pl.Enum([status.value for status in RowStatus])
"""A byte a row, where a text takes sixteen."""

Decision: TypeAlias = tuple[bool, str]
"""Whether a row is sent, and its status if nothing more is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The valid rows in the file's order, with what has been decided of each.

    To the columns of a Reading's `rows` come `content` and `identity_key` (Binary), `occurrence`
    (UInt32), `twin_row` (UInt32: the row that stands for the same purchase, null
    in that row itself), `conflict_code` and `conflict` (String), `asked` (Boolean; false: the
    ledger knows nothing of the key, or that it is created), `released`, `send` (Boolean) and
    `status` (of STATUSES: the row's status if nothing more is sent).
    """

    rows: pl.DataFrame
    import_content: Callable[[], bytes]
    """Returns the content of the import; worked out when it is first asked for."""
    evidence: Mapping[int, str]
    """Row → the key that it carries, of an entry that may be applied and is not the row's own.
    Invalid rows are among them."""

    @property
    def keyed_rows(self) -> pl.DataFrame:
        """All rows, with their `key` (String), which is not kept: it follows from the content."""
        return add_keys(self.rows)

    @property
    def to_send(self) -> pl.DataFrame:
        """The rows that go out, in the file's order."""
        # A copy of a million rows takes a quarter of a gigabyte.
        return self.rows if self.rows["send"].all() else self.rows.filter("send")


def make_plan(
    judged: pl.DataFrame,
    contents: pl.DataFrame,
    typed: TypedRows,
    ledger: Ledger,
    view: Viewpoint,
) -> Plan:
    """Return the plan for the `rows`, the `contents` and the `typed` rows of a Reading.

    A row of which the ledger knows nothing, whose content stands in no other row and which carries
    no key is decided with its whole page; only the others are looked at one by one. Raises
    GuardError where the file carries keys of sent rows that this ledger has never seen.
    """
    valid = judged if judged["valid"].all() else judged.filter("valid")
    rows = valid.hstack(contents)
    content = functools.cache(functools.partial(import_content_of, rows["content"]))
    rows = add_claims(rows, ledger, view.scope, content)
    _refuse_another_ledger(judged, rows, ledger)
    if ledger.is_blank(view.scope):
        rows = add_twins(rows, ())
        decided = _decide_told(rows, {}, {}, {}, set(), view)
        return Plan(_add_decisions(rows, decided, {}, set(), view), content, {})
    decided, open_entries, live = _judge_known(add_keys(rows.filter("asked")), ledger, view)
    rows = add_twins(rows, live)
    evidence = find_evidence(judged, rows, ledger, view.scope)
    fresh = rows.filter(~pl.col("is_created") & ~pl.col("row").is_in(_series(decided)))
    file = InThisFile(
        LazySet(
            lambda: chain(
                live,
                (entry.key for entry in open_entries.values()),
                make_keys(rows.filter("is_created")),
            )
        ),
        LazySet(judged["carried_key"].drop_nulls),
    )
    conflicts = find_conflicts(typed.beside(fresh), evidence, file, ledger, view)
    held = fresh.filter(pl.col("twin_row").is_not_null() | pl.col("row").is_in(_series(conflicts)))
    released = find_released(held, ledger, view.scope, content)
    decided |= _decide_told(fresh, open_entries, conflicts, evidence, released, view)
    keys = {row: entry.key for row, entry in evidence.items()}
    return Plan(_add_decisions(rows, decided, conflicts, released, view), content, keys)


def _series(rows: Iterable[int]) -> pl.Series:
    """Return row numbers as `is_in` wants them."""
    return pl.Series(list(rows), dtype=pl.UInt32).implode()


def candidate_of(planned: Mapping[str, Any], evidence: Mapping[int, str]) -> Candidate:
    """Return the candidate that a row of the plan's frame (as a mapping) stands for."""
    code = planned["conflict_code"]
    return Candidate(
        row=planned["row"],
        key=planned["key"],
        twin_row=planned["twin_row"],
        conflict=None if code is None else Conflict(ConflictCode(code), planned["conflict"]),
        released=planned["released"],
        evidence_key=evidence.get(planned["row"]),
    )


def _refuse_another_ledger(judged: pl.DataFrame, rows: pl.DataFrame, ledger: Ledger) -> None:
    # What a created row carries is its own key (claiming.py), so the ledger has seen it.
    carrying = (
        judged.select("row", "carried_key", "carried_status", "carried_code")
        .filter(
            pl.col("carried_key").is_not_null()
            & (
                pl.col("carried_status").is_in(APPLIED)
                | pl.col("carried_code").is_in(EVIDENCE_CODES)
            )
        )
        .join(rows.filter("is_created").select("row"), on="row", how="anti", maintain_order="left")
    )
    for page in carrying.select("row", "carried_key").iter_slices(PAGE_ROWS):
        found = {key for key, _ in ledger.elsewhere(page["carried_key"].to_list())}
        strangers = page.filter(~pl.col("carried_key").is_in(list(found)))["row"].to_list()
        if strangers:
            raise GuardError(
                f"Row {strangers[0]} and perhaps others of this file were sent before, as its "
                "keen_idempotency_key says, but this ledger has never seen them: the file was "
                "made with another ledger.",
                "Run where that ledger is (see workspace.path), or remove the keen_ columns if "
                "these purchases are really meant to be made again.",
                code="another-ledger",
            )


def _judge_known(
    rows: pl.DataFrame, ledger: Ledger, view: Viewpoint
) -> tuple[dict[int, Decision], dict[int, Entry], set[str]]:
    """Return row → decision where the ledger decides, row → entry that leaves it open, live keys.

    An entry leaves it open whose every attempt provably did nothing and which may go out again.
    """
    decided: dict[int, Decision] = {}
    open_entries: dict[int, Entry] = {}
    live: set[str] = set()
    for page in rows.select("row", "key").iter_slices(PAGE_ROWS):
        entries = {entry.key: entry for entry in ledger.find(view.scope, page["key"].to_list())}
        live.update(key for key, entry in entries.items() if entry.state in LIVE)
        keys = pl.Series(list(entries), dtype=pl.String).implode()
        for row, key in page.filter(pl.col("key").is_in(keys)).iter_rows():
            entry = entries[key]
            retried = entry.state is LedgerState.REJECTED and view.policy.retry_rejected
            if retried or entry.state is LedgerState.UNSENT:
                open_entries[row] = entry
            else:
                decided[row] = _decide(Candidate(row, key), entry, view)
    return decided, open_entries, live


def _decide_told(  # noqa: PLR0917 - what is known, kind by kind
    rows: pl.DataFrame,
    open_entries: Mapping[int, Entry],
    conflicts: Mapping[int, Conflict],
    evidence: Mapping[int, Entry],
    released: set[int],
    view: Viewpoint,
) -> dict[int, Decision]:
    """Return row → decision for the `rows` of which anything at all is known."""
    told = rows.filter(
        pl.col("twin_row").is_not_null()
        | pl.col("row").is_in(_series(conflicts))
        | pl.col("row").is_in(_series(open_entries))
    )
    decided = {}
    for row, key, twin_row in add_keys(told).select("row", "key", "twin_row").iter_rows():
        carried = evidence.get(row)
        candidate = Candidate(
            row,
            key,
            twin_row,
            conflicts.get(row),
            released=row in released,
            evidence_key=None if carried is None else carried.key,
        )
        decided[row] = _decide(candidate, open_entries.get(row), view)
    return decided


def _decide(candidate: Candidate, entry: Entry | None, view: Viewpoint) -> Decision:
    judgement = judge(candidate, entry, view.policy, run_id=None, now=view.now)
    return judgement.send, judgement.result.status.value


def _add_decisions(
    rows: pl.DataFrame,
    decided: Mapping[int, Decision],
    conflicts: Mapping[int, Conflict],
    released: set[int],
    view: Viewpoint,
) -> pl.DataFrame:
    """Return `rows` with what was decided; whatever was decided of no one row goes out."""
    send, status = _decide(Candidate(0, ""), None, view)
    created = rows["is_created"]
    rows = rows.drop("alone", "is_created").with_columns(
        pl.lit(None, dtype=pl.String).alias("conflict_code"),
        pl.lit(None, dtype=pl.String).alias("conflict"),
        (pl.lit(send) & ~created).alias("send"),
        pl.when(created)
        .then(pl.lit(RowStatus.ALREADY_CREATED.value, dtype=STATUSES))
        .otherwise(pl.lit(status, dtype=STATUSES))
        .alias("status"),
        pl.lit(value=False).alias("released"),
    )
    if not decided:
        return rows
    found = [conflicts.get(row) for row in decided]
    decisions = pl.DataFrame(
        {
            "row": list(decided),
            "conflict_code": [c and c.code for c in found],
            "conflict": [c and c.message for c in found],
            "send": [goes_out for goes_out, _ in decided.values()],
            "status": [decided_status for _, decided_status in decided.values()],
        },
        schema={
            "row": pl.UInt32,
            "conflict_code": pl.String,
            "conflict": pl.String,
            "send": pl.Boolean,
            "status": STATUSES,
        },
    )
    told = rows.select("row").join(decisions, on="row", how="left", maintain_order="left")
    return rows.with_columns(
        pl.col("row").is_in(_series(released)).alias("released"),
        told["conflict_code"],
        told["conflict"],
        pl.coalesce(told["send"], "send").alias("send"),
        pl.coalesce(told["status"], "status").alias("status"),
    )
