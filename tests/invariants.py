"""What must hold of every import, whatever happened to it, by the audit of what Keen committed."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from tests.program import read_results

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from importer.sandbox.audit import Audit


def check_promise(
    audit: Audit, rows: Sequence[object], results: Path, ledger: Path
) -> Counter[str]:
    """Assert the promise for one file and its results; return the rows counted by status."""
    committed = audit.purchases_by_key()
    assert None not in committed, "a purchase without a key"
    doubles = {key for key, purchases in committed.items() if len(purchases) > 1}
    assert not doubles, f"paid more than once: {doubles}"
    for key, bodies in audit.bodies_by_key().items():
        assert len(bodies) == 1, f"{key} was sent with different bodies"
    found = read_results(results)
    assert [row["keen_row"] for row in found] == [str(n) for n in range(2, len(rows) + 2)]
    told = set()
    for row in found:
        key, status = row["keen_idempotency_key"], row["keen_status"]
        purchases = committed.get(key, [])
        told.add(key)
        if status in {"created", "already_created"}:
            assert [one.purchase_id for one in purchases] == [row["keen_purchase_id"]], row
        elif purchases:
            assert status == "in_doubt", f"paid, but {status}: {row}"
    assert set(committed) <= told, "a purchase that no row of the results names"
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return Counter(row["keen_status"] for row in found)
