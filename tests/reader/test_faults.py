from __future__ import annotations

import re

from importer.reader.faults import EXPLANATIONS, SHOWN_CHARACTERS, FaultCode, explain, show


def test_every_code_is_kebab_case_and_has_an_explanation() -> None:
    assert set(EXPLANATIONS) == set(FaultCode)
    assert all(re.fullmatch(r"[a-z]+(?:-[a-z]+)*", code) for code in FaultCode)


def test_a_message_names_the_place_the_text_and_what_would_be_right() -> None:
    assert explain(FaultCode.AMBIGUOUS_AMOUNT, "Sheet1!D17", "1,234", "1234 or 1.234") == (
        'Sheet1!D17: "1,234" can be read as two amounts, and the column proves neither '
        '(1234 or 1.234); write it like 1234.00, or set format.decimal to "." or ",".'
    )
    assert explain(FaultCode.MISSING, "row 3, column Amount", None, None) == (
        "row 3, column Amount: the cell is empty; fill it in, this field is required."
    )


def test_a_quoted_cell_stays_on_one_line_and_short() -> None:
    assert show("a\nb\x00\u202ec") == r"a\nb\x00\u202ec"
    assert show("x" * 1000) == "x" * SHOWN_CHARACTERS + "…"
