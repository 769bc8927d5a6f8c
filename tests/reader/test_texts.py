"""reader.texts: patterns filled by columns, however these are stored."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.reader.texts import fill

PACKAGE = Path(__file__).resolve().parent.parent.parent / "importer"


@given(st.lists(st.lists(st.tuples(st.none() | st.text(max_size=3), st.booleans()), max_size=3)))
def test_a_column_fills_a_pattern_in_whatever_chunks_it_comes(
    chunks: list[list[tuple[str | None, bool]]],
) -> None:
    schema = pl.Schema({"text": pl.String, "kept": pl.Boolean, "number": pl.Int64})
    frames = [
        pl.DataFrame([(text, kept, 7) for text, kept in chunk], schema=schema, orient="row")
        for chunk in chunks
    ]
    rows = pl.concat([pl.DataFrame(schema=schema), *frames], rechunk=False).filter("kept")
    kept = [text for chunk in chunks for text, kept in chunk if kept]
    filled = rows.select(fill("<{}|{}>", "text", pl.col("number"))).to_series()
    assert filled.to_list() == [None if text is None else f"<{text}|7>" for text in kept]


def test_a_pattern_takes_as_many_parts_as_it_has_places() -> None:
    with pytest.raises(ValueError, match="zip"):
        fill("{} and {}", "text")


def test_nothing_fills_patterns_in_the_way_that_panics() -> None:
    written = {path.name for path in PACKAGE.rglob("*.py") if "pl.format(" in path.read_text()}
    assert written == set()
