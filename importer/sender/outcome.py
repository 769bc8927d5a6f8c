"""One answer, or one failure to get an answer → one Outcome, by a table. Pure."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from importer.model import Next, Outcome, Verdict
from importer.sender.answer import AnsweredPurchase, Failure, clean, read_error, read_purchase

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID


class _Evidence(NamedTuple):
    """What the rules look at."""

    status: int
    sb_error_code: str | None
    purchase: AnsweredPurchase | None
    of_other_lead: bool
    error: str | None
    retention: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the outcome table. The first rule that fits an answer judges it."""

    statuses: Collection[int]
    verdict: Verdict
    next: Next
    code: str
    """Kebab-case; `{status}` stands for the status."""
    message: str
    """`{status}` and, where `error` is asked for, `{error}`: Keen's own text."""
    sb_error_code: str | None = None
    """Fits only where this pattern matches the whole header; None: with any or none."""
    purchase: bool = False
    """Fits only where the body holds a purchase with an id."""
    of_other_lead: bool = False
    """Fits only where that purchase names another lead than the one that was sent."""
    error: bool = False
    """Fits only where the body is Keen's `{"error": "…"}`."""
    retention: bool = False
    """Fits only where Keen remembers idempotency keys."""

    def fits(self, seen: _Evidence) -> bool:
        """Return whether the rule speaks of such an answer."""
        return (
            seen.status in self.statuses
            and (self.sb_error_code is None or _matches(self.sb_error_code, seen.sb_error_code))
            and (not self.purchase or seen.purchase is not None)
            and (not self.of_other_lead or seen.of_other_lead)
            and (not self.error or seen.error is not None)
            and (not self.retention or seen.retention)
        )


_REFUSALS: Final = frozenset({400, 403, 404, 413, 415, 422})

RULES: Final[tuple[Rule, ...]] = (
    # Keen's specification: `leads_id` is the lead of the purchase. Another one's proves that the
    # answer belongs to another request.
    Rule(
        range(200, 300),
        Verdict.IN_DOUBT,
        Next.HOLD_AND_COUNT,
        "other-purchase",
        "Keen answered {status} with another lead's purchase; it may have made this one too.",
        purchase=True,
        of_other_lead=True,
    ),
    # Keen's specification: 200 with the purchase. Its id is the only proof there is.
    Rule(range(200, 300), Verdict.APPLIED, Next.DONE, "created", "", purchase=True),
    # Empty, HTML, cut short: the function may have run to its end. Three in a row mean that
    # something between here and Keen answers in its name.
    Rule(
        range(200, 300),
        Verdict.IN_DOUBT,
        Next.HOLD_AND_COUNT,
        "no-purchase-id",
        "Keen answered {status} without a purchase id; it may have made the purchase.",
    ),
    # Supabase: 3xx means that the function ran and answered so. A followed redirect would carry
    # the API key to another host.
    Rule(
        range(300, 400),
        Verdict.IN_DOUBT,
        Next.STOP,
        "http-{status}",
        "Keen answered {status}, a redirect; it is not followed and may have made the purchase.",
    ),
    # Keen's specification (`Invalid API key`) and Supabase's UNAUTHORIZED_*: checked before all.
    Rule({401}, Verdict.NOT_APPLIED, Next.STOP, "http-401", "Keen refused the API key (401)."),
    # Supabase: 402 restriction of the project.
    Rule({402}, Verdict.NOT_APPLIED, Next.STOP, "http-402", "Keen's project is restricted (402)."),
    Rule({405}, Verdict.NOT_APPLIED, Next.STOP, "http-405", "The URL takes no POST (405)."),
    # Supabase: no such function, so none ran.
    Rule(
        {404},
        Verdict.NOT_APPLIED,
        Next.STOP,
        "no-such-function",
        "There is no such function at the URL (404).",
        sb_error_code="NOT_FOUND[A-Z_]*",
    ),
    # Supabase counts calls that a running function makes under this code: it may have run.
    Rule(
        {429},
        Verdict.IN_DOUBT,
        Next.HOLD,
        "http-429-in-function",
        "Keen hit a rate limit of its own (429) and may have made the purchase.",
        sb_error_code="(?is).*RATE_LIMIT_EXCEEDED.*",
    ),
    Rule({429}, Verdict.NOT_APPLIED, Next.RETRY, "http-429", "Keen asked for fewer calls (429)."),
    # Supabase: the function did not start. Any other 503 may come from the function itself.
    Rule(
        {503},
        Verdict.NOT_APPLIED,
        Next.RETRY,
        "function-not-started",
        "Keen's function did not start (503).",
        sb_error_code="BOOT_ERROR|LOAD_FUNCTION_[A-Z_]+",
    ),
    # Cloudflare: the request never reached the origin.
    Rule(
        {521, 523, 525, 526, 530},
        Verdict.NOT_APPLIED,
        Next.RETRY,
        "http-{status}",
        "Keen's gateway could not reach Keen ({status}).",
    ),
    # IETF draft "The Idempotency-Key HTTP Header Field": 422 for a key used with another body.
    Rule(
        {422},
        Verdict.NOT_APPLIED,
        Next.REJECT,
        "key-reused",
        "{error}",
        error=True,
        retention=True,
    ),
    # Keen's specification: every refusal of its own is JSON {"error": "…"}.
    Rule(_REFUSALS, Verdict.NOT_APPLIED, Next.REJECT, "http-{status}", "{error}", error=True),
    # The same from somebody else, a firewall say: it may stand behind Keen as well as before it.
    Rule(
        _REFUSALS,
        Verdict.IN_DOUBT,
        Next.HOLD_AND_COUNT,
        "http-{status}-without-error",
        "The answer {status} is not in Keen's form; the purchase may have been made.",
    ),
)
"""Everything else is in doubt: 500, 502, 503, 504, 520, 522, 524, 546, 408, 409, 425, unknown."""

