"""A summary's JSON object → the sections of the report as HTML. Pure."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any, Final

from importer.reconciler.next_steps import MEANING
from importer.reconciler.report_plots import (
    STACK,
    plot_latency,
    plot_progress,
    plot_rate,
    plot_shares,
    spell_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from importer.reconciler.error_groups import FaultGroup

SHOWN_GROUPS: Final = 100
"""Kinds of errors that are listed; the results file has every row."""
SHOWN_RUNS: Final = 50
SHOWN_PAUSES: Final = 10
_CELL_CLASSES: Final = {"#": ' class="n"', "~": ' class="wide"'}
_PERSON: Final = ("in_doubt", "rejected", "invalid", "duplicate", "conflict")


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
        _sending(runs),
        _errors(errors),
        _runs(runs),
        _facts(told, command),
        _configuration(config),
    )
    return "".join(sections)


def _header(told: Mapping[str, Any]) -> str:
    batch = f", batch {plain(told['batch'])}" if told["batch"] else ""
    counts = told["counts"]
    tone = next((status for status in (*_PERSON, "unsent") if counts[status]), "created")
    return (
        f"<header><h1>Import of {plain(told['file'])}</h1>"
        f'<p class="verdict" style="border-color: var(--{tone})">{plain(verdict(told))}</p>'
        f'<p class="sub">{plain(told["started_at"])}, scope {plain(told["scope"])}{batch}, '
        f"exit code {told['exit_code']}</p></header>\n"
    )


def verdict(told: Mapping[str, Any]) -> str:
    """Return in one sentence how it stands with the file."""
    counts = told["counts"]
    done = counts["created"] + counts["already_created"]
    waiting = sum(counts[status] for status in _PERSON)
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
        (f"{counts['created'] + counts['already_created']:,}", "created"),
        (f"{sum(counts[status] for status in _PERSON):,}", "wait for a person"),
        (spell_seconds(told["duration_seconds"]), "from start to end"),
    ]
    if sending is not None:
        tiles.append((f"{sending['rows_per_second']:,}", "rows per second sent"))
        tiles.append((f"{sending['attempts']:,}", "requests"))
    shown = (f'<div class="tile"><b>{value}</b><span>{name}</span></div>' for value, name in tiles)
    return f'<div class="tiles">{"".join(shown)}</div>\n'


def _next_steps(told: Mapping[str, Any]) -> str:
    if not told["next"]:
        return _section(
            "What to do next", "<p>Nothing: there is nothing left to send or to fix.</p>"
        )
    steps = (
        f"<p>{_prose(step['text'])}</p><pre>{plain(step['command'])}</pre>" for step in told["next"]
    )
    stopped = f"<p>Stopped early: {plain(told['stopped'])}</p>" if told["stopped"] else ""
    return _section("What to do next", stopped + "".join(steps))


def _statuses(told: Mapping[str, Any]) -> str:
    counts = {status: told["counts"][status] for status in MEANING}
    rows = [
        (
            _tag(status),
            f"{found:,}",
            spell_amount(told["amounts"].get(status)),
            plain(MEANING[status]),
        )
        for status, found in counts.items()
        if found
    ]
    if not rows:
        return ""
    table = _table(("Status", "#Rows", "#Amount", "Meaning"), rows)
    return _section("Rows and amounts by status", plot_shares(counts) + table)


def _sending(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the plots of the latest run that sent something."""
    sent = next((run for run in reversed(runs) if run.get("sending")), None)
    if sent is None:
        return ""
    sending = sent["sending"]
    when = "" if sent is runs[-1] else f" by the run of {plain(sent['started_at'])}"
    parts = []
    if sending["rows"]:
        used = [name for name in STACK if any(sending["over_time"][name])]
        legend = [*used, *(["pause"] if sending["pauses"] else [])]
        parts += [
            "<h3>Rows done</h3>",
            plot_progress(sending),
            f"<h3>Rows per second (on average {sending['rows_per_second']:,})</h3>",
            plot_rate(sending, sending["pauses"]),
            f'<div class="legend">{"".join(map(_tag, legend))}</div>',
        ]
    if sending["latency"]:
        latency = sending["latency"]
        told = ", ".join(f"{name} {spell_seconds(latency[name])}" for name in ("p50", "p95", "p99"))
        longest = spell_seconds(latency["longest"])
        parts += [
            f"<h3>Requests by latency: {told}, longest {longest}</h3>",
            plot_latency(latency),
        ]
    parts += _retries(sending)
    return _section(f"Sending{when}", "".join(parts), long=True)


