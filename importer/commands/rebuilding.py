"""A results file → the ledger that its rows were in, for the day the disk dies.

The keys prove themselves: each must be the key of its own row's content. What is created is
recorded as a person's word, with who, when and why; what was in doubt is in doubt again.
Touches the workspace.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, repeat
from typing import TYPE_CHECKING, Any, Final

from importer.errors import ExitCode, GuardError, UsageError
from importer.ledger.contract import Choice, Intent, LedgerState, Resolution, Settlement
from importer.model import APPLIED, DONE, Delivery, Next, Outcome, Verdict
from importer.planner.gate import check_identity_settings, check_scope
from importer.preparation import open_ledger
from importer.reader.identity import RECIPE, identity_settings, import_content
from importer.reader.keys import find_occurrences
from importer.reader.reader import read_file
from importer.reader.table import cell_name
from importer.reader.validation import build_requests
from importer.screen import ask, print_error, somebody_answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from importer.job import Job
    from importer.ledger.contract import Entry, Ledger
    from importer.reader.reader import Reading

SEARCHED: Final = 64
"""Occurrences beyond the file's own among which a key is looked for: other files may have some."""
NAMED: Final = 10
"""Faults that are named one by one."""
PAGE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Adoption:
    """A row whose purchase the ledger is to know from now on."""

    delivery: Delivery
    sent_at: datetime
    created: bool
    purchase_id: str | None
    known: bool
    """The ledger has it in doubt already; only the purchase is news."""


class Contradiction(Exception):  # noqa: N818 - caught here, row by row
    """A row cannot be what the file says it is."""


def rebuild_command(job: Job, params: Mapping[str, Any], by: str) -> ExitCode:
    """Take the rows of a results file over, all of them or none that contradicts."""
    scope, batch = job.config.api.scope, job.order.batch
    settings = identity_settings(job.config)
    with open_ledger(job, make=True) as (_, folder, ledger):
        reading = read_file(job.path, folder, job.config, job.order)
        check_scope(ledger, job.config.api)
        check_identity_settings(ledger, scope, settings, accept_change=False)
        adoptions = _judge_rows(reading, ledger, scope, job.config.api.action)
        created = sum(adoption.created for adoption in adoptions)
        print(f"To be taken over: {created:,} created rows, {len(adoptions) - created:,} in doubt.")
        if not adoptions:
            return ExitCode.OK
        if somebody_answers() and not params["yes"] and not ask("Take them over?"):
            print_error("Nothing was taken over.")
            return ExitCode.STOPPED_EARLY
        if job.config.api.url:
            ledger.remember_scope(scope, job.config.api.url)
        if ledger.identity_settings(scope) is None:
            ledger.remember_identity_settings(scope, settings)
        now = datetime.now(UTC)
        _, run_id = ledger.begin_run(
            scope=scope,
            batch=batch,
            file=job.path.name,
            content=import_content(reading.contents["content"]),
            plan=json.dumps({"rebuilt_by": by, "note": params["note"]}),
            at=now,
        )
        for page in _pages(adoptions):
            _take_over(page, ledger, run_id, now)
            found = [_found(adoption, by, params["note"], now) for adoption in page]
            ledger.resolve(scope, [each for each in found if each], file=job.path.name)
        ledger.end_run(run_id, exit_code=0, summary="{}", at=datetime.now(UTC))
    print(
        f"Taken over {len(adoptions):,} rows. What was sent after this file was written is not in "
        "it: look into Keen before you run again with rows that it calls unsent."
    )
    return ExitCode.OK


def _judge_rows(reading: Reading, ledger: Ledger, scope: str, action: str) -> list[Adoption]:
    """Return what is news to the ledger. Raises GuardError that names every contradiction."""
    if not {"keen_idempotency_key", "keen_status"} <= set(reading.columns.carried):
        raise UsageError(
            f"{reading.source.name} is no results file: it has no keen_idempotency_key.",
            "Name the results file that an earlier run wrote.",
        )
    told = [row for row in _told(reading) if row["carried_status"] in APPLIED]
    sent = {row["row"]: row for row in _with_requests(reading)}
    keys = Counter(row["carried_key"] for row in told)
    ids = Counter(_lower(row["found_id"]) for row in told if row["carried_status"] in DONE)
    entries = {entry.key: entry for entry in ledger.find(scope, filter(None, keys))}
    owners = {
        _lower(entry.purchase_id): entry.key
        for entry in ledger.purchase_ids(scope, filter(None, ids))
    }
    equals = Counter(reading.contents["content"])
    made, faults = [], []
    for row in told:
        try:
            _refuse_repetition(row, keys, ids, owners)
            entry = entries.get(row["carried_key"])
            if not _is_news(row, entry):
                continue
            valid_row = sent.get(row["row"])
            if valid_row is None:
                raise Contradiction("its cells are not valid, so its key cannot be proven")  # noqa: TRY301
            up_to = SEARCHED + equals[valid_row["content"]]
            delivery = _delivery(row, valid_row, action, up_to=up_to)
        except Contradiction as fault:
            faults.append(f"row {row['row']}: {fault}")
            continue
        created = row["carried_status"] in DONE
        sent_at = _instant(row["sent_at"])
        made.append(Adoption(delivery, sent_at, created, row["found_id"], entry is not None))
    if faults:
        more = f"; and {len(faults) - NAMED:,} more" if len(faults) > NAMED else ""
        raise GuardError(
            "Nothing was taken over. " + "; ".join(faults[:NAMED]) + more + ".",
            "Use the results file as the importer wrote it, with the scope, --batch and settings "
            "of that run.",
            code="rebuild",
        )
    return made


