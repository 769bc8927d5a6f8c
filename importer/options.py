"""The options that commands share, each once, in words for people who are no programmers. Pure."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

MAX_LABEL: Final = 100
SANDBOX_PORT: Final = 8788


class LogFormat(StrEnum):
    """How log lines are written."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


def parse_amount(text: str) -> Decimal:
    """Return an amount given on the command line, spelt as the plan spells it or without commas."""
    if not re.fullmatch(r"-?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?", text, re.ASCII):
        raise typer.BadParameter(f"{text!r} is not an amount such as 1234.50 or 1,234.50")
    return Decimal(text.replace(",", ""))


def parse_batch(text: str) -> str:
    """Return a batch label with blanks and letter case folded.

    It is part of every key, so a slip in its spelling would pay the whole file once more.
    """
    label = " ".join(unicodedata.normalize("NFC", text).split()).casefold()
    if len(label) > MAX_LABEL or not label.isprintable():
        raise typer.BadParameter(f"{text!r} is not a label: up to {MAX_LABEL} printable characters")
    return label


SpreadsheetFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="The spreadsheet: .csv, .csv.gz, .csv.zst, .xlsx, .xlsm, .xlsb, .xls, .ods; - for "
        "standard input.",
        show_default=False,
    ),
]
ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="PATH",
        help="Configuration file. Default: importer.toml in this folder, then the one in your "
        "configuration folder.",
        show_default=False,
    ),
]
ResultsPath = Annotated[
    Path | None,
    typer.Option(
        "--results",
        metavar="PATH",
        help="Where the results go (.csv, .xlsx or .jsonl). Default: beside the input, as "
        "NAME.results.csv or NAME.results.xlsx.",
        show_default=False,
    ),
]
Sheet = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The sheet of a workbook to read.", show_default=False),
]
HeaderRow = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="The row that holds the column names.", show_default=False
    ),
]
HiddenRows = Annotated[
    bool | None,
    typer.Option(
        "--include-hidden-rows/--skip-hidden-rows",
        help="What to do with hidden and filtered rows of a workbook. Without it such a file is "
        "refused.",
        show_default=False,
    ),
]
Batch = Annotated[
    str,
    typer.Option(
        metavar="LABEL",
        parser=parse_batch,
        help="Makes the same purchases once more under this label, e.g. 2026-03. Part of every "
        "key.",
        show_default=False,
    ),
]
AllowDuplicates = Annotated[
    bool, typer.Option("--allow-duplicates", help="Send rows that repeat an earlier row.")
]
RetryRejected = Annotated[
    bool, typer.Option("--retry-rejected", help="Send rows again that Keen refused before.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Send nothing if a single row is invalid.")]
ExpectRows = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=0, help="Stop unless the file has N data rows.", show_default=False
    ),
]
ExpectTotal = Annotated[
    Decimal | None,
    typer.Option(
        metavar="AMOUNT",
        parser=parse_amount,
        help="Stop unless the valid rows add up to AMOUNT.",
        show_default=False,
    ),
]
MaxTotal = Annotated[
    Decimal | None,
    typer.Option(
        metavar="AMOUNT",
        parser=parse_amount,
        help="Stop if this run would send more than AMOUNT.",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=0, help="Send at most N rows now; the rest later.", show_default=False
    ),
]
AcceptIdentityChange = Annotated[
    bool,
    typer.Option(
        "--accept-identity-change",
        help="Go on although settings changed that make the keys of rows. Only when no earlier "
        "file will be sent again.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")]
YesToNothing = Annotated[
    bool,
    typer.Option(
        "--yes", "-y", help="Changes nothing: `run` takes it, and a check sends and asks nothing."
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the summary as one JSON object on stdout.")
]
Logs = Annotated[LogFormat, typer.Option("--log-format", help="How log lines look on stderr.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print nothing but what needs a person."),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log every row and every retry.")]