def _retries(sending: Mapping[str, Any]) -> Iterator[str]:
    pauses = sending["pauses"]
    yield f"<h3>Retries ({sending['retries']:,}) and pauses ({sending['pause_count']:,})</h3>"
    if not sending["retries"] and not pauses:
        yield "<p>None.</p>"
    if sending["retries"]:
        rows = [(_code(code), f"{times:,}") for code, times in sending["retries_by_code"].items()]
        yield _table(("Retried after", "#Times"), rows, css="small")
    if pauses:
        times = [
            (
                f"after {spell_seconds(pause['at'])}",
                spell_seconds(pause["seconds"]),
                plain(pause["why"]),
            )
            for pause in pauses[:SHOWN_PAUSES]
        ]
        yield _table(("Pause", "#Length", "Why"), times, css="small")
        more = sending["pause_count"] - len(times)
        also = f" and {more:,} more" if more else ""
        yield f"<p>{spell_seconds(sending['paused_seconds'])} in all{also}.</p>"


def _errors(groups: Sequence[FaultGroup]) -> str:
    if not groups:
        return ""
    rows = [
        (
            _tag(group.status),
            plain(group.column),
            _code(group.code),
            f"{group.count:,}",
            plain(
                ", ".join(map(str, group.rows)) + (" …" if group.count > len(group.rows) else "")
            ),
            _prose(group.example),
        )
        for group in groups[:SHOWN_GROUPS]
    ]
    table = _table(("Status", "Column", "Code", "#Rows", "First rows", "~Example"), rows)
    more = len(groups) - len(rows)
    note = f"<p>{more:,} more kinds stand in the results file.</p>" if more else ""
    return _section("What is wrong, by column and code", table + note, long=True)


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
    return _section("Runs of this import", _table(headers, rows), long=True)


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
    return _section("Files", _table(("", "~"), rows) + shown)


def _configuration(config: Mapping[str, Mapping[str, object]]) -> str:
    rows = [
        (_code(f"{section}.{key}"), plain(_spell_setting(value)))
        for section, keys in config.items()
        for key, value in keys.items()
    ]
    note = "<p>The API key is no part of the configuration and stands nowhere.</p>"
    return _section("Configuration used", _table(("Setting", "~Value"), rows) + note, long=True)


def _spell_setting(value: object) -> str:
    if value is None or value in ("", []):
        return "not set"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def spell_amount(amount: str | None) -> str:
    """Return an amount with its thousands apart; empty where there is none."""
    if amount is None:
        return ""
    whole, _, decimals = amount.partition(".")
    grouped = f"{int(whole):,}" if int(whole) else whole
    return f"{grouped}.{decimals}" if decimals else grouped


def _section(title: str, body: str, *, long: bool = False) -> str:
    css = ' class="long"' if long else ""
    return f"<section{css}><h2>{escape(title)}</h2>{body}</section>\n"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, css: str = "") -> str:
    """Return a table of ready HTML cells; # before a header means numbers, ~ texts to be folded."""
    classes = [_CELL_CLASSES.get(header[:1], "") for header in headers]
    head = ""
    if any(headers):
        cells = zip(classes, headers, strict=True)
        head = "".join(f"<th{css}>{escape(name.lstrip('#~'))}</th>" for css, name in cells)
        head = f"<thead><tr>{head}</tr></thead>"
    body = "".join(
        "<tr>"
        + "".join(f"<td{css}>{cell}</td>" for css, cell in zip(classes, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<table class="{css}">{head}<tbody>{body}</tbody></table>'


def _tag(status: str) -> str:
    return f'<span class="tag s-{escape(status)}">{escape(status.replace("_", " "))}</span>'


def _code(text: str) -> str:
    return f"<code>{plain(text)}</code>"


def _prose(text: str) -> str:
    """Return a text in which `words between backticks` are set as code."""
    return re.sub("`([^`<>]+)`", r"<code>\1</code>", plain(text))


def plain(value: object) -> str:
    """Return a value as text that is nothing but text to a browser."""
    shown = "".join(each if each.isprintable() else "\ufffd" for each in str(value))
    return escape(shown)
