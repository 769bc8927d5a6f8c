"""Arguments → one command run, and its exit code. The one place where an error becomes a code.

A command imports what it needs when it runs: polars and pydantic alone take a fifth of a
second, which `--help` should not cost.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, Final

import typer

from importer import options
from importer.errors import ExitCode, ImporterError
from importer.loading import loading
from importer.output import watch_output

COLLECT_AT: Final = (50_000, 20, 100)
"""For gc.set_threshold. A million rows are millions of tuples, all freed by reference count. Looked
through for cycles as often as Python does by default, they cost half as much time again."""

app = typer.Typer(
    name="importer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Turns a spreadsheet into purchases in Keen: one row, one purchase. No row is lost, and "
    "no row is sent twice unless you say so.",
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"importer {version('keen-importer')}")
        raise typer.Exit


@app.callback()
def importer(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Hold what stands before a command; the text of --help is the app's own."""


def main() -> None:
    """Run the command line; an error that a user can cause ends as one line and its code."""
    gc.set_threshold(*COLLECT_AT)
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who started us: `importer run a.csv >&-`
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: PTH123, SIM115
    watch_output()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except ImporterError as error:
        _print_error(error.message, error.remedy)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 - a bug is shown whole, but for secrets
        from importer.logs import redacted

        print(redacted(traceback.format_exc()), file=sys.stderr)
        sys.exit(ExitCode.UNEXPECTED)
    finally:
        # At its exit Python looks for cycles in all that was ever imported: 0.15 s for nothing.
        gc.freeze()


def _print_error(message: str, remedy: str) -> None:
    from importer.logs import redacted

    print(redacted(f"importer: {message} {remedy}".rstrip()), file=sys.stderr)


@app.command()
def run(
    ctx: typer.Context,
    file: options.SpreadsheetFile,
    config: options.ConfigPath = None,
    results: options.ResultsPath = None,
    sheet: options.Sheet = None,
    header_row: options.HeaderRow = None,
    hidden_rows: options.HiddenRows = None,
    batch: options.Batch = "",
    allow_duplicates: options.AllowDuplicates = False,
    retry_rejected: options.RetryRejected = False,
    strict: options.Strict = False,
    expect_rows: options.ExpectRows = None,
    expect_total: options.ExpectTotal = None,
    max_total: options.MaxTotal = None,
    limit: options.Limit = None,
    accept_identity_change: options.AcceptIdentityChange = False,
    yes: options.Yes = False,
    json: options.AsJson = False,
    log_format: options.Logs = options.LogFormat.AUTO,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Read FILE, show the plan, send the rows, write the results.

    Running it again goes on where it stopped: what is created is never sent again.
    """
    with loading():
        from importer.commands.sending import run_command

    raise typer.Exit(run_command(ctx.params))


@app.command()
def check(
    ctx: typer.Context,
    file: options.SpreadsheetFile,
    config: options.ConfigPath = None,
    results: options.ResultsPath = None,
    sheet: options.Sheet = None,
    header_row: options.HeaderRow = None,
    hidden_rows: options.HiddenRows = None,
    batch: options.Batch = "",
    allow_duplicates: options.AllowDuplicates = False,
    retry_rejected: options.RetryRejected = False,
    strict: options.Strict = False,
    expect_rows: options.ExpectRows = None,
    expect_total: options.ExpectTotal = None,
    max_total: options.MaxTotal = None,
    limit: options.Limit = None,
    accept_identity_change: options.AcceptIdentityChange = False,
    yes: options.YesToNothing = False,
    json: options.AsJson = False,
    log_format: options.Logs = options.LogFormat.AUTO,
    quiet: options.Quiet = False,
) -> None:
    """Read FILE and show what `run` would do. Nothing is sent; no API key is needed."""
    with loading():
        from importer.commands.imports import check_command

    raise typer.Exit(check_command(ctx.params))


@app.command()
def results(
    ctx: typer.Context,
    file: options.SpreadsheetFile,
    config: options.ConfigPath = None,
    results: options.ResultsPath = None,
    sheet: options.Sheet = None,
    header_row: options.HeaderRow = None,
    hidden_rows: options.HiddenRows = None,
    batch: options.Batch = "",
    json: options.AsJson = False,
    log_format: options.Logs = options.LogFormat.AUTO,
    quiet: options.Quiet = False,
) -> None:
    """Write the results of FILE again from the ledger. Nothing is sent."""
    with loading():
        from importer.commands.imports import results_command

    raise typer.Exit(results_command(ctx.params))


@app.command()
def status(
    config: options.ConfigPath = None,
    json: options.AsJson = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Read the whole ledger and check it: the file, its references, every key.",
        ),
    ] = False,
) -> None:
    """Show the imports so far, the running one's progress, and rows that need a person."""
    with loading():
        from importer.commands.status import status_command

    raise typer.Exit(status_command(config, as_json=json, verify_ledger=verify))


@app.command()
def resolve(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A results file with keen_resolution filled in.",
            show_default=False,
        ),
    ],
    config: options.ConfigPath = None,
    sheet: options.Sheet = None,
    header_row: options.HeaderRow = None,
    hidden_rows: options.HiddenRows = None,
    batch: options.Batch = "",
    by: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Who settles the rows. Default: your user name.",
            show_default=False,
        ),
    ] = None,
    note: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; kept in the ledger.", show_default=False)
    ] = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Settle even attempts younger than 400 seconds, which may still land in Keen.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Settle without asking.")] = False,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help="Take the created and doubtful rows of FILE over into a ledger that does not know "
            "them: for the day the disk dies.",
        ),
    ] = False,
) -> None:
    """Settle rows from a results file in which a person filled keen_resolution.

    `created` (with the id in keen_purchase_id, where known) or `not created` on a row in doubt;
    `send` on a held duplicate or conflict. Nothing is sent until the next `importer run`.
    """
    with loading():
        from importer.commands.resolution import resolve_command

    raise typer.Exit(resolve_command(ctx.params))


