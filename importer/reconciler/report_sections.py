"""A summary's JSON object → the sections of the report as HTML. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from importer.model import DONE, FOR_A_PERSON
from importer.reconciler.next_steps import MEANING
from importer.reconciler.report_html import (
    plain,
    render_code,
    render_prose,
    render_section,
    render_table,
    render_tag,
)
from importer.reconciler.report_plots import plot_shares, spell_seconds
from importer.reconciler.report_sending import render_sending
from importer.reconciler.totals import spell_amount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from importer.reconciler.error_groups import FaultGroup

SHOWN_GROUPS: Final = 100
"""Kinds of errors that are listed; the results file has every row."""
SHOWN_RUNS: Final = 50


def render_sections(
    runs: Sequence[Mapping[str, Any]],
    errors: Sequence[FaultGroup],
    *,
    config: Mapping[str, Mapping[str, object]],
    command: str,
) -> str:
    """Return all sections of the last of `runs` (summaries as JSON objects, oldest first)."""
    told = runs[-1]
    sections = (
        _header(told),
        _tiles(told),
        _next_steps(told),
        _statuses(told),
        render_sending(runs),
        _errors(errors),
        _runs(runs),
        _facts(told, command),
        _configuration(config),
    )
    return "".join(sections)


def _header(told: Mapping[str, Any]) -> str:
    batch = f", batch {plain(told['batch'])}" if told["batch"] else ""
    counts = told["counts"]
    tone = next((status for status in (*FOR_A_PERSON, "unsent") if counts[status]), "created")
    return (
        f"<header><h1>Import of {plain(told['file'])}</h1>"
        f'<p class="verdict" style="border-color: var(--{tone})">{plain(verdict(told))}</p>'
        f'<p class="sub">{plain(told["started_at"])}, scope {plain(told["scope"])}{batch}, '
        f"exit code {told['exit_code']}</p></header>\n"
    )


def verdict(told: Mapping[str, Any]) -> str:
    """Return in one sentence how it stands with the file."""
    counts = told["counts"]
    done = sum(counts[status] for status in DONE)
    waiting = sum(counts[status] for status in FOR_A_PERSON)
    if not told["rows"]:
        return "The file has no rows: there was nothing to do."
    if done == told["rows"]:
        return f"Every row is created ({done:,})."
    parts = [f"{done:,} of {told['rows']:,} rows are created"]
    if waiting:
        parts.append(f"{waiting:,} {'waits' if waiting == 1 else 'wait'} for a person")
    if counts["unsent"]:
        unsent = counts["unsent"]
        parts.append(f"{unsent:,} {'is' if unsent == 1 else 'are'} not sent yet")
    return "; ".join(parts) + "."


def _tiles(told: Mapping[str, Any]) -> str:
    counts, sending = told["counts"], told["sending"]
    tiles = [
        (f"{told['rows']:,}", "rows in the file"),
        (f"{sum(counts[status] for status in DONE):,}", "created"),
        (f"{sum(counts[status] for status in FOR_A_PERSON):,}", "wait for a person"),
        (spell_seconds(told["duration_seconds"]), "from start to end"),
    ]
    if sending is not None:
        tiles.append((f"{sending['rows_per_second']:,}", "rows per second sent"))
        tiles.append((f"{sending['attempts']:,}", "requests"))
    shown = (f'<div class="tile"><b>{value}</b><span>{name}</span></div>' for value, name in tiles)
    return f'<div class="tiles">{"".join(shown)}</div>\n'


def _next_steps(told: Mapping[str, Any]) -> str:
    if not told["next"]:
        return render_section(
            "What to do next", "<p>Nothing: there is nothing left to send or to fix.</p>"
        )
    steps = (
        f"<p>{render_prose(step['text'])}</p><pre>{plain(step['command'])}</pre>"
        for step in told["next"]
    )
    stopped = f"<p>Stopped early: {plain(told['stopped'])}</p>" if told["stopped"] else ""
    return render_section("What to do next", stopped + "".join(steps))


def _statuses(told: Mapping[str, Any]) -> str:
    counts = {status: told["counts"][status] for status in MEANING}
    rows = [
        (
            render_tag(status),
            f"{found:,}",
            spell_amount(told["amounts"].get(status)),
            plain(MEANING[status]),
        )
        for status, found in counts.items()
        if found
    ]
    if not rows:
        return ""
    table = render_table(("Status", "#Rows", "#Amount", "Meaning"), rows)
    return render_section("Rows and amounts by status", plot_shares(counts) + table)


def _errors(groups: Sequence[FaultGroup]) -> str:
    if not groups:
        return ""
    rows = [
        (
            render_tag(group.status),
            plain(group.column),
            render_code(group.code),
            f"{group.count:,}",
            plain(
                ", ".join(map(str, group.rows)) + (" …" if group.count > len(group.rows) else "")
            ),
            render_prose(group.example),
        )
        for group in groups[:SHOWN_GROUPS]
    ]
    table = render_table(("Status", "Column", "Code", "#Rows", "First rows", "~Example"), rows)
    more = len(groups) - len(rows)
    note = f"<p>{more:,} more kinds stand in the results file.</p>" if more else ""
    return render_section("What is wrong, by column and code", table + note, long=True)


def _runs(runs: Sequence[Mapping[str, Any]]) -> str:
    if len(runs) == 1:
        return ""
    rows = []
    for run in runs[-SHOWN_RUNS:]:
        sending = run.get("sending") or {"rows": 0, "attempts": 0, "seconds": 0.0}
        rows.append(
            (
                plain(run["started_at"]),
                f"{sending['rows']:,}",
                f"{sending['attempts']:,}",
                spell_seconds(sending["seconds"]) if sending["rows"] else "",
                str(run["exit_code"]),
            )
        )
    headers = ("Started", "#Rows sent", "#Requests", "#Sending took", "#Exit code")
    return render_section("Runs of this import", render_table(headers, rows), long=True)


def _facts(told: Mapping[str, Any], command: str) -> str:
    rows = [
        (name, f'<span class="path">{plain(value)}</span>')
        for name, value in (
            ("Input", told["path"]),
            ("SHA-256 of the input", told["file_sha256"]),
            ("Results", told["results"]),
            ("Run", told["run_id"]),
        )
    ]
    shown = f"<h3>The command of this run</h3><pre>{plain(command)}</pre>"
    return render_section("Files", render_table(("", "~"), rows) + shown)


def _configuration(config: Mapping[str, Mapping[str, object]]) -> str:
    rows = [
        (render_code(f"{section}.{key}"), plain(_spell_setting(value)))
        for section, keys in config.items()
        for key, value in keys.items()
    ]
    note = "<p>The API key is no part of the configuration and stands nowhere.</p>"
    return render_section(
        "Configuration used", render_table(("Setting", "~Value"), rows) + note, long=True
    )


def _spell_setting(value: object) -> str:
    if value is None or value in ("", []):
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
