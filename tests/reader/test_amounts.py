from __future__ import annotations

import re
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.config import FormatSection, RulesSection
from importer.reader.amount_style import _weigh, prove_style, weigh_amounts
from importer.reader.amounts import _read, read_amounts
from importer.reader.evidence import Evidence
from tests.reader.frames import cells, mixed_cells, shown, values

if TYPE_CHECKING:
    from importer.reader.cells import Reading
    from importer.reader.notes import Note

AUTO = FormatSection()
SIGNED = RulesSection(allow_negative=True)
CANONICAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")


def read(*texts: str | None, kind: str | None = None, decimal: str = "auto") -> list[object]:
    layout = FormatSection.model_validate({"decimal": decimal})
    return values(read_amounts(cells(*texts, kind=kind), layout, SIGNED))


def in_pieces(
    column: pl.DataFrame, layout: FormatSection, rules: RulesSection
) -> tuple[list[tuple[object, ...]], tuple[Note, ...]]:
    """Return what two rows at a time are read as, and the notes."""
    pieces = [*column.iter_slices(2)]
    weighed = (weigh_amounts(piece, layout, rules) for piece in pieces)
    style = prove_style(sum(weighed, Evidence()), layout)
    read = [read_amounts(piece, layout, rules, style).cells.rows() for piece in pieces]
    return [*chain.from_iterable(read)], style.notes


def read_with(rules: RulesSection, column: pl.DataFrame) -> Reading:
    return read_amounts(column, AUTO, rules)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1234.5", "1234.5"),
        ("1234.50", "1234.5"),
        ("1,234.50", "1234.5"),
        ("1.234,50", "1234.5"),
        ("1 234,50", "1234.5"),
        ("1\u00a0234,50", "1234.5"),
        ("1\u202f234.50", "1234.5"),
        ("1'234.50", "1234.5"),
        ("1\u2019234\u2019567,5", "1234567.5"),
        ("12,3", "12.3"),
        ("1,2", "1.2"),
        ("0,125", "too-many-decimals"),
        ("0.120", "0.12"),
        ("1234.120", "1234.12"),
        (".5", "0.5"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("1 234 567", "1234567"),
        ("1200", "1200"),
        ("007", "7"),
        ("0", "0"),
        ("0.00", "0"),
        ("-0", "0"),
        ("\u20ac 12", "12"),
        ("\u20ac12.50", "12.5"),
        ("12\u20ac", "12"),
        ("12 EUR", "12"),
        ("R$ 1.234,50", "1234.5"),
        ("1 234,50 z\u0142", "1234.5"),
        ("-12,50\u00a0K\u010d", "-12.5"),
        ("1.234,50 kr.", "1234.5"),
        ("kr 12", "12"),
        ("Fr. 12.50", "12.5"),
        ("US$12", "12"),
        ("(A$12)", "-12"),
        ("USD 12", "12"),
        ("usd12", "12"),
        ("$12", "12"),
        ("$1,200.00", "1200"),
        ("(12.00)", "-12"),
        ("($12)", "-12"),
        ("$(12)", "-12"),
        ("-12", "-12"),
        ("12-", "-12"),
        ("\u221212", "-12"),
        ("-\u20ac12", "-12"),
        ("\u20ac -12", "-12"),
        ("12- EUR", "-12"),
        ("+12", "12"),
        (" \ufeff12\u200b ", "12"),
        ("123456789012.34", "123456789012.34"),
    ],
)
def test_an_amount_that_can_be_read_in_one_way_is_read(text: str, amount: str) -> None:
    assert read(text) == [amount]


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "1e5",
        "1E5",
        "NaN",
        "inf",
        "-Infinity",
        "1_000",
        "\uff11\uff12",
        "\u0661\u0662",
        "0x10",
        "12.",
        "5,",
        "1..2",
        "1.2.3",
        "12,34.5",
        "1,23,456",
        "1,2345,678",
        "1234,567.8",
        "1.234.56",
        "0,123,456",
        "1,234 567",
        "1 234,567.8",
        "1'23",
        "1  234",
        "1\t234",
        "12\n34",
        "12 34",
        "--12",
        "-12-",
        "(-12)",
        "(12",
        "12)",
        "((12))",
        "+-12",
        "12+",
        "12 - 15",
        "12/2",
        "12%",
        "12 PCS",
        "12 R",
        "12 KR",
        "R$ 12 BRL",
        "12 US",
        "kr.",
        "5 MIO",
        "12k",
        "\u20ac",
        "-",
        "EUR",
        "\u20ac 12 EUR",
        "12 EUR 5",
        "TRUE",
        "2026-03-04",
        "\u201312",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    assert read(text) == ["not-an-amount"]


