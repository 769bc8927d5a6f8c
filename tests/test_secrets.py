"""Whatever goes wrong: the API key is in nothing that the program writes, says or is called with.

The key's heart is letters and digits, which no escaping changes: quoted for JSON, Python, HTML or a
URL it is still found. Keen is the worst that there can be, and repeats the key in its answers.
"""

from __future__ import annotations

import base64
import json
import ssl
import sys
import threading
import zipfile
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import pytest
import trustme

from tests.program import Program, purchases, read_results, write_csv, write_xlsx

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence

HEART: Final = "5ecretHeart42"
KEY: Final = f"K'\"\\%/+<&>={HEART}"
STOP_AT: Final = (sys.executable, str(Path(__file__).with_name("stop_at.py")))
CRASH: Final = (*STOP_AT, "crash")

Answer: TypeAlias = "bytes | None"
"""The raw bytes of an answer; None: the purchase is made."""


def answer(status: str, body: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *headers, "", body]
    return "\r\n".join(lines).encode()


def refused(status: str, key: str = KEY) -> bytes:
    return answer(status, json.dumps({"error": f"The key {key} is of no use"}))


ECHOES: Final[Sequence[Answer]] = (
    None,
    refused("403 Forbidden"),
    refused("400 Bad Request", KEY.upper()),
    refused("422 Unprocessable", f"{KEY[:-5]}\u200b{KEY[-5:]}"),
    refused("500 Internal Server Error"),
    answer("502 Bad Gateway", f"<h1>X-Api-Key: {KEY}</h1>"),
    answer("200 OK", f"<h1>{KEY}</h1>"),
    answer("429 Too Many Requests", KEY, f"Retry-After: {KEY}"),
    answer("503 Unavailable", KEY, f"sb-error-code: BOOT_ERROR {KEY}"),
    answer(f"418 {KEY}", KEY),
    f"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{KEY}".encode(),
    f"HTTP/1.1 {KEY}\r\n\r\n".encode(),
    f"{KEY}\r\n\r\n".encode(),
    f"HTTP/1.1 200 OK\r\n{KEY}\r\n\r\n".encode(),
    f"HTTP/1.1 200 OK\r\nContent-Length: {KEY}\r\n\r\n".encode(),
    f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{KEY}\r\n".encode(),
    f"HTTP/1.1 200 OK\r\nContent-Encoding: {KEY}\r\nContent-Length: 1\r\n\r\nx".encode(),
    b"",
)


