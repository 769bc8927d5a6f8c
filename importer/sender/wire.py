"""What a transport takes and gives. Pure: values and a Protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Sequence

Headers: TypeAlias = "Sequence[tuple[bytes, bytes]]"


@dataclass(frozen=True, slots=True)
class Received:
    """An answer whose head has come."""

    status: int
    headers: Headers
    """Names in lower case."""
    body: bytes | AsyncIterable[bytes]
    """The whole body, or its parts as they come: whoever reads them all may ask again."""

    def header(self, name: bytes) -> str | None:
        """Return what stands under a lower-case name, None where nothing does.

        Several values are joined, as in httpx, so that none of them is taken for the only one.
        """
        found = [value for each, value in self.headers if each == name]
        return b", ".join(found).decode("latin-1") if found else None


class Transport(Protocol):
    """One connection to one URL, for one request at a time.

    After a failure or a cancellation it is closed and not used again.
    """

    async def post(self, headers: Headers, body: bytes, leaving: Callable[[], None]) -> Received:
        """Send `body` with what all requests share and `headers`, return what comes.

        `leaving` is called just before the first byte leaves. Raises what httpx raises, and more.
        """

    async def aclose(self) -> None:
        """Drop the connection."""
