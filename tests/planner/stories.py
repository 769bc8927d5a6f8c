"""A ledger, files as judged rows, and a Keen that always says yes: enough to tell a story."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from importer.ledger.contract import Choice, Intent, Resolution, Settlement
from importer.ledger.sqlite import SqliteLedger
from importer.model import Next, Outcome, Verdict
from importer.planner.deliveries import make_deliveries
from importer.planner.plan import Policy
from importer.planner.planner import Plan, make_plan
from importer.planner.viewpoint import Viewpoint
from importer.reader.identity import add_contents
from importer.reader.typed_rows import TypedRows
from importer.reconciler.reconciler import reconcile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from importer.reconciler.row_results import RowResults

JUDGED: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "lead_id": pl.String,
    "product_name": pl.String,
    "product_description": pl.String,
    "purchase_amount": pl.String,
    "date": pl.Datetime("us", "UTC"),
    "trigger_ids": pl.List(pl.String),
    "identity": pl.List(pl.String),
    "carried_key": pl.String,
    "carried_status": pl.String,
    "valid": pl.Boolean,
    "resolution": pl.String,
    "found_id": pl.String,
    "carried_code": pl.String,
    "carried_attempts": pl.String,
}
FAULTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,
    "index": pl.Int64,
    "column": pl.String,
    "field": pl.String,
    "code": pl.String,
    "text": pl.String,
    "message": pl.String,
}


def lead(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def day(number: int) -> datetime:
    return datetime(2026, 3, number, tzinfo=UTC)


def bought(lead_number: int = 1, amount: str = "10", **values: object) -> dict[str, Any]:
    """Return one row; `order` is its identity value, `key` and `was` what a results file says."""
    order = values.pop("order", None)
    return {
        "lead_id": lead(lead_number),
        "product_name": values.pop("product", "Tea"),
        "purchase_amount": amount,
        "date": values.pop("date", day(1)),
        "identity": None if order is None else [order],
        "carried_key": values.pop("key", None),
        "carried_status": values.pop("was", None),
        "valid": values.pop("valid", True),
        **values,
    }


def undated(lead_number: int = 1, amount: str = "10", **values: object) -> dict[str, Any]:
    return bought(lead_number, amount, **{**values, "date": None})


def rows_of(
    judged: pl.DataFrame, scope: str = "keen", batch: str = ""
) -> tuple[pl.DataFrame, pl.DataFrame, TypedRows]:
    """Return what a Reading keeps of the rows, their contents, and the typed rows one by one."""
    has_triggers = pl.col("trigger_ids").is_not_null().alias("has_triggers")
    kept = judged.with_columns(has_triggers).drop(
        "lead_id", "product_name", "product_description", "trigger_ids", "identity"
    )
    contents = add_contents(judged.filter("valid"), scope=scope, batch=batch)
    loads = [functools.partial(judged.slice, place, 1) for place in range(judged.height)]
    typed = TypedRows(judged["row"].to_list(), loads)
    return kept, contents.select("content", "identity_key"), typed


@dataclass
class Story:
    ledger: SqliteLedger = field(default_factory=lambda: SqliteLedger.open(None))
    scope: str = "keen"
    policy: Policy = field(default_factory=Policy)
    now: datetime = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
    zone: tzinfo = UTC
    sent: list[str] = field(default_factory=list)
    """Every key that ever went out, in order."""

    def close(self) -> None:
        self.ledger.close()

    def plan(self, *rows: dict[str, Any], batch: str = "") -> Plan:
        judged = pl.DataFrame(
            [{"row": number, **row} for number, row in enumerate(rows, start=2)], schema=JUDGED
        )
        return make_plan(*rows_of(judged, self.scope, batch), self.ledger, self.view(batch))

    def view(self, batch: str = "") -> Viewpoint:
        return Viewpoint(self.scope, batch, self.policy, self.now, self.zone)

    def run(
        self,
        *rows: dict[str, Any],
        file: str = "march.csv",
        batch: str = "",
        outcomes: Iterable[Outcome] = (),
    ) -> list[str]:
        """Plan, send all that is planned, return the rows' statuses."""
        return self.results(*rows, file=file, batch=batch, outcomes=outcomes)["status"].to_list()

    def results(
        self,
        *rows: dict[str, Any],
        file: str = "march.csv",
        batch: str = "",
        outcomes: Iterable[Outcome] = (),
    ) -> pl.DataFrame:
        plan = self.plan(*rows, batch=batch)
        self.ledger.remember_scope(self.scope, "http://127.0.0.1:1/")
        _, run_id = self.ledger.begin_run(
            scope=self.scope,
            batch=batch,
            file=file,
            content=plan.import_content(),
            plan="{}",
            at=self.now,
        )
        coming = iter(outcomes)
        judged = pl.DataFrame(
            [{"row": number, **row} for number, row in enumerate(rows, start=2)], schema=JUDGED
        )
        *_, typed = rows_of(judged, self.scope, batch)
        deliveries = make_deliveries(
            typed.beside(plan.to_send),
            self.ledger,
            scope=self.scope,
            action="create_purchase_custom",
        )
        for delivery in deliveries:
            self.sent.append(delivery.key)
            outcome = next(coming, None) or applied(delivery.key)
            self.ledger.commit(run_id, [Intent(delivery, self.now)])
            self.ledger.commit(run_id, [Settlement(delivery.key, delivery.row, outcome, self.now)])
        faults = pl.DataFrame(
            [
                {"row": row, "column": "Amount", "code": "not-an-amount", "message": "No amount."}
                for row in judged.filter(~pl.col("valid"))["row"]
            ],
            schema=FAULTS,
        )
        self.now += timedelta(days=1)
        view = self.view(batch)
        return whole(reconcile(judged, faults, plan, self.ledger, view, run_id=run_id))

    def resolve(
        self,
        choice: Choice,
        *keys: str,
        purchase_id: str | None = None,
        content: bytes | None = None,
    ) -> None:
        """Settle; `content` is that of the import of which `send` is said."""
        self.ledger.resolve(
            self.scope,
            [Resolution(key, choice, purchase_id, "ops", "", self.now, content) for key in keys],
            file="march.results.csv",
        )

    def under(self, **policy: Any) -> Story:  # noqa: ANN401 - Policy judges them
        """Return the same story told with another policy, over the same ledger."""
        return replace(self, policy=replace(self.policy, **policy))


