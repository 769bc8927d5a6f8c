"""A fault → what becomes of the call: does it commit, and what does the client see. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final

from importer.sandbox.faults import Fault


class Pause(enum.Enum):
    """What the call waits for before it commits."""

    NONE = enum.auto()
    SLOW = enum.auto()
    CLIENT_GONE = enum.auto()


class Content(enum.Enum):
    """What the answer's body holds."""

    TRUE = enum.auto()  # what Keen says to this call
    ERROR = enum.auto()  # {"error": …}
    PLATFORM = enum.auto()  # {"code": …, "message": …}, as Supabase's gateway words it
    HTML = enum.auto()
    EMPTY = enum.auto()
    NO_ID = enum.auto()
    HUGE = enum.auto()
    NOISE = enum.auto()


class Wire(enum.Enum):
    """How the answer goes over the connection."""

    WHOLE = enum.auto()
    EARLY_HINTS = enum.auto()
    WHOLE_THEN_CLOSE = enum.auto()
    CHUNKED = enum.auto()
    CLOSE_DELIMITED = enum.auto()
    CUT_LENGTH = enum.auto()
    CUT_RESET = enum.auto()
    CUT_CHUNKED = enum.auto()
    CUT_CLOSE_DELIMITED = enum.auto()
    DRIP = enum.auto()
    CLOSE = enum.auto()
    RESET = enum.auto()
    HANG = enum.auto()


@dataclass(frozen=True, slots=True)
class Effect:
    """What one fault does to one call."""

    commits: bool = True
    """Whether the call reaches Keen at all; there it commits unless Keen itself refuses it."""
    status: int | None = None
    """None: the true one."""
    content: Content = Content.TRUE
    text: str = ""
    """The words of an ERROR, the code of a PLATFORM answer."""
    headers: tuple[tuple[str, str], ...] = ()
    """`{retry_after}`, `{retry_after_date}` and `{redirect_to}` stand for the plan's values."""
    wire: Wire = Wire.WHOLE
    pause: Pause = Pause.NONE


def _error(status: int, text: str, *headers: tuple[str, str]) -> Effect:
    return Effect(commits=False, status=status, content=Content.ERROR, text=text, headers=headers)


def _platform(status: int, code: str) -> Effect:
    header = ("sb-error-code", code)
    return Effect(False, status, Content.PLATFORM, text=code, headers=(header,))


def _page(status: int) -> Effect:
    return Effect(commits=False, status=status, content=Content.HTML)


_EITHER: Final[dict[str, Effect]] = {
    "http-408": _error(408, "Request Timeout"),
    "http-409": _error(409, "Conflict"),
    "http-425": _error(425, "Too Early"),
    "http-429-rate-limit": _platform(429, "RATE_LIMIT_EXCEEDED"),
    "http-500": _error(500, "Internal server error"),
    "http-500-worker-error": _platform(500, "WORKER_ERROR"),
    "http-502": _page(502),
    "http-503": _page(503),
    "http-504": _platform(504, "IDLE_TIMEOUT"),
    "http-520": _page(520),
    "http-522": _page(522),
    "http-524": _page(524),
    "http-546": _platform(546, "WORKER_LIMIT"),
    "redirect": Effect(False, 307, Content.EMPTY, headers=(("location", "{redirect_to}"),)),
    "close": Effect(False, wire=Wire.CLOSE),
    "reset": Effect(False, wire=Wire.RESET),
    "hang": Effect(False, wire=Wire.HANG),
}
"""What looks the same to the client whether there is a purchase or not."""

