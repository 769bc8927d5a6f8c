"""The outcome table, row by row, and what holds for every answer there can be."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.model import Next, Outcome, Verdict
from importer.sender.answer import MAX_MESSAGE, Failure
from importer.sender.outcome import RULES, judge_answer, judge_failure
from importer.sender.refusal import refusal

CREATED = b'{"purchase":{"id":"p-1","name":"Tea"}}'
ERROR = b'{"error":"Lead not accessible"}'
PAGE = b"<html>Forbidden</html>"

APPLIED = (Verdict.APPLIED, Next.DONE)
REJECTED = (Verdict.NOT_APPLIED, Next.REJECT)
RETRIED = (Verdict.NOT_APPLIED, Next.RETRY)
STOPPED = (Verdict.NOT_APPLIED, Next.STOP)
HELD = (Verdict.IN_DOUBT, Next.HOLD)
COUNTED = (Verdict.IN_DOUBT, Next.HOLD_AND_COUNT)
STOPPED_IN_DOUBT = (Verdict.IN_DOUBT, Next.STOP)

TABLE = [
    *[(status, None, CREATED, APPLIED, "created") for status in (200, 201, 202, 299)],
    *[
        (200, None, body, COUNTED, "no-purchase-id")
        for body in (
            b"",
            PAGE,
            CREATED[:-1],
            b"{}",
            b"[]",
            b"null",
            b'{"purchase":null}',
            b'{"purchase":{}}',
            b'{"purchase":{"id":""}}',
            b'{"purchase":{"id":7}}',
            b'{"purchase":{"id":"p\\u0000q"}}',
            b'{"purchase":{"id":"p\\u001b[31m"}}',
            b'{"purchase":{"id":" "}}',
            b'{"purchase":{"id":"\\u200b"}}',
            b'{"purchase":{"id":"%b"}}' % (b"p" * 201),
            b'{"purchase":{"id":null}}',
            b'{"id":"p-1"}',
            b"\xff\xfe",
            ERROR,
        )
    ],
    (204, None, b"", COUNTED, "no-purchase-id"),
    *[
        (status, None, ERROR, REJECTED, f"http-{status}")
        for status in (400, 403, 404, 413, 415, 422)
    ],
    *[
        (status, None, body, COUNTED, f"http-{status}-without-error")
        for status in (400, 403, 404, 413, 415, 422)
        for body in (PAGE, b"", b'{"message":"no"}', b'{"error":{}}', b'{"error":""}')
    ],
    *[(status, None, ERROR, STOPPED, f"http-{status}") for status in (401, 402, 405)],
    *[(status, None, PAGE, STOPPED, f"http-{status}") for status in (401, 402, 405)],
    (401, "UNAUTHORIZED_NO_AUTH_HEADER", b"", STOPPED, "http-401"),
    (404, "NOT_FOUND", b'{"code":"NOT_FOUND"}', STOPPED, "no-such-function"),
    (404, "NOT_FOUND_FUNCTION", ERROR, STOPPED, "no-such-function"),
    (404, "SOMETHING_NOT_FOUND", PAGE, COUNTED, "http-404-without-error"),
    (400, "INVALID_URL", PAGE, COUNTED, "http-400-without-error"),
    (429, None, PAGE, RETRIED, "http-429"),
    (429, "RATE_LIMIT_EXCEEDED", b"", HELD, "http-429-in-function"),
    (429, "RATE_LIMIT_EXCEEDED, OTHER", b"", HELD, "http-429-in-function"),
    (429, None, b'{"code":"RATE_LIMIT_EXCEEDED"}', HELD, "http-429-in-function"),
    (503, "BOOT_ERROR", b"", RETRIED, "function-not-started"),
    (503, "LOAD_FUNCTION_ERROR", b"", RETRIED, "function-not-started"),
    (503, None, b'{"code":"BOOT_ERROR"}', HELD, "http-503"),
    (503, "BOOT_ERROR, WORKER_ERROR", b"", HELD, "http-503"),
    (503, "boot_error", b"", HELD, "http-503"),
    (503, "LOAD_FUNCTION_", b"", HELD, "http-503"),
    (500, "BOOT_ERROR", b"", HELD, "http-500"),
    *[(status, None, PAGE, RETRIED, f"http-{status}") for status in (521, 523, 525, 526, 530)],
    *[
        (status, None, b"", STOPPED_IN_DOUBT, f"http-{status}")
        for status in (300, 301, 302, 303, 304, 307, 308)
    ],
    *[
        (status, None, ERROR, HELD, f"http-{status}")
        for status in (500, 502, 503, 504, 520, 522, 524, 546, 408, 409, 425)
    ],
    *[(status, None, ERROR, HELD, f"http-{status}") for status in (100, 101, 410, 418, 999)],
    (500, "EDGE_FUNCTION_ERROR", ERROR, HELD, "http-500"),
    (500, "WORKER_ERROR", b"", HELD, "http-500"),
    (546, "WORKER_LIMIT", b"", HELD, "http-546"),
    (546, "WORKER_RESOURCE_LIMIT", b"", HELD, "http-546"),
    (504, "IDLE_TIMEOUT", b"", HELD, "http-504"),
    (502, "INVALID_RESPONSE_STATUS_CODE", b"", HELD, "http-502"),
]


@pytest.mark.parametrize(("status", "sb_error_code", "body", "expected", "code"), TABLE)
def test_each_answer_is_judged_as_the_table_says(
    status: int,
    sb_error_code: str | None,
    body: bytes,
    expected: tuple[Verdict, Next],
    code: str,
) -> None:
    outcome = judge_answer(status, sb_error_code, body)
    assert (outcome.verdict, outcome.next, outcome.code) == (*expected, code)
    assert outcome.http_status == status
    assert outcome.purchase_id == ("p-1" if expected == APPLIED else None)
    assert outcome.message or expected == APPLIED


LEAD = "5a4d0b0c-0000-4000-8000-00000000000a"


@pytest.mark.parametrize(
    ("leads_id", "expected", "code"),
    [
        (LEAD, APPLIED, "created"),
        (LEAD.upper(), APPLIED, "created"),
        (LEAD.replace("a", "b"), COUNTED, "other-purchase"),
        ("", COUNTED, "other-purchase"),
        (None, APPLIED, "created"),
        (7, APPLIED, "created"),
        ([LEAD], APPLIED, "created"),
    ],
)
def test_another_leads_purchase_is_the_answer_to_another_request(
    leads_id: object, expected: tuple[Verdict, Next], code: str
) -> None:
    body = json.dumps({"purchase": {"id": "p-1", "leads_id": leads_id}}).encode()
    outcome = judge_answer(200, None, body, lead_id=UUID(LEAD))
    assert (outcome.verdict, outcome.next, outcome.code) == (*expected, code)
    assert outcome.purchase_id == ("p-1" if expected == APPLIED else None)
    assert judge_answer(200, None, body, lead_id=None).verdict is Verdict.APPLIED


def test_keens_own_text_is_the_message_of_a_refusal() -> None:
    assert judge_answer(403, None, ERROR).message == "Lead not accessible"


def test_under_retention_a_reused_key_is_rejected_by_its_own_code() -> None:
    outcome = judge_answer(422, None, ERROR, key_retention=24)
    assert (outcome.verdict, outcome.next, outcome.code) == (*REJECTED, "key-reused")
    outcome = judge_answer(409, None, ERROR, key_retention=24)
    assert (outcome.verdict, outcome.next, outcome.code) == (*HELD, "http-409")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, COUNTED),
        (302, STOPPED_IN_DOUBT),
        (401, HELD),
        (403, HELD),
        (429, HELD),
        (521, HELD),
    ],
)
def test_an_answer_cut_short_proves_nothing(status: int, expected: tuple[Verdict, Next]) -> None:
    outcome = judge_answer(status, None, CREATED, complete=False)
    assert (outcome.verdict, outcome.next) == expected
    assert outcome.purchase_id is None


@pytest.mark.parametrize("status", [429, 503, 521])
def test_a_wait_that_keen_asks_for_is_passed_on(status: int) -> None:
    assert judge_answer(status, "BOOT_ERROR", b"", retry_after=7.0).retry_after == 7.0


def test_a_wait_after_a_purchase_concerns_nobody() -> None:
    assert judge_answer(200, None, CREATED, retry_after=7.0).retry_after is None


NAMES = st.text() | st.sampled_from(["purchase", "id", "error"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner),
    max_leaves=8,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | st.just(CREATED)
SB_ERROR_CODES = (
    st.none() | st.text() | st.sampled_from(["BOOT_ERROR", "NOT_FOUND", "RATE_LIMIT_EXCEEDED"])
)


def purchase_id_of(body: bytes) -> str | None:
    try:
        found = json.loads(body)["purchase"]["id"]
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    return found if isinstance(found, str) and found else None


@given(st.integers(100, 999), SB_ERROR_CODES, BODIES, st.booleans(), st.sampled_from([0.0, 24.0]))
def test_whatever_is_not_listed_is_in_doubt(
    status: int, sb_error_code: str | None, body: bytes, complete: bool, key_retention: float
) -> None:
    outcome = judge_answer(
        status, sb_error_code, body, complete=complete, key_retention=key_retention
    )
    if outcome.verdict is Verdict.APPLIED:
        assert 200 <= status <= 299
        assert complete
        assert outcome.purchase_id == purchase_id_of(body)
        assert outcome.purchase_id
    if outcome.verdict is Verdict.NOT_APPLIED:
        assert complete
        assert (
            status in {401, 402, 405, 429, 521, 523, 525, 526, 530}
            or (status == 503 and sb_error_code == "BOOT_ERROR")
            or (status == 404 and sb_error_code == "NOT_FOUND")
            or (status in {400, 403, 404, 413, 415, 422} and b"error" in body)
        )
    assert len(outcome.message) <= MAX_MESSAGE
    assert outcome.message.isprintable()


@given(st.text(), st.text(alphabet="abcdef0123456789-", min_size=8))
def test_the_api_key_is_in_no_message(text: str, key: str) -> None:
    body = json.dumps({"error": f"{text}{key}{text}"}).encode()
    assert key not in judge_answer(403, None, body, secret=key).message


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_after_the_first_byte_is_in_doubt_whatever_it_is(failure: Failure) -> None:
    outcome = judge_failure(failure, on_wire=True)
    assert (outcome.verdict, outcome.next, outcome.code) == (*HELD, failure.value)


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_before_the_first_byte_was_never_applied(failure: Failure) -> None:
    outcome = judge_failure(failure, on_wire=False, detail="why")
    lasting = {Failure.BAD_CERTIFICATE, Failure.UNSENDABLE, Failure.UNEXPECTED}
    assert outcome.verdict is Verdict.NOT_APPLIED
    assert outcome.next is (Next.STOP if failure in lasting else Next.RETRY)
    assert "(why)" in outcome.message


def stopping_outcomes() -> list[Outcome]:
    answers = [
        judge_answer(status, rule.sb_error_code and "NOT_FOUND", b"")
        for rule in RULES
        if rule.next is Next.STOP
        for status in list(rule.statuses)[:1]
    ]
    return answers + [
        outcome
        for failure in Failure
        if (outcome := judge_failure(failure, on_wire=False)).next is Next.STOP
    ]


@pytest.mark.parametrize("outcome", stopping_outcomes(), ids=lambda outcome: outcome.code)
def test_what_stops_the_run_says_what_to_do(outcome: Outcome) -> None:
    error = refusal(outcome)
    assert error.exit_code == (5 if outcome.verdict is Verdict.IN_DOUBT else 7)
    assert error.remedy
    assert error.code == outcome.code
