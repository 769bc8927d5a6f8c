"""Summaries of an import's runs → the report's section on sending, as HTML. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from importer.reconciler.report_html import (
    plain,
    render_code,
    render_section,
    render_table,
    render_tag,
)
from importer.reconciler.report_plots import (
    plot_latency,
    plot_progress,
    plot_rate,
    plot_retries,
    spell_seconds,
)
from importer.reconciler.timing import SENT_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SHOWN_PAUSES: Final = 10


def render_sending(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return the plots of the latest run that sent something."""
    sent = next((run for run in reversed(runs) if run.get("sending")), None)
    if sent is None:
        return ""
    sending = sent["sending"]
    when = "" if sent is runs[-1] else f" by the run of {plain(sent['started_at'])}"
    parts = []
    if sending["rows"]:
        used = [name for name in SENT_STATUSES if any(sending["over_time"][name])]
        legend = [*used, *(["pause"] if sending["pauses"] else [])]
        parts += [
            "<h3>Rows done</h3>",
            plot_progress(sending),
            f"<h3>Rows per second (on average {sending['rows_per_second']:,})</h3>",
            plot_rate(sending, sending["pauses"]),
            f'<div class="legend">{"".join(map(render_tag, legend))}</div>',
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
    return render_section(f"Sending{when}", "".join(parts), long=True)


def _retries(sending: Mapping[str, Any]) -> Iterator[str]:
    pauses = sending["pauses"]
    rate = "per second " if sending["retries"] else ""
    retries, count = sending["retries"], sending["pause_count"]
    yield f"<h3>Retries {rate}({retries:,} in all) and pauses ({count:,})</h3>"
    if not sending["retries"] and not pauses:
        yield "<p>None.</p>"
    if sending["retries"]:
        yield plot_retries(sending, pauses)
        rows = [
            (render_code(code), f"{times:,}") for code, times in sending["retries_by_code"].items()
        ]
        yield render_table(("Retried after", "#Times"), rows, css="small")
    if pauses:
        times = [
            (
                f"after {spell_seconds(pause['at'])}",
                spell_seconds(pause["seconds"]),
                plain(pause["why"]),
            )
            for pause in pauses[:SHOWN_PAUSES]
        ]
        yield render_table(("Pause", "#Length", "Why"), times, css="small")
        more = sending["pause_count"] - len(times)
        also = f" and {more:,} more" if more else ""
        yield f"<p>{spell_seconds(sending['paused_seconds'])} in all{also}.</p>"
