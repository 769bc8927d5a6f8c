"""A workspace → what runs there, what ran, and what waits for a person. Reads the workspace."""

from __future__ import annotations

import json
import shlex
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from importer.commands.verification import verification_lines, verify
from importer.config_loading import load_config, workspace_path
from importer.errors import ExitCode, WorkspaceBusyError
from importer.ledger.sqlite import SqliteLedger
from importer.model import FOR_A_PERSON, LANDS_WITHIN, RowStatus, format_instant
from importer.reconciler.next_steps import file_argument
from importer.workspace import STATUS, Workspace, holder, read_progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.ledger.contract import Entry, ImportCounts, Ledger

NAMED: Final = 50
"""Rows in doubt that are listed on a screen; `--json` lists all."""


def status_command(config_path: Path | None, *, as_json: bool, verify_ledger: bool) -> ExitCode:
    """Show the workspace of a configuration."""
    path = workspace_path(load_config(config_path).config)
    status = read_status(path, verify_ledger=verify_ledger)
    if as_json:
        print(json.dumps(status))
    else:
        for line in status_lines(status):
            print(line)
    return ExitCode.REFUSED if status.get("verified", {}).get("faults") else ExitCode.OK


def read_status(path: Path, *, verify_ledger: bool = False) -> dict[str, Any]:
    """Return the workspace's status: while a run holds it, only that run's progress is known.

    Raises WorkspaceBusyError where the ledger is to be verified while a run holds it.
    """
    status: dict[str, Any] = {"version": 1, "workspace": str(path), "running": None}
    workspace = Workspace(path)
    running = holder(path)
    if running is None and workspace.ledger_path.exists():
        try:
            with (
                workspace.hold(STATUS),
                closing(SqliteLedger.open(workspace.ledger_path)) as ledger,
            ):
                ledger.interrupted(datetime.now(UTC))  # nobody runs: what is `sending` is in doubt
                if verify_ledger:
                    status["verified"] = verify(ledger)
                return status | _read_ledger(ledger)
        except WorkspaceBusyError:
            if verify_ledger:
                raise
            running = holder(path)
    if running is not None:
        if verify_ledger:
            raise WorkspaceBusyError(
                f"{running} holds the workspace {path}.", "Verify its ledger when it has ended."
            )
        status["running"] = read_progress(path) or {"pid": running.pid, "file": running.file}
        return status
    return status | {"imports": [], "in_doubt": []}


def _read_ledger(ledger: Ledger) -> dict[str, Any]:
    return {
        "imports": [_import(counted) for counted in ledger.imports()],
        "in_doubt": [_doubt(scope, entry) for scope, entry in ledger.waiting()],
    }


def _import(counted: ImportCounts) -> dict[str, Any]:
    """Return one import; `rows` and what follows are of its last run, null where it did not end."""
    told = json.loads(counted.summary or "{}")
    return {
        "file": counted.imported.file,
        "last_file": counted.last_file,
        "scope": counted.imported.scope,
        "batch": counted.imported.batch,
        "last_run_at": format_instant(counted.last_run_at.replace(microsecond=0)),
        "exit_code": counted.exit_code,
        "counts": {state.value: count for state, count in counted.counts.items()},
        "rows": told.get("counts"),
        "results": told.get("results"),
        "report": told.get("report"),
        "again": _again(counted, (told.get("counts") or {}).get(RowStatus.UNSENT, 0)),
    }


def _again(counted: ImportCounts, unsent: int) -> dict[str, str] | None:
    """Return the last run's command, and the folder that it was given in, where it has to go on."""
    plan = json.loads(counted.plan)
    if (counted.exit_code is not None and not unsent) or "command" not in plan:
        return None
    return {"folder": plan["folder"], "command": plan["command"]}


def _doubt(scope: str, entry: Entry) -> dict[str, Any]:
    return {
        "scope": scope,
        "file": entry.file,
        "row": entry.row,
        "code": entry.code,
        "last_sent_at": format_instant(entry.last_sent_at.replace(microsecond=0)),
        "keen_idempotency_key": entry.key,
    }


