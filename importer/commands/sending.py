"""Options → a file's purchases made, and the exit code. Touches all the stages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

import structlog

from importer.commands.imports import make_job
from importer.config_loading import api_key
from importer.errors import ConfigError, ExitCode, UsageError
from importer.logs import redact
from importer.pipeline import run_import
from importer.reader.source import STANDARD_INPUT
from importer.screen import CommandScreen, print_error, somebody_answers
from importer.sender.api import Api

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from importer.config import ApiKey, Config

SHORTEST_KEY: Final = 8
"""Characters. Keen's keys are UUIDs; to hide `test` in all that is said would hide half of it."""


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
    if len(key.get_secret_value()) < SHORTEST_KEY:
        raise ConfigError(
            f"The API key has fewer than {SHORTEST_KEY} characters, so it is not Keen's.",
            "Set KEEN_API_KEY, or api.key_file in the configuration.",
        )
    redact(key)
    return key


def open_api(config: Config, key: ApiKey) -> Api:
    """Return the API that the configuration names. Raises ConfigError for an unusable URL."""
    api = Api(config.api.url, key, timeout=config.send.timeout, transport=config.send.transport)
    if api.proxy is not None:
        structlog.get_logger().info("api.proxy", proxy=api.proxy)
    return api


def _refuse_unanswerable(path: Path, *, yes: bool) -> None:
    """Refuse a run that would have to ask a person, where the file takes the place of answers."""
    if path == STANDARD_INPUT and not yes and sys.stderr.isatty():
        raise UsageError(
            "The rows come through standard input, so nobody can answer whether to send them.",
            "Look at them with `importer check -`, then say --yes.",
        )
