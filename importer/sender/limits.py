"""Outcomes of rows, in the order of their completion → when the run has to stop itself. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from importer.errors import SendStoppedError
from importer.model import Next, Outcome, Verdict

if TYPE_CHECKING:
    from importer.config import SendSection

STRANGE_IN_A_ROW: Final = 3
"""So many answers in a row that are not Keen's own stop the run."""
SHARE_AFTER: Final = 20
"""Rows that must have been sent before a share of them says anything."""


class Limits:
    """What became of the rows of one run, counted, and the limits on it."""

    def __init__(self, settings: SendSection, total: int) -> None:
        """Take the number of rows that the run means to send."""
        self._max_in_doubt = settings.max_in_doubt
        self._max_failures = int(settings.max_failures.removesuffix("%"))
        self._is_share = settings.max_failures.endswith("%")
        self._total = total
        self._strange = 0
        self.created = 0
        self.rejected = 0
        self.in_doubt = 0
        self.unsent = 0

    def note_attempt(self, outcome: Outcome) -> SendStoppedError | None:
        """Count one attempt; return why the run has to stop, if so."""
        self._strange = self._strange + 1 if outcome.next is Next.HOLD_AND_COUNT else 0
        if self._strange < STRANGE_IN_A_ROW:
            return None
        return SendStoppedError(
            f"{self._strange} answers in a row were not Keen's own. {outcome.message}",
            "Look at the rows in doubt, and at what stands between here and Keen, before going on.",
            code="strange-answers",
        )

    def note_row(self, outcome: Outcome) -> SendStoppedError | None:
        """Count one row by its last outcome; return why the run has to stop, if so."""
        if outcome.verdict is Verdict.APPLIED:
            self.created += 1
        elif outcome.verdict is Verdict.IN_DOUBT:
            self.in_doubt += 1
        elif outcome.next is Next.REJECT:
            self.rejected += 1
        else:
            self.unsent += 1
        if self._max_in_doubt and self.in_doubt >= self._max_in_doubt:
            return SendStoppedError(
                f"{self.in_doubt} rows are in doubt, as many as send.max_in_doubt allows.",
                "Settle them with `importer resolve`, then run the same command again.",
                code="max-in-doubt",
            )
        if self._too_many_failures():
            return SendStoppedError(
                f"Keen rejected {self.rejected} rows, more than send.max_failures allows.",
                "Look at keen_error in the results, then run the same command again.",
                code="max-failures",
            )
        return None

    def _too_many_failures(self) -> bool:
        if not self._is_share:
            return self.rejected > self._max_failures
        sent = self.created + self.rejected + self.in_doubt + self.unsent
        return sent >= SHARE_AFTER and self.rejected * 100 > self._max_failures * self._total
