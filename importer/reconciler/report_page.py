"""A run's summary → one HTML page for people, whole in itself. Touches the file it writes.

Every number is the summary's, as JSON has it. No script, no font, no picture from elsewhere: the
page's own policy forbids it. Cell values may stand in it (as examples), as in the results.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from importer.logs import redacted
from importer.reconciler.atomic import write_atomically
from importer.reconciler.report_html import plain
from importer.reconciler.report_sections import render_sections
from importer.reconciler.report_style import STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from importer.reconciler.report import Summary

GENERATOR: Final = "keen-importer"
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_HEAD_BYTES: Final = 1_000


def report_path(results_path: Path) -> Path:
    """Return `march.report.html` for `march.results.xlsx`, `march.report-2.html` for its second."""
    stem, dot, rest = results_path.stem.rpartition(".results")
    name = f"{stem}.report{rest}" if dot else f"{results_path.stem}.report"
    return results_path.with_name(f"{name}.html")


def write_page(
    path: Path,
    summary: Summary,
    *,
    config: Mapping[str, Mapping[str, object]],
    command: str,
    history: Sequence[Mapping[str, Any]],
) -> Path:
    """Write the page to `path`, whole or not at all; return where it went.

    Anything there but an earlier page on the same results stays, and the page goes beside it: a
    CSV file and a workbook of one name have a report each. `history` are the summaries (as JSON
    objects) of the import's earlier runs, oldest first. Raises OSError.
    """
    mark = _mark(summary.results)
    ending = Path(summary.results).suffix
    stems = chain([path.stem, f"{path.stem}{ending}"], (f"{path.stem}-{n}" for n in count(2)))
    names = (path.with_stem(stem) for stem in stems)
    path = next(name for name in names if not os.path.lexists(name) or _holds(name, mark))
    page = redacted(render_page(summary, config=config, command=command, history=history))
    return write_atomically(path, lambda temporary: _write(temporary, page))


def render_page(
    summary: Summary,
    *,
    config: Mapping[str, Mapping[str, object]],
    command: str,
    history: Sequence[Mapping[str, Any]],
) -> str:
    """Return the page as text."""
    told = summary.as_json()
    sections = render_sections([*history, told], summary.errors, config=config, command=command)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"{_mark(told['results'])}\n"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Import of {plain(told['file'])}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{sections}</main>\n</body>\n</html>\n"
    )


def _mark(results: str) -> str:
    """Return the line by which a page on these results is known."""
    return f'<meta name="generator" content="{GENERATOR}, {plain(Path(results).name)}">'


def _holds(path: Path, mark: str) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return mark.encode() in file.read(_HEAD_BYTES)
    return False


def _write(path: Path, page: str) -> None:
    path.write_text(page, "utf-8")
