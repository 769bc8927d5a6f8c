"""What a transport takes and gives: values, a Protocol, and how the parts of a body are joined.

Pure, but for the parts that it waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Mapping, Sequence

Headers: TypeAlias = "Sequence[tuple[bytes, bytes]]"

MAX_ANSWER: Final = 1024 * 1024
"""Bytes of an answer that are read; Keen's are below one KiB."""


class LateError(Exception):
    """No answer began in time."""


class Received(NamedTuple):
    """An answer whose head has come."""

    status: int
    headers: Mapping[bytes, bytes]
    """Lower-case name → value, several of them joined: see `by_name`."""
    body: bytes
    complete: bool = True
    """False: the body broke off, came too slowly, or is longer than MAX_ANSWER."""

    def header(self, name: bytes) -> str | None:
        """Return what stands under a lower-case name, None where nothing does."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


def by_name(headers: Headers) -> dict[bytes, bytes]:
    """Return lower-case name → value.

    Several values are joined, as in httpx, so that none of them is taken for the only one.
    """
    told: dict[bytes, bytes] = {}
    for name, value in headers:
        key = name.lower()
        told[key] = b"%b, %b" % (told[key], value) if key in told else value
    return told


class Transport(Protocol):
    """One connection to one URL, for one request at a time.

    After a failure, a cancellation or an answer that is not complete it is closed before it is used
    again.
    """

    async def post(
        self, headers: Headers, body: bytes, leaving: Callable[[], None], seconds: float
    ) -> Received:
        """Send `body` with what all requests share and `headers`; return what came in `seconds`.

        `leaving` is called just before the first byte leaves. Raises LateError, what httpx raises,
        and more, but nothing once the head of an answer has come.
        """

    async def aclose(self) -> None:
        """Drop the connection."""


async def join(
    status: int, headers: Mapping[bytes, bytes], parts: AsyncIterable[bytes]
) -> Received:
    """Return the answer whose body comes in `parts`, as far as it came."""
    joined = bytearray()
    try:
        async for part in parts:
            joined += part
            if len(joined) > MAX_ANSWER:
                break
    except Exception:  # noqa: BLE001 - whatever it was, the head has come
        return Received(status, headers, bytes(joined), complete=False)
    return Received(status, headers, bytes(joined), complete=len(joined) <= MAX_ANSWER)
