"""Each fault, as a raw socket sees it."""

from __future__ import annotations

import gzip
import json
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from importer.sandbox.faults import Fault, FaultPlan
from tests.sandbox.client import read_to_end, send, split, wait_until

if TYPE_CHECKING:
    from importer.sandbox.server import Sandbox
    from tests.sandbox_server import StartSandbox

NO_FAULTS = FaultPlan()
ERRORS_IN_HTML = ("-bare", "502", "503", "520", "521", "522", "523", "524", "525", "526", "530")


def meet(sandbox: Sandbox, fault: str, plan: FaultPlan = NO_FAULTS) -> tuple[int, bytes, bytes]:
    sandbox.change_faults(replace(plan, script=[fault]))
    return split(read_to_end(send(sandbox)))


def purchase_id(sandbox: Sandbox) -> str:
    (purchase,) = sandbox.audit.committed
    return purchase.purchase_id


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault.startswith("http-")])
def test_a_status_comes_with_its_words_and_commits_as_its_name_says(
    sandbox: Sandbox, fault: Fault
) -> None:
    status, head, body = meet(sandbox, fault)
    assert status == int(fault.split("-")[1])
    moment = fault.removesuffix("-before-commit").removesuffix("-after-commit")
    if b"sb-error-code" in head:
        code = json.loads(body)["code"]
        assert f"sb-error-code: {code.lower()}".encode() in head
    elif moment.endswith(ERRORS_IN_HTML):
        assert body.startswith(b"<!doctype html>")
    else:
        assert json.loads(body)["error"]
    assert len(sandbox.audit.committed) == fault.endswith("-after-commit")
    assert sandbox.audit.received[0].fault == fault


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("http-404-not-found", b"not_found"),
        ("http-429-rate-limit-before-commit", b"rate_limit_exceeded"),
        ("http-500-worker-error-before-commit", b"worker_error"),
        ("http-503-boot-error", b"boot_error"),
        ("http-503-load-function", b"load_function_error"),
        ("http-504-before-commit", b"idle_timeout"),
        ("http-546-before-commit", b"worker_limit"),
    ],
)
def test_the_platforms_own_errors_carry_its_code(sandbox: Sandbox, fault: str, code: bytes) -> None:
    assert b"sb-error-code: " + code in meet(sandbox, fault)[1]


def test_retry_after_is_seconds_or_a_date(sandbox: Sandbox) -> None:
    assert b"retry-after" not in meet(sandbox, "http-429")[1]
    assert (
        b"retry-after: 7\r\n" in meet(sandbox, "http-429-retry-after", FaultPlan(retry_after=7))[1]
    )
    head = meet(sandbox, "http-429-retry-after-date", FaultPlan(retry_after=86_400))[1]
    (line,) = [line for line in head.splitlines() if line.startswith(b"retry-after")]
    later = parsedate_to_datetime(line.decode().partition(": ")[2])
    assert later.timestamp() > time.time() + 80_000


def test_a_redirect_names_the_other_url(sandbox: Sandbox) -> None:
    url = "http://127.0.0.1:1/there"
    status, head, _ = meet(sandbox, "redirect-before-commit", FaultPlan(redirect_to=url))
    assert (status, len(sandbox.audit.committed)) == (307, 0)
    assert f"location: {url}".encode() in head
    assert meet(sandbox, "redirect-after-commit")[0] == 307
    assert len(sandbox.audit.committed) == 1


@pytest.mark.parametrize("commits", [False, True])
def test_a_close_is_an_end_without_an_answer(sandbox: Sandbox, *, commits: bool) -> None:
    fault = f"close-{'after' if commits else 'before'}-commit"
    sandbox.change_faults(FaultPlan(script=[fault]))
    assert read_to_end(send(sandbox)) == b""
    assert len(sandbox.audit.committed) == commits


@pytest.mark.parametrize("commits", [False, True])
def test_a_reset_is_a_reset_to_the_client(sandbox: Sandbox, *, commits: bool) -> None:
    fault = f"reset-{'after' if commits else 'before'}-commit"
    sandbox.change_faults(FaultPlan(script=[fault]))
    with pytest.raises(ConnectionResetError):
        read_to_end(send(sandbox))
    assert len(sandbox.audit.committed) == commits


@pytest.mark.parametrize("commits", [False, True])
def test_a_hang_ends_without_an_answer(sandbox: Sandbox, *, commits: bool) -> None:
    fault = f"hang-{'after' if commits else 'before'}-commit"
    sandbox.change_faults(FaultPlan(script=[fault], hang_seconds=0.05))
    assert read_to_end(send(sandbox)) == b""
    assert len(sandbox.audit.committed) == commits


