"""An answer's headers are found by name, and none of several stands for all of them."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.sender.wire import Headers, Received, by_name

NAMES = st.sampled_from([b"X", b"x", b"Retry-After", b"retry-after", b"y"])


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ([], {}),
        ([(b"Retry-After", b"7")], {b"retry-after": b"7"}),
        ([(b"x", b"1"), (b"X", b"2"), (b"x", b"3")], {b"x": b"1, 2, 3"}),
        ([(b"x", b""), (b"y", b"z"), (b"X", b"")], {b"x": b", ", b"y": b"z"}),
    ],
)
def test_several_values_are_joined_in_their_order(
    headers: Headers, told: dict[bytes, bytes]
) -> None:
    assert by_name(headers) == told


@given(st.lists(st.tuples(NAMES, st.sampled_from([b"", b"1", b"a, b", b"\xe9"]))))
def test_a_header_is_what_httpx_finds(headers: list[tuple[bytes, bytes]]) -> None:
    received = Received(200, by_name(headers), b"")
    known = httpx.Headers(headers)
    known.encoding = "latin-1"
    for name in ("x", "y", "retry-after", "none"):
        assert received.header(name.encode()) == known.get(name)