def status_lines(status: dict[str, Any]) -> Iterator[str]:
    """Yield the status for people."""
    yield f"Workspace {status['workspace']}"
    if status["running"] is not None:
        yield from _running_lines(status["running"])
        return
    if "verified" in status:
        yield from verification_lines(status["verified"])
    if not status["imports"]:
        yield "  No imports yet."
    rewritten: set[str] = set()  # results files of later runs, which stand first
    for told in status["imports"]:
        shown = told["rows"] or told["counts"]
        counts = ", ".join(f"{name} {count:,}" for name, count in shown.items() if count)
        batch = f", batch “{told['batch']}”" if told["batch"] else ""
        ended = "did not end" if told["exit_code"] is None else f"exit {told['exit_code']}"
        file = told["file"]
        if told["last_file"] != file:
            file = f"{file}, last as {told['last_file']}"
        yield f"  {told['last_run_at']}  {file} ({told['scope']}{batch})  {ended}  {counts}"
        yield from _waiting_lines(told, rewritten)
        rewritten.add(told["results"])
    waiting = status["in_doubt"]
    if waiting:
        yield f"In doubt, waiting for a person: {len(waiting):,}"
        for doubt in waiting[:NAMED]:
            yield (
                f"  {doubt['file']}, row {doubt['row']}: {doubt['code']}, last sent "
                f"{doubt['last_sent_at']} ({doubt['scope']})"
            )
        if len(waiting) > NAMED:
            yield f"  and {len(waiting) - NAMED:,} more: `importer status --json` lists all"
        yield (
            f"  Look them up in Keen, {LANDS_WITHIN.seconds} s after they were last sent or later; "
            "write `created` or `not created`"
        )
        yield "  into keen_resolution of their results file, then: importer resolve FILE"
        if any(told["exit_code"] is None for told in status["imports"]):
            yield "  A run that did not end is run again first: that writes its results file."


def _waiting_lines(told: dict[str, Any], rewritten: set[str]) -> Iterator[str]:
    """Yield what an import's last run left to a person, and the file if it still is that run's.

    What became of these rows since, in a corrected file that is an import of its own, the ledger
    cannot tell. `rewritten` are the results files of later runs.
    """
    if told["exit_code"] is None:
        yield f"      did not end: run it again, `{_command(told)}` goes on and writes the results"
        return
    unsent = (told["rows"] or {}).get(RowStatus.UNSENT, 0)
    if unsent:
        were = "row was" if unsent == 1 else "rows were"
        yield f"      when it last ran, {unsent:,} {were} left unsent: `{_command(told)}` goes on"
    waiting = sum((told["rows"] or {}).get(state, 0) for state in FOR_A_PERSON)
    if waiting:
        results = told["results"]
        there = results not in rewritten and Path(results).exists()
        rows = "row" if waiting == 1 else "rows"
        where = f": {results}" if there else ""
        yield f"      when it last ran, {waiting:,} {rows} needed a person{where}"


def _command(told: dict[str, Any]) -> str:
    """Return the command that goes on with an import."""
    if told["again"] is None:
        batch = ["--batch", told["batch"]] if told["batch"] else []
        return shlex.join(["importer", "run", file_argument(told["file"]), *batch])
    return f"cd {shlex.quote(told['again']['folder'])} && {told['again']['command']}"


def _running_lines(running: dict[str, Any]) -> Iterator[str]:
    yield f"  Running: {running.get('file')} (process {running.get('pid')})"
    if "total" in running:
        done = sum(running["counts"].values())
        counts = ", ".join(f"{status} {count:,}" for status, count in running["counts"].items())
        yield f"    {done:,} of {running['total']:,} rows, {running['rate']} rows/s: {counts}"
        if running.get("paused_until"):
            yield f"    paused until {running['paused_until']}"