def test_a_client_that_hangs_up_ends_the_hang(sandbox: Sandbox) -> None:
    sandbox.change_faults(FaultPlan(script=["hang-before-commit"], hang_seconds=1e6))
    send(sandbox).close()
    wait_until(lambda: sandbox.under_way == 0 and sandbox.purchase_requests == 1)
    assert sandbox.audit.committed == ()


def test_a_late_commit_happens_after_the_client_gave_up(sandbox: Sandbox) -> None:
    sandbox.change_faults(FaultPlan(script=["late-commit"], hang_seconds=1e6))
    connection = send(sandbox)
    wait_until(lambda: sandbox.purchase_requests == 1)
    assert sandbox.audit.committed == ()
    connection.close()
    wait_until(lambda: len(sandbox.audit.committed) == 1)


def test_a_slow_call_commits_though_its_client_left(sandbox: Sandbox) -> None:
    sandbox.change_faults(FaultPlan(script=["slow"], slow_seconds=0.05, latency=0.05))
    send(sandbox).close()
    wait_until(lambda: len(sandbox.audit.committed) == 1)
    assert json.loads(meet(sandbox, "slow", FaultPlan(slow_seconds=0.01))[2])["purchase"]["id"]


def test_whole_answers_may_be_framed_in_every_way_of_http(sandbox: Sandbox) -> None:
    _, head, body = meet(sandbox, "close-delimited")
    assert b"content-length" not in head
    assert json.loads(body)["purchase"]["id"] == purchase_id(sandbox)
    _, head, body = meet(sandbox, "chunked")
    assert b"transfer-encoding: chunked" in head
    assert body.count(b"\r\n") == 6
    assert body.endswith(b"\r\n0\r\n\r\n")
    status, _, rest = meet(sandbox, "early-hints")
    assert status == 103
    assert json.loads(split(rest)[2])["purchase"]["id"]


def test_a_stale_connection_is_closed_although_keep_alive_was_agreed(sandbox: Sandbox) -> None:
    sandbox.change_faults(FaultPlan(script=["stale-connection"]))
    _, head, body = split(read_to_end(send(sandbox, keep_alive=True)))
    assert b"connection: close" not in head
    assert json.loads(body)["purchase"]["id"] == purchase_id(sandbox)


@pytest.mark.parametrize(
    ("fault", "framing"),
    [
        ("cut-length", b"content-length: "),
        ("cut-chunked", b"transfer-encoding: chunked"),
        ("cut-close-delimited", b"connection: close"),
    ],
)
def test_a_cut_answer_ends_in_the_middle_of_its_body(
    sandbox: Sandbox, fault: str, framing: bytes
) -> None:
    status, head, body = meet(sandbox, fault)
    assert (status, len(sandbox.audit.committed)) == (200, 1)
    assert framing in head
    assert b'{"purchase":{"id":' in body
    assert b"}}" not in body
    if fault == "cut-length":
        announced = int(head.partition(framing)[2].split()[0])
        assert 0 < len(body) < announced


def test_a_cut_answer_may_end_with_a_reset(sandbox: Sandbox) -> None:
    with pytest.raises(ConnectionResetError):
        meet(sandbox, "cut-reset")
    assert len(sandbox.audit.committed) == 1


def test_a_200_without_a_purchase_hides_a_commit(start_sandbox: StartSandbox) -> None:
    for fault in ("html-200", "empty-200", "no-id-200", "huge-body", "gzip-garbage"):
        sandbox = start_sandbox(audit=fault)
        status, head, body = meet(sandbox, fault)
        assert (status, len(sandbox.audit.committed)) == (200, 1)
        assert purchase_id(sandbox).encode() not in body[: 2 * 1024 * 1024]
        if fault == "no-id-200":
            assert json.loads(body)["purchase"]["name"] == "Tea"
        if fault == "gzip-garbage":
            assert b"content-encoding: gzip" in head
            with pytest.raises(gzip.BadGzipFile):
                gzip.decompress(body)
    sandbox = start_sandbox(audit="before")
    assert meet(sandbox, "html-200-before-commit")[0] == 200
    assert sandbox.audit.committed == ()


def test_a_drip_is_whole_for_those_who_wait_and_ends_for_those_who_do_not(
    sandbox: Sandbox,
) -> None:
    body = meet(sandbox, "drip", FaultPlan(drip_seconds=0))[2]
    assert json.loads(body)["purchase"]["id"] == purchase_id(sandbox)
    sandbox.change_faults(FaultPlan(script=["drip"], drip_seconds=0.01))
    connection = send(sandbox)
    assert connection.recv(1) == b"H"
    connection.close()
    wait_until(lambda: sandbox.under_way == 0)
