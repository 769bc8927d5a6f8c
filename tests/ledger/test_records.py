from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.ledger.records import (
    is_uuid,
    pack_instant,
    pack_uuid,
    storable,
    unpack_instant,
    unpack_uuid,
)

if TYPE_CHECKING:
    from uuid import UUID


@given(st.datetimes(timezones=st.timezones()))
def test_instants_keep_every_microsecond(instant: datetime) -> None:
    assert unpack_instant(pack_instant(instant)) == instant.astimezone(UTC)


def test_a_time_without_a_zone_is_a_bug() -> None:
    with pytest.raises(TypeError):
        pack_instant(datetime(2026, 3, 4))  # noqa: DTZ001


@given(st.uuids())
def test_keys_keep_every_bit(key: UUID) -> None:
    assert unpack_uuid(pack_uuid(str(key))) == str(key)
    assert pack_uuid(str(key)) == key.bytes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0E984725-C51C-4BF4-9960-E1C80E27ABA0",
        "{0e984725-c51c-4bf4-9960-e1c80e27aba0}",
        "0e984725c51c4bf49960e1c80e27aba0",
        "0e984725-c51c-4bf4-9960-e1c80e27aba0\n",
        "\u0660e984725-c51c-4bf4-9960-e1c80e27aba0",
    ],
)
def test_another_spelling_of_a_key_is_no_key(text: str) -> None:
    assert not is_uuid(text)
    with pytest.raises(ValueError, match="not a lower-case UUID"):
        pack_uuid(text)


@given(st.text())
def test_text_that_utf_8_can_hold_is_stored_as_it_is(text: str) -> None:
    assert storable(text) == text
