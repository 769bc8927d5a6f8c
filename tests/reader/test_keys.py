"""Keys of columns are those of their rows, as texts and as numbers, and are found again."""

from __future__ import annotations

import hashlib
import uuid

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from importer.reader.keys import (
    PART_ROWS,
    add_keys,
    find_occurrences,
    make_key,
    make_keys,
    number_keys,
    number_packed,
    spell_keys,
)


@given(st.binary(min_size=32, max_size=32), st.integers(1, 10**6))
def test_a_key_is_a_lower_case_uuid_of_version_8(digest: bytes, occurrence: int) -> None:
    key = make_key(digest, occurrence)
    parsed = uuid.UUID(key)
    assert (str(parsed), parsed.version, parsed.variant) == (key, 8, uuid.RFC_4122)
    assert key != make_key(digest, occurrence + 1)


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.integers(1, 10**6)), max_size=5))
def test_the_keys_of_a_column_are_those_of_its_rows(rows: list[tuple[bytes, int]]) -> None:
    schema = {"content": pl.Binary(), "occurrence": pl.UInt32()}
    frame = pl.DataFrame(rows, schema=schema, orient="row")

    keys = [make_key(*row) for row in rows]
    assert add_keys(frame)["key"].to_list() == keys
    assert number_keys(frame).to_list() == [uuid.UUID(key).int for key in keys]


def test_keys_of_many_rows_in_several_chunks_are_those_of_its_rows() -> None:
    numbers = range(PART_ROWS + 7)
    occurrences = pl.Series([number % 3 + 1 for number in numbers], dtype=pl.UInt32)
    contents = [hashlib.sha256(b"%d" % number).digest() for number in numbers]
    many = pl.DataFrame({"content": contents, "occurrence": occurrences})
    frame = pl.concat([many.filter(pl.col("occurrence") > 3), many, many.head(5)], rechunk=False)

    assert make_keys(frame).to_list() == [make_key(*row) for row in frame.iter_rows()]


@given(st.lists(st.uuids()))
def test_a_packed_key_is_spelt_as_it_is_read(keys: list[uuid.UUID]) -> None:
    packed = pl.Series([key.bytes for key in keys], dtype=pl.Binary)

    assert spell_keys(number_packed(packed)).to_list() == [str(key) for key in keys]


@given(st.binary(min_size=32, max_size=32), st.sets(st.integers(1, 90)), st.integers(1, 70))
def test_a_key_is_found_at_its_occurrence_as_far_as_was_asked(
    digest: bytes, occurrences: set[int], up_to: int
) -> None:
    keys = {make_key(digest, number): number for number in occurrences}
    strange = [make_key(digest[::-1] + b"x", 1), make_key(digest, 1)[:8], ""]
    found = find_occurrences(digest, [*keys, *strange], up_to)
    assert found == {key: number for key, number in keys.items() if number <= up_to}
