"""What must hold before a single row is sent: scope, settings, expectations. Reads the ledger."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from importer.errors import GuardError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from importer.config import ApiSection, Order
    from importer.ledger.contract import Ledger

NAMED: Final = 10
"""Invalid rows that a message names."""


def check_scope(ledger: Ledger, api: ApiSection) -> None:
    """Refuse another URL under a scope that the ledger knows, unless it is listed as former.

    The same purchase under the same scope has the same key; sent to another Keen it would be
    taken for created there.
    """
    known = ledger.scope_url(api.scope)
    if known is None or not api.url or _same(known, api.url):
        return
    if any(_same(known, former) for former in api.formerly):
        return
    raise GuardError(
        f"The ledger knows scope {api.scope!r} as {known}, but the configuration says {api.url}.",
        "If Keen moved, add the earlier URL to `formerly` in [api]; if this is another Keen, give "
        "it a `scope` of its own.",
        code="scope-url",
    )


def check_identity_settings(
    ledger: Ledger, scope: str, settings: str, *, accept_change: bool
) -> None:
    """Refuse settings that would give rows of earlier files other keys, unless accepted."""
    known = ledger.identity_settings(scope)
    if known is None or known == settings or accept_change:
        return
    before, now = json.loads(known), json.loads(settings)
    changes = "; ".join(
        f"{name} was {json.dumps(before.get(name))}, now {json.dumps(now.get(name))}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    )
    raise GuardError(
        f"Settings that change idempotency keys differ from those of earlier rows: {changes}.",
        "Rows sent before would no longer be recognised by their keys. Undo the change, or run "
        "with --accept-identity-change if no earlier file will be sent again.",
        code="identity-change",
    )


def check_expectations(
    order: Order,
    *,
    rows: int,
    valid_total: Decimal,
    send_total: Decimal,
    invalid: Sequence[int],
) -> None:
    """Refuse a file that is not what the user said it would be. Amounts in the file's currency.

    `invalid` are the numbers of the invalid rows.
    """
    if order.strict and invalid:
        more = ", …" if len(invalid) > NAMED else ""
        which = ", ".join(str(row) for row in invalid[:NAMED]) + more
        raise GuardError(
            f"{len(invalid):,} {'row is' if len(invalid) == 1 else 'rows are'} invalid ({which}), "
            "and --strict allows none.",
            "`importer check FILE` without --strict says what is wrong with each. Correct the file "
            "and run again.",
            code="strict",
        )
    if order.expect_rows is not None and rows != order.expect_rows:
        raise GuardError(
            f"The file has {rows} data rows; --expect-rows says {order.expect_rows}.",
            "Check that the file is whole and the right one.",
            code="expect-rows",
        )
    if order.expect_total is not None and valid_total != order.expect_total:
        raise GuardError(
            f"The valid rows add up to {valid_total}; --expect-total says {order.expect_total}.",
            "Check that the file is whole and the right one.",
            code="expect-total",
        )
    if order.max_total is not None and send_total > order.max_total:
        raise GuardError(
            f"This run would send {send_total}; --max-total allows {order.max_total}.",
            "Raise --max-total, or send less with --limit.",
            code="max-total",
        )


def _same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")
