"""The name of a transport → a factory that makes one for each worker. Reads the certificates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import httpx

from importer.sender.direct_transport import DirectTransport
from importer.sender.stock_transport import StockTransport

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from importer.config import TransportName


def transport_factory(
    name: TransportName, *, tls: ssl.SSLContext | None = None, proxy: str | None = None
) -> Callable[[], httpx.AsyncBaseTransport]:
    """Return what makes one worker's transport; a proxy is served by httpx's own alone.

    A transport serves one request at a time over one kept-alive connection: httpcore's pool
    collapses where all workers share it. Just before the first byte of a request leaves, the
    request's extension `trace` hears of an event that ends in `send_request_headers.started`.
    After a failure the transport is closed and not used again. `tls` replaces the context that
    trusts the usual authorities.
    """
    # One context for all workers: making one reads every root certificate.
    tls = tls or httpx.create_ssl_context()
    if name == "direct" and proxy is None:
        return partial(DirectTransport, tls)
    return partial(StockTransport, tls, proxy)
