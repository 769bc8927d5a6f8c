"""The file's rows, their faults, the plan and the ledger → one result for each row.

Reads the ledger. Pairs by the plan's own rules, then proves that nothing is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from importer.errors import ResultsError
from importer.model import DONE, SETTLED_BY_WORDS, RowStatus
from importer.planner.claiming import PAGE_ROWS
from importer.planner.created import find_created
from importer.planner.plan import judge
from importer.planner.planner import STATUSES, candidate_of
from importer.planner.releases import find_used_words
from importer.reader.identity import stand_alone
from importer.reader.keys import add_keys
from importer.reader.pieces import join_frames
from importer.reconciler.row_results import RESULT_SCHEMA, RowResults
from importer.reconciler.totals import total

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from importer.ledger.contract import Ledger
    from importer.model import RowResult
    from importer.planner.planner import Plan
    from importer.planner.viewpoint import Viewpoint

_JUDGED: Final = ("row", "key", "twin_row", "conflict_code", "conflict", "released")
"""What of the plan decides the result of a row."""


def reconcile(
    judged: pl.DataFrame,
    faults: pl.DataFrame,
    plan: Plan,
    ledger: Ledger,
    view: Viewpoint,
    *,
    run_id: int | None,
) -> RowResults:
    """Return the results.

    `judged` and `faults` are validation's frames; `judged` has `resolution` and `found_id` beside.
    Raises ResultsError where the results are not one for each row, or do not add up to the plan.
    """
    planned = plan.rows
    created = find_created(planned, ledger, view.scope, run_id)
    rest = planned
    if created.height:
        rest = planned.filter(~planned["row"].is_in(created["row"].implode()))
    invalid = invalid_results(judged, faults).with_columns(
        pl.col("row")
        .replace_strict(plan.evidence, default=None, return_dtype=pl.String)
        .alias("idempotency_key"),
        pl.lit(value=False).alias("tried"),
    )
    others = join_frames([*_judge_rows(rest, plan.evidence, ledger, view, run_id), invalid])
    if not others["row"].is_sorted():  # a copy of a million rows takes a tenth of a gigabyte
        others = others.sort("row")
    used = find_used_words(planned, ledger, view.scope)
    others = others.with_columns(_words(judged, others, used)).drop("tried")
    results = RowResults(_statuses(judged, created, others), others, created)
    _prove(results, planned, judged)
    return results


def _words(judged: pl.DataFrame, others: pl.DataFrame, used: Collection[int]) -> pl.DataFrame:
    """Return `resolution`, what a person wrote into each of the `others` that still waits for it.

    And `purchase_id`: for a row in doubt the one that they wrote beside, for with the word alone
    the row would be settled without it, for good.
    """
    wanted = ("row", "resolution", "found_id", "carried_attempts")
    said = judged.select(wanted).drop_nulls("resolution")
    # A person's word is for the attempt that they looked at, not for one that was made since.
    # Nor is it for one more purchase: such rows are in `used`.
    waits = (
        pl.col("status").is_in(SETTLED_BY_WORDS)
        & ~pl.col("tried")
        & (pl.col("carried_attempts").fill_null("0") == pl.col("attempts").cast(pl.String))
        & ~pl.col("row").is_in(pl.Series(list(used), dtype=pl.UInt32).implode())
    )
    in_doubt = waits & (pl.col("status") == RowStatus.IN_DOUBT.value)
    told = others.select(
        "row", "status", "tried", "purchase_id", "attempts"
    )  # the texts need no copy
    return told.join(said, on="row", how="left", maintain_order="left").select(
        pl.when(waits).then("resolution").alias("resolution"),
        pl.coalesce("purchase_id", pl.when(in_doubt).then("found_id")).alias("purchase_id"),
    )


def _statuses(judged: pl.DataFrame, created: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Return `row`, `status` and `amount` of all rows; raise ResultsError where any is amiss."""
    known = (
        created.select("row", "status"),
        others.select("row", pl.col("status").cast(STATUSES)),
    )
    statuses = pl.concat(known, rechunk=True)
    if not statuses["row"].is_sorted():
        statuses = statuses.sort("row")
    rows = statuses["row"]
    if not rows.equals(judged["row"]) or (rows == rows.shift(1)).any():
        raise _unproven("the rows of the results are not the rows of the file")
    return statuses.with_columns(_amounts(judged))


