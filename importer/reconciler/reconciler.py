"""The file's rows, their faults, the plan and the ledger → one result for each row.

Reads the ledger. Pairs by the plan's own rules, then proves that nothing is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from importer.errors import ResultsError
from importer.model import DONE, HELD, RowStatus
from importer.planner.claiming import PAGE_ROWS
from importer.planner.created import read_created
from importer.planner.plan import judge
from importer.planner.planner import candidate_of
from importer.reader.pieces import join_frames
from importer.reconciler.totals import total

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from importer.ledger.contract import Ledger
    from importer.model import RowResult
    from importer.planner.planner import Plan
    from importer.planner.viewpoint import Viewpoint

RESULT_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "row": pl.UInt32,
    "status": pl.String,
    "purchase_id": pl.String,
    "error_code": pl.String,
    "error": pl.String,
    "http_status": pl.Int32,
    "attempts": pl.UInt32,
    "idempotency_key": pl.String,
    "sent_at": pl.Datetime("us", "UTC"),
}
"""The results frame: one row for each data row of the file, in its order. `resolution` and
`amount` (canonical decimal text, null where the row is invalid) follow."""

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
) -> pl.DataFrame:
    """Return the results frame.

    `judged` and `faults` are validation's frames; `judged` has a `resolution` column beside. Raises
    ResultsError where the results are not one for each row, or do not add up to the plan.
    """
    told = pl.concat(
        [
            _tell_planned(plan, ledger, view, run_id),
            invalid_results(judged, faults).with_columns(
                pl.col("row")
                .replace_strict(plan.evidence, default=None, return_dtype=pl.String)
                .alias("idempotency_key"),
                pl.lit(value=False).alias("tried"),
            ),
        ]
    )
    if not told["row"].is_sorted():  # a copy of a million rows takes a tenth of a gigabyte
        told = told.sort("row")
    _prove_rows(told, judged)
    # A person's word is for the attempt that they looked at, not for one that was made since.
    waits = pl.col("status").is_in(HELD) & ~pl.col("tried")
    results = told.with_columns(judged["resolution"], _amounts(judged)).with_columns(
        pl.when(waits).then(pl.col("resolution")).alias("resolution")
    )
    _prove(results, judged, plan)
    return results.select(*RESULT_SCHEMA, "resolution", "amount")


def _tell_planned(plan: Plan, ledger: Ledger, view: Viewpoint, run_id: int | None) -> pl.DataFrame:
    """Return RESULT_SCHEMA and `tried` of the planned rows, in no particular order."""
    planned = plan.keyed_rows.select(_JUDGED)
    created = read_created(planned, ledger, view.scope, run_id)
    others = planned
    if created.height:  # a copy of a million rows takes a tenth of a gigabyte
        others = planned.join(created.select("row"), on="row", how="anti", maintain_order="left")
    alone = join_frames([*_judge_rows(others, plan.evidence, ledger, view, run_id)])
    return pl.concat([created.rename({"key": "idempotency_key"}).select(alone.columns), alone])


def _amounts(judged: pl.DataFrame) -> pl.Series:
    valid = pl.when("valid").then(pl.col("purchase_amount")).alias("amount")
    return judged.select(valid).to_series()


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
    for page in planned.iter_slices(PAGE_ROWS):
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


def _prove_rows(told: pl.DataFrame, judged: pl.DataFrame) -> None:
    """Raise ResultsError unless each row of the file has exactly one result, in order."""
    if not told["row"].equals(judged["row"]) or judged["row"].n_unique() != judged.height:
        raise _unproven("the rows of the results are not the rows of the file")


def _prove(results: pl.DataFrame, judged: pl.DataFrame, plan: Plan) -> None:
    """Raise ResultsError unless every result is whole, and they add up to the plan."""
    if results["status"].null_count():
        raise _unproven(f"{results['status'].null_count()} rows have no status")
    invalid = results.filter(pl.col("status") == RowStatus.INVALID.value).height
    if invalid + plan.rows.height != judged.height:
        raise _unproven(f"{invalid} invalid and {plan.rows.height} planned rows do not add up")
    keys = results.filter(pl.col("status") != RowStatus.INVALID.value)["idempotency_key"]
    if keys.null_count():
        raise _unproven("a valid row has no key")
    created = results.filter(pl.col("status").is_in(DONE))
    if created["idempotency_key"].n_unique() != created.height:
        raise _unproven("two created rows share one key")
    if total(results["amount"]) != total(plan.rows["purchase_amount"]):
        raise _unproven("the amounts do not add up to the plan's")


def _unproven(what: str) -> ResultsError:
    return ResultsError(
        f"The results could not be proven: {what}. This is a bug of the importer.",
        "The ledger is whole; no results file was written. Please report it.",
        code="unproven",
    )
