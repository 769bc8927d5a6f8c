"""The sample files → purchases in an embedded sandbox, shown on a screen. Touches its own folder.

The demo is the real program on real files: a workspace and a scope of its own, the sandbox on a
free loopback port, the same pipeline. A second demo shows that nothing is sent twice.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from importer.commands.sending import open_api
from importer.config import ApiSection, Config, Order, SendSection, WorkspaceSection
from importer.errors import ExitCode, UsageError
from importer.job import Job
from importer.ledger.sqlite import SqliteLedger
from importer.logs import configure_logs, redact
from importer.model import RowStatus
from importer.pipeline import run_import
from importer.sandbox.company import SANDBOX_API_KEY
from importer.sandbox.faults import FaultPlan
from importer.sandbox.server import SandboxSettings, run_sandbox
from importer.screen import CommandScreen
from importer.workspace import Workspace

if TYPE_CHECKING:
    from importer.job import Ended

SAMPLES: Final = ("purchases.csv", "purchases.xlsx", "purchases-messy.csv")
SCOPE: Final = "demo"
SHOWN_ROWS: Final = 10

FAULTS: Final = {
    "http-503-boot-error": 0.12,
    "http-429-retry-after": 0.06,
    "reset-after-commit": 0.08,
    "http-500-after-commit": 0.04,
}
"""Fault → its share of the calls, for `--faults`: some are proven harmless, some leave doubt."""

COLOURS: Final = {
    RowStatus.CREATED: "green",
    RowStatus.ALREADY_CREATED: "cyan",
    RowStatus.IN_DOUBT: "magenta",
    RowStatus.UNSENT: "yellow",
}


def demo_command(*, faults: bool, folder: Path | None) -> ExitCode:
    """Import each sample file. Its exit code says that the demo worked, not what it showed."""
    configure_logs(level=50)
    redact(SANDBOX_API_KEY)
    folder = folder or platformdirs.user_state_path("importer") / "demo"
    files = _copy_samples(folder)
    console = Console(soft_wrap=True)
    plan = FaultPlan(shares=FAULTS if faults else {}, seed=7, latency=0.01)
    # Purchases with faults are new ones each time, or the second demo would have none to show.
    batch = f"faults {datetime.now(UTC):%Y-%m-%d %H:%M:%S}" if faults else ""
    with run_sandbox(SandboxSettings(audit=folder / "keen.jsonl", faults=plan)) as keen:
        console.print(f"A miniature Keen answers at {keen.url}\n")
        before = keen.purchase_requests
        for file in files:
            ended = _import(file, keen.url, folder, batch)
            if ended is not None:
                console.print(_table(ended))
                console.print()
        _conclude(console, keen.purchase_requests - before, folder, faults=faults)
    return ExitCode.OK


def _import(file: Path, url: str, folder: Path, batch: str) -> Ended | None:
    workspace = folder / "workspace"
    config = Config(
        api=ApiSection(scope=SCOPE, url=url, formerly=_former_urls(workspace)),
        send=SendSection(concurrency=4),
        workspace=WorkspaceSection(path=workspace),
    )
    api = open_api(config, SecretStr(SANDBOX_API_KEY))
    return run_import(Job(file, config, Order(batch=batch)), api, CommandScreen())


def _former_urls(path: Path) -> tuple[str, ...]:
    """Return the URL of the last demo: the same Keen, whose port has changed."""
    workspace = Workspace(path)
    if not workspace.ledger_path.exists():
        return ()
    with workspace.hold("demo"), closing(SqliteLedger.open(workspace.ledger_path)) as ledger:
        url = ledger.scope_url(SCOPE)
        return () if url is None else (url,)


def _copy_samples(folder: Path) -> list[Path]:
    """Copy the sample files into the demo's folder, so that results do not land in the sources."""
    source = _sample_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copy(source / name, folder / name)) for name in SAMPLES]
    except OSError as error:
        raise UsageError(
            f"The sample files cannot be copied to {folder}: {error.strerror or error}.",
            "Name another folder: --folder FOLDER.",
        ) from error


def _sample_folder() -> Path:
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "sample_data", package.parent / "sample_data"):
        if folder.is_dir():
            return folder
    raise UsageError("The sample files are not installed.", "Run the demo from the repository.")


def _table(ended: Ended) -> Table:
    table = Table(title=ended.results_path.name, title_justify="left", expand=False)
    for column in ("row", "status", "purchase id", "what"):
        table.add_column(column, overflow="fold")
    shown = ended.results.slice(0, SHOWN_ROWS)
    for row, status, purchase_id, error in shown.select(
        "row", "status", "purchase_id", "error"
    ).iter_rows():
        colour = COLOURS.get(RowStatus(status), "red")
        table.add_row(str(row), f"[{colour}]{status}[/]", purchase_id, escape(error or ""))
    if ended.results.height > SHOWN_ROWS:
        table.add_row("…", f"{ended.results.height - SHOWN_ROWS} more", "", "")
    return table


def _conclude(console: Console, sent: int, folder: Path, *, faults: bool) -> None:
    console.print(f"{sent} purchase requests were sent in this demo.")
    console.print(f"Files, results and what Keen recorded (keen.jsonl): {folder}")
    console.print(
        "The miniature Keen ends with the demo, so what stands after “Next” is only to be read."
    )
    if not faults:
        console.print(
            "Run it again: nothing is sent twice. `importer demo --faults` shows trouble."
        )