@pytest.mark.parametrize(
    ("texts", "read_as"),
    [
        # Nothing proves anything: plain numbers, groups of blanks and garbage are no evidence.
        (["1,234"], ["ambiguous-amount"]),
        (["1.234", "12", "1 234", "x", "12,34.5"], ["ambiguous-amount", "12", "1234", None, None]),
        (["12.500", "-999,120", "\u20ac 1.500"], ["ambiguous-amount"] * 3),
        # One cell that can only be read in one way decides, wherever it stands.
        (["1.234", "1.234,50"], ["1234", "1234.5"]),
        (["1,5", "1.234"], ["1.5", "1234"]),
        (["1,234", "12.50"], ["1234", "12.5"]),
        (["1,234", "1,234,567"], ["1234", "1234567"]),
        # One such cell among thousands may be a slip: three decimals are more than amounts have.
        (["1.200", "2.500", "12.50"], ["ambiguous-amount", "ambiguous-amount", "12.5"]),
        (["1,200", "12,50", "1,200,000"], ["ambiguous-amount", "12.5", "1200000"]),
        (["-1.200 EUR", "0.5"], ["ambiguous-amount", "0.5"]),
        # Where another cell has three decimals too, that is how the column is written.
        (["12.500", "0.750", "7.5"], ["12.5", "0.75", "7.5"]),
        (["12,500", "1234,120"], ["12.5", "1234.12"]),
        (["12.500", "0.755", "7.5"], ["ambiguous-amount", "too-many-decimals", "7.5"]),
        # Evidence for both: each plain cell is read as it must be, the others are refused.
        (["1.234", "1.5", "1,5"], ["ambiguous-amount", "1.5", "1.5"]),
        # A refused cell proves nothing, but it can contradict.
        (["2.500", "3.14159"], ["ambiguous-amount", "too-many-decimals"]),
        (["2.500", "3.14159", "1,5"], ["ambiguous-amount", "too-many-decimals", "1.5"]),
    ],
)
def test_the_column_itself_proves_the_decimal_sign(
    texts: list[str], read_as: list[str | None]
) -> None:
    expected = [value if value is not None else "not-an-amount" for value in read_as]
    assert read(*texts) == expected


def test_an_ambiguous_amount_shows_both_readings() -> None:
    reading = read_amounts(cells("1,234", "-1.500"), AUTO, SIGNED)
    assert reading.cells["detail"].to_list() == ["1234 or 1.234", "-1.5 or -1500"]
    (note,) = shown(reading.notes)
    assert note == (
        "Nothing proves the decimal sign, and 2 ambiguous amounts are refused, for example "
        "row 2: 1,234."
    )


def test_the_note_names_the_proof() -> None:
    reading = read_amounts(cells("12", "1.234", "1.234,50", "7,5"), AUTO, SIGNED)
    assert shown(reading.notes) == (
        'Amounts read with "," as the decimal sign, proven by row 4: 1.234,50.',
    )


def test_thousands_that_one_cell_would_make_decimals_are_told() -> None:
    reading = read_amounts(cells("12.50", "1.200", "2.500"), AUTO, SIGNED)
    assert reading.cells["detail"].to_list() == [None, "1.2 or 1200", "2.5 or 2500"]
    assert shown(reading.notes) == (
        'Amounts read with "." as the decimal sign, proven by row 2: 12.50.',
        "Amounts such as row 3: 1.200 are refused: their three last digits may be thousands.",
    )


def test_three_decimals_that_are_allowed_are_no_thousands() -> None:
    assert values(read_with(RulesSection(max_decimals=3), cells("1.234", "0.5"))) == [
        "1.234",
        "0.5",
    ]


@pytest.mark.parametrize(
    ("decimal", "texts", "read_as"),
    [
        (".", ["1,234", "1.5", "1.234,50", "1,5"], ["1234", "1.5", None, None]),
        (",", ["1.234", "1,5", "1,234.50", "1.5"], ["1234", "1.5", None, None]),
        (",", ["12,500", "12"], ["12.5", "12"]),
    ],
)
def test_a_configured_decimal_sign_needs_no_proof_and_takes_nothing_else(
    decimal: str, texts: list[str], read_as: list[str | None]
) -> None:
    expected = [value if value is not None else "not-an-amount" for value in read_as]
    assert read(*texts, decimal=decimal) == expected


