"""Options that are read, not only taken: amounts and the batch label."""

from __future__ import annotations

from decimal import Decimal

import pytest
import typer

from importer.options import parse_amount, parse_batch


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2954.50", "2954.50"), ("2,954.50", "2954.50"), ("-1,234,567", "-1234567"), ("0", "0")],
)
def test_an_amount_is_taken_as_the_plan_spells_it(text: str, amount: str) -> None:
    assert parse_amount(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["1e3", "1.234,50", "12,34", "١٢", "1_000", "NaN", "", " 1"])
def test_an_amount_in_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_amount(text)


@pytest.mark.parametrize("text", ["March 2026", " march  2026 ", "MARCH\t2026"])
def test_a_slip_in_the_spelling_of_a_batch_is_no_other_batch(text: str) -> None:
    assert parse_batch(text) == "march 2026"


@pytest.mark.parametrize("text", ["a\x00b", "x" * 101])
def test_a_batch_that_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_batch(text)
