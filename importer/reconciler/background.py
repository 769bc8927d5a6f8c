"""What a results workbook tells beside the results of the rows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from importer.model import PurchaseField
    from importer.reconciler.report import Summary


@dataclass(frozen=True, slots=True)
class Background:
    """What a workbook tells beside the results of the rows."""

    fields: Mapping[PurchaseField, int]
    """Where each field stands among the table's columns."""
    rows: pl.DataFrame
    """A Reading's: amount, date and `valid` of each row."""
    faults: pl.DataFrame
    """Validation's: `row`, `index`, `message` of each faulty cell."""
    timezone: str
    """Of dates that carry none."""
    summary: Summary
