"""What most engineers write: a thread pool and requests, a session each.

python requests_threads.py ROWS.csv URL RESULTS.csv CONCURRENCY
"""

import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import requests
from payload import KEY, payload, read_rows, write_results

_own = threading.local()


def main(source: str, url: str, results: str, concurrency: int) -> None:
    """Send each row and write what came back."""

    def send(row: dict[str, str]) -> tuple[str, int, str]:
        if not hasattr(_own, "session"):
            _own.session = requests.Session()
            _own.session.headers["X-Api-Key"] = KEY
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = _own.session.post(url, json=payload(row), headers=key, timeout=180)
        return row["lead_id"], answer.status_code, answer.json()["purchase"]["id"]

    with ThreadPoolExecutor(concurrency) as pool:
        sent = list(pool.map(send, read_rows(source)))
    write_results(results, sent)


main(*sys.argv[1:4], int(sys.argv[4]))
