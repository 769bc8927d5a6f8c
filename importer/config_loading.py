"""Config file < environment < flags → one frozen Config. Reads the file and the environment.

The only module that knows `os.environ`. The API key never enters a Config; `api_key` fetches it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from pydantic import SecretStr, ValidationError

from importer import config_sources as sources
from importer.config import KEY, ApiKey, Config, Section
from importer.config_faults import Layer, describe_faults
from importer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration and the file that it came from (None: no file, defaults)."""

    config: Config
    path: Path | None


def load_config(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> LoadedConfig:
    """Return the configuration: file < environment (default: the process's) < overrides.

    `path` must exist; without it `importer.toml` in the current folder is read, then the one in
    the user's configuration folder. `overrides` are {section: {key: value}}. Relative paths, from
    wherever, are relative to the file (without one: to the current folder), so that a cron job's
    own folder cannot choose the ledger. Raises ConfigError with one line for each fault.
    """
    file = sources.find_file(path)
    layers = [sources.read_toml(file)] if file else []
    layers.append(sources.read_environment(os.environ if environ is None else environ, Config))
    layers.append(Layer("command line", overrides or {}))
    try:
        config = Config.model_validate(sources.merge(layers))
    except ValidationError as error:
        raise ConfigError("\n".join(describe_faults(error, Config, layers))) from None
    return LoadedConfig(_with_absolute_paths(config, file.parent if file else Path.cwd()), file)


def api_key(config: Config, environ: Mapping[str, str] | None = None) -> ApiKey | None:
    """Return the API key of KEEN_API_KEY, else of `api.key_file`, or None where neither is set.

    Raises ConfigError, which never shows it, for a key that cannot be a header's value: httpx
    would quote it in its own error.
    """
    environ = os.environ if environ is None else environ
    text = environ.get("KEEN_API_KEY", "")
    place = "KEEN_API_KEY"
    if not text:
        if config.api.key_file is None:
            return None
        text = sources.read_key_file(config.api.key_file, environ)
        place = "the key file"
    if not KEY.fullmatch(text):
        raise ConfigError(
            f"The API key in {place} is no key: it has blanks, line breaks, letters outside "
            "ASCII or more than 200 characters.",
            "Copy it again from Keen, with nothing around it.",
        )
    return SecretStr(text)


def workspace_path(config: Config) -> Path:
    """Return the folder of the ledger: `workspace.path`, else in the user's state folder."""
    return config.workspace.path or platformdirs.user_state_path("importer")


def _with_absolute_paths(config: Config, base: Path) -> Config:
    sections: dict[str, Section] = {}
    for name, section in config:
        try:
            paths = {
                key: (base / value.expanduser()).absolute()
                for key, value in section
                if isinstance(value, Path)
            }
        except RuntimeError:  # what expanduser raises
            raise ConfigError(f"A path under [{name}] starts with ~ and names no user.") from None
        sections[name] = section.model_copy(update=paths)
    return config.model_copy(update=sections)
