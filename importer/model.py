"""What the stages pass on: requests, answers, outcomes and statuses as frozen values. Pure."""

from __future__ import annotations

import enum
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal  # noqa: TC003 - pydantic reads the annotations
from typing import Annotated, Final, NamedTuple
from uuid import UUID  # noqa: TC003

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_BODY_BYTES = 64 * 1024
"""Early answers to larger bodies get lost, so a larger request is a fault of its row."""


LANDS_WITHIN: Final = timedelta(seconds=400)
"""A purchase may land in Keen so long after its request: the longest life of its worker."""


class PurchaseField(enum.StrEnum):
    """The fields of a purchase request, in Keen's words and in the order of its specification."""

    LEAD_ID = "lead_id"
    PRODUCT_NAME = "product_name"
    PRODUCT_DESCRIPTION = "product_description"
    PURCHASE_AMOUNT = "purchase_amount"
    DATE = "date"
    TRIGGER_IDS = "trigger_ids"


class RowStatus(enum.StrEnum):
    """What became of a row. Closed: results, exit codes and README are read off these."""

    CREATED = "created"
    ALREADY_CREATED = "already_created"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"
    UNSENT = "unsent"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


DONE: Final = (RowStatus.CREATED, RowStatus.ALREADY_CREATED)
"""The purchase is there."""
APPLIED: Final = (*DONE, RowStatus.IN_DOUBT)
"""The purchase is there, or may be."""
RELEASABLE: Final = (RowStatus.DUPLICATE, RowStatus.CONFLICT)
"""Held until a person writes `send` into keen_resolution."""
HELD: Final = (RowStatus.IN_DOUBT, *RELEASABLE)
"""Held until a person's word in keen_resolution is settled."""
SETTLED_BY_WORDS: Final = (*HELD, RowStatus.REJECTED)
"""Beside which a word may wait: a rejected row may be held as well."""
FOR_A_PERSON: Final = (
    RowStatus.IN_DOUBT,
    RowStatus.REJECTED,
    RowStatus.INVALID,
    *RELEASABLE,
)
"""Only a person can end these, the gravest first."""


class Verdict(enum.StrEnum):
    """What one attempt told us about the purchase."""

    APPLIED = "applied"
    NOT_APPLIED = "not_applied"
    IN_DOUBT = "in_doubt"


class Next(enum.StrEnum):
    """What the sender does after an outcome, besides recording it."""

    DONE = "done"  # applied
    REJECT = "reject"  # refused for good: the row is `rejected`
    RETRY = "retry"  # never applied: the same row may be tried again
    HOLD = "hold"  # in doubt: the row waits for a person
    HOLD_AND_COUNT = "hold_and_count"  # in doubt, and three in a row stop the run
    STOP = "stop"  # the call itself is refused: the run stops


class Outcome(NamedTuple):
    """One attempt's result. `code` is kebab-case; `message` never holds the API key."""

    verdict: Verdict
    next: Next
    code: str
    message: str
    http_status: int | None = None
    purchase_id: str | None = None
    retry_after: float | None = None
    """Seconds for which the API asked all callers to wait."""


Text = Annotated[str, StringConstraints(min_length=1)]


