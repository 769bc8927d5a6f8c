from __future__ import annotations

import io
import json
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from importer.logs import LogFormat, configure_logs, redact, redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from structlog.typing import FilteringBoundLogger

KEY = """k3y-'"\\-€nd""".replace("€", "e")
"""Every kind of character that a renderer spells in another way."""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _process_wide_state() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    redact(SecretStr(KEY))
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(
    log: Callable[[FilteringBoundLogger], object],
    form: LogFormat = "json",
    level: int = logging.DEBUG,
) -> str:
    """Return what `log`, given a logger, writes."""
    stream = io.StringIO()
    configure_logs(form, level=level, stream=stream)
    log(structlog.get_logger())
    return stream.getvalue()


def shows_key(written: str) -> bool:
    """Whether the key stands there, however often its quotes and backslashes were escaped."""
    return KEY.replace("\\", "") in written.replace("\\", "")


# Lines


def test_without_a_terminal_a_line_is_json_with_a_utc_time() -> None:
    stream = io.StringIO()
    configure_logs("auto", stream=stream)
    structlog.get_logger().info("row.created", row=7, attempt=2)
    line = json.loads(stream.getvalue())
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo == UTC
    assert line == {"level": "info", "event": "row.created", "row": 7, "attempt": 2}


def test_on_a_terminal_a_line_is_for_people() -> None:
    stream = Terminal()
    configure_logs("auto", stream=stream)
    structlog.get_logger().info("row.created", row=7, attempt=2)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert re.search(r"Z \[info +\] row\.created +row=7 attempt=2\n$", plain)


@pytest.mark.parametrize(("form", "first"), [("json", "{"), ("console", "2")])
def test_a_format_can_be_demanded(form: LogFormat, first: str) -> None:
    assert lines(lambda log: log.info("run.started"), form).startswith(first)


def test_lines_below_the_level_are_left_out() -> None:
    written = lines(
        lambda log: (log.debug("a"), log.info("b"), log.warning("c")), level=logging.WARNING
    )
    assert [json.loads(line)["event"] for line in written.splitlines()] == ["c"]


def test_what_the_context_binds_stands_in_all_lines_of_it() -> None:
    def log(logger: FilteringBoundLogger) -> None:
        with structlog.contextvars.bound_contextvars(run_id=12):
            logger.info("row.created", row=2)
            logger.info("row.rejected", row=3)
        logger.info("run.finished")

    found = [json.loads(line) for line in lines(log).splitlines()]
    assert [(line.get("run_id"), line.get("row")) for line in found] == [
        (12, 2),
        (12, 3),
        (None, None),
    ]


def test_configuring_again_takes_the_new_stream_also_for_older_loggers() -> None:
    first, second = io.StringIO(), io.StringIO()
    logger = structlog.get_logger()
    configure_logs("json", stream=first)
    logger.info("a")
    first.close()
    configure_logs("json", stream=second)
    logger.info("b")
    logging.getLogger("library").error("c")
    assert [json.loads(line)["event"] for line in second.getvalue().splitlines()] == ["b", "c"]


# What no line shows

values = st.recursive(
    st.one_of(
        st.none(),
        st.integers(),
        st.text(),
        st.builds("{}{}{}".format, st.text(), st.just(KEY), st.text()),
        st.binary().map(lambda around: around + KEY.encode() + around),
    ),
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.text() | st.just(KEY), inner),
        st.frozensets(st.text() | st.just(KEY)),
        inner.map(ValueError),
        st.just(httpx.Headers({"x-api-key": KEY})),
    ),
    max_leaves=12,
)


@given(value=values, form=st.sampled_from(["json", "console"]))
def test_a_registered_key_is_shown_in_no_nesting(value: object, form: LogFormat) -> None:
    written = lines(lambda log: log.warning("an event", key=f"an {KEY}", value=value), form)
    assert not shows_key(written)
    assert "[redacted]" in written


@pytest.mark.parametrize("name", ["api_key", "X-Api-Key", "authorization", "KEEN_API_KEY"])
@pytest.mark.parametrize("wrap", [lambda n: {n: "s3cret"}, lambda n: [(n.encode(), b"s3cret")]])
def test_what_stands_under_a_keys_name_is_never_shown(
    name: str, wrap: Callable[[str], object]
) -> None:
    written = lines(lambda log: log.info("request", headers={"deeper": wrap(name)}))
    assert "s3cret" not in written
    assert name in written


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_is_shown_without_the_key(form: LogFormat) -> None:
    def log(logger: FilteringBoundLogger) -> None:
        error = RuntimeError(f"no {KEY}")
        error.__cause__ = ValueError("header", KEY.encode())
        try:
            raise error
        except RuntimeError:
            logger.exception("row.failed", row=7)

    written = lines(log, form)
    assert not shows_key(written)
    assert "RuntimeError: no [redacted]" in written
    assert "test_logs.py" in written


@dataclass
class Broken:
    def __repr__(self) -> str:
        raise ZeroDivisionError


def test_what_cannot_be_shown_stops_nothing() -> None:
    endless: list[object] = []
    endless.append(endless)
    written = lines(lambda log: log.info("odd", broken=Broken(), endless=endless, half="\ud800"))
    assert json.loads(written)["broken"] == "<Broken>"


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_terminals_commands_are_spelt_out(form: LogFormat) -> None:
    written = lines(lambda log: log.info("\x1b[2J", text="\x1b]0;a\x07"), form)
    assert not set(written) & {"\x1b", "\x07"}


def test_text_for_other_streams_can_be_redacted() -> None:
    assert redacted(f"a {KEY}, b") == "a [redacted], b"


# Libraries


def test_httpcores_headers_never_reach_the_log() -> None:
    def request(_: object) -> None:
        transport = httpx.MockTransport(lambda _: httpx.Response(200))
        with httpx.Client(transport=transport) as client:
            client.post("http://keen.test", headers={"X-Api-Key": "unregistered"})
        logging.getLogger("httpcore.http11").debug("send %r", [(b"X-Api-Key", b"unregistered")])

    assert lines(request) == ""


def test_what_a_library_warns_of_is_redacted_and_rendered_alike() -> None:
    def log(_: object) -> None:
        logging.getLogger("library").warning("key %s", KEY)
        broken = {"name": "library", "levelno": 35, "msg": "two %d", "args": (KEY,)}
        logging.getLogger().handlers[-1].handle(logging.makeLogRecord(broken))

    first, second = (json.loads(line) for line in lines(log).splitlines())
    assert (first["event"], first["logger"], first["level"]) == (
        "key [redacted]",
        "library",
        "warning",
    )
    assert (second["event"], second["level"]) == ("two %d", "warning")


# The stream


class Full(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_stream_that_takes_no_more_stops_nothing() -> None:
    closed = Terminal()
    configure_logs("console", stream=closed)
    closed.close()
    structlog.get_logger().info("row.created")
    configure_logs("json", stream=Full())
    structlog.get_logger().info("row.created")


def test_what_the_streams_encoding_lacks_is_spelt_out() -> None:
    target = io.BytesIO()
    configure_logs("console", stream=io.TextIOWrapper(target, "ascii"))
    structlog.get_logger().info("kosten.größe", text="€")
    assert b"kosten.gr\\xf6\\xdfe" in target.getvalue()