EFFECTS: Final[dict[Fault, Effect]] = {
    Fault.NONE: Effect(),
    Fault.SLOW: Effect(pause=Pause.SLOW),
    Fault.LATE_COMMIT: Effect(pause=Pause.CLIENT_GONE),
    Fault.STALE_CONNECTION: Effect(wire=Wire.WHOLE_THEN_CLOSE),
    Fault.EARLY_HINTS: Effect(wire=Wire.EARLY_HINTS),
    Fault.CHUNKED: Effect(wire=Wire.CHUNKED),
    Fault.CLOSE_DELIMITED: Effect(wire=Wire.CLOSE_DELIMITED),
    Fault.HTTP_400: _error(400, "lead_id required"),
    Fault.HTTP_400_BARE: _page(400),
    Fault.HTTP_401: _error(401, "Invalid API key"),
    Fault.HTTP_402: _error(402, "Payment required"),
    Fault.HTTP_403: _error(403, "Lead not accessible"),
    Fault.HTTP_403_BARE: _page(403),
    Fault.HTTP_404: _error(404, "Lead not found"),
    Fault.HTTP_404_BARE: _page(404),
    Fault.HTTP_404_NOT_FOUND: _platform(404, "NOT_FOUND"),
    Fault.HTTP_405: _error(405, "Method not allowed"),
    Fault.HTTP_413: _error(413, "Payload too large"),
    Fault.HTTP_413_BARE: _page(413),
    Fault.HTTP_415: _error(415, "Unsupported media type"),
    Fault.HTTP_422: _error(422, "Unprocessable"),
    Fault.HTTP_422_BARE: _page(422),
    Fault.HTTP_429: _error(429, "Too many requests"),
    Fault.HTTP_429_RETRY_AFTER: _error(429, "Too many requests", ("retry-after", "{retry_after}")),
    Fault.HTTP_429_RETRY_AFTER_DATE: _error(
        429, "Too many requests", ("retry-after", "{retry_after_date}")
    ),
    Fault.HTTP_503_BOOT_ERROR: _platform(503, "BOOT_ERROR"),
    Fault.HTTP_503_LOAD_FUNCTION: _platform(503, "LOAD_FUNCTION_ERROR"),
    Fault.HTTP_521: _page(521),
    Fault.HTTP_523: _page(523),
    Fault.HTTP_525: _page(525),
    Fault.HTTP_526: _page(526),
    Fault.HTTP_530: _page(530),
    Fault.HTML_200_BEFORE_COMMIT: _page(200),
    Fault.HTML_200: Effect(status=200, content=Content.HTML),
    Fault.EMPTY_200: Effect(status=200, content=Content.EMPTY),
    Fault.NO_ID_200: Effect(content=Content.NO_ID),
    Fault.CUT_LENGTH: Effect(wire=Wire.CUT_LENGTH),
    Fault.CUT_RESET: Effect(wire=Wire.CUT_RESET),
    Fault.CUT_CHUNKED: Effect(wire=Wire.CUT_CHUNKED),
    Fault.CUT_CLOSE_DELIMITED: Effect(wire=Wire.CUT_CLOSE_DELIMITED),
    Fault.HUGE_BODY: Effect(content=Content.HUGE),
    Fault.GZIP_GARBAGE: Effect(content=Content.NOISE, headers=(("content-encoding", "gzip"),)),
    Fault.DRIP: Effect(wire=Wire.DRIP),
    **{Fault(f"{name}-before-commit"): effect for name, effect in _EITHER.items()},
    **{
        Fault(f"{name}-after-commit"): replace(effect, commits=True)
        for name, effect in _EITHER.items()
    },
}
"""Every fault and what it does. Statuses and codes: Supabase's and Cloudflare's own lists."""


_PAUSES: Final = {
    Pause.NONE: "",
    Pause.SLOW: " after a while",
    Pause.CLIENT_GONE: " once the client has given up",
}
_CONTENTS: Final = {
    Content.TRUE: "the true answer",
    Content.ERROR: 'Keen\'s {{"error": "{text}"}}',
    Content.PLATFORM: "the platform's {text}",
    Content.HTML: "a page of HTML",
    Content.EMPTY: "an empty body",
    Content.NO_ID: "the true answer but for the purchase's id",
    Content.HUGE: "2 MB of padding and the true answer",
    Content.NOISE: "noise that is said to be gzip",
}
_WIRES: Final = {
    Wire.WHOLE: "",
    Wire.EARLY_HINTS: " after a 103",
    Wire.WHOLE_THEN_CLOSE: ", and the kept connection is closed",
    Wire.CHUNKED: ", chunked",
    Wire.CLOSE_DELIMITED: ", ended by the connection's end",
    Wire.CUT_LENGTH: ", cut short of its Content-Length",
    Wire.CUT_RESET: ", cut by a reset",
    Wire.CUT_CHUNKED: ", cut in a chunk",
    Wire.CUT_CLOSE_DELIMITED: ", cut where nothing tells its length",
    Wire.DRIP: ", a byte at a time",
}
_NO_ANSWERS: Final = {
    Wire.CLOSE: "the connection is closed without an answer",
    Wire.RESET: "the connection is reset without an answer",
    Wire.HANG: "no answer ever comes",
}
_HEADERS: Final = {
    "{retry_after}": ", and Retry-After in seconds",
    "{retry_after_date}": ", and Retry-After as a date",
    "{redirect_to}": ", and a Location elsewhere",
}


def describe(fault: Fault) -> str:
    """Return in one line what a fault does: is there a purchase, and what the client sees."""
    effect = EFFECTS[fault]
    purchase = "purchase" if effect.commits else "no purchase"
    status = "" if effect.status is None else f"{effect.status} with "
    answer = _NO_ANSWERS.get(effect.wire) or (
        status + _CONTENTS[effect.content].format(text=effect.text) + _WIRES[effect.wire]
    )
    named = "".join(_HEADERS.get(value, "") for _, value in effect.headers)
    return f"{purchase}{_PAUSES[effect.pause]}; {answer}{named}"