def _amounts(judged: pl.DataFrame) -> pl.Series:
    if judged["valid"].all():  # the same texts, not once more in memory
        return judged["purchase_amount"].alias("amount")
    return judged.select(pl.when("valid").then("purchase_amount").alias("amount")).to_series()


def _judge_rows(
    planned: pl.DataFrame,
    evidence: Mapping[int, str],
    ledger: Ledger,
    view: Viewpoint,
    run_id: int | None,
) -> Iterator[pl.DataFrame]:
    """Yield RESULT_SCHEMA and `tried`, whether this run tried the row, page by page."""
    told: list[tuple[object, ...]] = []
    schema = RESULT_SCHEMA | {"tried": pl.Boolean}
    yield pl.DataFrame(schema=schema)
    for part in planned.iter_slices(PAGE_ROWS):
        page = add_keys(part).select(_JUDGED)
        entries = {entry.key: entry for entry in ledger.find(view.scope, page["key"].to_list())}
        for row in page.iter_rows(named=True):
            candidate = candidate_of(row, evidence)
            entry = entries.get(candidate.key)
            judgement = judge(candidate, entry, view.policy, run_id=run_id, now=view.now)
            tried = entry is not None and run_id is not None and entry.run_id == run_id
            told.append((*_values(judgement.result), tried))
        yield pl.DataFrame(told, schema=schema, orient="row")
        told.clear()


def _values(result: RowResult) -> tuple[object, ...]:
    return (
        result.row,
        result.status.value,
        result.purchase_id,
        result.error_code,
        result.error,
        result.http_status,
        result.attempts,
        result.key,
        result.sent_at,
    )


def invalid_results(judged: pl.DataFrame, faults: pl.DataFrame) -> pl.DataFrame:
    """Return a result for each invalid row. A key it carries stays: it is evidence."""
    told = faults.group_by("row", maintain_order=True).agg(
        pl.col("code").first().alias("error_code"),
        pl.col("message").str.join(" ").alias("error"),
    )
    return (
        judged.filter(~pl.col("valid"))
        .join(told, on="row", how="left", maintain_order="left")
        .select(
            "row",
            pl.lit(RowStatus.INVALID.value).alias("status"),
            pl.lit(None, dtype=pl.String).alias("purchase_id"),
            "error_code",
            "error",
            pl.lit(None, dtype=pl.Int32).alias("http_status"),
            pl.lit(0, dtype=pl.UInt32).alias("attempts"),
            pl.col("carried_key").alias("idempotency_key"),
            pl.lit(None, dtype=pl.Datetime("us", "UTC")).alias("sent_at"),
        )
    )


def _prove(results: RowResults, planned: pl.DataFrame, judged: pl.DataFrame) -> None:
    """Raise ResultsError unless every result is whole, and they add up to the plan."""
    statuses = results.statuses
    if statuses["status"].null_count():
        raise _unproven(f"{statuses['status'].null_count()} rows have no status")
    invalid = statuses.filter(pl.col("status") == RowStatus.INVALID.value).height
    if invalid + planned.height != judged.height:
        raise _unproven(f"{invalid} invalid and {planned.height} planned rows do not add up")
    valid = results.others.filter(pl.col("status") != RowStatus.INVALID.value)
    if valid["idempotency_key"].null_count():
        raise _unproven("a valid row has no key")
    # A key follows from content and occurrence, and hardly any content stands there twice.
    twins = planned.filter(~stand_alone(planned["content"]))
    done = statuses.select("row", "status").filter(pl.col("status").is_in(DONE))
    created = twins.join(done, on="row", how="semi").select("content", "occurrence")
    if created.is_duplicated().any():
        raise _unproven("two created rows share one key")
    if total(statuses["amount"]) != total(planned["purchase_amount"]):
        raise _unproven("the amounts do not add up to the plan's")


def _unproven(what: str) -> ResultsError:
    return ResultsError(
        f"The results could not be proven: {what}. This is a bug of the importer.",
        "The ledger is whole; no results file was written. Please report it.",
        code="unproven",
    )
