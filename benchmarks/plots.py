"""Figures of benchmarks/send.py → two SVG pictures. Writes them into a folder.

    python benchmarks/plots.py FIGURES.json FOLDER

`rate.svg`: rows a second against concurrency, at 50 ms latency, with what the latency allows;
`time.svg`: seconds against rows, at none. Both axes are logarithmic: where ten times as many
rows stand ten times as high, the cost is linear.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Final, TypeAlias

from send import LATENCY

Points: TypeAlias = "list[tuple[float, float]]"

WIDTH: Final = 560
HEIGHT: Final = 320
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
INSET: Final = 40
"""Room for the numbers beside the first and the last point."""
STYLE: Final = """
text { font: 12px system-ui, sans-serif; fill: #555; }
.title { font-size: 14px; fill: #333; }
.grid { stroke: #ccc; stroke-width: 1; }
.ours { fill: none; stroke: #2563eb; stroke-width: 2; }
.ideal { fill: none; stroke: #999; stroke-width: 1.5; stroke-dasharray: 5 4; }
.dot { fill: #2563eb; }
svg { background: #fff; }
"""


def main() -> None:
    """Draw both pictures."""
    figures = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    rates = [(int(name), rate) for name, rate in figures["latency"].items()]
    times = [(int(name), seconds) for name, seconds in figures["sizes"].items()]
    if len(rates) > 1:
        ideal = [(concurrency, concurrency / LATENCY) for concurrency, _ in rates]
        title = f"Rows a second at {LATENCY * 1000:.0f} ms latency (dashed: all it allows)"
        picture = draw(title, f"concurrency; {figures['machine']}", rates, ideal)
        (folder / "rate.svg").write_text(picture, encoding="utf-8")
    if len(times) > 1:
        title = "Seconds from CSV to results, no latency"
        picture = draw(title, f"rows; {figures['machine']}", times, [])
        (folder / "time.svg").write_text(picture, encoding="utf-8")


def draw(title: str, axis: str, points: Points, ideal: Points) -> str:
    """Return the SVG of one line with its numbers, and a dashed one."""
    xs = [x for x, _ in points]
    ys = [y for _, y in points + ideal]
    low, high = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))

    def place(point: tuple[float, float]) -> tuple[float, float]:
        x, y = point
        return (
            LEFT + INSET + _share(x, min(xs), max(xs)) * (WIDTH - LEFT - RIGHT - 2 * INSET),
            HEIGHT - BOTTOM - _share(y, low, high) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [f'<text class="title" x="{LEFT}" y="20">{title}</text>']
    tick = low
    while tick <= high:
        _, y = place((min(xs), tick))
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:,.10g}</text>')
        tick *= 10
    if ideal:
        parts.append(f'<path class="ideal" d="{_path([place(point) for point in ideal])}"/>')
    parts.append(f'<path class="ours" d="{_path([place(point) for point in points])}"/>')
    for point in points:
        x, y = place(point)
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{y + 18:.1f}" text-anchor="middle">{_told(point[1])}</text>'
        )
        parts.append(
            f'<text x="{x:.1f}" y="{HEIGHT - 30}" text-anchor="middle">{point[0]:,}</text>'
        )
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 10}">{axis}</text>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{title}"><style>{STYLE}</style>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n{body}\n</svg>\n'
    )


def _share(value: float, low: float, high: float) -> float:
    return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))


def _path(places: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)


def _told(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"  # noqa: PLR2004 - three digits


if __name__ == "__main__":
    main()
