"""calamine's values → text and kind."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.reader.sheet_values import read_value, spell_number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1001.0, "1001"),
        (0.1 + 0.2, "0.3"),
        (1.1 * 1.1, "1.21"),
        (4.35 * 100, "435"),
        (0.1 + 0.7, "0.8"),
        (-19.99, "-19.99"),
        (-0.0, "0"),
        (1e-7, "0.0000001"),
        (1.5e-10, "0.00000000015"),
        (1e21, "1000000000000000000000"),
        (9007199254740991.0, "9007199254740991"),
        (123456789012345.6, "123456789012345.6"),
        (12345678901234.56, "12345678901234.56"),
        (1 / 3, "0.3333333333333333"),
    ],
)
def test_a_number_has_its_digits_and_no_noise(value: float, text: str) -> None:
    assert spell_number(value) == text


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3
    )
)
def test_a_number_of_15_digits_is_spelt_as_it_was_typed(number: Decimal) -> None:
    assert Decimal(spell_number(float(number))) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_has_an_exponent_or_differs_by_more_than_noise(value: float) -> None:
    text = spell_number(value)
    assert "e" not in text.lower()
    assert float(text) == pytest.approx(value, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("", (None, None)),
        (" ", (" ", "text")),
        (7, ("7", "number")),
        (float("nan"), ("#NUM!", "error")),
        (True, ("TRUE", "boolean")),
        (dt.date(2026, 3, 4), ("2026-03-04", "date")),
        (dt.datetime(2026, 3, 4), ("2026-03-04", "date")),  # noqa: DTZ001 - a sheet has no zones
        (dt.datetime(2026, 3, 4, 1, 2, 3, 500_000), ("2026-03-04T01:02:03.500000", "date")),  # noqa: DTZ001
        (dt.time(10, 20, 30), ("10:20:30", "time")),
        (dt.timedelta(days=1, hours=6), ("30:00:00", "time")),
        (dt.timedelta(minutes=-90), ("-1:30:00", "time")),
    ],
)
def test_a_value_has_the_text_and_kind_of_its_type(
    value: str | float | dt.date | dt.time | dt.timedelta, cell: tuple[str | None, str | None]
) -> None:
    assert read_value(value) == cell
