"""A spoilt id is told by what a person has to mend."""

from __future__ import annotations

import pytest

from importer.reader.faults import FaultCode, explain
from importer.reader.id_shapes import describe_spoilt_id

ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (ID[:-1], "has 31 letters and digits instead of 32: 1 is missing"),
        (ID[3:], "has 29 letters and digits instead of 32: 3 are missing"),
        (ID + "0", "has 33 letters and digits instead of 32: 1 is too many"),
        (ID.replace("0", "O", 1), "has “O”, and an id has only 0 to 9, a to f and dashes"),
        (ID.replace("e", "e\u200b", 1), "has “U+200B”, and an id has only"),
        (ID.replace("-", ""), "has its dashes in other places"),
        (f"{ID}; {ID[:-2]}", f"{ID[:-2]} has 30 letters and digits instead of 32"),
        ("Anna Smith", None),
        ("12345", None),
        ("x" * 500, None),
        (ID, None),
        ("", None),
    ],
)
def test_a_spoilt_id_is_described(text: str, wrong: str | None) -> None:
    found = describe_spoilt_id(text)
    assert found == wrong or (wrong is not None and found is not None and found.startswith(wrong))


def test_the_message_says_it() -> None:
    assert explain(FaultCode.NOT_A_UUID, "Orders!A7", ID[:-1], None).startswith(
        f'Orders!A7: "{ID[:-1]}" is not a UUID (has 31 letters and digits instead of 32: '
    )
