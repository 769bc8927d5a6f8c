"""A file in pieces says what the same file says as a whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.config import Config
from importer.reader.columns import match_columns
from importer.reader.fields import prove_styles
from importer.reader.pieces import Pieces
from importer.reader.table import cell_name
from importer.reader.typed_rows import Rows, read_rows
from importer.reader.validation import judge
from tests.reader.frames import in_pieces, table

if TYPE_CHECKING:
    from importer.reader.table import Table

ID = "3f2b8c1e-5d4a-4b6f-9c0d-7e8f9a0b1c2d"
CELLS = {
    "lead_id": [ID, ID, ID.upper(), "x", None],
    "product_name": ["Tea", "Tea", " a  b ", "Cafe\u0301", "a\nb", None],
    "description": ["x", "two\r\nlines", None],
    "amount": ["12", "1,234", "1.234,50", "12.50", "1.5", "€ 5", "5 USD", "1e5", "-3", None],
    "date": ["2026-03-04", "03/04/2026", "13/04/2026", "04/13/2026", "4.3.2026", "soon", None],
    "triggers": [ID, f"{ID};{ID}", f"{ID[:-1]}a {ID}", ";", None],
    "order": ["A1", " a  1", None],
    "keen_idempotency_key": [ID, f"{{{ID.upper()}}}", "x", None],
    "keen_status": ["created", " in_doubt ", None],
    "keen_resolution": ["send", " not created ", None],
    "keen_attempts": ["2", None],
}
LINES = st.lists(st.tuples(*(st.sampled_from(texts) for texts in CELLS.values())), max_size=7)
CONFIG = Config.model_validate({"identity": {"columns": ["order"]}})


def read(pieces: Pieces) -> Rows:
    columns = match_columns(
        pieces.about.headers, CONFIG.columns, CONFIG.rules.required, CONFIG.identity.columns
    )
    styles = prove_styles(pieces, columns, CONFIG)
    return read_rows(pieces, columns, CONFIG, styles, batch="")


def texts_of(lines: list[tuple[str | None, ...]]) -> dict[str, list[str | None]]:
    return {name: [line[at] for line in lines] for at, name in enumerate(CELLS)}


@settings(deadline=None)
@given(lines=LINES, rows=st.integers(1, 3))
@example(lines=[], rows=1)
def test_pieces_say_what_the_whole_says(lines: list[tuple[str | None, ...]], rows: int) -> None:
    whole = table(texts_of(lines))
    once, piecewise = read(Pieces.of(whole)), read(in_pieces(whole, rows))
    assert piecewise.kept.equals(once.kept)
    assert piecewise.kept.schema == once.kept.schema
    assert piecewise.contents.equals(once.contents)
    assert piecewise.contents.schema == once.contents.schema
    assert piecewise.faults.equals(once.faults)
    assert piecewise.faults.schema == once.faults.schema
    assert piecewise.notes == once.notes


@settings(deadline=None)
@given(lines=LINES, rows=st.integers(1, 3), chosen=st.sets(st.integers(2, 8)))
def test_any_rows_come_back_with_all_their_columns(
    lines: list[tuple[str | None, ...]], rows: int, chosen: set[int]
) -> None:
    whole = table(texts_of(lines))
    columns = match_columns(whole.headers, CONFIG.columns, CONFIG.rules.required, ("order",))
    wanted = pl.col("row").is_in(sorted(chosen))
    expected = judge(whole, columns, CONFIG).rows.filter(wanted)
    told = read(in_pieces(whole, rows))
    found = list(told.typed.beside(told.kept.filter(wanted)))
    assert sum(piece.height for piece in found) == expected.height
    if found:
        assert pl.concat(found).select(expected.columns).equals(expected)
        contents = {"content", "identity_key"}
        assert set(found[0].columns) == {*expected.columns, *told.kept.columns, *contents}


def test_rows_that_do_not_belong_to_the_cells_are_never_paired_with_them() -> None:
    lines = [(ID, "Tea", "x", amount, *[None] * 7) for amount in ("1.50", "2.50", "3.50")]
    told = read(in_pieces(table(texts_of(lines))))
    shifted = told.kept.with_columns(pl.col("purchase_amount").shift(1, fill_value="9.5"))
    with pytest.raises(RuntimeError, match="judged otherwise"):
        list(told.typed.beside(shifted))


@pytest.mark.parametrize("name", ["lead_id", "product_name", "description", "triggers", "order"])
def test_cells_that_changed_meanwhile_are_never_sent_under_the_key_of_others(name: str) -> None:
    lines = [(ID, "Tea", "x", "1.50", "2026-03-04", ID, "A1", *[None] * 4)] * 3
    pieces = in_pieces(table(texts_of(lines)), 2)
    changed: list[str] = []

    def change(piece: Table) -> Table:
        at = cell_name(list(CELLS).index(name))
        return replace(piece, cells=piece.cells.with_columns(pl.lit(changed[0]).alias(at)))

    told = read(pieces.map(lambda piece: change(piece) if changed else piece))
    planned = told.kept.hstack(told.contents)
    assert sum(piece.height for piece in told.typed.beside(planned)) == len(lines)
    changed.append(f"{ID[:-1]}e" if name in {"lead_id", "triggers"} else "other")
    with pytest.raises(RuntimeError, match="judged otherwise"):
        list(told.typed.beside(planned))


@pytest.mark.parametrize(("lines", "again"), [(3, 0), (5, 2)])
def test_only_a_file_of_several_pieces_is_judged_again(lines: int, again: int) -> None:
    loaded: list[int] = []

    def count(piece: Table) -> Table:
        loaded.append(piece.cells.height)
        return piece

    texts = texts_of([(ID, "Tea", "x", "1.50", "2026-03-04", ID, "A1", *[None] * 4)] * lines)
    told = read(in_pieces(table(texts), 3).map(count))
    loaded.clear()
    assert sum(piece.height for piece in told.typed.beside(told.kept)) == lines
    assert len(loaded) == again
