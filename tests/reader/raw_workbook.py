"""XML fragments → the bytes of a workbook, for what no spreadsheet program would write."""

from __future__ import annotations

import io
import zipfile
from typing import Final

MAIN: Final = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_TYPES: Final = (
    f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)
STYLES: Final = (
    f'<styleSheet {MAIN}><numFmts><numFmt numFmtId="164" formatCode="0.0%"/>'
    '<numFmt numFmtId="165" formatCode="0&quot;%&quot;"/></numFmts>'
    '<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
    '<cellXfs count="7"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/>'
    '<xf numFmtId="46"/><xf numFmtId="10"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs>'
    "</styleSheet>"
)
"""Cell styles: 1 is a date, 2 a date with time, 3 a duration, 4 and 5 percentages, 6 is none."""


def sheet_xml(rows: str, after: str = "", before: str = "") -> str:
    return f"<worksheet {MAIN}>{before}<sheetData>{rows}</sheetData>{after}</worksheet>"


def cell(reference: str, text: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def row(number: int, *texts: str, attributes: str = "") -> str:
    cells = "".join(cell(f"{'ABCDEFGHIJ'[i]}{number}", text) for i, text in enumerate(texts))
    return f'<row r="{number}" {attributes}>{cells}</row>'


def workbook(
    *sheets: str,
    states: tuple[str, ...] = (),
    settings: str = "",
    shared: str | None = None,
    extra: dict[str, bytes] | None = None,
) -> bytes:
    """Return a workbook with these sheets, named Sheet1, Sheet2, …; `extra` parts win."""
    listed = relations = ""
    parts: dict[str, str | bytes] = {"[Content_Types].xml": _TYPES, "xl/styles.xml": STYLES}
    for number, sheet in enumerate(sheets, 1):
        state = f'state="{states[number - 1]}"' if states else ""
        listed += f'<sheet name="Sheet{number}" sheetId="{number}" {state} r:id="rId{number}"/>'
        relations += _relation(f"rId{number}", "worksheet", f"worksheets/sheet{number}.xml")
        parts[f"xl/worksheets/sheet{number}.xml"] = sheet
    relations += _relation("styles", "styles", "styles.xml")
    if shared is not None:
        relations += _relation("strings", "sharedStrings", "sharedStrings.xml")
        parts["xl/sharedStrings.xml"] = f"<sst {MAIN}>{shared}</sst>"
    parts["xl/workbook.xml"] = (
        f'<workbook {MAIN} xmlns:r="{_OFFICE}">{settings}<sheets>{listed}</sheets></workbook>'
    )
    parts["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{_PACKAGE}/relationships">{relations}</Relationships>'
    )
    book = _relation("book", "officeDocument", "xl/workbook.xml")
    parts["_rels/.rels"] = f'<Relationships xmlns="{_PACKAGE}/relationships">{book}</Relationships>'
    parts |= extra or {}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, text in parts.items():
            archive.writestr(part, text)
    return content.getvalue()


def _relation(relation_id: str, kind: str, target: str) -> str:
    return f'<Relationship Id="{relation_id}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
