"""A results file that a person filled in → settled rows in the ledger. Touches the workspace."""

from __future__ import annotations

import getpass
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from importer.commands.filled_rows import Resolver
from importer.commands.imports import make_job
from importer.commands.rebuilding import rebuild_command
from importer.errors import ExitCode, GuardError, UsageError
from importer.ledger.contract import Choice
from importer.logs import redacted
from importer.model import RowStatus
from importer.preparation import check_settings, open_ledger, prepare
from importer.screen import ask, print_error, somebody_answers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from importer.job import Prepared
    from importer.ledger.contract import Resolution


def resolve_command(params: Mapping[str, Any]) -> ExitCode:
    """Record what a person found out, all of it or nothing."""
    job = make_job(params)
    who = params["by"] or _user()
    if params["rebuild"]:
        return rebuild_command(job, params, who)
    with open_ledger(job, make=False) as (workspace, folder, ledger):
        # With it the plan tells of a rejected row, too, whether it would be held.
        order = job.order.model_copy(update={"retry_rejected": True})
        prepared = prepare(replace(job, order=order), folder, ledger, writes_results=False)
        if "keen_resolution" not in prepared.reading.columns.carried:
            raise UsageError(
                f"{job.path.name} is not a results file: it has no column keen_resolution.",
                "Give the results file in which you filled it.",
            )
        if not workspace.ledger_path.exists():
            raise GuardError(
                f"Nothing can be settled: there is no ledger in {workspace.path}, so nothing was "
                "ever sent from there.",
                "Settle the file where it was run (see workspace.path).",
                code="no-ledger",
            )
        check_settings(prepared, ledger)
        resolver = Resolver(
            ledger, prepared, who, params["note"], datetime.now(UTC), force=params["force"]
        )
        resolutions = resolver.resolutions()
        if not resolutions:
            print(
                f"Nothing to settle: no row of {job.path.name} has a new keen_resolution. Write "
                "`created`, `not created` or `send` there, save, and settle again."
            )
            return ExitCode.OK
        for line in _lines(resolutions, prepared, private=sys.stdout.isatty()):
            print(redacted(line))
        if somebody_answers() and not params["yes"] and not ask(_question(len(resolutions))):
            print_error("Nothing was settled.")
            return ExitCode.STOPPED_EARLY
        ledger.resolve(prepared.view.scope, [made for _, made in resolutions], file=job.path.name)
    rows = "1 row" if len(resolutions) == 1 else f"{len(resolutions):,} rows"
    why = f": {params['note']}" if params["note"] else ""
    print(redacted(f"Settled {rows}, by {who}{why}."))
    rejected = RowStatus.REJECTED in _statuses(prepared, resolutions).values()
    again = job.order.model_copy(update={"retry_rejected": job.order.retry_rejected or rejected})
    print(f"  Next: {replace(job, order=again).command}")
    return ExitCode.OK


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user may have no name
        raise UsageError("This user has no name.", "Say who settles the rows: --by NAME.") from None


def _lines(
    resolutions: list[tuple[int, Resolution]], prepared: Prepared, *, private: bool
) -> Iterator[str]:
    """Yield what will be recorded of each row; whose purchase it is, on a person's own screen."""
    rows, statuses = [row for row, _ in resolutions], _statuses(prepared, resolutions)
    shown: dict[int, list[object]] = {}
    if private:
        wanted = ("row", "lead_id", "product_name", "purchase_amount")
        judged = prepared.reading.rows
        settled = judged.filter(judged["row"].is_in(rows))
        for piece in prepared.reading.typed.beside(settled):
            shown |= {row: about for row, *about in piece.select(wanted).iter_rows()}
    for row, resolution in resolutions:
        about = "  ".join(str(value) for value in shown.get(row, ()) if value is not None)
        yield f"  row {row}: {_described(resolution, statuses.get(row))}" + (
            f"   ({about})" if about else ""
        )


def _statuses(prepared: Prepared, resolutions: list[tuple[int, Resolution]]) -> dict[int, str]:
    """Return the status of each valid row that was settled."""
    plan, rows = prepared.plan.rows, [row for row, _ in resolutions]
    return dict(plan.filter(plan["row"].is_in(rows)).select("row", "status").iter_rows())


def _described(resolution: Resolution, status: str | None) -> str:
    if resolution.choice is Choice.CREATED:
        known = (
            f"as purchase {resolution.purchase_id}" if resolution.purchase_id else "id not known"
        )
        return f"created, {known}; this is final"
    if resolution.choice is Choice.NOT_CREATED:
        return "not created; the next run sends it again"
    how = " with --retry-rejected" if status == RowStatus.REJECTED else ""
    return f"released; the next run{how} sends it"


def _question(count: int) -> str:
    rows = "this row" if count == 1 else f"these {count:,} rows"
    return f"Settle {rows} like this?"
