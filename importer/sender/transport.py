"""The name of a transport → a factory that makes one for each worker. Reads the certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from importer.sender.direct_transport import DirectTransport
from importer.sender.outbox import Outbox
from importer.sender.stock_transport import HttpxTransport, StockTransport

if TYPE_CHECKING:
    import ssl
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
    trusted = tls or httpx.create_ssl_context()
    if name == "direct" and proxy is None:
        outbox = Outbox()
        return lambda: DirectTransport(prototype, trusted, outbox)
    return lambda: HttpxTransport(prototype, StockTransport(trusted, proxy))
