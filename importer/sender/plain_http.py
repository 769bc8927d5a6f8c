"""The plainest HTTP/1.1 exchange: a request → its bytes, bytes → a whole answer. Pure.

What is judged here is a small part of what HTTP allows, the part that nearly all exchanges are; of
everything else `None` says that h11 has to judge it. So nothing here can be wrong about a strange
answer, and a property test holds the rest to h11's own reading.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from importer.sender.wire import Received

if TYPE_CHECKING:
    from importer.sender.wire import Headers

LONGEST: Final = 64 * 1024
"""Bytes of an answer beyond which it is not plain."""

_TOKEN: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE: Final = rb"[!-~](?:[\t -~]*[!-~])?"
_REQUEST: Final = re.compile(
    rb"POST [!-~]+ HTTP/1\.1\r\n(?:(?!(?i:transfer-encoding):)%b: %b\r\n)+\r\n" % (_TOKEN, _VALUE)
)
# A status with a body; 1xx, 204 and 304 have none, whatever their headers say (RFC 9112 6.3).
_ANSWER: Final = re.compile(
    rb"HTTP/1\.1 (?!204|304)([2-5][0-9][0-9])(?: [\t -~]*)?\r\n"
    rb"((?:%b:[\t -~]*\r\n)+)\r\n" % _TOKEN
)
_LENGTH: Final = re.compile(rb"[0-9]{1,5}")


def write_request(target: bytes, headers: Headers, body: bytes) -> bytes | None:
    """Return a POST with its body, or None where it is not plain.

    Plain is ASCII without controls, and a body that Content-Length frames.
    """
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    head = b"POST %b HTTP/1.1\r\n%b\r\n" % (target, lines)
    if (
        _REQUEST.fullmatch(head)
        and head.count(b"\n") == len(headers) + 2  # no value smuggles a header in
        and b"\r\nContent-Length: %d\r\n" % len(body) in head
    ):
        return head + body
    return None


def read_answer(received: bytes) -> Received | None:
    """Return the answer to a POST where `received` is a whole plain one and no more, or None.

    The connection stays open after it.
    """
    if len(received) > LONGEST:
        return None
    found = _ANSWER.match(received)
    if found is None:
        return None
    status, lines = found.groups()
    headers = []
    length = None
    for line in lines.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b"\t ")
        if name == b"content-length":
            if length is not None or not _LENGTH.fullmatch(value):
                return None
            length = int(value)
        elif name == b"transfer-encoding" or (
            name == b"connection" and value.lower() != b"keep-alive"
        ):
            return None
        headers.append((name, value))
    if length is None or len(received) - found.end() != length:
        return None
    return Received(int(status), headers, received[found.end() :])
