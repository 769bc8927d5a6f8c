"""Contents and occurrences → idempotency keys, as texts and as numbers. Pure.

The recipe that makes them stands in identity.py.
"""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.texts import fill

if TYPE_CHECKING:
    from collections.abc import Iterable

PART_ROWS: Final = 50_000
"""Rows whose texts are in memory at once."""


def make_keys(rows: pl.DataFrame) -> pl.Series:
    """Return `make_key` of each row's `content` and `occurrence` (String, named `key`)."""
    return spell_keys(number_keys(rows))


def number_keys(rows: pl.DataFrame) -> pl.Series:
    """Return `make_keys` as numbers (UInt128), which take a third of the memory of texts."""
    numbers = pl.Series("key", [], dtype=pl.UInt128)
    for part in rows[["content", "occurrence"]].iter_slices(PART_ROWS):
        digests = hash_each(part.select(_SEED).to_series()).to_frame("digest")
        numbers.append(digests.select(_NUMBER).to_series())
    return numbers


def number_packed(keys: pl.Series) -> pl.Series:
    """Return keys of 16 bytes each (Binary) as numbers (UInt128)."""
    return keys.bin.reinterpret(dtype=pl.UInt128, endianness="big")


def spell_keys(numbers: pl.Series) -> pl.Series:
    """Return the keys that are these numbers (String, named `key`), lower-case UUIDs."""
    keys = pl.Series("key", [], dtype=pl.String)
    for part in numbers.to_frame("key").iter_slices(PART_ROWS):
        keys.append(part.select(_spelt()).to_series())
    return keys


def add_keys(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with `key`, made of their `content` and `occurrence`."""
    return rows.with_columns(make_keys(rows))


def make_key(content: bytes, occurrence: int) -> str:
    """Return the idempotency key of the `occurrence`-th (from 1) purchase with this content."""
    digest = hashlib.sha256(content + netstring(str(occurrence)).encode()).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 0b11]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def find_occurrences(content: bytes, keys: Iterable[str], up_to: int) -> dict[str, int]:
    """Return key → occurrence for those of `keys` that `content` has, at occurrences up to `up_to`.

    As fast as hashing goes: a key is spelt only where its first letters are those of one wanted.
    """
    wanted = set(keys)
    beginnings = {key[:8] for key in wanted}
    found: dict[str, int] = {}
    sha256 = hashlib.sha256
    for occurrence, tail in enumerate(_occurrence_tails(up_to), 1):
        if len(found) == len(wanted):
            break
        if sha256(content + tail).hexdigest()[:8] in beginnings:
            key = make_key(content, occurrence)
            if key in wanted:
                found[key] = occurrence
    return found


@functools.lru_cache(maxsize=4)
def _occurrence_tails(up_to: int) -> tuple[bytes, ...]:
    """Return what is hashed behind a content for each occurrence from 1 on."""
    return tuple(netstring(str(number)).encode() for number in range(1, up_to + 1))


def hash_each(texts: pl.Series) -> pl.Series:
    """Return the SHA-256 (Binary) of each of `texts`, none of which is null."""
    sha256 = hashlib.sha256
    return pl.Series([sha256(text).digest() for text in texts.to_list()], dtype=pl.Binary)


def netstring(text: str) -> str:
    """Return the netstring of a text, as the recipe has it."""
    return f"{len(text.encode())}:{text},"


def _seed() -> pl.Expr:
    number = pl.col("occurrence").cast(pl.String)
    return pl.col("content") + fill("{}:{},", number.str.len_bytes(), number).cast(pl.Binary)


def _number() -> pl.Expr:
    """Return the first 16 bytes of each `digest` as a number, with version 8 and variant 10."""
    version, variant = 0xF << 76, 0b11 << 62
    kept = pl.lit((1 << 128) - 1 - version - variant, dtype=pl.UInt128)
    marks = pl.lit((8 << 76) + (0b10 << 62), dtype=pl.UInt128)
    first = pl.col("digest").bin.slice(0, 16)
    return (first.bin.reinterpret(dtype=pl.UInt128, endianness="big") & kept) | marks


@functools.cache  # 5 ms
def _spelt() -> pl.Expr:
    """Return the text of `key`, a number, looked up 16 bits at a time."""
    pairs = [f"{byte:02x}" for byte in range(256)]
    digits = pl.lit(pl.Series([high + low for high in pairs for low in pairs]))
    parts = [pl.col("key") // (1 << shift) % (1 << 16) for shift in range(112, -1, -16)]
    texts = (digits.gather(part.cast(pl.UInt32)) for part in parts)
    return fill("{}{}-{}-{}-{}-{}{}{}", *texts).alias("key")


# Built once: for the few hundred rows of a page that takes as long as to run them.
_SEED: Final = _seed()
"""What is hashed for a key."""
_NUMBER: Final = _number()
"""The number of the key that a digest means."""
