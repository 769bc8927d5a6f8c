"""The times of a run → plots as SVG text, of a bounded size whatever the number of rows. Pure.

Colours are classes that the page's style gives a value, light or dark; no plot depends on colour
alone: every series has a legend.
"""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Final

from importer.reconciler.timing import SENT_STATUSES, SHORTEST_RUN, STEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

WIDTH: Final = 760
LEFT: Final = 76
RIGHT: Final = 14
TOP: Final = 12
BOTTOM: Final = 30
INNER: Final = WIDTH - LEFT - RIGHT
MARKS: Final = ("p50", "p95", "p99")
_TICKS: Final = 4


def plot_progress(sending: Mapping[str, object]) -> str:
    """Return the rows done so far, over time; `sending` as in the summary's JSON."""
    over_time, span, seconds = _times(sending)
    totals = [sum(each) for each in zip(*(over_time[name] for name in SENT_STATUSES), strict=True)]
    done = 0
    points = [(0.0, 0.0)]
    for place, count in enumerate(totals):
        done += count
        points.append((min((place + 1) * span, seconds), float(done)))
    height = 150
    top = _nice(done)
    scale_x, scale_y = _scale(seconds, INNER), _scale(top, height - TOP - BOTTOM)
    at = [(LEFT + x * scale_x, height - BOTTOM - y * scale_y) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    base = height - BOTTOM
    parts = [
        *_axes(height, seconds, top),
        f'<polygon class="area" points="{LEFT},{base} {line} {at[-1][0]:.1f},{base}"/>',
        f'<polyline class="line" points="{line}"/>',
    ]
    return _svg(height, f"Rows done over {spell_seconds(seconds)}", parts)


def plot_rate(sending: Mapping[str, object], pauses: Sequence[Mapping[str, float]]) -> str:
    """Return the rows a second by what became of them, over time, with the pauses behind them."""
    return _plot_stack(sending, pauses, SENT_STATUSES, 190, "Rows per second by outcome, over time")


def plot_retries(sending: Mapping[str, object], pauses: Sequence[Mapping[str, float]]) -> str:
    """Return the retries a second on the time axis of `plot_rate`, with the pauses behind them."""
    return _plot_stack(sending, pauses, ("retries",), 110, "Retries per second, over time")


def _plot_stack(
    sending: Mapping[str, object],
    pauses: Sequence[Mapping[str, float]],
    names: Sequence[str],
    height: int,
    title: str,
) -> str:
    """Return how often a second each of `names` happened, one upon the other."""
    spans, seconds = _spans(sending, names)
    top = _nice(max(sum(counts) / length for _, length, counts in spans))
    scale_x, scale_y = _scale(seconds, INNER), _scale(top, height - TOP - BOTTOM)
    base = height - BOTTOM
    parts = list(_bands(pauses, scale_x, seconds, base))
    parts += _axes(height, seconds, top)
    for begin, length, counts in spans:
        x, width = LEFT + begin * scale_x, max(length * scale_x - 1, 0.6)
        y = float(base)
        for name, count in zip(names, counts, strict=True):
            tall = count / length * scale_y
            y -= tall
            if count:
                parts.append(_bar(f"s-{name}", x, y, width, tall))
    return _svg(height, title, parts)


def plot_latency(latency: Mapping[str, object]) -> str:
    """Return how long single calls lasted, on a logarithmic axis, with p50, p95 and p99."""
    classes = _pairs(latency["classes"])
    low = math.floor(math.log10(classes[0][0] / STEP))
    high = max(math.ceil(math.log10(classes[-1][0])), low + 1)
    height = 190
    top = _nice(max(count for _, count in classes))
    base, scale_y = height - BOTTOM, _scale(top, height - TOP - BOTTOM)

    def place(seconds: float) -> float:
        share = (math.log10(max(seconds, 10.0**low)) - low) / (high - low)
        return LEFT + share * INNER

    parts = list(_rules(height, top))
    for power in range(low, high + 1):
        x = place(10.0**power)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{base}"/>')
        parts.append(_text(x, base + 18, spell_seconds(10.0**power), anchor=_anchor(x)))
    for end, count in classes:
        x = place(end / STEP)
        tall = count * scale_y
        parts.append(_bar("s-created", x, base - tall, max(place(end) - x - 0.5, 0.8), tall))
    for number, name in enumerate(MARKS):
        seconds = float(str(latency[name]))
        x, y = place(seconds), TOP + 10 + 14 * number
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{base}"/>')
        left = x > LEFT + INNER * 0.75
        told = f"{name} {spell_seconds(seconds)}"
        parts.append(_text(x + (-5 if left else 5), y, told, anchor="end" if left else "start"))
    return _svg(height, "Latency of single calls", parts)


def plot_shares(counts: Mapping[str, int]) -> str:
    """Return one bar of all rows, divided by status."""
    rows = sum(counts.values())
    x, parts = 0.0, []
    for status, count in counts.items():
        if count:
            width = count / rows * WIDTH
            parts.append(_bar(f"s-{status}", x, 0, max(width - 1.5, 0.8), 22))
            x += width
    return _svg(22, "Share of each status", parts, css="shares")


def spell_seconds(seconds: float) -> str:
    """Return a duration as people read it: `3.2 ms`, `1.5 s`, `12 min 5 s`, `2 h 3 min`."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def _times(sending: Mapping[str, object]) -> tuple[dict[str, list[int]], float, float]:
    over_time = sending["over_time"]
    assert isinstance(over_time, dict)  # noqa: S101 - the summary's own shape
    span, seconds = float(str(sending["span_seconds"])), float(str(sending["seconds"]))
    return over_time, span, max(seconds, SHORTEST_RUN)


def _spans(
    sending: Mapping[str, object], names: Sequence[str]
) -> tuple[list[tuple[float, float, tuple[int, ...]]], float]:
    """Return beginning, length and counts of each span, and the length of all; in seconds.

    The last span is as long as it lasted, or a rate from it would be too low; a short rest, of
    which a single row would make a peak, belongs to the span before.
    """
    over_time, span, seconds = _times(sending)
    counts = list(zip(*(over_time[name] for name in names), strict=True))
    if len(counts) > 1 and seconds - (len(counts) - 1) * span < span / 2:
        rest = counts.pop()
        counts[-1] = tuple(map(sum, zip(counts[-1], rest, strict=True)))
    begins = [place * span for place in range(len(counts))]
    ends = [*begins[1:], seconds]
    return [
        (begin, end - begin, each) for begin, end, each in zip(begins, ends, counts, strict=True)
    ], seconds


def _pairs(classes: object) -> list[tuple[float, int]]:
    assert isinstance(classes, list)  # noqa: S101 - the summary's own shape
    return [(float(end), int(count)) for end, count in classes]


def _bands(
    pauses: Sequence[Mapping[str, float]], scale_x: float, seconds: float, base: float
) -> Iterator[str]:
    for pause in pauses:
        begin = min(pause["at"], seconds)
        width = min(pause["seconds"], seconds - begin) * scale_x
        yield _bar("pause", LEFT + begin * scale_x, TOP, max(width, 1.0), base - TOP)


def _axes(height: int, seconds: float, top: float) -> Iterator[str]:
    yield from _rules(height, top)
    scale = _scale(seconds, INNER)
    step = _step(seconds)
    for number in range(int(seconds / step) + 1):
        x = LEFT + number * step * scale
        told = spell_seconds(number * step) if number else "0"
        yield _text(x, height - BOTTOM + 18, told, anchor=_anchor(x))


def _rules(height: int, top: float) -> Iterator[str]:
    """Yield horizontal lines with what they mean."""
    base = height - BOTTOM
    for number in range(_TICKS + 1):
        y = base - number * (base - TOP) / _TICKS
        yield f'<line class="grid" x1="{LEFT}" x2="{LEFT + INNER}" y1="{y:.1f}" y2="{y:.1f}"/>'
        if number % 2 == 0:
            told = f"{top * number / _TICKS:,.4g}" if top < 10 else f"{top * number / _TICKS:,.0f}"  # noqa: PLR2004
            yield _text(LEFT - 8, y + 4, told, anchor="end")


def _bar(css: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _anchor(x: float) -> str:
    return "end" if x > LEFT + INNER - 20 else "middle"  # a label must not leave the picture


def _svg(height: int, title: str, parts: Sequence[str], *, css: str = "plot") -> str:
    return (
        f'<svg class="{css}" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )


def _scale(value: float, pixels: float) -> float:
    return pixels / value if value > 0 else 0.0


def _nice(most: float) -> float:
    """Return the end of an axis for values up to `most`: a round number, and so is its half."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(
        step * power for step in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10) if step * power >= most
    )


def _step(seconds: float) -> float:
    """Return the seconds between two ticks of a time axis, six of them at most."""
    wanted = seconds / 6
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
    if wanted <= 1:
        power = 10.0 ** math.floor(math.log10(wanted))
        return next(step * power for step in (1, 2, 5, 10) if step * power >= wanted)
    return float(
        next((step for step in steps if step >= wanted), math.ceil(wanted / 86400) * 86400)
    )
