"""Contract values ↔ column values: keys as 16 bytes, times as UTC microseconds. Pure."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from importer.ledger.contract import Entry, Import, LedgerState, hash_product
from importer.model import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from importer.ledger.contract import Intent, Resolution, Settlement

Row: TypeAlias = "tuple[Any, ...]"
Parameters: TypeAlias = "dict[str, bytes | str | int | float | None]"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

ENTRY_COLUMNS: Final = """
    e.key, e.recipe, e.content, e.occurrence, e.identity, e.batch, e.lead,
    e.product, e.amount, e.date,
    e.state, e.attempts, e.first_sent_at, e.last_sent_at, e.retention, e.purchase_id,
    e.http_status, e.code, e.message, i.id, i.content, r.file, e.row,
    CASE WHEN e.by_person THEN 0 ELSE e.run_id END"""
"""What `read_entry` takes, of `entries e`, `runs r` and `imports i`, in its order."""


INTENT_COLUMNS: Final = (
    *("scope_id", "batch", "run_id", "key", "recipe", "content", "occurrence", "identity"),
    *("lead", "product", "amount", "date", "retention", "row", "body", "at"),
)
"""What an intent says of its entry, by the names of the parameters in statements."""

OUTCOME_COLUMNS: Final = ("at", "purchase_id", "http_status", "code", "message")
"""What an outcome says of its entry, by the names of the parameters in statements."""


def pack_instant(instant: datetime) -> int:
    """Return an aware datetime as microseconds since 1970; a naive one is a bug and raises."""
    return (instant - _EPOCH) // _MICROSECOND


def unpack_instant(microseconds: int) -> datetime:
    """Return the instant in UTC that `pack_instant` packed."""
    return _EPOCH + timedelta(microseconds=microseconds)


def is_uuid(text: str) -> bool:
    """Whether `text` is spelt as the ledger spells UUIDs. Any other text is no key of it."""
    return _UUID.fullmatch(text) is not None


def pack_uuid(text: str) -> bytes:
    """Return the 16 bytes of a lower-case UUID; another spelling is a bug: ValueError.

    `uuid.UUID` takes braces and Arabic digits too, and would call two texts one key.
    """
    if not is_uuid(text):
        raise ValueError(f"{text!r} is not a lower-case UUID")
    return _pack(text)


def pack_uuids(texts: Iterable[str]) -> Iterator[bytes]:
    """Yield the 16 bytes of each text that is a lower-case UUID; another one names nothing."""
    return (_pack(text) for text in texts if is_uuid(text))


def _pack(proven: str) -> bytes:
    return bytes.fromhex(proven.replace("-", ""))


def unpack_uuid(packed: bytes) -> str:
    """Return the lower-case UUID of 16 bytes."""
    text = packed.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def intent_row(intent: Intent, run: Row) -> Row:
    """Return what an intent says of its entry, in the order of INTENT_COLUMNS.

    `run` is what the first three of them hold. Bytes come as bytearrays: of `bytes` sqlite3 asks
    each time whether somebody adapts them, which takes a third of the time of storing a row.
    """
    delivery = intent.delivery
    request = delivery.request
    amount, date = request.purchase_amount, request.date
    return (
        *run,
        pack_key(delivery.key),
        delivery.recipe,
        bytearray(delivery.content),
        delivery.occurrence,
        None if delivery.identity is None else bytearray(delivery.identity),
        bytearray(request.lead_id.bytes),
        _pack_product(request.product_name),
        None if amount is None else format(amount, "f"),
        None if date is None else pack_instant(date),
        intent.retention,
        delivery.row,
        bytearray(delivery.body),
        pack_instant(intent.at),
    )


def outcome_row(settlement: Settlement, *which: int | bytearray | str) -> Row:
    """Return `which` entry an outcome is of, and what it says, in the order of OUTCOME_COLUMNS."""
    outcome = settlement.outcome
    return (
        *which,
        pack_instant(settlement.at),
        storable(outcome.purchase_id),
        outcome.http_status,
        outcome.code,
        storable(outcome.message),
    )


# An outcome follows its intent, while as many others are on their way as there are workers.
@functools.lru_cache(maxsize=1024)
def pack_key(key: str) -> bytearray:
    """Return the 16 bytes of a key, for a statement; the same object each time."""
    return bytearray(pack_uuid(key))


@functools.lru_cache(maxsize=1024)  # a file has many rows and few products
def _pack_product(name: str | None) -> bytearray | None:
    return None if name is None else bytearray(hash_product(name))


def resolution_parameters(resolution: Resolution, *, scope_id: int, file: str) -> Parameters:
    """Return what a person said, by column; `message` is what the entry says of it from then on."""
    said = f"{resolution.by} settled this row as {resolution.choice.value!r}"
    return {
        "scope_id": scope_id,
        "key": pack_uuid(resolution.key),
        "choice": resolution.choice.value,
        "purchase_id": resolution.purchase_id,
        "who": resolution.by,
        "note": resolution.note,
        "file": file,
        "at": pack_instant(resolution.at),
        "import_content": resolution.import_content,
        "said_beside": resolution.said_beside and pack_uuid(resolution.said_beside),
        "message": f"{said} on {format_instant(resolution.at)}.",
    }


def storable(text: str | None) -> str | None:
    r"""Return `text` as UTF-8 can hold it: lone surrogates spelt out as `\ud83d`.

    An API's answer may hold them (`"\ud83d"` is legal JSON), and an outcome must never fail to be
    stored for its wording.
    """
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def interruption(last_sent_at: int) -> str:
    """Return the message of an entry whose run died between its intent and its outcome."""
    sent = format_instant(unpack_instant(last_sent_at))
    return f"Sent at {sent}; the program ended before the answer was stored."


def read_entry(row: Row) -> Entry:
    """Return the entry of one row of ENTRY_COLUMNS."""
    (key, recipe, content, occurrence, identity, batch, lead) = row[:7]
    (product, amount, date) = row[7:10]
    (state, attempts, first_sent_at, last_sent_at, retention, purchase_id) = row[10:16]
    (http_status, code, message, import_id, import_content, file, number, run_id) = row[16:]
    return Entry(
        key=unpack_uuid(key),
        recipe=recipe,
        content=content,
        occurrence=occurrence,
        identity=identity,
        batch=batch,
        lead_id=unpack_uuid(lead),
        product=None if product is None else product.hex(),
        amount=amount,
        date=None if date is None else unpack_instant(date),
        state=LedgerState(state),
        attempts=attempts,
        first_sent_at=unpack_instant(first_sent_at),
        last_sent_at=unpack_instant(last_sent_at),
        retention=retention,
        purchase_id=purchase_id,
        http_status=http_status,
        code=code,
        message=message,
        import_id=import_id,
        import_content=import_content,
        file=file,
        row=number,
        run_id=run_id,
    )


def read_import(row: Row) -> Import:
    """Return the import of (id, scope, batch, file, content, started_at)."""
    import_id, scope, batch, file, content, started_at = row[:6]
    return Import(import_id, scope, batch, file, content, unpack_instant(started_at))
