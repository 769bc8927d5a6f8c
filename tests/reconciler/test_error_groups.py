from __future__ import annotations

import polars as pl

from importer.reconciler.error_groups import group_held


def test_a_plan_says_of_which_row_a_duplicate_is_one() -> None:
    rows = pl.DataFrame(
        {
            "row": [2, 5, 9],
            "status": ["unsent", "duplicate", "duplicate"],
            "send": [True, False, False],
            "twin_row": [None, 2, 2],
            "conflict_code": [None, None, None],
            "conflict": [None, None, None],
        },
        schema_overrides={"conflict_code": pl.String, "conflict": pl.String},
    )
    [group] = group_held(rows)
    assert (group.rows, group.example) == ((5, 9), "The same purchase as row 2 stands in row 5.")