@pytest.mark.parametrize("decimal", ["auto", ".", ","])
def test_a_workbook_number_has_a_point_whatever_the_texts_have(decimal: str) -> None:
    texts = ["1234.5", "-7", "1.25", "1.234", "33.3333333", "1,234"]
    assert read(*texts, kind="number", decimal=decimal) == [
        "1234.5",
        "-7",
        "1.25",
        "too-many-decimals",
        "too-many-decimals",
        "not-an-amount",
    ]


def test_workbook_numbers_are_no_proof_for_texts() -> None:
    column = cells("1234.5", kind="number").vstack(cells("1.234", kind="text"))
    assert values(read_amounts(column, AUTO, SIGNED)) == ["1234.5", "ambiguous-amount"]


@pytest.mark.parametrize("kind", ["boolean", "date", "time"])
def test_other_kinds_are_no_amounts(kind: str) -> None:
    assert read("12", kind=kind) == ["not-an-amount"]


@pytest.mark.parametrize(
    ("rules", "text", "value"),
    [
        (RulesSection(), "12.345678", "too-many-decimals"),
        (RulesSection(), "12.34", "12.34"),
        (RulesSection(max_decimals=0), "12.0", "12"),
        (RulesSection(max_decimals=0), "12.1", "too-many-decimals"),
        (RulesSection(max_decimals=6), "0.123456", "0.123456"),
        (RulesSection(), "1234567890123.45", "1234567890123.45"),
        (RulesSection(), "12345678901234.56", "amount-too-precise"),
        (RulesSection(), "1000000000000000", "amount-too-precise"),
        (RulesSection(), "-0.01", "negative-amount"),
        (RulesSection(), "(5)", "negative-amount"),
        (RulesSection(max_amount=Decimal(100)), "100.00", "100"),
        (RulesSection(max_amount=Decimal(100)), "100.01", "amount-too-large"),
        (RulesSection(max_amount=Decimal("0.0000001")), "0.01", "amount-too-large"),
        (RulesSection(max_amount=Decimal("1e40")), "99999999999999", "99999999999999"),
        (RulesSection(max_amount=Decimal(100), allow_negative=True), "-101", "amount-too-large"),
    ],
)
def test_the_rules_hold_and_nothing_is_rounded(rules: RulesSection, text: str, value: str) -> None:
    assert values(read_with(rules, cells(text))) == [value]


def test_currencies_that_differ_within_the_column_are_refused() -> None:
    reading = read_with(RulesSection(), cells("$12", "12 EUR", "\u20ac 7", "5", "xx CHF"))
    assert values(reading) == [*["mixed-currencies"] * 3, "5", "not-an-amount"]
    assert reading.cells["detail"].to_list()[:3] == ["$, EUR"] * 3


def test_local_names_of_currencies_are_held_against_codes() -> None:
    assert values(read_with(RulesSection(), cells("12 z\u0142", "12 PLN", "7"))) == [
        "12",
        "12",
        "7",
    ]
    mixed = read_with(RulesSection(), cells("12 z\u0142", "R$ 7"))
    assert mixed.cells["detail"].to_list() == ["BRL, PLN"] * 2
    krone = read_amounts(cells("12 kr", "7 US$"), FormatSection(currency="SEK"), SIGNED)
    assert values(krone) == ["12", "wrong-currency"]


def test_one_currency_in_two_spellings_is_one_and_is_told() -> None:
    reading = read_with(RulesSection(), cells("12 eur", "\u20ac 7", "5"))
    assert values(reading) == ["12", "7", "5"]
    assert "currency EUR (row 2: 12 eur)" in reading.notes[0].shown


def test_a_currency_may_be_named_by_anything_that_a_number_format_holds() -> None:
    frame = mixed_cells([("12", "number")]).with_columns(shown=pl.lit("{x}"))
    assert "currency {x} (row 2: 12)" in read_with(RulesSection(), frame).notes[0].shown


AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)


