"""api.url, the API key and the proxy: fit to be used, or ConfigError. Reads proxy settings."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from importer.config import KEY
from importer.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import SecretStr


_SET: Final = "Set api.url to Keen's URL, https://…"
UNUSABLE_URL: Final = ("api.url is not a URL that the importer can call.", _SET)


def check_url(url: str) -> None:
    """Raise ConfigError unless an API key may go to `url`: HTTPS, or a server on this computer."""
    if not url:
        raise ConfigError("api.url is not set.", f"{_SET} `importer init` writes one.")
    # Whatever two URL parsers could read in two ways is refused before either reads it.
    if re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(?:[/?][A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?", url):
        try:
            parts = urlsplit(url)
            scheme, host, _ = parts.scheme, parts.hostname, parts.port
        except ValueError:
            scheme, host = "", None
        if host and (scheme == "https" or is_loopback(host)):
            return
        if host:
            raise ConfigError("api.url would send the API key without encryption.", _SET)
    raise ConfigError(*UNUSABLE_URL)


def is_loopback(host: str) -> bool:
    """Return whether `host` can only be this computer."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_key(key: SecretStr) -> None:
    """Raise ConfigError unless the API key can stand in a header. The message does not show it.

    httpx puts a key with a blank, a newline or a letter beyond ASCII into its error's text.
    """
    if not KEY.fullmatch(key.get_secret_value()):
        raise ConfigError(
            "The API key is empty, too long, or holds a character that no API key has.",
            "Check KEEN_API_KEY or the file that api.key_file names.",
        )


def find_proxy(url: str) -> str | None:
    """Return the proxy's URL that the environment names for `url`, None where there is none.

    Never for this computer itself. Raises ConfigError for one that cannot be used.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    address = proxies.get(parts.scheme) or proxies.get("all")
    if not address:
        return None
    address = address if "://" in address else f"http://{address}"
    try:
        proxy = urlsplit(address)
        usable = proxy.scheme == "http" and proxy.hostname and proxy.port != 0
    except ValueError:
        usable = False
    if not usable:  # the text is not shown: it may hold a password
        raise ConfigError(
            "The proxy that the environment names is not the URL of an HTTP proxy, http://….",
            "Correct HTTPS_PROXY, or name Keen's host in NO_PROXY.",
        )
    return address
