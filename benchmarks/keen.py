"""A server that answers every request with a purchase → its URL, while a block runs.

nginx where it is installed, and no latency is asked for; otherwise one asyncio protocol, as little
server as there can be. Starts a process, on loopback; writes below the folder that it is given.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import selectors
import shutil
import socket
import statistics
import subprocess
import time
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

_NGINX: Final = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ return 200 '{{"purchase":{{"id":"$request_id"}}}}'; }}
    }}
}}
"""
_PATIENCE: Final = 10.0


@contextmanager
def keen(folder: Path, latency: float = 0.0) -> Iterator[tuple[str, str]]:
    """Yield the URL of a server that answers after `latency` seconds, and what serves it."""
    nginx = None if latency else shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    if nginx is not None:
        with _nginx(nginx, folder) as url:
            yield url, "nginx"
        return
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(there, latency), daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/", "asyncio"
    finally:
        server.terminate()
        server.join()


@contextmanager
def _nginx(program: str, folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = folder / "nginx.conf"
    path.write_text(_NGINX.format(folder=folder, port=port), encoding="utf-8")
    server = subprocess.Popen([program, "-p", str(folder), "-c", str(path)])  # noqa: S603
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait()


def _wait_for(port: int) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.01)
    raise SystemExit("nginx does not answer.")


def _serve(told: Connection, latency: float) -> None:
    # select knows microseconds; epoll, asyncio's usual choice, would round a latency up by one
    # millisecond.
    make_loop = partial(asyncio.SelectorEventLoop, selectors.SelectSelector())
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(_answer_all(told, latency))


def measure_latency(url: str, exchanges: int = 40) -> float:
    """Return the seconds that a bare client waits for an answer: the median of so many."""
    port = urlsplit(url).port
    assert port is not None  # noqa: S101 - of this module's own URL
    request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"
    waits = []
    with socket.create_connection(("127.0.0.1", port)) as bare:
        bare.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(exchanges):
            began = time.perf_counter()
            bare.sendall(request)
            bare.recv(65536)
            waits.append(time.perf_counter() - began)
    return statistics.median(waits)


async def _answer_all(told: Connection, latency: float) -> None:
    loop = asyncio.get_running_loop()
    make = partial(_Answers, count(), latency)
    server = await loop.create_server(make, "127.0.0.1", 0, backlog=4096)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


class _Answers(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, numbers: count[int], latency: float) -> None:
        self._numbers = numbers
        self._latency = latency
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not blank or len(body) < int(length):
            return
        self._received = b""
        if self._latency:
            self._loop.call_later(self._latency, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        answer = b'{"purchase":{"id":"%032d"}}' % next(self._numbers)
        self._transport.write(  # type: ignore[attr-defined]
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (len(answer), answer)
        )
