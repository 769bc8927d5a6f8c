"""pydantic's errors and unknown names → one sentence for each fault, never with a secret. Pure."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel, ValidationError

MAX_SHOWN: Final = 60

SECRET: Final = re.compile(
    r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}"  # a UUID, which Keen's API keys are
    r"|(?<=//)[^/\s]*(?=@)",  # user and password in an address
    re.IGNORECASE,
)
SECRET_NAMES: Final = {"apikey", "key", "keenapikey", "xapikey", "secret", "token", "password"}
WHERE_KEYS_BELONG: Final = (
    "the API key does not belong here: put it in the environment variable KEEN_API_KEY, "
    "or in a file of its own that key_file under [api] names."
)


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source says: {section: {key: value}} as it stands there, unchecked."""

    name: str
    values: Mapping[str, Any]
    variables: bool = False
    """Whether its keys are environment variables."""

    def has(self, section: str, key: str | None) -> bool:
        """Whether this source says something there."""
        values = self.values.get(section, self)
        if values is self:
            return False
        return key is None or (isinstance(values, dict) and key in values)


def mask(text: str) -> str:
    """Return `text` without what looks like an API key or a password."""
    return SECRET.sub("[hidden]", text)


def known_keys(model: type[BaseModel]) -> dict[str, dict[str, str]]:
    """Return {section: {key: what it takes}} of a model made of section models."""
    return {
        section: {
            key: field.description or ""
            for key, field in about.annotation.model_fields.items()  # type: ignore[union-attr]
        }
        for section, about in model.model_fields.items()
    }


def describe_faults(
    error: ValidationError, model: type[BaseModel], layers: Sequence[Layer]
) -> list[str]:
    """Return a line for each fault. `layers` go from weak to strong; the last to speak is named."""
    known = known_keys(model)
    lines: dict[tuple[object, ...], str] = {}
    for fault in error.errors(include_url=False, include_input=False):
        place = fault["loc"][:2]  # below stand list members and branches of a union
        section, key = str(place[0]), str(place[1]) if len(place) > 1 else None
        layer = next(layer for layer in reversed(layers) if layer.has(section, key))
        if fault["type"] == "extra_forbidden":
            sentence = _describe_unknown(section, key, layer.values[section], known)
        elif key is None:
            sentence = f"{section} is a section; write [{section}] and its keys below it."
        else:
            cause = fault.get("ctx", {}).get("error")  # a ValueError of config_checks
            takes = str(cause) if cause is not None else known[section][key]
            value = _show(layer.values[section][key])
            subject = (
                f"IMPORTER_{section}__{key}".upper() if layer.variables else f"[{section}] {key}"
            )
            sentence = f"{subject} is {value}; it takes {takes}."
        lines.setdefault(place, f"{layer.name}: {sentence}")
    return list(lines.values())


def describe_unknown_variable(name: str, prefix: str, model: type[BaseModel]) -> str | None:
    """Return what is wrong with an environment variable's name, or None where it is known."""
    names = [
        f"{prefix}{section}__{key}".upper()
        for section, keys in known_keys(model).items()
        for key in keys
    ]
    if name in names:
        return None
    if _is_secret(name.removeprefix(prefix).removeprefix("API_")):
        return f"environment: {name} is not known; {WHERE_KEYS_BELONG}"
    return f"environment: {name} is not known{_suggest(name, names)}"


def _describe_unknown(
    section: str, key: str | None, value: object, known: Mapping[str, Mapping[str, str]]
) -> str:
    if _is_secret(key or section):
        return f"{key or section}: {WHERE_KEYS_BELONG}"
    if key is not None:
        elsewhere = [name for name in known if key in known[name]]
        if elsewhere:
            return f"[{section}] has no key {key}; it belongs under [{elsewhere[0]}]."
        return f"[{section}] has no key {key}{_suggest(key, known[section])}"
    if isinstance(value, dict):
        return f"there is no section [{section}]{_suggest(section, known, '[{}]')}"
    elsewhere = [name for name in known if section in known[name]]
    if elsewhere:
        return f"{section} stands outside of a section; it belongs under [{elsewhere[0]}]."
    every = {key for keys in known.values() for key in keys}
    return f"{section} is not a known key{_suggest(section, every)}"


def _suggest(name: str, known: Iterable[str], form: str = "{}") -> str:
    known = list(known)
    nearest = difflib.get_close_matches(name, known, 1)
    if nearest:
        return f"; did you mean {form.format(nearest[0])}?"
    return "; known are " + ", ".join(form.format(each) for each in known) + "."


def _is_secret(name: str) -> bool:
    return re.sub(r"[^a-z]", "", name.lower()) in SECRET_NAMES


def _show(value: object) -> str:
    text = mask(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
