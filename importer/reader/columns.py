"""Header names and the configured names of fields → which column is which. Pure."""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.errors import ConfigError, SourceError
from importer.model import PurchaseField, result_column

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from importer.config import ColumnsSection


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Where everything stands in one file, as indices from 0 into its headers."""

    fields: Mapping[PurchaseField, int]
    identity: Mapping[str, int]
    """Configured identity column → index, in the configured order. May share a field's column."""
    carried: Mapping[str, int]
    """Result column of an earlier run (`keen_…`) → index."""
    ignored: tuple[int, ...]
    """The columns that mean nothing to us."""


def match_columns(
    headers: Sequence[str],
    config: ColumnsSection,
    required: tuple[str, ...],
    identity: tuple[str, ...],
) -> ColumnMap:
    """Return which column holds what; case, blanks, `_` and `-` in names do not count.

    Raises SourceError where a required field or an identity column is missing, or two headers
    mean the same; ConfigError where the configuration contradicts itself. `lead_id` is required
    whatever `required` says: Keen takes no purchase without it.
    """
    field_of = _field_names(config)
    needed = [PurchaseField.LEAD_ID, *(_field(name) for name in required)]
    fields = _claim(
        headers,
        {index: field_of.get(fold(name)) for index, name in _named(headers)},
        "Rename one of them, or name only the one that is meant under [columns].",
    )
    missing = {
        field.value: _names(config, field)
        for field in dict.fromkeys(needed)
        if field not in fields and field.value not in config.constants
    }
    if missing:
        raise _missing(missing, headers)
    carried = _claim(
        headers,
        {index: result_column(name) for index, name in _named(headers)},
        "Delete or rename one of them.",
    )
    told_apart = _match_identity(headers, identity)
    used = {*fields.values(), *carried.values(), *told_apart.values()}
    return ColumnMap(
        fields={PurchaseField(name): index for name, index in fields.items()},
        identity=told_apart,
        carried=carried,
        ignored=tuple(index for index in range(len(headers)) if index not in used),
    )


def header_test(
    config: ColumnsSection, required: tuple[str, ...], identity: tuple[str, ...]
) -> Callable[[Sequence[str | None]], bool]:
    """Return what tells whether a row's cells name all the columns that a file must have."""
    field_of = _field_names(config)
    needed = {PurchaseField.LEAD_ID.value, *required} - config.constants.keys()
    told_apart = {fold(name) for name in identity}

    def is_header(cells: Sequence[str | None]) -> bool:
        names = {fold(cell) for cell in cells if cell}
        fields = {field_of[name] for name in names if name in field_of}
        return needed <= fields and told_apart <= names

    return is_header


def fold(name: str) -> str:
    """Return what of a header counts: NFC, lower case, no blanks, no `_` and `-`."""
    plain = re.sub("[\\s_\\-\u200b\ufeff]+", "", unicodedata.normalize("NFC", name)).casefold()
    return unicodedata.normalize("NFC", plain)


def _named(headers: Sequence[str]) -> Iterable[tuple[int, str]]:
    return ((index, name) for index, name in enumerate(headers) if fold(name))


def _names(config: ColumnsSection, field: PurchaseField) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(config, field.value)
    return names


def _field(name: str) -> PurchaseField:
    try:
        return PurchaseField(name)
    except ValueError:
        raise ConfigError(
            f'rules.required names "{name}", which is no field of a purchase.',
            "The fields are " + ", ".join(PurchaseField) + ".",
        ) from None


def _field_names(config: ColumnsSection) -> dict[str, str]:
    field_of: dict[str, str] = {}
    for field in PurchaseField:
        for name in _names(config, field):
            other = field_of.setdefault(fold(name), field.value)
            if other != field.value:
                raise ConfigError(
                    f'The header "{name}" means both {other} and {field} under [columns].',
                    f"Take it from one of the two: columns.{other} or columns.{field}.",
                )
    return field_of


def _claim(
    headers: Sequence[str], meanings: Mapping[int, str | None], remedy: str
) -> dict[str, int]:
    """Return meaning → index. Which of two equal ones is meant cannot be proven."""
    claimed: dict[str, int] = {}
    for index, meaning in meanings.items():
        if meaning is None:
            continue
        first = claimed.setdefault(meaning, index)
        if first != index:
            raise SourceError(
                f'Two columns mean {meaning}: "{headers[first]}" and "{headers[index]}".',
                remedy,
                code="double-column",
            )
    return claimed


def _match_identity(headers: Sequence[str], identity: tuple[str, ...]) -> dict[str, int]:
    wanted = {fold(name): name for name in identity}
    found = _claim(
        headers,
        {index: wanted.get(fold(name)) for index, name in _named(headers)},
        "Rename the one that does not tell purchases apart.",
    )
    missing = {name: (name,) for name in wanted.values() if name not in found}
    if missing:
        raise _missing(missing, headers, purpose=" of identity.columns")
    return {name: found[name] for name in wanted.values()}


def _missing(
    missing: Mapping[str, tuple[str, ...]], headers: Sequence[str], *, purpose: str = ""
) -> SourceError:
    present = {fold(name): name for _, name in _named(headers)}
    near = []
    for meaning, names in missing.items():
        for name in names:
            close = difflib.get_close_matches(fold(name), present, n=1, cutoff=0.75)
            if close:
                near.append(f'"{present[close[0]]}" for {meaning}')
                break
    found = ", ".join(f'"{name}"' for name in present.values()) or "none"
    question = f"Did you mean {' and '.join(near)}? " if near else ""
    place = "identity.columns" if purpose else "[columns]"
    return SourceError(
        f"The file has no column for {_listed(missing)}{purpose}. Its headers are: {found}.",
        f"{question}Rename the header in the file, or add its name to {place}.",
        code="missing-column",
    )


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
