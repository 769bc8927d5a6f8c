"""find_created; that its results are judge's own, test_claiming.py holds."""

from __future__ import annotations

from contextlib import closing

import polars as pl

from importer.ledger.contract import LedgerState
from importer.ledger.sqlite import SqliteLedger
from importer.planner.created import find_created
from importer.reader.keys import make_key, spell_keys
from tests.ledger.examples import SCOPE, begin, bring, deliver, digest, minutes


def test_rows_of_this_run_and_of_earlier_ones_are_told_once_each_in_the_files_order() -> None:
    contents = [digest(f"purchase {number}") for number in range(24)]
    with closing(SqliteLedger.open(None)) as ledger:
        earlier = begin(ledger)
        for number, content in enumerate(contents[:20]):
            sent = deliver(number, key=make_key(content, 1), content=content)
            bring(ledger, earlier, sent, LedgerState.CREATED)
        ledger.end_run(earlier, exit_code=0, summary="{}", at=minutes(9))
        present = begin(ledger)
        for number, content in enumerate(contents[20:23]):
            sent = deliver(number, key=make_key(content, 1), content=content)
            bring(ledger, present, sent, LedgerState.CREATED)
        # So few of so many are looked up; what this run did is read through before.
        places = [21, 0, 23, 22, 19]
        planned = pl.DataFrame(
            {
                "row": range(2, 7),
                "content": [contents[place] for place in places],
                "occurrence": [1] * 5,
            },
            schema={"row": pl.UInt32, "content": pl.Binary, "occurrence": pl.UInt32},
        )
        found = find_created(planned, ledger, SCOPE, present)

    assert found["row"].to_list() == [2, 3, 5, 6]
    assert found["status"].to_list() == ["created", "already_created", "created", "already_created"]
    keys = [make_key(contents[place], 1) for place in (21, 0, 22, 19)]
    assert spell_keys(found["key"]).to_list() == keys
    assert found["sent_row"].to_list() == [1, 0, 2, 19]
