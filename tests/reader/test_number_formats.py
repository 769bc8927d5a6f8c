"""What a number format makes of a number: as calamine has it, and which currency it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from importer.reader.binary_cells import spell_serial
from importer.reader.number_formats import read_format
from importer.reader.sheet_values import read_value
from tests.reader.raw_workbook import MAIN, sheet_xml, workbook

if TYPE_CHECKING:
    from pathlib import Path

    from importer.reader.sheet_values import Cell

CODES = [
    *("General", "0", "0.00%", "d", '"d"0', "\\d0", "_d0", "*d0", "[h]:mm", "[hh]:mm:ss", "[mm]"),
    *("[ss].00", "[H]:mm", "[s]", "[hm]", "[h", "[Red]0", "[Magenta]0", "[>=100]0", "[DBNum1]0"),
    *("[$-409]d mmm", "[$-F800]dddd", "[$DKK]0", "[$€-407]0", "h:mm AM/PM", "A/P", "a", "am"),
    *("\\ad", "0;d", "General;d", "e", "ggge", "b", "yyyy", "mm:ss.0", "0.00E+00", "@", "?/?"),
    *(
        '#,##0 "days"',
        '0 "x"d',
        '"a\\"d',
        "aaaa",
        "Standard",
        "00:00",
        "*",
        "\\",
        "_",
        '"',
        '"a_"d',
        '"a*"d',
    ),
    *('General "m"', "dd/mm/yyyy", "d. mmmm yyyy", '_-* #,##0.00\\ "€"_-', "$#,##0.00"),
]


def as_calamine_has_it(
    path: Path, formats: list[tuple[int, str | None]], *values: str
) -> list[Cell]:
    """Return what calamine makes of each value under each format, in the spelling of Table."""
    codes = "".join(
        f'<numFmt numFmtId="{number}" formatCode="{code.replace(chr(34), "&quot;")}"/>'
        for number, code in formats
        if code is not None
    )
    styles = "".join(f'<xf numFmtId="{number}"/>' for number, _ in formats)
    rows = "".join(
        f'<row r="{at}">'
        + "".join(f'<c s="{style}"><v>{value}</v></c>' for style in range(len(formats)))
        + "</row>"
        for at, value in enumerate(values, 1)
    )
    part = f"<styleSheet {MAIN}><numFmts>{codes}</numFmts><cellXfs>{styles}</cellXfs></styleSheet>"
    path.write_bytes(workbook(sheet_xml(rows), extra={"xl/styles.xml": part.encode()}))
    found = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    return [read_value(value) for row in found for value in row]


def test_the_same_formats_make_dates_and_durations_as_in_calamine(tmp_path: Path) -> None:
    formats = [*((number, None) for number in range(100)), *enumerate(CODES, 200)]
    kinds = {"number": "number", "percentage": "number", "date": "date", "duration": "time"}
    ours = [kinds[read_format(number, code).shows] for number, code in formats]
    theirs = as_calamine_has_it(tmp_path / "o.xlsx", formats, "44000.25")
    assert ours == [kind for _, kind in theirs]


SERIALS = st.one_of(
    st.floats(-10, 3_000_000),
    st.floats(0, 1),
    st.integers(-5, 3_000_000).map(float),
    st.integers(0, 86_399).map(lambda seconds: 46_085 + seconds / 86_400),
    st.sampled_from(
        [0.0, 59.0, 59.5, 60.0, 60.5, 61.0, 2_958_465.99999, 2_958_465.9999999995, 2_958_466.0, 1e7]
    ),
)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(SERIALS, min_size=1, max_size=40))
def test_a_number_is_the_moment_that_calamine_makes_of_it(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    path = tmp_path_factory.mktemp("xlsx") / "o.xlsx"
    theirs = as_calamine_has_it(path, [(22, None), (46, None)], *map(repr, values))
    ours = [
        spell_serial(value, is_1904=False, lasts=lasts)
        for value in values
        for lasts in (False, True)
    ]
    assert ours == theirs


@pytest.mark.parametrize(
    ("code", "currency"),
    [
        ("[$€-407] #,##0.00", "EUR"),
        ("#,##0.00 [$EUR]", "EUR"),
        ('"EUR" 0.00', "EUR"),
        ('#,##0.00" €"', "EUR"),
        ('_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-', "EUR"),
        ("$#,##0", "$"),
        ('_($* #,##0.00_);_($* \\(#,##0.00\\);_($* "-"??_);_(@_)', "$"),
        ("[$$-409]#,##0.00", "$"),
        ("[$R$-416] #,##0.00", "BRL"),
        ("#,##0.00 [$kr-41D]", "kr"),
        ("\\C\\H\\F 0.00", "CHF"),
        ('#,##0.00 "zł"', "PLN"),
        ("0.00;[Red]-0.00 [$USD]", "USD"),
        ("[$Gulden-413] 0", "Gulden"),
        ("General", None),
        ("#,##0.00", None),
        ('0 "pcs"', None),
        ("[$-409]0.00", None),
        ("[Red]0.00", None),
        ("0.00E+00", None),
        ("_€0.00", None),
    ],
)
def test_a_format_names_the_currency_that_it_shows(code: str, currency: str | None) -> None:
    assert read_format(164, code).currency == currency


def test_excels_own_money_formats_name_no_currency() -> None:
    assert {read_format(number, None).currency for number in range(60)} == {None}
