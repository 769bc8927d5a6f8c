"""What the peers beside share: rows of a CSV file, the JSON that Keen takes, a results file.

Nothing is checked.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

KEY = "benchmark"


def read_rows(path: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def payload(row: dict[str, str]) -> dict[str, object]:
    """Return what is sent for `row`."""
    return {
        "action": "create_purchase_custom",
        "lead_id": row["lead_id"],
        "product_name": row["product_name"],
        "product_description": row["product_description"],
        "purchase_amount": float(row["purchase_amount"]),
        "date": row["date"],
        "trigger_ids": [row["trigger_ids"]],
    }


def write_results(path: str, sent: Iterable[tuple[str, int, str]]) -> None:
    """Write a line for each row: lead, HTTP status, purchase id."""
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("lead_id", "status", "purchase_id"), *sent])