class PurchaseRequest(BaseModel):
    """One purchase as Keen takes it. Values are normalised already; this is the last check."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    lead_id: UUID
    product_name: Text | None = None
    product_description: Text | None = None
    purchase_amount: Decimal | None = Field(default=None, allow_inf_nan=False)
    date: datetime | None = None
    trigger_ids: tuple[UUID, ...] = ()

    def body(self, action: str) -> bytes:
        """Return the JSON body for `action`: UTF-8, fields in Keen's order, absent ones left out.

        The amount is a JSON number spelt as its decimal digits: `json` knows no Decimal, a float
        would show its binary noise, and pydantic would send a string.
        """
        members = [f'"action":{encode_json(action)}', f'"lead_id":"{self.lead_id}"']
        if self.product_name is not None:
            members.append(f'"product_name":{encode_json(self.product_name)}')
        if self.product_description is not None:
            members.append(f'"product_description":{encode_json(self.product_description)}')
        if self.purchase_amount is not None:
            members.append(f'"purchase_amount":{self.purchase_amount:f}')
        if self.date is not None:
            members.append(f'"date":"{format_instant(self.date)}"')
        if self.trigger_ids:
            ids = '","'.join(map(str, self.trigger_ids))
            members.append(f'"trigger_ids":["{ids}"]')
        return ("{" + ",".join(members) + "}").encode()


encode_json: Final = json.JSONEncoder(ensure_ascii=False).encode
"""Returns a value as JSON. `json.dumps` makes an encoder at each call that asks for more than its
defaults."""


_ID: Final = r"^[\p{L}\p{N}\p{P}\p{S}][^\p{Cc}\u2028\u2029\ufffe\uffff]{0,199}$"
"""Keen's are UUIDs. What no results file could hold, or no person look for, is none."""


class Purchase(BaseModel):
    """The part of Keen's answer that proves a purchase: its id. Everything else may change."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    id: Annotated[str, StringConstraints(pattern=_ID)]


class Delivery(NamedTuple):
    """One keyed row on its way to Keen, with all that the ledger has to remember of it."""

    row: int
    key: str
    """The idempotency key: a lower-case UUID."""
    recipe: int
    content: bytes
    """SHA-256 of the canonical form without the occurrence number: equal rows, equal content."""
    occurrence: int
    identity: bytes | None
    """SHA-256 of the identity columns' values; None where there are none."""
    request: PurchaseRequest
    body: bytes
    attempts: int = 0
    """Attempts that the ledger knows of already."""
    in_doubt: bool = False
    """An in-doubt row that goes out again under Keen's key retention."""
    first_sent_at: datetime | None = None
    """When its first attempt was made, as the ledger knows it."""
    retention: float = 0.0
    """The shortest key retention, in hours, under which any earlier attempt was made."""


@dataclass(frozen=True, slots=True)
class RowResult:
    """What is known of one row at the end: the `keen_*` columns of the results."""

    row: int
    status: RowStatus
    purchase_id: str | None = None
    error_code: str | None = None
    error: str | None = None
    http_status: int | None = None
    attempts: int = 0
    key: str | None = None
    sent_at: datetime | None = None


def format_instant(instant: datetime) -> str:
    """Return an aware datetime as ISO 8601 in UTC with `Z`; a fraction only where there is one."""
    text = instant.isoformat()
    if not text.endswith("+00:00"):
        text = instant.astimezone(UTC).isoformat()
    text = text[:-6]
    return f"{text.rstrip('0') if '.' in text else text}Z"


RESULT_COLUMNS: Final = (
    "keen_row",
    "keen_status",
    "keen_purchase_id",
    "keen_error_code",
    "keen_error",
    "keen_http_status",
    "keen_attempts",
    "keen_idempotency_key",
    "keen_sent_at",
    "keen_resolution",
)
"""The columns that a results file adds to those of its input, in their order."""


def result_column(header: str) -> str | None:
    """Return which of RESULT_COLUMNS `header` means, or None: case, blanks, _ and - are ignored."""
    return _FOLDED_RESULT_COLUMNS.get(_fold(header))


def _fold(header: str) -> str:
    return re.sub(r"[\s_-]+", "", header).casefold()


_FOLDED_RESULT_COLUMNS: Final = {_fold(name): name for name in RESULT_COLUMNS}


def may_send_again(
    first_sent_at: datetime, retention_hours: float, now: datetime, timeout: float
) -> bool:
    """Return whether a row in doubt may go out under its key while Keen surely remembers it.

    The attempt may take `timeout` seconds to arrive, so it has to end within the retention.
    A clock that stands before the first attempt proves nothing.
    """
    age = now - first_sent_at
    return timedelta(0) <= age < timedelta(hours=retention_hours) - timedelta(seconds=timeout)
