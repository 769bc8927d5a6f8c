from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.reader.ahead import work_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


@given(st.lists(st.integers(), max_size=20))
def test_what_is_made_comes_in_the_order_of_the_things(things: list[int]) -> None:
    assert list(work_ahead(str, things)) == [str(thing) for thing in things]


def test_no_more_is_made_than_is_soon_taken() -> None:
    taken = 0

    def things() -> Iterator[int]:
        nonlocal taken
        for number in range(100):
            taken += 1
            yield number

    made = work_ahead(str, things())
    assert next(made) == "0"
    assert taken == 3


def test_what_fails_stops_it_where_its_turn_comes() -> None:
    made = work_ahead(lambda number: 1 // number, [1, 1, 0, 1])
    assert [next(made), next(made)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(made)
    assert list(made) == []


def test_two_work_at_a_time() -> None:
    meeting = threading.Barrier(2, timeout=60)
    assert list(work_ahead(lambda _: meeting.wait() < 2, range(4))) == [True] * 4
