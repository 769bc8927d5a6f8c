"""Which URLs, keys and proxies are fit to be used."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from importer.errors import ConfigError
from importer.sender.address import check_key, check_url, find_proxy


@pytest.mark.parametrize(
    "url",
    [
        "https://keen.example/functions/v1/openapi-operations",
        "https://keen.example:8443",
        "https://keen.example?x=1",
        "http://127.0.0.1:8080/x",
        "http://127.8.9.1/x",
        "http://localhost:8080/x",
        "http://[::1]:8080/x",
    ],
)
def test_https_and_this_computer_are_taken(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "keen.example",
        "ftp://keen.example/x",
        "http://keen.example/x",
        "http://127.0.0.1.example/x",
        "http://localhost.example/x",
        "http://0.0.0.0/x",
        "https://user:password@keen.example/x",
        "https://keen.example@other.example/x",
        "http://127.0.0.1\\@other.example/x",
        "https://keen.example:99999/x",
        "https://keen.example/x#part",
        "https://keen.example/a b",
        "https://keen.example/x\n",
        "https:///x",
        "https://[::1/x",
        "HTTPS//keen.example",
    ],
)
def test_what_could_send_the_key_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_url(url)
    assert "password" not in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize("key", ["", "a b", "a\n", "clé", "x" * 201, "a\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_key(SecretStr(key))
    assert not key.strip() or key not in str(caught.value)


def test_a_key_is_any_visible_ascii() -> None:
    check_key(SecretStr("5a4d0b0c-~!"))


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("https://keen.example/x", {}, None),
        ("https://keen.example/x", {"HTTPS_PROXY": "http://p:3128"}, "http://p:3128"),
        ("https://keen.example/x", {"HTTPS_PROXY": "p:3128"}, "http://p:3128"),
        ("https://keen.example/x", {"ALL_PROXY": "http://p"}, "http://p"),
        ("https://keen.example/x", {"HTTP_PROXY": "http://p"}, None),
        ("https://keen.example/x", {"HTTPS_PROXY": "http://p", "NO_PROXY": ".example"}, None),
        ("http://127.0.0.1/x", {"HTTP_PROXY": "http://p", "ALL_PROXY": "http://p"}, None),
        ("http://localhost/x", {"HTTP_PROXY": "http://p"}, None),
    ],
)
def test_the_environments_proxy_is_used_but_never_for_this_computer(
    url: str,
    environment: dict[str, str],
    proxy: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_proxies(monkeypatch, environment)
    assert find_proxy(url) == proxy


@pytest.mark.parametrize(
    "address", ["socks5://u:secret@p:1080", "https://p", "http://u:secret@p:port", "http://"]
)
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_proxies(monkeypatch, {"HTTPS_PROXY": address})
    with pytest.raises(ConfigError) as caught:
        find_proxy("https://keen.example/x")
    assert "secret" not in str(caught.value)


def set_proxies(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
