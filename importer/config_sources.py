"""TOML file, environment and key file → plain values, or a ConfigError. Reads these files."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args, get_origin

import platformdirs

from importer.config_faults import Layer, describe_unknown_variable, mask
from importer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

FILE_NAME: Final = "importer.toml"
PREFIX: Final = "IMPORTER_"
MAX_KEY_FILE_BYTES: Final = 4096


def find_file(path: Path | None) -> Path | None:
    """Return the configuration file's absolute path: `path`, else the first of the usual places.

    Raises ConfigError where the current folder, to which all paths are relative, is gone.
    """
    try:
        here = Path.cwd()
    except FileNotFoundError:
        raise ConfigError(
            "The folder that this command was given in is gone.", "Change into one that is there."
        ) from None
    if path is not None:
        return here / path
    places = (here, platformdirs.user_config_path("importer"))
    # lexists: a link that leads nowhere is a fault to report, not a file to pass over.
    return next((place / FILE_NAME for place in places if os.path.lexists(place / FILE_NAME)), None)


def read_toml(path: Path) -> Layer:
    """Return the tables of a TOML file. A BOM, as Windows editors write it, is no fault."""
    try:
        tables = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no configuration file {path}.",
            "`importer init` writes one; `--config` takes the path of another.",
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text.", "Save it again as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:  # not chained: newer ones hold the whole text
        raise ConfigError(
            f"{path} is not valid TOML: {error}.",
            "Texts stand in quotes; a Windows path stands in single quotes: 'C:\\Keen'.",
        ) from None
    return Layer(str(path), tables)


def read_environment(environ: Mapping[str, str], model: type[BaseModel]) -> Layer:
    """Return what the variables IMPORTER_<SECTION>__<KEY> set.

    A list is JSON, TOML or separated by commas; a table is JSON or TOML.
    Raises ConfigError for an unknown IMPORTER_… variable: a typo must not go unnoticed.
    """
    given = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    if not given:
        return Layer("environment", {}, variables=True)
    faults = [
        fault for name in sorted(given) if (fault := describe_unknown_variable(name, PREFIX, model))
    ]
    if faults:
        raise ConfigError("\n".join(faults))
    return Layer("environment", _nest(given, model), variables=True)


def merge(layers: Iterable[Layer]) -> dict[str, object]:
    """Return the sections of all layers, each key from the last layer that has it."""
    merged: dict[str, object] = {}
    for layer in layers:
        for section, values in layer.values.items():
            below = merged.get(section)
            if isinstance(below, dict) and isinstance(values, dict):
                merged[section] = {**below, **values}
            else:
                merged[section] = values
    return merged


def _nest(given: Mapping[str, str], model: type[BaseModel]) -> dict[str, dict[str, object]]:
    """Return {section: {key: value}} of variables whose names are all known."""
    nested: dict[str, dict[str, object]] = {}
    for name, text in given.items():
        section, _, key = name.removeprefix(PREFIX).lower().partition("__")
        about = model.model_fields[section].annotation
        field = about.model_fields[key]  # type: ignore[union-attr]
        several = text and _takes_several(field)
        nested.setdefault(section, {})[key] = _split(text, field) if several else text
    return nested


def _takes_several(field: FieldInfo) -> bool:
    """Return whether the field takes a list or a table, perhaps beside a word."""
    kinds = (field.annotation, *get_args(field.annotation))
    return any(get_origin(kind) in {tuple, dict} for kind in kinds)


def _split(text: str, field: FieldInfo) -> object:
    """Return the list or table that `text` spells, in JSON or as a configuration file has it.

    Returns `text` itself where it is neither.
    """
    words = {
        word
        for kind in get_args(field.annotation)
        if get_origin(kind) is Literal
        for word in get_args(kind)
    }
    if text in words:
        return text
    if text.lstrip().startswith(("[", "{")):
        for read in (json.loads, _read_toml_value):
            with suppress(ValueError):
                return read(text)
        return text  # validation names it
    return [part.strip() for part in text.split(",") if part.strip()]


def _read_toml_value(text: str) -> object:
    """Return what `text` spells right of an equals sign. Raises ValueError."""
    tables = tomllib.loads(f"value = {text}")
    if set(tables) != {"value"}:
        raise ValueError("more than one value")
    return tables["value"]


def read_key_file(path: Path, environ: Mapping[str, str]) -> str:
    """Return the one line of a key file.

    Raises ConfigError where it is missing, empty or longer, and (POSIX) where anybody but its
    owner can read it. No message shows its content, nor a path that looks like a key itself.
    A credential of systemd's (`LoadCredential=`) shows its access list as the group's rights: it
    is 0440 in a folder that only the service may enter, which CREDENTIALS_DIRECTORY names.
    """
    shown = mask(str(path))
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode  # of what is read, not of what stood there
            content = file.read(MAX_KEY_FILE_BYTES)
    except OSError as error:
        raise ConfigError(
            f"The key file {shown} cannot be read: {error.strerror}.",
            "api.key_file is the path of a file that holds the API key.",
        ) from None
    credential = str(path.parent) == environ.get("CREDENTIALS_DIRECTORY")
    others = stat.S_IROTH if credential else stat.S_IRGRP | stat.S_IROTH
    if os.name == "posix" and mode & others:
        raise ConfigError(
            f"The key file {shown} can be read by other users.", f"Run `chmod 600 {shown}`."
        )
    lines = content.decode("utf-8-sig", "replace").strip().splitlines()
    if len(lines) != 1:
        raise ConfigError(
            f"The key file {shown} {'has more than one line' if lines else 'is empty'}.",
            "It holds the API key and nothing else.",
        )
    return lines[0]
