"""Texts → pieces of HTML that are nothing but text to a browser. Pure."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_CELL_CLASSES: Final = {"#": ' class="n"', "~": ' class="wide"'}


def render_section(title: str, body: str, *, long: bool = False) -> str:
    """Return a section with ready HTML in it; a long one may be cut between two printed pages."""
    css = ' class="long"' if long else ""
    return f"<section{css}><h2>{escape(title)}</h2>{body}</section>\n"


def render_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, css: str = "") -> str:
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


def render_tag(status: str) -> str:
    """Return a word with the colour that it has in the plots."""
    return f'<span class="tag s-{escape(status)}">{escape(status.replace("_", " "))}</span>'


def render_code(text: str) -> str:
    """Return a text set as code."""
    return f"<code>{plain(text)}</code>"


def render_prose(text: str) -> str:
    """Return a text in which `words between backticks` are set as code."""
    return re.sub("`([^`<>]+)`", r"<code>\1</code>", plain(text))


def plain(value: object) -> str:
    """Return a value as text that is nothing but text to a browser."""
    shown = "".join(each if each.isprintable() else "\ufffd" for each in str(value))
    return escape(shown)
