"""The name of a transport → a factory that makes one for each worker. Reads the certificates."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpx

from importer.sender.direct_transport import DirectTransport
from importer.sender.outbox import Outbox
from importer.sender.stock_transport import HttpxTransport, StockTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.config import TransportName
    from importer.sender.wire import Transport


def transport_factory(
    name: TransportName,
    prototype: httpx.Request,
    *,
    tls: ssl.SSLContext | None = None,
    proxy: str | None = None,
) -> Callable[[], Transport]:
    """Return what makes one worker's transport; a proxy is served by httpx's own alone.

    `prototype` is what all requests share: the URL, headers, and httpx's extension `timeout`.
    Each has a connection of its own: httpcore's pool collapses where all workers share it.
    `tls` replaces the context that trusts the usual authorities.
    """
    # One context for all workers: making one reads every root certificate.
    trusted = tls or _trusted(prototype.url, proxy)
    if name == "direct" and proxy is None:
        outbox = Outbox()
        return lambda: DirectTransport(prototype, trusted, outbox)
    return lambda: HttpxTransport(prototype, StockTransport(trusted, proxy))


def _trusted(url: httpx.URL, proxy: str | None) -> ssl.SSLContext:
    """Return the context that trusts the usual authorities, or nobody where no TLS is spoken."""
    if url.scheme == "http" and proxy is None:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.create_ssl_context()
