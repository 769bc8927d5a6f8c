"""The answer to get_channels → go on, try again, or the error that stops the run. Pure."""

from __future__ import annotations

import json
from typing import Final

from importer.errors import ApiError, ApiUnavailableError
from importer.model import Next, Outcome
from importer.sender.pacing import MAX_PAUSE
from importer.sender.refusal import refusal
from importer.sender.retry import decide_retry

PROOF_BODY: Final = b'{"action":"get_channels"}'
PROOF_TIMEOUT: Final = 30.0
PROOF_ATTEMPTS: Final = 4
_PASSING: Final = frozenset({408, 425, 429})


def judge_proof(outcome: Outcome, body: bytes, attempt: int, random: float) -> float | None:
    """Return None where purchases may be sent, or the seconds to wait before asking again.

    `outcome` is what the answer would prove of a purchase. Raises ApiError, ApiUnavailableError.
    """
    status = outcome.http_status
    if status is None and outcome.next is not Next.STOP:
        return _ask_again(outcome, attempt, random)
    if status is not None and (status >= 500 or status in _PASSING):  # noqa: PLR2004 - the class
        return _ask_again(outcome, attempt, random)
    if status is not None and 300 <= status < 400:  # noqa: PLR2004 - the class of redirects
        raise ApiError(
            f"api.url answers {status}, a redirect, which would carry the API key elsewhere.",
            "Set api.url to the URL that it leads to, if that is Keen's.",
            code=outcome.code,
        )
    if outcome.next is Next.STOP:
        raise refusal(outcome)
    # A refusal in Keen's own form: this Keen may not know the action.
    if outcome.next is Next.REJECT or (_is_success(status) and _is_json(body)):
        return None
    raise ApiError(
        f"api.url answers get_channels with {status} and not in Keen's form.",
        "Check api.url, and whether a firewall or a login page stands before it.",
        code="not-keen",
    )


def _ask_again(outcome: Outcome, attempt: int, random: float) -> float:
    again = outcome._replace(next=Next.RETRY)
    wait = decide_retry(attempt, PROOF_ATTEMPTS, again, random)
    pause = outcome.retry_after or 0.0
    if wait is None or pause > MAX_PAUSE:
        raise ApiUnavailableError(
            f"Keen cannot be reached: {outcome.code}.",
            "Nothing was sent. Check api.url and the network, then run the same command again.",
            code=outcome.code,
        )
    return max(wait, pause)


def _is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300  # noqa: PLR2004 - the class of successes


def _is_json(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict | list)
    except (ValueError, RecursionError):
        return False