def applied(key: str) -> Outcome:
    purchase_id = hashlib.sha256(key.encode()).hexdigest()[:32]
    return Outcome(Verdict.APPLIED, Next.DONE, "created", "", 200, purchase_id)


IN_DOUBT = Outcome(Verdict.IN_DOUBT, Next.HOLD, "http-500", "Internal error", 500)
REFUSED = Outcome(Verdict.NOT_APPLIED, Next.REJECT, "http-403", "Lead not accessible", 403)
NOT_APPLIED = Outcome(Verdict.NOT_APPLIED, Next.RETRY, "connection-refused", "No one answered.")


def whole(results: RowResults) -> pl.DataFrame:
    """Return the results, asked for two rows at a time, as a large file asks for them."""
    begins = range(0, results.height, 2)
    return pl.concat([results.slice(0, 0), *(results.slice(begin, 2) for begin in begins)])


def as_results(results: pl.DataFrame, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows as their results file holds them: with keys, statuses and codes."""
    kept = results.select(
        pl.col("idempotency_key").alias("carried_key"),
        pl.col("status").alias("carried_status"),
        pl.col("error_code").alias("carried_code"),
        pl.col("attempts").cast(pl.String).alias("carried_attempts"),
    ).iter_rows(named=True)
    return [{**row, **carried} for row, carried in zip(rows, kept, strict=True)]
