"""What came back from Keen, or why nothing did, and how its parts are read. Pure."""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from importer.model import Purchase

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

MAX_MESSAGE = 200
"""Characters of Keen's own text that a result shows."""

_FAR_AWAY: Final = 1e9  # seconds; a Retry-After beyond this is no longer worth telling apart


class Answer(NamedTuple):
    """What came back, read to its end or to where it broke."""

    status: int
    sb_error_code: str | None
    retry_after: float | None
    """Seconds."""
    body: bytes
    complete: bool


class Failure(enum.StrEnum):
    """Why there is no answer. The value is the outcome's code."""

    REFUSED = "connection-refused"
    NO_ADDRESS = "no-address"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect-timeout"
    TLS = "tls-failed"
    NO_CONNECTION = "no-free-connection"
    PROXY = "proxy-failed"
    TIMEOUT = "timeout"
    DISCONNECTED = "disconnected"
    INTERRUPTED = "interrupted"
    BAD_CERTIFICATE = "bad-certificate"
    UNSENDABLE = "unsendable"
    UNEXPECTED = "unexpected-failure"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why nothing came back, and whether a byte of the request had left."""

    failure: Failure
    on_wire: bool
    detail: str = ""


def parse_retry_after(value: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for; None if unreadable or under a second.

    RFC 9110 10.2.3: whole seconds or an HTTP date. `now` is aware. `0`, and a date that two clocks
    do not agree on, name no wait: were that obeyed, a busy Keen would be asked again at full speed.
    """
    value = value.strip()
    try:
        if re.fullmatch(r"-?[0-9]+", value):
            seconds = float(value)
        else:
            instant = parsedate_to_datetime(value)
            if instant.tzinfo is None:
                instant = instant.replace(tzinfo=now.tzinfo)
            seconds = (instant - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(seconds, _FAR_AWAY) if seconds >= 1 else None


def clean(text: str, secret: str = "") -> str:
    """Return a foreign text fit to show: one line, no control characters, no secret, not long."""
    spaced = "".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text)
    shown = "".join(c for c in spaced if not unicodedata.category(c).startswith("C"))
    if secret:
        # In any letter case: a server may spell a UUID its own way.
        shown = re.sub(re.escape(secret), "[API key]", shown, flags=re.IGNORECASE)
    return " ".join(shown.split())[:MAX_MESSAGE]


def read_purchase(body: bytes) -> AnsweredPurchase | None:
    """Return the purchase that an answer holds, if it holds one."""
    try:
        created: _Created = _CREATED.validate_json(body)
    except ValidationError:
        return None
    return created.purchase


def read_error(body: bytes) -> str | None:
    """Return the text of an answer in the form of Keen's refusals, if it is one."""
    try:
        return _Refused.model_validate_json(body).error
    except ValidationError:
        return None


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)


class AnsweredPurchase(Purchase):
    """A purchase with the lead that it was made for, where the answer names one."""

    leads_id: Any = None

    def is_for(self, lead_id: UUID) -> bool:
        """Whether nothing says that the purchase is another lead's."""
        named = self.leads_id
        return not isinstance(named, str) or named.casefold() == str(lead_id)


class _Created(_Answer):
    purchase: AnsweredPurchase


class _Refused(_Answer):
    error: Annotated[str, StringConstraints(min_length=1)]


# What a model asks after the options of every call; nearly every row's answer is read by it.
_CREATED: Final = TypeAdapter(_Created).validator