class EchoingKeen(ThreadingHTTPServer):
    """Takes every key; its first purchase calls get the answers of a script, the rest a purchase.

    At each call it looks at the arguments of every process of this computer.
    """

    daemon_threads = True
    request_queue_size = 64  # more than connect at once: the default of 5 turned some away

    def __init__(self, script: Sequence[Answer], tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.left = list(script)
        self.calls = 0
        self.scheme = "https" if tls else "http"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/keen"

    def handle_error(self, *_: object) -> None:
        """Say nothing: a client that leaves a TLS handshake is what a test wants."""


class _Call(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: EchoingKeen

    def do_POST(self) -> None:
        assert self.headers["X-Api-Key"] == KEY
        look_at_arguments()
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["action"] == "get_channels":
            self.wfile.write(answer("200 OK", json.dumps({"channels": [], "key": KEY})))
            return
        self.server.calls += 1
        number = self.server.calls
        told = self.server.left.pop(0) if self.server.left else None
        if told is None:
            purchase = {"id": f"00000000-0000-4000-8000-{number:012}", "leads_id": asked["lead_id"]}
            told = answer("200 OK", json.dumps({"purchase": {**purchase, "description": KEY}}))
        else:
            self.close_connection = True
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        """Say nothing on the test's stderr."""


@contextmanager
def echoing_keen(
    script: Sequence[Answer] = (), tls: ssl.SSLContext | None = None
) -> Iterator[EchoingKeen]:
    with EchoingKeen(script, tls) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def spellings() -> set[bytes]:
    """Return the key's heart in every spelling that somebody might choose."""
    heart = HEART.encode()
    found = {heart, heart.hex().encode(), HEART.encode("utf-16-le"), HEART.encode("utf-16-be")}
    for shift in range(3):  # base64 of anything that holds it, wherever it begins there
        encoded = base64.b64encode(b"\0" * shift + heart)
        found.add(encoded[4 if shift else 0 :].rstrip(b"=")[:-2])
    return {spelling.lower() for spelling in found}


SPELLINGS: Final = spellings()


def check_silent(found: bytes, where: object) -> None:
    lowered = found.lower()
    shown = [spelling for spelling in SPELLINGS if spelling in lowered]
    at = lowered.find(shown[0]) if shown else 0
    assert not shown, f"{where}: {found[max(0, at - 200) : at + 50]!r}"


def check_folder(folder: Path) -> int:
    """Look through all files, the parts of workbooks too; return how many there are."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        check_silent(str(path).encode(), "a file's name")
        check_silent(path.read_bytes(), path)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as parts:
                for name in parts.namelist():
                    check_silent(parts.read(name), f"{path}: {name}")
    return len(files)


def look_at_arguments() -> None:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            check_silent(path.read_bytes(), path)
        except OSError:
            continue  # it has ended


class Watched:
    """The program, whose every word is looked at."""

    def __init__(self, folder: Path, **settings: str) -> None:
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        unlimited = {"IMPORTER_SEND__MAX_IN_DOUBT": "0", "IMPORTER_SEND__MAX_ATTEMPTS": "2"}
        self.program = Program(
            folder,
            "",
            {"KEEN_API_KEY": KEY, "TMPDIR": str(temporary), **unlimited, **settings},
        )
        self.said = ""

    def at(self, keen: EchoingKeen, scope: str) -> Watched:
        self.program.url = keen.url
        self.program.settings["IMPORTER_API__SCOPE"] = scope
        return self

    def __call__(self, *arguments: str | Path) -> int:
        return self._look(self.program(*arguments))

    def via(self, via: tuple[str, ...], *arguments: str | Path) -> int:
        """Run it under `stop_at.py`."""
        run = self.program.start(*arguments, via=via)
        out, err = run.communicate(timeout=60)
        self.said = out + err
        check_silent(self.said.encode(), arguments)
        return run.returncode

    def _look(self, ended: subprocess.CompletedProcess[str]) -> int:
        self.said = ended.stdout + ended.stderr
        check_silent(self.said.encode(), ended.args)
        return ended.returncode


def fill_in(results: Path) -> None:
    """Write into keen_resolution of the rows in doubt, as a person does."""
    rows = read_results(results)
    for row in rows:
        row["keen_resolution"] = "not created" if row["keen_status"] == "in_doubt" else ""
    write_csv(results, [tuple(each.values()) for each in rows], tuple(rows[0]))


@pytest.mark.parametrize("transport", ["httpx", "direct"])
def test_no_answer_of_keens_makes_the_program_show_the_key(tmp_path: Path, transport: str) -> None:
    rows = purchases(len(ECHOES) + 6)
    sheet, book = write_csv(tmp_path / "march.csv", rows), write_xlsx(tmp_path / "may.xlsx", rows)
    results = tmp_path / "march.results.csv"
    told = Watched(tmp_path, IMPORTER_SEND__TRANSPORT=transport)
    with echoing_keen(ECHOES) as keen:
        told.at(keen, "echoes")
        assert told("check", sheet) == 0
        while keen.left:  # three answers in a row that are none of Keen's stop a run
            assert told("run", sheet, "--verbose", "--log-format=console") in {4, 5}
            assert check_folder(tmp_path)
        assert "[API key]" in results.read_text("utf-8-sig"), "no echo ever came so far"
        assert told("run", sheet, "--json", "--retry-rejected") == 4
        assert told("status", "--verify") == 0
        assert told("status", "--json") == 0
        fill_in(results)
        assert told("resolve", results, "--force", "--note", "looked") == 0
        assert told("run", sheet, "--quiet") == 0
        assert told("results", book, "--json") == 0
        told.program.settings["IMPORTER_WORKSPACE__PATH"] = str(tmp_path / "new")
        assert told("resolve", results, "--rebuild") == 0
    assert check_folder(tmp_path) > 8


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (answer("307 Temporary Redirect", "", f"Location: https://127.0.0.1/?key={KEY}"), 4),
        (refused("401 Unauthorized"), 7),
        (answer("402 Payment Required", KEY), 7),
        (answer("404 Not Found", KEY, "sb-error-code: NOT_FOUND"), 7),
        (answer("405 Not Allowed", KEY), 7),
    ],
    ids=["redirect", "401", "402", "404", "405"],
)
def test_no_answer_that_stops_a_run_shows_the_key(tmp_path: Path, told: bytes, code: int) -> None:
    run = Watched(tmp_path)
    with echoing_keen([told]) as keen:
        run.at(keen, "stops")
        assert run("run", write_csv(tmp_path / "march.csv", purchases(2)), "--verbose") == code
    assert check_folder(tmp_path)


def test_no_failed_connection_shows_the_key(tmp_path: Path) -> None:
    sheet = write_csv(tmp_path / "march.csv", purchases(2))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    run = Watched(tmp_path)
    with echoing_keen(tls=context) as keen:
        assert run.at(keen, "untrusted")("run", sheet, "--verbose") == 7
    with echoing_keen() as keen:
        run.at(keen, "no-tls").program.url = keen.url.replace("http", "https")
        assert run("run", sheet, "--verbose") in {5, 7}
    run.at(keen, "refused")
    assert run("run", sheet, "--verbose") == 5
    assert check_folder(tmp_path)


@pytest.mark.parametrize(
    "point",
    ["call:prepare", "call:Connection.post", "return:Connection.post", "call:write_results"],
)
def test_no_bug_shows_the_key_in_its_traceback(tmp_path: Path, point: str) -> None:
    run = Watched(tmp_path)
    with echoing_keen() as keen:
        run.at(keen, "bugs")
        sheet = write_csv(tmp_path / "march.csv", purchases(3))
        assert run.via(CRASH, point, "2" if "post" in point else "1", "run", sheet) == 1
        assert "Traceback" in run.said
        assert "KeyError" in run.said
        assert "[redacted]" in run.said
    assert check_folder(tmp_path)


@pytest.mark.parametrize(
    "point", ["return:Connection.post", "return:write_results", "call:_rename"]
)
def test_a_killed_run_leaves_no_file_that_holds_the_key(tmp_path: Path, point: str) -> None:
    run = Watched(tmp_path)
    with echoing_keen(ECHOES[:5]) as keen:
        run.at(keen, "kills")
        sheet = write_csv(tmp_path / "march.csv", purchases(3))
        assert run.via(STOP_AT, point, "1", "run", sheet) == -9
    assert list(tmp_path.rglob("*-wal"))
    assert check_folder(tmp_path)


def test_a_key_that_cannot_be_used_is_not_shown(tmp_path: Path) -> None:
    sheet = write_csv(tmp_path / "march.csv", purchases(1))
    secrets = tmp_path / "secrets"
    secrets.write_text(f"{KEY} ä", "utf-8")
    run = Watched(tmp_path, KEEN_API_KEY="", IMPORTER_API__KEY_FILE=str(secrets))
    with echoing_keen() as keen:
        run.at(keen, "unusable")
        for mode in (0o644, 0o600):
            secrets.chmod(mode)
            assert run("run", sheet) == 2
        run.program.settings["KEEN_API_KEY"] = f" {KEY} {KEY}"
        assert run("run", sheet) == 2
    secrets.unlink()
    assert check_folder(tmp_path)
