"""A compressed file → its content, within bounds. Reads one stream, writes another."""

from __future__ import annotations

import gzip
import sys
import zlib
from typing import TYPE_CHECKING, Final

from importer.errors import SourceError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

ENDINGS: Final = {".gz": "gzip", ".zst": "Zstandard"}
"""The ending of a compressed file → what it is called."""
MAX_BYTES: Final = 8 * 1024**3
"""Uncompressed; ten million rows take a fifth of it."""
MAX_RATIO: Final = 400
"""Uncompressed to compressed; tables reach 5 to 60, a file of blanks 1,000 and more."""
_RATIO_COUNTS_FROM: Final = 64 * 1024**2
_BLOCK_BYTES: Final = 1 << 20


def unpack(packed: Path, target: BinaryIO, name: str, ending: str) -> int:
    """Write the content of `packed` to `target`; return its size in bytes.

    `ending` is one of ENDINGS, `name` what messages call the file. Raises SourceError where it is
    damaged, cut short, or out of all proportion.
    """
    most = max(_RATIO_COUNTS_FROM, min(MAX_BYTES, MAX_RATIO * packed.stat().st_size))
    size = 0
    try:
        with gzip.open(packed) if ending == ".gz" else zstd.open(packed) as stream:
            while block := stream.read(_BLOCK_BYTES):
                size += len(block)
                if size > most:
                    raise SourceError(
                        f"{name} unpacks to more than {most // 1024**2:,} MiB, which is out of "
                        "all proportion.",
                        "Unpack it yourself and look at it.",
                        code="oversized-archive",
                    )
                target.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error, zstd.ZstdError) as error:
        raise SourceError(
            f"{name} is no whole {ENDINGS[ending]} file: {error}.",
            "Copy or export it again.",
            code="damaged-archive",
        ) from error
    return size