@app.command()
def sandbox(
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="Port on 127.0.0.1; 0: a free one.")
    ] = options.SANDBOX_PORT,
    audit: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="File that records every call and purchase. Default: sandbox-audit.jsonl here.",
            show_default=False,
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=SHARE",
            help="Make a share of the calls fail, e.g. reset-after-commit=0.05. Repeatable; "
            "`--fault help` says what each does.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Which calls fail.")] = 0,
    latency: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long every answer takes.")
    ] = 0.0,
    honour_keys: Annotated[
        bool,
        typer.Option("--honour-keys", help="Answer a repeated Idempotency-Key as Keen might."),
    ] = False,
    any_lead: Annotated[
        bool, typer.Option("--any-lead", help="Accept every lead id, not only the sandbox's own.")
    ] = False,
) -> None:
    """Serve a miniature Keen API on this computer, to try things without Keen."""
    with loading(without=()):
        from importer.commands.sandbox import sandbox_command

    raise typer.Exit(
        sandbox_command(
            port=port,
            audit=audit,
            faults=fault or [],
            seed=seed,
            latency=latency,
            honour_keys=honour_keys,
            any_lead=any_lead,
        )
    )


@app.command()
def demo(
    faults: Annotated[
        bool, typer.Option("--faults", help="Let calls fail, to see retries and rows in doubt.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Where the demo keeps its files. Default: a folder of its own in your state "
            "folder.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Import the sample files into a miniature Keen on this computer. No key, no network."""
    with loading(without=()):
        from importer.commands.demo import demo_command

    raise typer.Exit(demo_command(faults=faults, folder=folder))


@app.command()
def init(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PATH]", help="Default: importer.toml in this folder.", show_default=False
        ),
    ] = None,
) -> None:
    """Write a configuration file with a comment on every setting."""
    from importer.template import write_config

    written = write_config(path or Path("importer.toml"))
    print(f"Wrote {written}. Set the API key: export KEEN_API_KEY=… or api.key_file.")
