"""Options → what is asked of one file; `check` and `results`, and their exit codes.

Touches what reads, plans and reconciles.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from importer.config import Order
from importer.config_loading import load_config
from importer.errors import ExitCode
from importer.inspection import check_import, rewrite_results
from importer.job import Job
from importer.logs import configure_logs
from importer.reconciler.report import plan_exit_code
from importer.screen import CommandScreen

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_command(params: Mapping[str, Any]) -> ExitCode:
    """Show what a run would do."""
    job = make_job(params)
    screen = CommandScreen(as_json=params["json"], quiet=params["quiet"])
    summary = check_import(job, screen)
    screen.show_check(summary)
    return plan_exit_code(summary.statuses)


def results_command(params: Mapping[str, Any]) -> ExitCode:
    """Write a file's results again from the ledger."""
    screen = CommandScreen(as_json=params["json"], quiet=params["quiet"])
    return ExitCode(rewrite_results(make_job(params), screen).summary.exit_code)


def make_job(params: Mapping[str, Any]) -> Job:
    """Return the job that a command's parameters ask for, and set up the logs on the way."""
    level = logging.WARNING if params.get("quiet") else logging.INFO
    if params.get("verbose"):
        level = logging.DEBUG
    configure_logs(params["log_format"].value if "log_format" in params else "auto", level=level)
    config = load_config(params["config"]).config
    asked = {name: params[name] for name in Order.model_fields if name in params}
    hidden = asked.get("hidden_rows")
    asked["hidden_rows"] = None if hidden is None else ("include" if hidden else "skip")
    return Job(params["file"], config, Order(**asked), params["config"])
