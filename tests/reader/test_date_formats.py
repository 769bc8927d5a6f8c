from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from importer.errors import ConfigError
from importer.reader.date_formats import is_too_fine, local_time, offset_minutes, translate


def caught(date_format: str, text: str) -> tuple[datetime | None, int | None, bool]:
    pattern = translate(date_format)
    parts = pl.lit(text).str.extract_groups(pattern)
    read = (
        local_time(parts, pattern),
        offset_minutes(parts, pattern).alias("offset"),
        is_too_fine(parts, pattern).alias("fine"),
    )
    local, offset, fine = pl.select(*read).row(0)
    return local, offset, fine


@pytest.mark.parametrize(
    ("date_format", "text", "expected"),
    [
        ("%d.%m.%Y", "4.3.2026", datetime(2026, 3, 4)),  # noqa: DTZ001 - local times are naive
        ("%d.%m.%Y", "04.03.2026", datetime(2026, 3, 4)),  # noqa: DTZ001
        ("%m/%d/%y %I:%M %p", "3/4/26 9:05 pm", datetime(2026, 3, 4, 21, 5)),  # noqa: DTZ001
        ("%m/%d/%y %I:%M %p", "3/4/26 12:05 AM", datetime(2026, 3, 4, 0, 5)),  # noqa: DTZ001
        ("%m/%d/%y %I:%M %p", "3/4/26 12:05 PM", datetime(2026, 3, 4, 12, 5)),  # noqa: DTZ001
        ("%d-%b-%Y", "4-mar-2026", datetime(2026, 3, 4)),  # noqa: DTZ001
        ("%d %B %Y", "4 March 2026", datetime(2026, 3, 4)),  # noqa: DTZ001
        ("%Y%m%d%H%M%S", "20260304102030", datetime(2026, 3, 4, 10, 20, 30)),  # noqa: DTZ001
        ("%Y-%m-%d %H:%M:%S.%f", "2026-03-04 10:20:30.5", datetime(2026, 3, 4, 10, 20, 30, 500000)),  # noqa: DTZ001
        ("100%% %Y (%m) [%d]", "100% 2026 (3) [4]", datetime(2026, 3, 4)),  # noqa: DTZ001
        ("%d.%m.%Y", "30.02.2026", None),
        ("%d.%m.%Y", "4.3.26", None),
        ("%d.%m.%Y", "4x3x2026", None),
        ("%d.%m.%Y", "4.3.2026 ", None),
        ("%d.%m.%Y", "\u0664.3.2026", None),
        ("%d %B %Y", "4 Marvel 2026", None),
        ("%Y%m%d", "2026111", None),
        ("%m/%d/%y %I:%M %p", "3/4/26 13:05 PM", None),
    ],
)
def test_a_format_catches_what_it_says_and_nothing_else(
    date_format: str, text: str, expected: datetime | None
) -> None:
    assert caught(date_format, text)[0] == expected


def test_a_format_catches_the_offset() -> None:
    local, offset, _ = caught("%d.%m.%Y %H:%M %z", "4.3.2026 10:20 -0530")
    assert (local, offset) == (datetime(2026, 3, 4, 10, 20), -330)  # noqa: DTZ001


def test_digits_beyond_microseconds_are_noticed_unless_they_are_zeros() -> None:
    assert caught("%d.%m.%Y %H:%M:%S.%f", "4.3.2026 10:20:30.1234567")[2]
    assert not caught("%d.%m.%Y %H:%M:%S.%f", "4.3.2026 10:20:30.1234560")[2]


@pytest.mark.parametrize(
    ("date_format", "why"),
    [
        ("%d.%m", "lacks the day, the month or the year"),
        ("%G-W%V", "%G is not known"),
        ("%d.%m.%Y %", "% is not known"),
        ("%d.%d.%m.%Y", "stands twice"),
        ("%d.%m.%Y %y", "in two ways"),
        ("%d.%m.%Y %I:%M", "%I needs %p"),
        ("%d.%m.%Y %H:%S", "%S needs %M"),
    ],
)
def test_an_unusable_format_is_a_fault_of_the_configuration(date_format: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        translate(date_format)
