"""A text that is no UUID → what of it a person has to mend. Pure."""

from __future__ import annotations

import re
from typing import Final

_DIGITS: Final = 32
_FEWEST: Final = 24
"""With fewer letters and digits it is a name or a number rather than an id that was spoilt."""
_LONGEST: Final = 60
_GAPS: Final = re.compile(r"[\s;,|]+")
_SPELT: Final = re.compile(r"\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE)
_STRANGE: Final = re.compile(r"[^0-9a-f{}-]", re.IGNORECASE)


def describe_spoilt_id(text: str) -> str | None:
    """Return what is wrong with the first spoilt id of a cell, None where none is recognisable."""
    ids = [each for each in _GAPS.split(text) if each]
    spoilt = next((each for each in ids if not _SPELT.fullmatch(each)), None)
    if spoilt is None:
        return None
    wrong = _describe(spoilt)
    return f"{spoilt} {wrong}" if wrong is not None and len(ids) > 1 else wrong


def _describe(spoilt: str) -> str | None:
    count = sum(character.isalnum() for character in spoilt)
    if count < _FEWEST or len(spoilt) > _LONGEST:
        return None
    strange = _STRANGE.search(spoilt)
    if strange is not None:
        letter = strange[0] if strange[0].isprintable() else f"U+{ord(strange[0]):04X}"
        return f"has “{letter}”, and an id has only 0 to 9, a to f and dashes"
    if count != _DIGITS:
        missing = _DIGITS - count
        amount = f"{abs(missing)} {'is' if abs(missing) == 1 else 'are'}"
        return f"has {count} letters and digits instead of {_DIGITS}: {amount} " + (
            "missing" if missing > 0 else "too many"
        )
    return "has its dashes in other places"
