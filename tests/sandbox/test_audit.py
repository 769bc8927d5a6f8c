"""The witness: what is written stays, what is torn never was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import UsageError
from importer.sandbox.audit import Audit, AuditFile, Committed, Received, read_audit

if TYPE_CHECKING:
    from pathlib import Path


CALL = Received(
    call=1,
    at="2026-03-04T10:20:30+00:00",
    action="create_purchase_custom",
    key="k",
    fault="none",
    sha256="00",
    body='{"product_name":"Tea\\n☕"}',
)
PURCHASE = Committed(
    call=1,
    at="2026-03-04T10:20:31+00:00",
    purchase_id="p",
    key="k",
    sha256="00",
    lead_id="l",
    amount="19.90",
    rewards=2,
    trigger_ids=("a", "b"),
    purchase={"id": "p", "purchase_amount": 19.9},
)


def write(path: Path, *lines: Received | Committed) -> None:
    audit = AuditFile(path)
    for line in lines:
        audit.append(line)
    audit.close()


def test_lines_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    assert read_audit(path) == Audit()
    write(path, CALL, PURCHASE)
    write(path, CALL)
    assert read_audit(path) == Audit(received=(CALL, CALL), committed=(PURCHASE,))


@given(body=st.text())
def test_any_body_stays_on_its_own_line(
    tmp_path_factory: pytest.TempPathFactory, body: str
) -> None:
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    call = Received(1, "", None, None, "none", "", body)
    write(path, call, PURCHASE)
    assert read_audit(path) == Audit((call,), (PURCHASE,))


def test_a_line_without_its_end_is_left_out_and_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    write(path, CALL, PURCHASE)
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[1][:40])
    assert read_audit(path).committed == (PURCHASE,)
    write(path, PURCHASE)
    assert read_audit(path) == Audit((CALL,), (PURCHASE, PURCHASE))


@pytest.mark.parametrize(
    "text", ["name,amount\nTea,1\n", "one line without an end", "[]\n", "{}\n"]
)
def test_a_file_that_is_no_audit_is_refused_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match="not an audit"):
        AuditFile(path)
    assert path.read_text() == text


def test_an_audit_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        AuditFile(tmp_path / "no folder" / "audit.jsonl")


def test_doubles_rewards_and_changed_bodies_are_visible() -> None:
    other = Received(2, "", "create_purchase", "k", "none", "", "another body")
    probe = Received(3, "", "get_channels", None, "none", "", "{}")
    audit = Audit((CALL, other, probe), (PURCHASE, PURCHASE))
    assert audit.purchases_by_key() == {"k": [PURCHASE, PURCHASE]}
    assert audit.rewards == 4
    assert audit.purchase_calls == (CALL, other)
    assert audit.bodies_by_key() == {"k": {CALL.body, "another body"}}
