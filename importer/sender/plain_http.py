"""The plainest HTTP/1.1 exchange: a request → its bytes, bytes → a whole answer. Pure.

What is judged here is a small part of what HTTP allows, the part that nearly all exchanges are; of
everything else `None` says that h11 has to judge it. So nothing here can be wrong about a strange
answer, and a property test holds the rest to h11's own reading.
"""

from __future__ import annotations

import functools
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from importer.sender.wire import Received

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.sender.wire import Headers

LONGEST: Final = 64 * 1024
"""Bytes of an answer beyond which it is not plain."""

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE: Final = rb"[!-~](?:[\t -~]*[!-~])?"
_LINES: Final = re.compile(rb"(?:(?!(?i:transfer-encoding):)%b: %b\r\n)+" % (_TOKEN, _VALUE))
_TARGET: Final = re.compile(rb"[!-~]+")
# A status with a body; 1xx, 204 and 304 have none, whatever their headers say (RFC 9112 6.3).
_ANSWER: Final = re.compile(
    rb"HTTP/1\.1 (?!204|304)([2-5][0-9][0-9])(?: [\t -~]*)?\r\n"
    rb"((?:%b:[\t -~]*\r\n)+)\r\n" % _TOKEN
)
_LONGEST_LENGTH: Final = len(str(LONGEST))
"""Digits of a Content-Length that is plain."""


def write_head(target: bytes, headers: Headers) -> bytes | None:
    """Return how all POSTs to `target` begin, or None where that is not plain.

    Plain is ASCII without controls, and a body that Content-Length frames.
    """
    lines = _write_lines(headers)
    if lines is None or not _TARGET.fullmatch(target):
        return None
    return b"POST %b HTTP/1.1\r\n%b" % (target, lines)


def write_request(head: bytes | None, headers: Headers, body: bytes) -> bytes | None:
    """Return a POST: what `write_head` returned, further headers and the body; None: not plain."""
    lines = _write_lines(headers)
    if head is None or lines is None or (b"Content-Length", b"%d" % len(body)) not in headers:
        return None
    return b"%b%b\r\n%b" % (head, lines, body)


def _write_lines(headers: Headers) -> bytes | None:
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    # As many lines as headers: no value smuggles one in.
    return lines if _LINES.fullmatch(lines) and lines.count(b"\n") == len(headers) else None


def read_answer(received: bytes) -> Received | None:
    """Return the answer to a POST where `received` is a whole plain one and no more, or None.

    The connection stays open after it.
    """
    if len(received) > LONGEST:
        return None
    end = received.find(b"\r\n\r\n") + 4
    head = _read_head(received[:end])
    if head is None or len(received) - end != head.length:
        return None
    return Received(head.status, head.headers, received[end:])


class _Head(NamedTuple):
    """What stands before a body of `length` bytes."""

    status: int
    headers: Mapping[bytes, bytes]
    length: int


@functools.lru_cache(maxsize=16)  # of one second's answers many have the same, byte for byte
def _read_head(head: bytes) -> _Head | None:
    """Return a head, with the blank line that ends it, or None where it is not plain."""
    found = _ANSWER.fullmatch(head)
    if found is None:
        return None
    status, fields = found.groups()
    lines = fields.splitlines()
    told: dict[bytes, bytes] = {}
    for line in lines:  # as _ANSWER has proven them
        name, _, value = line.partition(b":")
        told[name.lower()] = value.strip()
    length = told.get(b"content-length", b"")
    if (
        len(told) < len(lines)  # a name that stands twice
        or not (length.isdigit() and len(length) <= _LONGEST_LENGTH)
        or b"transfer-encoding" in told
        or told.get(b"connection", b"keep-alive").lower() != b"keep-alive"
    ):
        return None
    return _Head(int(status), MappingProxyType(told), int(length))  # shared by many answers
