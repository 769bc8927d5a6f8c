"""Cells that are kept as they stand are read as the field's reader reads them, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.reader.cells import (
    MAX_NAME,
    read_descriptions,
    read_identities,
    read_lead_ids,
    read_names,
    read_trigger_ids,
)
from importer.reader.plain_cells import LINE, LINES, LISTED_ID, ONE_ID, read_plain
from importer.reader.validation import _read_keys, _read_words
from tests.reader.frames import cells, mixed_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from importer.reader.cells import Reading
    from importer.reader.plain_cells import Plain

ID = "3f2b8c1e-5d4a-4b6f-9c0d-7e8f9a0b1c2d"
OTHER = "0a000000-0000-4000-8000-00000000000b"
FIELDS = [
    (ONE_ID, read_lead_ids),
    (LISTED_ID, read_trigger_ids),
    (LINE, read_names),
    (LINES, read_descriptions),
    (LINE, read_identities),
    (ONE_ID, _read_keys),
    (LINE, _read_words),
]
PLAIN = [ID, OTHER, "Tea", "Green tea, 5 kg", "=1+1", "a\nb"]
OTHERS = [
    *(ID.upper(), f"{{{ID}}}", f"{ID};{OTHER}", f"{ID} ", f"{ID}\n", f"\u200b{ID}", ";"),
    *("", " ", "\u00a0", "a  b", " a", "a ", "a\tb", "a\r\nb", "a\x00b", "a\x7fb", "a\u2028b"),
    *("Cafe\u0301", "Café", "#N/A", "#1", "x" * MAX_NAME, "x" * (MAX_NAME + 1)),
    *("12345678901234567890", "{x}"),
]
texts = st.sampled_from([*PLAIN, *PLAIN, *OTHERS]) | st.none() | st.text(max_size=5)
kinds = st.sampled_from([None, None, None, "text", "text", "number", "date", "error", "formula"])


@pytest.mark.parametrize(("plain", "read"), FIELDS)
@given(st.lists(st.tuples(texts, kinds), max_size=8))
@example([(text, None) for text in [*PLAIN, *PLAIN, *PLAIN, *OTHERS]])
@example([(ID, None), (None, None), (None, None), ("x", None)])
@example([(ID, "text"), (ID, "number"), ("Tea", "text"), ("Tea", "error"), (None, "formula")])
def test_a_mostly_plain_column_is_read_as_cell_by_cell(
    plain: Plain,
    read: Callable[[pl.DataFrame], Reading],
    column: list[tuple[str | None, str | None]],
) -> None:
    frame = mixed_cells(column)
    quickly, slowly = read_plain(frame, plain, read), read(frame)
    assert quickly.cells.schema == slowly.cells.schema
    assert quickly.cells.rows() == slowly.cells.rows()


def test_only_what_is_not_plain_is_looked_at() -> None:
    seen: list[str] = []

    def read(some: pl.DataFrame) -> Reading:
        seen.extend(some["text"])
        return read_names(some)

    read_plain(cells("Tea", None, " Tea", "Green tea", "Café"), LINE, read)
    assert seen == [" Tea", "Café"]