_OTHERWISE: Final = Rule(
    range(1000),  # three digits (RFC 9112 4)
    Verdict.IN_DOUBT,
    Next.HOLD,
    "http-{status}",
    "Keen answered {status} and may have made the purchase.",
)


def judge_answer(
    status: int,
    sb_error_code: str | None,
    body: bytes,
    *,
    lead_id: UUID | None = None,
    retry_after: float | None = None,
    complete: bool = True,
    key_retention: float = 0,
    secret: str = "",
) -> Outcome:
    """Return what an answer proves, by RULES; whatever they do not list is in doubt.

    `lead_id` is the lead that was sent, None where none was. `complete` is False where the body
    was cut short or too large. `key_retention` is in hours.
    `secret` is the API key: a text of Keen's that repeats it is shown without it.
    """
    if not complete and not 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
        counted = Next.HOLD_AND_COUNT if 200 <= status < 300 else Next.HOLD  # noqa: PLR2004
        message = f"Keen's answer {status} was cut short; the purchase may have been made."
        return Outcome(Verdict.IN_DOUBT, counted, "answer-cut-short", message, status)
    if status == 429 and b"RATE_LIMIT_EXCEEDED" in body:  # noqa: PLR2004 - RULES says why
        sb_error_code = "RATE_LIMIT_EXCEEDED"
    purchase = read_purchase(body) if 200 <= status < 300 else None  # noqa: PLR2004
    seen = _Evidence(
        status,
        sb_error_code,
        purchase,
        not (purchase is None or lead_id is None or purchase.is_for(lead_id)),
        read_error(body) if status in _REFUSALS else None,
        key_retention > 0,
    )
    for rule in _rules_of(status):  # the last of them fits whatever there is
        if rule.fits(seen):
            break
    # RFC 9110 10.2.3 knows it with 429 and 503; in doubt or not, the others should pause.
    if retry_after is not None and rule.next is not Next.RETRY and status not in {429, 503}:
        retry_after = None
    return Outcome(
        rule.verdict,
        rule.next,
        rule.code,
        clean(seen.error or "", secret) if rule.error else rule.message,
        status,
        purchase.id if purchase is not None and rule.verdict is Verdict.APPLIED else None,
        retry_after,
    )


@functools.cache
def _rules_of(status: int) -> tuple[Rule, ...]:
    """Return the rules for a status, in their order, with the status in their texts."""
    return tuple(
        replace(
            rule,
            code=rule.code.format(status=status),
            message=rule.message if rule.error else rule.message.format(status=status),
        )
        for rule in (*RULES, _OTHERWISE)
        if status in rule.statuses
    )


FAILURES: Final[dict[Failure, tuple[Next, str]]] = {
    Failure.REFUSED: (Next.RETRY, "Keen's server refused the connection"),
    Failure.NO_ADDRESS: (Next.RETRY, "Keen's host name has no address"),
    Failure.UNREACHABLE: (Next.RETRY, "Keen's server could not be reached"),
    Failure.CONNECT_TIMEOUT: (Next.RETRY, "Keen's server did not accept the connection in time"),
    Failure.TLS: (Next.RETRY, "no secure connection to Keen could be made"),
    Failure.NO_CONNECTION: (Next.RETRY, "no connection was free in time"),
    Failure.PROXY: (Next.RETRY, "the proxy did not lead to Keen"),
    Failure.TIMEOUT: (Next.RETRY, "Keen did not answer in time"),
    Failure.DISCONNECTED: (Next.RETRY, "the connection broke or brought no HTTP"),
    Failure.INTERRUPTED: (Next.RETRY, "the run was interrupted"),
    # These stay wrong however often they are tried.
    Failure.BAD_CERTIFICATE: (Next.STOP, "Keen's certificate cannot be trusted"),
    Failure.UNSENDABLE: (Next.STOP, "the request cannot be sent at all"),
    Failure.UNEXPECTED: (Next.STOP, "something failed that should not"),
}
"""Failure → what follows where it came before the first byte, and what happened."""


def judge_failure(failure: Failure, on_wire: bool, detail: str = "") -> Outcome:
    """Return what a failure proves: only whether a byte of the request had left counts."""
    before, what = FAILURES[failure]
    what = f"{what} ({detail})" if detail else what
    if on_wire:
        message = f"The request was sent, then {what}; the purchase may have been made."
        return Outcome(Verdict.IN_DOUBT, Next.HOLD, failure.value, message)
    message = f"Before anything was sent, {what}."
    return Outcome(Verdict.NOT_APPLIED, before, failure.value, message)


def _matches(pattern: str, sb_error_code: str | None) -> bool:
    return sb_error_code is not None and re.fullmatch(pattern, sb_error_code) is not None
