"""A seed, shares and scripts → which fault meets which call. Pure.

What each fault does stands in `effects.py`; this module knows names and whose turn it is.
"""

from __future__ import annotations

import enum
import random
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Fault(enum.StrEnum):
    """What can go wrong with one call. A closed set.

    ============================  ==============================================================
    name                          what happens
    ============================  ==============================================================
    …-before-commit               the call dies before Keen runs: no purchase
    …-after-commit                Keen runs and commits; only its answer is lost or replaced
    http-N                        status N with Keen's or the platform's own words; no purchase
    http-N-bare                   the same status with a firewall's HTML page; no purchase
    slow                          commits and answers after `slow_seconds`, client or no client
    late-commit                   commits when the client has given up (or after `hang_seconds`)
    stale-connection              true answer with keep-alive, then the connection is closed
    early-hints                   103 and then the true answer
    chunked, close-delimited      true answer, whole, without a Content-Length
    html-200, empty-200           commits; 200 with a page, or with nothing
    no-id-200                     commits; the true answer without the purchase's id
    cut-…                         commits; the answer ends (FIN, RST) in the middle of its body
    huge-body                     commits; 2 MB of padding before the purchase
    gzip-garbage                  commits; says gzip, sends noise
    drip                          commits; a byte each `drip_seconds`
    ============================  ==============================================================
    """

    NONE = "none"
    SLOW = "slow"
    LATE_COMMIT = "late-commit"
    STALE_CONNECTION = "stale-connection"
    EARLY_HINTS = "early-hints"
    CHUNKED = "chunked"
    CLOSE_DELIMITED = "close-delimited"

    HTTP_400 = "http-400"
    HTTP_400_BARE = "http-400-bare"
    HTTP_401 = "http-401"
    HTTP_402 = "http-402"
    HTTP_403 = "http-403"
    HTTP_403_BARE = "http-403-bare"
    HTTP_404 = "http-404"
    HTTP_404_BARE = "http-404-bare"
    HTTP_404_NOT_FOUND = "http-404-not-found"
    HTTP_405 = "http-405"
    HTTP_413 = "http-413"
    HTTP_413_BARE = "http-413-bare"
    HTTP_415 = "http-415"
    HTTP_422 = "http-422"
    HTTP_422_BARE = "http-422-bare"
    HTTP_429 = "http-429"
    HTTP_429_RETRY_AFTER = "http-429-retry-after"
    HTTP_429_RETRY_AFTER_DATE = "http-429-retry-after-date"
    HTTP_503_BOOT_ERROR = "http-503-boot-error"
    HTTP_503_LOAD_FUNCTION = "http-503-load-function"
    HTTP_521 = "http-521"
    HTTP_523 = "http-523"
    HTTP_525 = "http-525"
    HTTP_526 = "http-526"
    HTTP_530 = "http-530"

    HTTP_408_BEFORE_COMMIT = "http-408-before-commit"
    HTTP_408_AFTER_COMMIT = "http-408-after-commit"
    HTTP_409_BEFORE_COMMIT = "http-409-before-commit"
    HTTP_409_AFTER_COMMIT = "http-409-after-commit"
    HTTP_425_BEFORE_COMMIT = "http-425-before-commit"
    HTTP_425_AFTER_COMMIT = "http-425-after-commit"
    HTTP_429_RATE_LIMIT_BEFORE_COMMIT = "http-429-rate-limit-before-commit"
    HTTP_429_RATE_LIMIT_AFTER_COMMIT = "http-429-rate-limit-after-commit"
    HTTP_500_BEFORE_COMMIT = "http-500-before-commit"
    HTTP_500_AFTER_COMMIT = "http-500-after-commit"
    HTTP_500_WORKER_ERROR_BEFORE_COMMIT = "http-500-worker-error-before-commit"
    HTTP_500_WORKER_ERROR_AFTER_COMMIT = "http-500-worker-error-after-commit"
    HTTP_502_BEFORE_COMMIT = "http-502-before-commit"
    HTTP_502_AFTER_COMMIT = "http-502-after-commit"
    HTTP_503_BEFORE_COMMIT = "http-503-before-commit"
    HTTP_503_AFTER_COMMIT = "http-503-after-commit"
    HTTP_504_BEFORE_COMMIT = "http-504-before-commit"
    HTTP_504_AFTER_COMMIT = "http-504-after-commit"
    HTTP_520_BEFORE_COMMIT = "http-520-before-commit"
    HTTP_520_AFTER_COMMIT = "http-520-after-commit"
    HTTP_522_BEFORE_COMMIT = "http-522-before-commit"
    HTTP_522_AFTER_COMMIT = "http-522-after-commit"
    HTTP_524_BEFORE_COMMIT = "http-524-before-commit"
    HTTP_524_AFTER_COMMIT = "http-524-after-commit"
    HTTP_546_BEFORE_COMMIT = "http-546-before-commit"
    HTTP_546_AFTER_COMMIT = "http-546-after-commit"
    REDIRECT_BEFORE_COMMIT = "redirect-before-commit"
    REDIRECT_AFTER_COMMIT = "redirect-after-commit"
    CLOSE_BEFORE_COMMIT = "close-before-commit"
    CLOSE_AFTER_COMMIT = "close-after-commit"
    RESET_BEFORE_COMMIT = "reset-before-commit"
    RESET_AFTER_COMMIT = "reset-after-commit"
    HANG_BEFORE_COMMIT = "hang-before-commit"
    HANG_AFTER_COMMIT = "hang-after-commit"
    HTML_200_BEFORE_COMMIT = "html-200-before-commit"

    HTML_200 = "html-200"
    EMPTY_200 = "empty-200"
    NO_ID_200 = "no-id-200"
    CUT_LENGTH = "cut-length"
    CUT_RESET = "cut-reset"
    CUT_CHUNKED = "cut-chunked"
    CUT_CLOSE_DELIMITED = "cut-close-delimited"
    HUGE_BODY = "huge-body"
    GZIP_GARBAGE = "gzip-garbage"
    DRIP = "drip"


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which calls meet which faults, by name. Raises UsageError for unknown names and shares.

    A purchase call takes its fault from `by_lead` while its lead has any left, else from `script`
    while it has any left, else by chance from `shares`. Reading actions take theirs from
    `probe_script` only.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    """Fault → its share of purchase calls, 0 to 1, together at most 1."""
    seed: int = 0
    """Makes `shares` fall the same way for the same order of arrival."""
    script: Sequence[str] = ()
    """The faults of the first purchase calls, in order of arrival."""
    by_lead: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Lead → the faults of its first calls."""
    probe_script: Sequence[str] = ()
    """The faults of the first calls of reading actions, `get_channels` among them."""
    latency: float = 0.0
    """Seconds that every purchase takes before it commits."""
    slow_seconds: float = 0.2
    hang_seconds: float = 30.0
    """A hang ends when the client gives up, or after so many seconds without an answer."""
    drip_seconds: float = 0.1
    retry_after: int = 1
    """Seconds that `Retry-After` asks for."""
    redirect_to: str = "http://127.0.0.1:9/elsewhere"

    def __post_init__(self) -> None:
        """Refuse what no call could ever meet."""
        known = frozenset(Fault)
        names = [*self.shares, *self.script, *self.probe_script]
        for name in [*names, *(name for script in self.by_lead.values() for name in script)]:
            if name not in known:
                raise UsageError(
                    f"There is no fault called {name!r}.",
                    f"Use one of: {', '.join(Fault)}.",
                    code="unknown-fault",
                )
        shares = self.shares.values()
        if any(not 0 <= share <= 1 for share in shares) or sum(shares) > 1 + 1e-9:
            raise UsageError(
                "The shares of faults must be from 0 to 1 and together at most 1.",
                "Lower them; what they leave is answered as it should be.",
                code="fault-shares",
            )


class FaultSequence:
    """A plan being used up, call by call. The same calls in the same order meet the same faults."""

    def __init__(self, plan: FaultPlan) -> None:
        self.plan = plan
        self._random = random.Random(plan.seed)  # noqa: S311 - repeatable, not secret
        self._script = deque(plan.script)
        self._probes = deque(plan.probe_script)
        self._by_lead = {lead.lower(): deque(names) for lead, names in plan.by_lead.items()}

    def next_purchase(self, lead_id: str | None) -> Fault:
        """Return the fault of the next purchase call, for `lead_id` as the call spells it."""
        own = self._by_lead.get(lead_id.lower()) if lead_id else None
        if own:
            return Fault(own.popleft())
        if self._script:
            return Fault(self._script.popleft())
        point = self._random.random()
        for name, share in self.plan.shares.items():
            point -= share
            if point < 0:
                return Fault(name)
        return Fault.NONE

    def next_probe(self) -> Fault:
        """Return the fault of the next call of a reading action."""
        return Fault(self._probes.popleft()) if self._probes else Fault.NONE


def parse_shares(texts: Iterable[str]) -> dict[str, float]:
    """Return the shares written as `name=0.05`, as the command line gives them.

    Raises UsageError where a text is not of that form; FaultPlan judges names and numbers.
    """
    shares: dict[str, float] = {}
    for text in texts:
        name, equals, share = text.partition("=")
        try:
            shares[name.strip()] = float(share)
        except ValueError:
            equals = ""
        if not equals:
            raise UsageError(
                f"{text!r} does not say how often a fault happens.",
                "Write its name and its share of calls, like reset-after-commit=0.05.",
                code="fault-shares",
            )
    return shares
