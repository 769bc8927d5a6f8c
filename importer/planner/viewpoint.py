"""Scope, batch, rules and time of one plan. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from importer.planner.plan import Policy


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Which purchases the plan is about, and by what rules."""

    scope: str
    batch: str
    policy: Policy
    now: datetime
    zone: tzinfo
    """Of dates without a time."""
