"""What can be wrong with a cell: a closed set of codes, and for each what to tell people. Pure."""

from __future__ import annotations

import enum
from typing import Final

from importer.reader.id_shapes import describe_spoilt_id

SHOWN_CHARACTERS: Final = 80
"""How much of a cell is quoted: enough to find it, too little to flood a log."""


class FaultCode(enum.StrEnum):
    """Why a cell makes its row invalid; `keen_error_code` shows these."""

    MISSING = "missing"
    ERROR_CELL = "error-cell"
    FORMULA_WITHOUT_VALUE = "formula-without-value"
    ID_IS_NUMBER = "id-is-number"
    NOT_A_UUID = "not-a-uuid"
    NOT_TEXT = "not-text"
    CONTROL_CHARACTER = "control-character"
    TOO_LONG = "too-long"
    NOT_AN_AMOUNT = "not-an-amount"
    AMBIGUOUS_AMOUNT = "ambiguous-amount"
    MIXED_CURRENCIES = "mixed-currencies"
    WRONG_CURRENCY = "wrong-currency"
    TOO_MANY_DECIMALS = "too-many-decimals"
    AMOUNT_TOO_PRECISE = "amount-too-precise"
    NEGATIVE_AMOUNT = "negative-amount"
    AMOUNT_TOO_LARGE = "amount-too-large"
    NOT_A_DATE = "not-a-date"
    AMBIGUOUS_DATE = "ambiguous-date"
    TWO_DIGIT_YEAR = "two-digit-year"
    DATE_IS_NUMBER = "date-is-number"
    DATE_OUT_OF_RANGE = "date-out-of-range"
    DATE_TOO_PRECISE = "date-too-precise"
    LOCAL_TIME_MISSING = "local-time-missing"
    LOCAL_TIME_AMBIGUOUS = "local-time-ambiguous"


EXPLANATIONS: Final[dict[FaultCode, tuple[str, str]]] = {
    FaultCode.MISSING: ("is empty", "fill it in, this field is required"),
    FaultCode.ERROR_CELL: (
        "is a spreadsheet error",
        "mend the formula, or put the value in its place",
    ),
    FaultCode.FORMULA_WITHOUT_VALUE: (
        "is a formula whose result was never saved",
        "open the file in a spreadsheet program and save it, or put the value in its place",
    ),
    FaultCode.ID_IS_NUMBER: (
        "is an id stored as a number, which loses zeros and digits",
        "format the column as text and paste the ids again",
    ),
    FaultCode.NOT_A_UUID: (
        "is not a UUID",
        "write it like 3f2b8c1e-5d4a-4b6f-9c0d-7e8f9a0b1c2d, several trigger ids with ; between",
    ),
    FaultCode.NOT_TEXT: (
        "was stored as a date, a time or TRUE/FALSE",
        "format the cell as text and type it again",
    ),
    FaultCode.CONTROL_CHARACTER: (
        "holds a line break or another control character",
        "remove it; a quote that is never closed in a CSV also looks like this",
    ),
    FaultCode.TOO_LONG: ("is too long", "shorten it"),
    FaultCode.NOT_AN_AMOUNT: ("is not an amount", "write it like 1234.50"),
    FaultCode.AMBIGUOUS_AMOUNT: (
        "can be read as two amounts, and the column proves neither",
        'write it like 1234.00, or set format.decimal to "." or ","',
    ),
    FaultCode.MIXED_CURRENCIES: (
        "carries a currency, and the column names several",
        "Keen takes one currency a channel: import each currency from a file of its own",
    ),
    FaultCode.WRONG_CURRENCY: (
        "carries another currency than format.currency",
        "import it in a channel of its currency, or correct the cell",
    ),
    FaultCode.TOO_MANY_DECIMALS: (
        "has too many decimals",
        "round it as you see fit; amounts are never rounded here",
    ),
    FaultCode.AMOUNT_TOO_PRECISE: (
        "has more than 15 digits",
        "no JSON number carries them safely; write a shorter amount",
    ),
    FaultCode.NEGATIVE_AMOUNT: (
        "is negative",
        "write a positive amount, or set rules.allow_negative = true",
    ),
    FaultCode.AMOUNT_TOO_LARGE: (
        "is beyond rules.max_amount",
        "correct the amount, or raise the limit",
    ),
    FaultCode.NOT_A_DATE: (
        "is not a date",
        "write a day that exists like 2026-03-04 or 2026-03-04T10:20:30Z, or set format.dates",
    ),
    FaultCode.AMBIGUOUS_DATE: (
        "can be read as two dates, and the column proves neither",
        'write it like 2026-03-04, or set format.dates, for example to ["%d/%m/%Y"]',
    ),
    FaultCode.TWO_DIGIT_YEAR: ("has a year of two digits", "write the year with four digits"),
    FaultCode.DATE_IS_NUMBER: (
        "is a number, not a date",
        "format the cell as a date, or write it like 2026-03-04",
    ),
    FaultCode.DATE_OUT_OF_RANGE: (
        "is outside the years 2000 to 2100, or to 2099 where it is a local time",
        "correct the year",
    ),
    FaultCode.DATE_TOO_PRECISE: (
        "is finer than a microsecond",
        "write at most six digits after the seconds",
    ),
    FaultCode.LOCAL_TIME_MISSING: (
        "is a time that the clocks skipped",
        "write it with its offset, like 2026-03-29T02:30:00+01:00",
    ),
    FaultCode.LOCAL_TIME_AMBIGUOUS: (
        "is a time that the clocks showed twice",
        "write it with its offset, like 2026-10-25T02:30:00+01:00",
    ),
}
"""Code → what is wrong with the cell, and what would be right."""


def explain(code: FaultCode, place: str, text: str | None, detail: str | None) -> str:
    """Return the sentence for one faulty cell: where it is, what stands there, what would be right.

    `detail` is what only this cell can say, such as its two readings.
    """
    wrong, right = EXPLANATIONS[code]
    subject = f'"{show(text)}"' if text and text.strip() else "the cell"
    if code is FaultCode.NOT_A_UUID and text is not None:
        detail = detail or describe_spoilt_id(text)
    more = f" ({detail})" if detail else ""
    return f"{place}: {subject} {wrong}{more}; {right}."


def show(text: str) -> str:
    """Return a cell's text fit for one line: control characters escaped, long ones cut."""
    cut = text[:SHOWN_CHARACTERS] + ("…" if len(text) > SHOWN_CHARACTERS else "")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in cut
    )