def _with_requests(reading: Reading) -> Iterator[dict[str, Any]]:
    """Yield those of the valid rows that may have been applied, each with its `request`."""
    valid = reading.rows.filter("valid").hstack(reading.contents)
    sent = valid.filter(valid["carried_status"].is_in(APPLIED))
    for piece in reading.typed.beside(sent):
        requests = build_requests(piece)
        for row, request in zip(piece.iter_rows(named=True), requests, strict=True):
            yield {**row, "request": request}


def _told(reading: Reading) -> Iterator[dict[str, Any]]:
    """Yield what the file says became of each row."""
    index = reading.columns.carried.get("keen_sent_at")
    times: Iterable[str | None] = repeat(None)
    if index is not None:
        times = (text for piece in reading.table for text in piece.cells[cell_name(index)])
    told = reading.rows.select("row", "carried_key", "carried_status", "found_id")
    for row, sent_at in zip(told.iter_rows(named=True), times, strict=False):
        yield {**row, "sent_at": sent_at}


def _refuse_repetition(
    row: Mapping[str, Any],
    keys: Counter[str | None],
    ids: Counter[str | None],
    owners: Mapping[str | None, str],
) -> None:
    key, purchase_id = row["carried_key"], row["found_id"]
    if key is None:
        raise Contradiction("it has no keen_idempotency_key")
    if keys[key] > 1:
        raise Contradiction("its keen_idempotency_key stands in another row as well")
    if purchase_id is not None and row["carried_status"] in DONE:
        if ids[_lower(purchase_id)] > 1:
            raise Contradiction("its keen_purchase_id stands in another row as well")
        if owners.get(_lower(purchase_id), key) != key:
            raise Contradiction(f"purchase {purchase_id} belongs to another row of the ledger")


def _lower(purchase_id: str | None) -> str | None:
    """Return the id in lower case: a person may have typed it otherwise."""
    return None if purchase_id is None else purchase_id.lower()


def _is_news(row: Mapping[str, Any], entry: Entry | None) -> bool:
    """Whether the ledger learns something from the row."""
    if entry is None:
        return True
    created = row["carried_status"] in DONE
    if entry.state is LedgerState.CREATED:
        ids = {_lower(row["found_id"]), _lower(entry.purchase_id)} - {None}
        if created and len(ids) > 1:
            raise Contradiction(f"the ledger knows it as purchase {entry.purchase_id}")
        return False
    if entry.state is LedgerState.IN_DOUBT:
        return created
    raise Contradiction(f"the ledger knows it as {entry.state.value}")


def _delivery(
    row: Mapping[str, Any], valid: Mapping[str, Any], action: str, *, up_to: int
) -> Delivery:
    key, content = row["carried_key"], valid["content"]
    occurrence = find_occurrences(content, [key], up_to).get(key)
    if occurrence is None:
        raise Contradiction("its keen_idempotency_key is not the key of its content")
    request = valid["request"]
    return Delivery(
        row=row["row"],
        key=key,
        recipe=RECIPE,
        content=content,
        occurrence=occurrence,
        identity=valid["identity_key"],
        request=request,
        body=request.body(action),
    )


def _take_over(page: list[Adoption], ledger: Ledger, run_id: int, now: datetime) -> None:
    """Record attempts of which nothing is known yet: a kill right now leaves them in doubt."""
    outcome = Outcome(
        Verdict.IN_DOUBT, Next.HOLD, "rebuilt", "Taken over from a results file, in doubt there."
    )
    new = [adoption for adoption in page if not adoption.known]
    intents = [Intent(adoption.delivery, adoption.sent_at) for adoption in new]
    ends = [Settlement(each.delivery.key, each.delivery.row, outcome, now) for each in intents]
    ledger.commit(run_id, [*intents, *ends])


def _found(adoption: Adoption, by: str, note: str, now: datetime) -> Resolution | None:
    if not adoption.created:
        return None
    return Resolution(
        adoption.delivery.key, Choice.CREATED, adoption.purchase_id, by, note or "rebuilt", now
    )


def _instant(text: str | None) -> datetime:
    """Return keen_sent_at; what no longer is one has been a time long ago all the same."""
    try:
        instant = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _pages(adoptions: list[Adoption]) -> Iterator[list[Adoption]]:
    left = iter(adoptions)
    while page := list(islice(left, PAGE)):
        yield page
