"""What a careful engineer writes: one httpx client, a semaphore, tenacity. Doubles what times out.

python httpx_semaphore.py ROWS.csv URL RESULTS.csv CONCURRENCY
"""

import asyncio
import sys
import uuid

import httpx
from payload import KEY, payload, read_rows, write_results
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter


async def main(source: str, url: str, results: str, concurrency: int) -> None:
    """Send each row and write what came back."""
    allowed = asyncio.Semaphore(concurrency)
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(limits=limits, headers={"X-Api-Key": KEY}) as client:

        @retry(
            retry=retry_if_exception_type(httpx.TransportError),
            wait=wait_exponential_jitter(),
            stop=stop_after_attempt(5),
        )
        async def post(row: dict[str, str], key: str) -> httpx.Response:
            return await client.post(url, json=payload(row), headers={"Idempotency-Key": key})

        async def send(row: dict[str, str]) -> tuple[str, int, str]:
            async with allowed:
                answer = await post(row, str(uuid.uuid4()))
                return row["lead_id"], answer.status_code, answer.json()["purchase"]["id"]

        sent = await asyncio.gather(*(send(row) for row in read_rows(source)))
    write_results(results, sent)


asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
