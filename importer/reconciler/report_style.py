"""The style of the report: light, dark and on paper. Pure."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #16202c; --soft: #5b6776; --line: #dfe4ea;
  --code: #eef1f5; --accent: #2f6fde; --area: #2f6fde22; --pause: #b9c2cd55; --mark: #16202c;
  --created: #1a9a6c; --already_created: #6bb9a0; --in_doubt: #a35bc4; --rejected: #d5612a;
  --invalid: #d43f52; --duplicate: #c79a1b; --conflict: #a8791a; --unsent: #8a95a3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10161d; --card: #18212b; --text: #e6ebf1; --soft: #9aa7b6; --line: #2b3744;
    --code: #0f151c; --accent: #6ea3ff; --area: #6ea3ff2e; --pause: #54617055; --mark: #e6ebf1;
    --created: #2fbd88; --already_created: #7fcbb2; --in_doubt: #c58be0; --rejected: #ee8350;
    --invalid: #f26b7b; --duplicate: #e0b84a; --conflict: #c9a04a; --unsent: #77838f;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: 32px 20px 48px; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main { max-width: 860px; margin: 0 auto; }
h1 { font-size: 26px; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 12px; }
h3 { font-size: 13px; margin: 20px 0 6px; color: var(--soft); font-weight: 600; }
p { margin: 0 0 8px; }
.sub { color: var(--soft); margin: 6px 0 20px; }
.verdict { font-size: 17px; margin: 10px 0 0; padding-left: 12px; border-left: 4px solid; }
section {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 20px; margin: 0 0 16px;
}
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(125px, 1fr)); gap: 12px;
  margin: 0 0 16px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 12px 14px; }
.tile b { display: block; font-size: 23px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th { text-align: left; color: var(--soft); font-weight: 600; font-size: 13px; }
th, td { padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.wide { overflow-wrap: anywhere; }
td > code { white-space: nowrap; }
table.small { width: auto; min-width: 340px; margin: 0 0 10px; }
.tag { white-space: nowrap; }
.tag::before { content: ""; display: inline-block; width: 10px; height: 10px; border-radius: 3px;
  margin-right: 7px; background: var(--tag); }
pre, code { font: 13px/1.45 ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 6px;
  margin: 4px 0 14px; padding: 10px 12px; white-space: pre-wrap; overflow-wrap: anywhere;
  user-select: all; }
pre:last-child { margin-bottom: 0; }
svg { display: block; width: 100%; height: auto; }
svg.shares { border-radius: 5px; height: 22px; margin: 0 0 12px; }
svg text { fill: var(--soft); paint-order: stroke; stroke: var(--card); stroke-width: 4px;
  font: 11.5px system-ui, -apple-system, "Segoe UI", "DejaVu Sans",
  sans-serif; }
.grid { stroke: var(--line); stroke-width: 1; }
.line { fill: none; stroke: var(--accent); stroke-width: 2; }
.area { fill: var(--area); }
.mark { stroke: var(--mark); stroke-width: 1; stroke-dasharray: 4 3; }
.pause { fill: var(--pause); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--soft);
  margin: 6px 0 0; }
.s-created { fill: var(--created); --tag: var(--created); }
.s-already_created { fill: var(--already_created); --tag: var(--already_created); }
.s-in_doubt { fill: var(--in_doubt); --tag: var(--in_doubt); }
.s-rejected { fill: var(--rejected); --tag: var(--rejected); }
.s-invalid { fill: var(--invalid); --tag: var(--invalid); }
.s-duplicate { fill: var(--duplicate); --tag: var(--duplicate); }
.s-conflict { fill: var(--conflict); --tag: var(--conflict); }
.s-unsent { fill: var(--unsent); --tag: var(--unsent); }
.s-retries { fill: var(--rejected); }
.s-pause { --tag: var(--pause); }
@media print {
  :root { --page: #fff; --card: #fff; --text: #000; --soft: #444; --line: #ccc; --code: #f4f4f4;
    --mark: #000; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  @page { margin: 14mm; }
  body { padding: 0; font-size: 12px; }
  section, .tile { break-inside: avoid; border-radius: 0; }
  section.long { break-inside: auto; }
  tr, svg { break-inside: avoid; }
  h3 { break-after: avoid; }
}
"""
"""Dark comes from the reader's system; on paper everything is dark on white."""