@st.composite
def spellings(draw: st.DrawFn, decimal: str) -> tuple[Decimal, str]:
    """Draw an amount and one of the ways in which people write it with this decimal sign."""
    amount = draw(AMOUNTS)
    gap = draw(st.sampled_from(["", "," if decimal == "." else ".", "'", " ", "\u00a0", "\u202f"]))
    digits = f"{abs(amount):,.2f}".replace(".", "#").replace(",", gap).replace("#", decimal)
    short = draw(st.booleans())
    if short:
        digits = digits.rstrip("0").rstrip(decimal)
    signs = ["-{}", "{}-", "\u2212{}", "({})"] if amount < 0 else ["{}", "+{}"]
    frames = ["{}", "\u20ac {}", "{} EUR", " {}\u00a0", "\u20ac{}"]
    return amount, draw(st.sampled_from(frames)).format(draw(st.sampled_from(signs)).format(digits))


@given(st.sampled_from([".", ","]), st.data())
def test_any_amount_in_any_spelling_is_read_as_itself_where_the_column_has_proof(
    decimal: str, data: st.DataObject
) -> None:
    written = data.draw(st.lists(spellings(decimal), min_size=1, max_size=8))
    proof = f"0{decimal}5"
    read_values = read(*(text for _, text in written), proof)
    assert read_values[-1] == "0.5"
    for (amount, text), value in zip(written, read_values, strict=False):
        assert CANONICAL.fullmatch(str(value)), text
        assert Decimal(str(value)) == amount


@given(st.lists(st.one_of(spellings("."), spellings(",")), min_size=1, max_size=8))
def test_without_proof_an_amount_is_read_as_itself_or_refused(
    written: list[tuple[Decimal, str]],
) -> None:
    refusals = {"ambiguous-amount", "mixed-currencies", "too-many-decimals"}
    for amount, text in written:
        (value,) = read(text)
        assert value in refusals or Decimal(str(value)) == amount


@given(st.text(alphabet="0123456789.,' -()$", max_size=12))
def test_what_is_read_has_the_digits_that_stand_there(text: str) -> None:
    (value,) = read(text)
    if value is not None and CANONICAL.fullmatch(str(value)):
        digits = re.sub("[^0-9]", "", str(value)).strip("0")
        assert digits in re.sub("[^0-9]", "", text)
        assert ("-" in str(value)) <= any(sign in text for sign in "-(")


ANY = RulesSection()
COLUMN = st.sampled_from(
    [
        *("5", "12.50", "12.5", "0.10", "007", "00.5", "0", "0.00", "10", "100"),
        *("1,234.50", "1.234,50", "1.234", "1,234", "5,5", "12.345", "(7)", "-3", "x", "", "#N/A"),
        *("\u20ac 5", "5 USD", "$7", "9999999999999", None),
    ]
) | st.from_regex(r"\A([0-9]{1,13}|[0-9]{1,3}([.,][0-9]{3}){1,4})([.,][0-9]{1,3})?\Z")
KINDS = st.sampled_from([None, None, None, "text", "number", "number", "date", "formula"])


@given(
    column=st.lists(st.tuples(COLUMN, KINDS), max_size=10),
    decimal=st.sampled_from(["auto", ".", ","]),
    currency=st.sampled_from(["", "EUR"]),
    rules=st.builds(
        RulesSection,
        max_decimals=st.integers(0, 4),
        max_amount=st.sampled_from([0, 100]),
        allow_negative=st.booleans(),
    ),
)
@example(
    column=[("12", None), ("5", None), ("1,234", None)], decimal="auto", currency="", rules=ANY
)
@example(
    column=[("5.5", None), ("5", None), ("1,234", None)], decimal="auto", currency="", rules=ANY
)
@example(
    column=[("5.5", "number"), ("5", None), ("1,2", None)], decimal="auto", currency="", rules=ANY
)
def test_a_mostly_simple_column_and_its_pieces_are_read_as_cell_by_cell(
    column: list[tuple[str | None, str | None]], decimal: str, currency: str, rules: RulesSection
) -> None:
    frame = mixed_cells(column)
    layout = FormatSection.model_validate({"decimal": decimal, "currency": currency})
    style = prove_style(_weigh(frame, layout, rules), layout)
    quickly, slowly = read_amounts(frame, layout, rules), _read(frame, layout, rules, style)
    assert quickly.cells.schema == slowly.cells.schema
    assert quickly.cells.rows() == slowly.cells.rows()
    assert quickly.notes == slowly.notes
    assert in_pieces(frame, layout, rules) == (quickly.cells.rows(), quickly.notes)
