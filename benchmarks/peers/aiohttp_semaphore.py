"""What a hurried engineer writes: aiohttp and a semaphore. No retries, no memory of what was sent.

python aiohttp_semaphore.py ROWS.csv URL RESULTS.csv CONCURRENCY
"""

import asyncio
import sys
import uuid

import aiohttp
from payload import KEY, payload, read_rows, write_results


async def main(source: str, url: str, results: str, concurrency: int) -> None:
    """Send each row and write what came back."""
    allowed = asyncio.Semaphore(concurrency)
    connector = aiohttp.TCPConnector(limit=concurrency)
    headers = {"X-Api-Key": KEY}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

        async def send(row: dict[str, str]) -> tuple[str, int, str]:
            async with allowed:
                key = {"Idempotency-Key": str(uuid.uuid4())}
                async with session.post(url, json=payload(row), headers=key) as answer:
                    told = await answer.json()
                    return row["lead_id"], answer.status, told["purchase"]["id"]

        sent = await asyncio.gather(*(send(row) for row in read_rows(source)))
    write_results(results, sent)


asyncio.run(main(*sys.argv[1:4], int(sys.argv[4])))
