"""Retry-After and foreign texts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.sender.answer import MAX_MESSAGE, clean, parse_retry_after

NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", None),
        (" 120 ", 120.0),
        ("-5", None),
        ("1", 1.0),
        ("9" * 400, 1e9),
        ("9" * 5000, 1e9),
        ("Wed, 04 Mar 2026 12:02:00 GMT", 120.0),
        ("Wed, 04 Mar 2026 12:02:00 -0000", 120.0),
        ("Wed, 04 Mar 2026 11:00:00 GMT", None),
        ("Wed, 04 Mar 2026 13:02:00 +0100", 120.0),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("\uff11\uff12", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text())
def test_no_retry_after_can_break_the_run(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or 1 <= seconds <= 1e9


def test_a_foreign_text_becomes_one_short_printable_line() -> None:
    assert clean("no\r\naccess\x00\x1b[31m\u202e  here ") == "no access [31m here"
    assert len(clean("x" * 1000)) == MAX_MESSAGE


def test_a_key_at_the_cut_is_not_shown_in_part() -> None:
    assert "secret" not in clean("x" * (MAX_MESSAGE - 3) + "secret-key", "secret-key")
    assert "sec" not in clean("x" * (MAX_MESSAGE - 3) + "secret-key", "secret-key")
