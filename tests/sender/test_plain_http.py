"""What is read and written without h11 is what h11 would read and write."""

from __future__ import annotations

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.sender.plain_http import LONGEST, read_answer, write_head, write_request
from importer.sender.wire import Received, by_name
from tests.sender.raw_server import CREATED, answer

HOST = (b"Host", b"127.0.0.1")


def as_h11_reads(received: bytes) -> Received | None:
    """The answer to a POST, where it is whole, nothing follows it and the connection stays."""
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="POST", target="/", headers=[HOST, (b"Content-Length", b"0")]))
    http.send(h11.EndOfMessage())
    http.receive_data(received)
    head = http.next_event()
    if not isinstance(head, h11.Response):
        return None
    body = bytearray()
    while isinstance(event := http.next_event(), h11.Data):
        body += event.data
    if event is h11.NEED_DATA or http.trailing_data[0] or http.their_state is not h11.DONE:
        return None
    assert http.our_state is h11.DONE
    return Received(head.status_code, by_name(list(head.headers)), bytes(body))


PIECES = st.sampled_from(
    [
        *(b"HTTP/1.1", b"HTTP/1.0", b" ", b"200", b"204", b"304", b"101", b"600", b" OK", b" \xe9"),
        *(b"\r\n", b"\n", b"\r\n\r\n", b":", b": ", b" :", b"\t", b" folded", b"\x00", b","),
        *(b"Content-Length", b"content-length: 3\r\n", b"3", b"03", b"+3", b"3, 3", b"4"),
        *(b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Connection: keep-alive"),
        *(b"Connection: Keep-Alive, x\r\n", b"X: y\r\n", b"X:\r\n", b"X: \xe9\r\n", b"abc", b"ab"),
    ]
)
HEAD = st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 403\r\n", b"HTTP/1.1 500 \r\n", b""])


@given(HEAD, st.lists(PIECES, max_size=12), st.sampled_from([b"", b"\r\n\r\n", b"\r\nabc"]))
@example(b"HTTP/1.1 200 OK\r\n", [b"content-length: 3\r\n", b"X: y\r\n"], b"\r\nabc")
@example(
    b"HTTP/1.1 200 OK\r\n", [b"Connection: keep-alive", b"\r\n"], b"content-length:3\r\n\r\nabc"
)
@example(b"HTTP/1.1 200 OK\r\n", [b"content-length:\t3 \r\n", b"X:\t \r\nY:  y \t\r\n"], b"\r\nabc")
@example(b"HTTP/1.1 304 X\r\n", [b"content-length: 3\r\n"], b"\r\nabc")
def test_whatever_is_read_is_what_h11_reads(head: bytes, pieces: list[bytes], end: bytes) -> None:
    received = head + b"".join(pieces) + end
    plain = read_answer(received)
    if plain is not None:
        assert plain == as_h11_reads(received)


@pytest.mark.parametrize(
    "received",
    [
        answer(),
        answer(b'{"error":"no"}', "403 Forbidden", "sb-error-code: X", "Retry-After: 7"),
        answer(CREATED, "200 OK", "Connection: keep-alive", "Server: nginx/1.22.1", "X-Empty:"),
        answer(b"", "500 Internal Server Error"),
    ],
)
def test_the_usual_answer_is_read(received: bytes) -> None:
    assert read_answer(received) is not None


@pytest.mark.parametrize(
    "received",
    [
        b"",
        answer()[:-1],
        answer() + b"H",
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(),
        answer(CREATED, "200 OK", "Connection: close"),
        answer(CREATED, "200 OK", "Transfer-Encoding: chunked"),
        answer(CREATED, "200 OK", f"Content-Length: {len(CREATED)}"),
        answer(b"", "204 No Content"),
        answer(b"x" * LONGEST),
        answer().replace(b"1.1", b"1.0"),
        answer().replace(b"\r\n", b"\n"),
    ],
)
def test_everything_else_is_left_to_h11(received: bytes) -> None:
    assert read_answer(received) is None


TEXT = st.text(st.characters(max_codepoint=0x180), max_size=6).map(lambda text: text.encode())


@given(
    st.lists(st.tuples(st.sampled_from([b"X-Api-Key", b"User-Agent", b"B ad", b"Expect"]), TEXT)),
    st.sampled_from([b"/", b"/x?y=z", b"/a b", b"/\xe9", b""]),
    st.binary(max_size=8),
)
def test_whatever_is_written_is_what_h11_writes(
    more: list[tuple[bytes, bytes]], target: bytes, body: bytes
) -> None:
    headers = [HOST, *more, (b"Content-Length", b"%d" % len(body))]
    split = len(headers) // 2
    written = write_request(write_head(target, headers[:split]), headers[split:], body)
    if written is None:
        return
    http = h11.Connection(h11.CLIENT)
    head = h11.Request(method="POST", target=target, headers=headers)
    sent = [http.send(event) for event in (head, h11.Data(body), h11.EndOfMessage())]
    assert written == b"".join(part or b"" for part in sent)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"Content-Length", b"3")],
        [(b"X-Content-Length", b"4")],
        [(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"4")],
        [(b"X-Api-Key", b"a\r\nX: b"), (b"Content-Length", b"4")],
        [(b"X-Api-Key", b" a"), (b"Content-Length", b"4")],
    ],
)
def test_a_request_that_is_not_plain_is_left_to_h11(headers: list[tuple[bytes, bytes]]) -> None:
    assert write_request(write_head(b"/", [HOST]), headers, b"body") is None


def test_what_all_requests_share_must_be_plain_too() -> None:
    assert write_head(b"/a b", [HOST]) is None
    assert write_head(b"/", [HOST, (b"User-Agent", b"a\r\nX: b")]) is None
    assert write_request(None, [(b"Content-Length", b"4")], b"body") is None
