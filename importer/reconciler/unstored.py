"""Results, and answers that the ledger could not store → results that tell them. Pure.

The ledger knows only that these rows are on their way, so they are in doubt; what Keen said of them
is known for this once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from importer.model import RowStatus, Verdict
from importer.planner.plan import LOOK_UP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.ledger.contract import Settlement
    from importer.model import Outcome
    from importer.reconciler.row_results import RowResults


def tell_unstored(results: RowResults, unstored: Sequence[Settlement]) -> RowResults:
    """Return the results with what Keen answered in the `error` of each row that is in doubt."""
    if not unstored:
        return results
    told = {each.key: _told(each.outcome) for each in unstored}
    in_doubt = pl.col("status") == RowStatus.IN_DOUBT.value
    answer = pl.col("idempotency_key").replace_strict(told, default=None, return_dtype=pl.String)
    error = pl.coalesce(pl.when(in_doubt).then(answer), "error")
    return replace(results, others=results.others.with_columns(error.alias("error")))


def _told(outcome: Outcome) -> str:
    if outcome.verdict is Verdict.APPLIED:
        said = f"Keen answered that it created purchase {outcome.purchase_id}"
    elif outcome.verdict is Verdict.NOT_APPLIED:
        said = f"It was surely not created ({outcome.code})"
    else:
        said = f"Nobody knows what became of it ({outcome.code})"
    return f"{said}, which the ledger could not store. {LOOK_UP}"
