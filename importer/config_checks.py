"""What a configured value must be: a value → the same value, or a ValueError. Pure.

The ValueError's message says what would be right and completes the sentence "it takes …".
"""

from __future__ import annotations

import codecs
import zoneinfo
from typing import Final
from urllib.parse import urlsplit

from importer.model import PurchaseField


def url(text: str) -> str:
    """Check an API address. Credentials in it would show up in logs."""
    try:
        parts = urlsplit(text)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        port_is_number = False
    else:
        if parts.username is not None or parts.password is not None:
            raise ValueError("an address without a user name or password")
    plain = text.isascii() and text.isprintable() and " " not in text
    if text and not (
        port_is_number and plain and parts.scheme in {"http", "https"} and parts.hostname
    ):
        raise ValueError("an address that starts with https://")
    return text


def zone(name: str) -> str:
    """Check the name of a time zone.

    ZoneInfo itself also takes `right/…` (27 leap seconds off) and, on some systems, any case.
    """
    if name != "UTC" and name not in zoneinfo.available_timezones():
        raise ValueError('the name of a time zone, such as "UTC" or "Europe/Berlin"')
    return name


_LETTERS: Final = "\u00e9\u0436\u3042\u4e2d"
"""One each of Latin, Cyrillic, Japanese and Chinese."""


def encoding(name: str) -> str:
    """Check the encoding of files that are not UTF-8: one of ASCII's relatives.

    UTF-16 needs a byte order mark, which speaks for itself, and `rot13` and the like are no text.
    One that spells all letters in ASCII, such as UTF-7, would never be asked: such a file is UTF-8.
    """
    try:
        related = "a,1\n".encode(name) == b"a,1\n"
    except (LookupError, UnicodeError, TypeError, ValueError):
        related = False
    if not related or any(_encode(letter, name).isascii() for letter in _LETTERS):
        raise ValueError('the name of an encoding such as "cp1252", "iso-8859-15" or "utf-8"')
    return codecs.lookup(name).name


def _encode(letter: str, encoding: str) -> bytes:
    """Return the letter's bytes, one of no meaning where the encoding has no such letter."""
    try:
        return letter.encode(encoding)
    except UnicodeError:
        return b"\xff"


def tab_by_name(text: object) -> object:
    """Let `tab` stand for the character, which a file or a variable hardly shows."""
    return "\t" if text == "tab" else text


def constants(texts: dict[str, str]) -> dict[str, str]:
    """Check that every name is a field of a purchase, and that none is the lead's."""
    names = [name for name in PurchaseField if name != PurchaseField.LEAD_ID]
    if not set(texts) <= set(names) or not all(text.strip() for text in texts.values()):
        raise ValueError("texts for " + ", ".join(names))
    return texts


def share(text: str) -> str:
    """Check a number of rows or a percentage, already of the form `[0-9]+%?`."""
    if text.endswith("%") and int(text[:-1]) > 100:  # noqa: PLR2004 - per cent
        raise ValueError('a share up to "100%", or a number of rows such as "50"')
    return text


def dates(formats: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Check `auto` or strftime formats; a format without a directive would match no date."""
    if formats != "auto" and not (formats and all("%" in text for text in formats)):
        raise ValueError('"auto" or a list of date formats such as ["%d.%m.%Y"]')
    return formats


def required(names: tuple[str, ...]) -> tuple[str, ...]:
    """Check that every name is a field of a purchase: a misspelt one would require nothing."""
    if not set(names) <= set(PurchaseField):
        raise ValueError("a list made of " + ", ".join(f'"{name}"' for name in PurchaseField))
    return names


def number_as_text(value: object) -> object:
    """Let `50` stand for `"50"`."""
    return str(value) if type(value) is int else value


def empty_as_none(value: object) -> object:
    """Let `""` stand for "not set": TOML has no word for it."""
    return None if value == "" else value


def empty_as_list(value: object) -> object:
    """Let `""` stand for an empty list: an empty variable is a text."""
    return () if value == "" else value


def empty_as_table(value: object) -> object:
    """Let `""` stand for an empty table, for the same reason."""
    return {} if value == "" else value
