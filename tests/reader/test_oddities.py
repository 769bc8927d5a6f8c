"""A file with cells that are hardly meant as they stand → what the plan says of them."""

from __future__ import annotations

import pytest

from importer.config import Config
from importer.reader.columns import match_columns
from importer.reader.oddities import Oddities, find_oddities, note_oddities
from tests.reader.frames import in_pieces, table

LEAD = "3f2b8c1e-5d4a-4b6f-9c0d-7e8f9a0b1c2d"


def odd(
    columns: dict[str, list[str | None]], currency: str = "", identity: tuple[str, ...] = ()
) -> list[str]:
    rows = len(next(iter(columns.values())))
    named: dict[str, list[str | None]] = {
        "lead": [LEAD] * rows,
        "product": ["Tea"] * rows,
        "price": ["1"] * rows,
    }
    source = table(named | columns)
    config = Config()
    found = match_columns(source.headers, config.columns, config.rules.required, identity)
    oddities = sum((find_oddities(piece, found) for piece in in_pieces(source)), Oddities())
    notes = [*note_oddities(oddities, source, found, currency)]
    assert not any("SECRET" in note.told for note in notes)
    return [note.shown for note in notes]


@pytest.mark.parametrize("word", ["NULL", "\\N", "nan", "<NA>"])
def test_what_databases_write_for_nothing_is_told(word: str) -> None:
    assert odd({"product": ["Tea", word, "Null-Bock", word]}) == [
        (
            "In 2 rows “product” (B) is sent as it stands: empty what means nothing, for example "
            f"row 3: {word}."
        )
    ]
    assert odd({"remark": [word]}) == []


def test_letters_that_were_lost_earlier_are_told() -> None:
    assert odd({"description": ["Tea", None, "Caf\ufffd SECRET"]}) == [
        (
            "In 1 row “description” (D) has \ufffd where an earlier program has lost letters, for "
            "example row 4: Caf\ufffd SECRET."
        )
    ]


@pytest.mark.parametrize("header", ["Currency", "currency_code", "Amount Currency", "Währung"])
def test_a_column_that_names_several_currencies_is_told(header: str) -> None:
    assert odd({header: ["EUR", None, "usd ", "USD", "?"]}) == [
        (
            f"“{header}” (D) names several currencies (row 2: EUR, row 4: usd ), but only the "
            "number of an amount is sent, and Keen takes it in the channel's currency."
        )
    ]


def test_a_column_that_names_another_currency_than_the_configured_one_is_told() -> None:
    assert odd({"Currency": ["EUR", "€"]}, "EUR") == []
    assert odd({"Currency": ["$"]}, "USD") == []
    assert odd({"Currency": ["EUR", "USD"]}, "EUR") == [
        (
            "“Currency” (D) names others than EUR (row 3: USD), but only the number of an amount "
            "is sent, and Keen takes it in the channel's currency."
        )
    ]


def test_one_currency_and_columns_of_other_names_are_no_matter() -> None:
    assert odd({"Currency": ["EUR", "eur", None]}) == []
    assert odd({"Country": ["ALL", "CUP", "EUR"]}) == []


def test_order_numbers_that_became_floats_are_told() -> None:
    orders: list[str | None] = ["10045.0", None, "10046.0", "10047", "1.0.0"]
    assert odd({"Order": orders}) == []
    assert odd({"price": ["1.0"]}, identity=("price",)) == []
    (told,) = odd({"Order": orders}, identity=("Order",))
    assert told == (
        "In 2 rows “Order” (D) is a number with .0 behind: without that it would be another "
        "purchase, for example row 2: 10045.0."
    )
