"""A client without manners: bytes out, bytes in, on a real socket."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any

from importer.sandbox.company import SANDBOX_API_KEY, sandbox_lead

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.sandbox.server import Sandbox

ORDER = {
    "action": "create_purchase_custom",
    "lead_id": sandbox_lead(1),
    "product_name": "Tea",
    "purchase_amount": 19.9,
}


def send(
    sandbox: Sandbox,
    fields: dict[str, Any] = ORDER,
    *,
    key: str = "k",
    keep_alive: bool = False,
) -> socket.socket:
    """Send one call and return its connection, nothing read yet."""
    body = json.dumps(fields, separators=(",", ":")).encode()
    head = (
        f"POST /functions/v1/openapi-operations HTTP/1.1\r\nHost: sandbox\r\n"
        f"X-Api-Key: {SANDBOX_API_KEY}\r\nIdempotency-Key: {key}\r\n"
        f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", sandbox.port), timeout=20)
    connection.sendall(head.encode() + body)
    return connection


def read_to_end(connection: socket.socket) -> bytes:
    """Return all bytes until the server closes. Raises ConnectionResetError for RST."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


def split(answer: bytes) -> tuple[int, bytes, bytes]:
    """Return (status, head in lower case, body) of a raw answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), body


def wait_until(true: Callable[[], bool]) -> None:
    """Return as soon as `true()`; fail after 20 seconds."""
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
