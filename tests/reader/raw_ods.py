"""XML fragments → the bytes of an .ods file, for what no spreadsheet program would write."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MIMETYPE = "application/vnd.oasis.opendocument.spreadsheet"
_SPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in (
        *(("office", "office"), ("table", "table"), ("text", "text"), ("style", "style")),
        *(("number", "datastyle"), ("draw", "drawing"), ("manifest", "manifest")),
    )
)
CALC = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
STYLES = """
<number:percentage-style style:name="N1"><number:number/></number:percentage-style>
<number:number-style style:name="N2"><number:number/><number:text> EUR</number:text>
</number:number-style>
<number:number-style style:name="N5"><number:number/>
<style:map style:apply-style-name="N1"/></number:number-style>
<style:style style:name="partly" style:family="table-cell" style:data-style-name="N5"/>
<number:number-style style:name="N4"><number:number/><number:text>%</number:text>
</number:number-style>
<number:currency-style style:name="N3P0"><number:currency-symbol>$</number:currency-symbol>
</number:currency-style>
<number:currency-style style:name="N3"><style:map style:apply-style-name="N3P0"/>
</number:currency-style>
<style:style style:name="percent" style:family="table-cell" style:data-style-name="N1"/>
<style:style style:name="child" style:family="table-cell" style:parent-style-name="percent"/>
<style:style style:name="euros" style:family="table-cell" style:data-style-name="N2"/>
<style:style style:name="sign" style:family="table-cell" style:data-style-name="N4"/>
<style:style style:name="dollars" style:family="table-cell" style:data-style-name="N3"/>
<style:style style:name="flat" style:family="table-row">
<style:table-row-properties style:row-height="0cm"/></style:style>
<style:style style:name="tall" style:family="table-row">
<style:table-row-properties style:row-height="0.45cm"/></style:style>
<style:style style:name="unseen" style:family="table">
<style:table-properties table:display="false"/></style:style>
<style:style style:name="shown" style:family="table">
<style:table-properties table:display="true"/></style:style>
"""


def cell(text: str = "", attributes: str = 'office:value-type="string"') -> str:
    shown = f"<text:p>{text}</text:p>" if text else ""
    return f"<table:table-cell {attributes}>{shown}</table:table-cell>"


def row(*cells: str, attributes: str = "") -> str:
    return f"<table:table-row {attributes}>{''.join(cells)}</table:table-row>"


def table(*rows: str, name: str = "Orders", attributes: str = "") -> str:
    return f'<table:table table:name="{name}" {attributes}>{"".join(rows)}</table:table>'


def content(*tables: str) -> str:
    return (
        f"<office:document-content {_SPACES} {CALC}><office:automatic-styles>{STYLES}"
        "</office:automatic-styles><office:body><office:spreadsheet>"
        f"{''.join(tables)}</office:spreadsheet></office:body></office:document-content>"
    )


def manifest(inside: str = "") -> str:
    return f"<manifest:manifest {_SPACES}>{inside}</manifest:manifest>"


def ods(*tables: str, more: Mapping[str, str] | None = None, **parts: str) -> bytes:
    """Return a spreadsheet with these sheets; `parts` are files named by `content` and so on.

    `more` are files by their names in the archive.
    """
    files = {
        "mimetype": MIMETYPE,
        "content.xml": parts.get("content", content(*tables)),
        "META-INF/manifest.xml": parts.get("manifest", manifest()),
        **(more or {}),
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return written.getvalue()
