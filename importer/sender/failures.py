"""An exception of the network or of httpx → the kind of failure that it is. Pure."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Final

import anyio
import h11
import httpx

from importer.sender.answer import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator


def classify(error: BaseException) -> tuple[Failure, str]:
    """Return what kind of failure an exception is, with a detail that is safe to show."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Failure.BAD_CERTIFICATE, cause.verify_message
    for classes, failure in _CLASSES:
        if any(isinstance(cause, classes) for cause in causes):
            return failure, ""
    return Failure.UNEXPECTED, type(error).__name__


# In this order: the exact cause first, then httpx's class.
_CLASSES: Final[
    tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Failure], ...]
] = (
    (socket.gaierror, Failure.NO_ADDRESS),
    (ConnectionRefusedError, Failure.REFUSED),
    (httpx.ConnectTimeout, Failure.CONNECT_TIMEOUT),
    (httpx.PoolTimeout, Failure.NO_CONNECTION),
    (httpx.TimeoutException, Failure.TIMEOUT),
    (httpx.ProxyError, Failure.PROXY),
    (ssl.SSLError, Failure.TLS),
    (httpx.ConnectError, Failure.UNREACHABLE),
    (
        (
            httpx.InvalidURL,
            httpx.UnsupportedProtocol,
            httpx.LocalProtocolError,
            UnicodeError,
            h11.LocalProtocolError,
        ),
        Failure.UNSENDABLE,
    ),
    ((httpx.TransportError, OSError, anyio.BrokenResourceError), Failure.DISCONNECTED),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop()
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        # That TLS waits for more is how it reads, and stands in the context of what broke then.
        if not isinstance(cause, ssl.SSLWantReadError | ssl.SSLWantWriteError):
            yield cause
        waiting += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
