from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.reconciler.report_plots import BOTTOM, INNER, TOP, plot_rate
from importer.reconciler.timing import SENT_STATUSES


def sending(seconds: float, created: list[int], span: float = 0.25) -> dict[str, object]:
    """Return the part of a summary that the plots show; nothing else happened to any row."""
    none = [0] * len(created)
    over_time = {
        name: created if name == "created" else none for name in (*SENT_STATUSES, "retries")
    }
    return {"seconds": seconds, "span_seconds": span, "over_time": over_time}


def bars(told: dict[str, object]) -> list[tuple[float, float]]:
    """Return the width of each bar as a share of the time axis, and the rate that it shows."""
    root = ET.fromstring(plot_rate(told, []))  # noqa: S314 - our own text
    top = max(
        float(str(text.text).replace(",", ""))
        for text in root.iter("text")
        if text.get("text-anchor") == "end" and text.get("x") == "68.0"
    )
    tall = float(root.attrib["viewBox"].split()[3]) - TOP - BOTTOM
    return [
        (float(bar.attrib["width"]) / INNER, float(bar.attrib["height"]) / tall * top)
        for bar in root.iter("rect")
    ]


@pytest.mark.parametrize(
    ("seconds", "created", "rates"),
    [
        (0.1, [50], [500]),  # shorter than one span, and than half of one
        (0.2, [50], [250]),
        (0.5, [50, 25, 0], [200, 100]),  # it ended with the span
        (0.4, [50, 30], [200, 200]),  # a cut span counts for as long as it lasted
        (0.3, [50, 10], [200]),  # a short rest is no span of its own
        (0.25, [50, 1], [204]),
    ],
)
def test_a_bar_is_as_high_as_the_rows_of_its_time(
    seconds: float, created: list[int], rates: list[float]
) -> None:
    shown = bars(sending(seconds, created))
    assert [rate for _, rate in shown] == pytest.approx(rates, rel=0.02)


@given(
    st.integers(1, 30_000).map(lambda milliseconds: milliseconds / 1000),
    st.lists(st.integers(50, 500), min_size=120, max_size=120),
)
def test_the_bars_together_are_the_rows(seconds: float, counts: list[int]) -> None:
    created = counts[: int(seconds / 0.25) + 1][:120]
    gap = 1 / INNER
    shown = sum((width + gap) * rate for width, rate in bars(sending(seconds, created))) * seconds
    assert shown == pytest.approx(sum(created), rel=0.02)
