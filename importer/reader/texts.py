"""A pattern and columns → one column of text. Pure."""

from __future__ import annotations

import polars as pl


def fill(pattern: str, *parts: pl.Expr | str) -> pl.Expr:
    """Return `pattern` with each `{}` filled by a part (str: a column's name); null where one is.

    What `pl.format` does; but that panics where a column comes in several chunks of which one is
    empty (polars 2.1), as it does from a filter, depending on the number of processors.
    """
    first, *rest = pattern.split("{}")
    pieces = [pl.lit(first)]
    for part, text in zip(parts, rest, strict=True):
        pieces += [pl.col(part) if isinstance(part, str) else part, pl.lit(text)]
    return pl.concat_str(pieces)
