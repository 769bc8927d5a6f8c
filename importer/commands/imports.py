"""Options → `run`, `check` or `results` of one file, and the exit code. Touches all the stages."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import structlog

from importer.config import Order
from importer.config_loading import api_key, load_config
from importer.errors import ConfigError, ExitCode, UsageError
from importer.job import Job
from importer.logs import configure_logs, redact
from importer.pipeline import check_import, rewrite_results, run_import
from importer.reader.source import STANDARD_INPUT
from importer.reconciler.report import plan_exit_code
from importer.screen import CommandScreen, print_error, somebody_answers
from importer.sender.api import Api

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from importer.config import ApiKey, Config


def run_command(params: Mapping[str, Any]) -> ExitCode:
    """Make the purchases of one file."""
    job = make_job(params)
    _refuse_unanswerable(job.path, yes=params["yes"])
    key = require_api(job.config)
    api = open_api(job.config, key)
    screen = CommandScreen(
        as_json=params["json"],
        quiet=params["quiet"],
        ask=somebody_answers() and not params["yes"],
        bar=sys.stderr.isatty(),
    )
    ended = run_import(job, api, screen)
    if ended is None:
        print_error("Nothing was sent.")
        return ExitCode.STOPPED_EARLY
    return ExitCode(ended.summary.exit_code)


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


def _refuse_unanswerable(path: Path, *, yes: bool) -> None:
    """Refuse a run that would have to ask a person, where the file takes the place of answers."""
    if path == STANDARD_INPUT and not yes and sys.stderr.isatty():
        raise UsageError(
            "The rows come through standard input, so nobody can answer whether to send them.",
            "Look at them with `importer check -`, then say --yes.",
        )


def require_api(config: Config) -> ApiKey:
    """Return the API key. Raises ConfigError where it or the URL is missing or unusable."""
    if not config.api.url:
        raise ConfigError(
            "No configuration says where Keen is: api.url is empty.",
            "Run `importer init` once; it writes importer.toml with Keen's address.",
        )
    key = api_key(config)
    if key is None:
        raise ConfigError(
            "There is no API key.", "Set KEEN_API_KEY, or api.key_file in the configuration."
        )
    redact(key)
    return key


def open_api(config: Config, key: ApiKey) -> Api:
    """Return the API that the configuration names. Raises ConfigError for an unusable URL."""
    api = Api(config.api.url, key, timeout=config.send.timeout, transport=config.send.transport)
    if api.proxy is not None:
        structlog.get_logger().info("api.proxy", proxy=api.proxy)
    return api
