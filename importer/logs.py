"""Log events → lines on a stream: console on a terminal, JSON otherwise. Writes to that stream.

Events are named `row.created row=7 attempt=2`. Nothing that is logged, by this program or through
the standard library, can show a registered secret, and no failure to log can stop a run: a
purchase may be between its answer and its outcome in the ledger.
"""

from __future__ import annotations

import html
import json
import logging
import re
import sys
import threading
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from decimal import Decimal
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote
from uuid import UUID

import structlog
from pydantic import SecretStr

if TYPE_CHECKING:
    from typing import TextIO

    from structlog.typing import EventDict, Processor

LogFormat = Literal["auto", "console", "json"]

REDACTED: Final = "[redacted]"
SENSITIVE: Final = {
    *("apikey", "xapikey", "keenapikey", "authorization", "proxyauthorization"),
    *("password", "secret", "cookie", "setcookie"),
}
DEEPEST: Final = 30
"""Below so many levels nothing is shown; a structure that contains itself ends there, too."""

CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
}
"""A terminal would obey these, and an API's answer may hold them."""

NOISY: Final = ("httpx", "httpcore", "uvicorn", "uvicorn.error", "uvicorn.access", "asyncio")
"""Libraries that log each request; httpcore at its debug level with all headers."""

_spellings: frozenset[str] = frozenset()
"""Every registered secret as plain text, in a Python repr, in JSON, in HTML and in a URL."""

_secrets: re.Pattern[str] | None = None
"""All of them in any letter case, as servers spell a UUID their own way; the longest first."""


def redact(secret: SecretStr | str) -> None:
    """Register a secret that no log line shows from now on, in this process."""
    global _spellings, _secrets  # noqa: PLW0603 - as process-wide as the logs themselves
    text = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
    if text:
        escaped = text.replace("\\", "\\\\")
        _spellings |= {
            *(text, escaped, json.dumps(text)[1:-1], repr(text)[1:-1]),
            *(escaped.replace("'", "\\'"), html.escape(text), quote(text), quote(text, safe="")),
        }
        longest_first = sorted(_spellings, key=len, reverse=True)
        _secrets = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)


def redacted(text: str) -> str:
    """Return `text` without any registered secret."""
    return text if _secrets is None else _secrets.sub(REDACTED, text)


def configure_logs(
    format: LogFormat = "auto",  # noqa: A002 - the option's name
    *,
    level: int = logging.INFO,
    stream: TextIO | None = None,
) -> None:
    """Send log lines of `level` and above to `stream` (default: stderr).

    Every line carries what `structlog.contextvars` has bound, such as the run's id.
    Modules take `structlog.get_logger()`; where a line is logged for each row, they bind it once
    (`.bind()`): a line below `level` then costs 0.1 µs instead of 2.
    """
    stream = stream or sys.stderr
    lines = _LineLogger(stream)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _redact_event,
            _renderer(format, stream),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, _ForwardHandler)]:
        root.removeHandler(handler)
    root.addHandler(_ForwardHandler())
    root.setLevel(logging.WARNING)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _renderer(format: LogFormat, stream: TextIO | None) -> Processor:  # noqa: A002
    terminal = stream is not None and stream.isatty()
    if format == "json" or (format == "auto" and not terminal):
        return structlog.processors.JSONRenderer()
    from rich.console import Console  # noqa: PLC0415 - knows NO_COLOR and dumb terminals

    console = Console(file=stream)
    colors = terminal and bool(console.color_system) and not console.no_color
    return structlog.dev.ConsoleRenderer(
        colors=colors and sys.platform != "win32",
        exception_formatter=structlog.dev.plain_traceback,
        sort_keys=False,
        pad_event_to=20,
    )


def _redact_event(_logger: object, _method: str, event: EventDict) -> EventDict:
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {str(key): value for key, value in _plain({**first, **event}, 0).items()}


def _plain(value: Any, depth: int) -> Any:  # noqa: ANN401 - whatever somebody logs
    """Return `value` made of redacted texts, numbers, lists and dicts only.

    Nothing is left for a renderer to turn into text after the redaction.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth > DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {
            _text(key): REDACTED if _is_sensitive(key) else _plain(each, depth + 1)
            for key, each in value.items()
        }
    if isinstance(value, tuple) and len(value) == 2 and _is_sensitive(value[0]):  # noqa: PLR2004
        return [_text(value[0]), REDACTED]  # one header of a list
    if isinstance(value, list | tuple | AbstractSet):
        return [_plain(each, depth + 1) for each in value]
    return _text(value)


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        text = value.decode("utf-8", "backslashreplace")
    elif isinstance(value, str | date | Decimal | PurePath | UUID):
        text = str(value)
    else:
        try:
            text = repr(value)
        except Exception:  # noqa: BLE001 - a broken repr must not stop a run
            text = f"<{type(value).__name__}>"
    return redacted(text).translate(CONTROLS)


def _is_sensitive(name: object) -> bool:
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    return isinstance(text, str) and re.sub(r"[^a-z]", "", text.lower()) in SENSITIVE


class _LineLogger:
    """Writes finished lines; a full disk or a closed pipe loses lines, never the run."""

    _lock = threading.Lock()

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def msg(self, line: str) -> None:
        if self._stream is None:  # started with stderr closed
            return
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        writable = line.encode(encoding, "backslashreplace").decode(encoding)
        try:
            with self._lock:
                self._stream.write(f"{writable}\n")
                self._stream.flush()
        except (OSError, ValueError):
            self._stream = None

    debug = info = warning = error = critical = log = msg


class _ForwardHandler(logging.Handler):
    """Hands what libraries log to structlog, so that it is redacted and rendered alike."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - logging's own complaint would show the arguments
            message = str(record.msg)
        structlog.get_logger().log(
            max(logging.DEBUG, min(record.levelno // 10 * 10, logging.CRITICAL)),
            message,
            logger=record.name,
            exc_info=record.exc_info,
        )
