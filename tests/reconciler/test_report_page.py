from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from importer.model import Next, Outcome, RowStatus, Verdict
from importer.reconciler.error_groups import FaultGroup
from importer.reconciler.next_steps import NextStep
from importer.reconciler.report import Summary
from importer.reconciler.report_page import render_page, report_path, write_page
from importer.reconciler.report_plots import spell_seconds
from importer.reconciler.report_sections import SHOWN_GROUPS, verdict
from importer.reconciler.timing import Timing
from importer.sender.events import Attempted, Paused, Retrying, Settled

CREATED = Outcome(Verdict.APPLIED, Next.DONE, "created", "")
LATER = Outcome(Verdict.NOT_APPLIED, Next.RETRY, "http-503", "")
CONFIG: dict[str, dict[str, object]] = {
    "api": {"scope": "keen", "key_file": None},
    "send": {"concurrency": 16},
}
EVIL = '<script>alert("x")</script> & \x07'


def summary(rows: int = 3, *, sending: bool = True) -> Summary:
    counts = dict.fromkeys((status.value for status in RowStatus), 0)
    timing = Timing(clock=iter([n * 0.01 for n in range(rows * 4 + 10)]).__next__)
    for row in range(rows if sending else 0):
        timing.observe(Attempted(row, 1, CREATED, 0.02 + row / rows))
        timing.observe(Settled(row, 1, CREATED))
    if sending:
        timing.observe(Retrying(2, 1, LATER, 0.5))
        timing.observe(Paused(12, "Keen asked for it"))
    return Summary(
        version=1,
        file="march.xlsx",
        path="/x/march.xlsx",
        file_sha256="0" * 64,
        scope="keen",
        batch="",
        run_id=7,
        rows=rows,
        counts=counts | {"created": rows},
        amounts={status.value: "1234567.50" for status in RowStatus},
        waiting_rows={},
        errors=(FaultGroup("Amount", "not-an-amount", 1, (4,), EVIL),),
        started_at="2026-03-04T10:20:30Z",
        duration_seconds=12.5,
        sending=timing.told() if sending else None,
        stopped=None,
        results="/x/march.results.xlsx",
        report="/x/march.report.html",
        next=(NextStep("Write `created` & go on:", "importer run 'a b.xlsx'"),),
        exit_code=0,
    )


def page(told: Summary, history: list[dict[str, object]] | None = None) -> str:
    return render_page(
        told, config=CONFIG, command="importer run march.xlsx", history=history or []
    )


class Tags(HTMLParser):
    """Every tag that is opened, with its attributes, and whether all are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.found[-1][0] != tag or self.open[-1] == tag:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_is_well_formed_and_asks_nobody_for_anything() -> None:
    text = page(summary())
    tags = Tags(text)
    assert tags.open == []
    names = {name for name, _ in tags.found}
    assert not names & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not [one for _, attributes in tags.found for one in attributes if one in {"src", "href"}]
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_plots_are_svg_that_any_parser_takes() -> None:
    plots = re.findall(r"<svg.*?</svg>", page(summary()), re.DOTALL)
    assert len(plots) == 5
    for plot in plots:
        root = ET.fromstring(plot)  # noqa: S314 - our own text
        assert root.attrib["aria-label"]


def test_what_cells_hold_is_only_text() -> None:
    text = page(summary())
    assert "<script" not in text
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; \ufffd" in text
    assert "<code>created</code> &amp; go on" in text
    assert "importer run &#x27;a b.xlsx&#x27;" in text


def test_a_million_rows_make_no_larger_a_page() -> None:
    small, large = summary(300), summary(300)
    assert large.sending is not None
    spans = {
        name: [count * 10_000 for count in each] for name, each in large.sending.over_time.items()
    }
    groups = tuple(FaultGroup(f"c{n}", "missing", 1_000, (1, 2), "x") for n in range(5_000))
    sending = replace(large.sending, over_time=spans, rows=3_000_000)
    text = page(replace(large, rows=1_000_000, sending=sending, errors=groups))
    assert len(text) < len(page(small)) + SHOWN_GROUPS * 400
    assert "4,900 more kinds" in text


def test_without_a_request_the_plots_are_those_of_the_run_before() -> None:
    before = summary(5).as_json() | {"started_at": "2026-03-03T00:00:00Z"}
    text = page(summary(5, sending=False), [before])
    assert "by the run of 2026-03-03T00:00:00Z" in text
    assert "Runs of this import" in text
    assert "<svg" not in page(summary(0, sending=False))


@pytest.mark.parametrize(
    ("rows", "changed", "said"),
    [
        (3, {}, "Every row is created (3)."),
        (0, {}, "The file has no rows: there was nothing to do."),
        (3, {"created": 1, "unsent": 2}, "1 of 3 rows are created; 2 are not sent yet."),
        (3, {"created": 2, "in_doubt": 1}, "2 of 3 rows are created; 1 waits for a person."),
    ],
)
def test_the_verdict_says_how_it_stands(rows: int, changed: dict[str, int], said: str) -> None:
    told = summary(rows, sending=False)
    assert verdict(replace(told, counts=told.counts | changed).as_json()) == said


@pytest.mark.parametrize(
    ("results", "report"),
    [
        ("march.results.xlsx", "march.report.html"),
        ("march.results-2.csv", "march.report-2.html"),
        ("out.csv", "out.report.html"),
    ],
)
def test_the_page_is_named_after_the_results(results: str, report: str) -> None:
    assert report_path(Path("x") / results) == Path("x") / report


def test_pages_on_other_results_and_other_peoples_files_stay(tmp_path: Path) -> None:
    def write(results: str) -> str:
        told = replace(summary(), results=str(tmp_path / results))
        wanted = report_path(tmp_path / results)
        return write_page(wanted, told, config=CONFIG, command="", history=[]).name

    (tmp_path / "mine.report.html").write_text("my own")
    assert write("mine.results.csv") == "mine.report.csv.html"
    assert (tmp_path / "mine.report.html").read_text() == "my own"
    for _ in range(2):
        assert write("march.results.csv") == "march.report.html"
        assert write("march.results.xlsx") == "march.report.xlsx.html"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0032, "3.2 ms"), (1.5, "1.5 s"), (60, "1 min"), (725, "12 min 5 s"), (7380, "2 h 3 min")],
)
def test_durations_are_spelt_for_people(seconds: float, said: str) -> None:
    assert spell_seconds(seconds) == said
