from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl
import pytest

from importer.reader.pieces import PIECE_ROWS, Pieces, Spool, join_frames, spool_table
from tests.reader.frames import in_pieces, table

if TYPE_CHECKING:
    from pathlib import Path

    from importer.reader.table import Table

FROM_CSV = table({"a": ["1", None, "3"], "b": ["x" * 40, "é", None]})
FROM_SHEET = table({"a": ["1", "2", None]}, kinds={"a": ["number", "text", "error"]}, sheet="May")


@pytest.mark.parametrize("whole", [FROM_CSV, FROM_SHEET])
def test_a_table_comes_back_from_disk_as_it_was(tmp_path: Path, whole: Table) -> None:
    spooled = spool_table(whole, tmp_path)
    assert spooled.whole().cells.equals(whole.cells)
    assert spooled.whole().cells.schema == whole.cells.schema
    assert replace(spooled.about, cells=whole.cells) == whole


def test_a_long_table_comes_in_pieces(tmp_path: Path) -> None:
    whole = table({"a": [str(number) for number in range(2 * PIECE_ROWS + 1)]})
    spooled = spool_table(whole, tmp_path)
    assert spooled.heights == (PIECE_ROWS, PIECE_ROWS, 1)
    assert spooled.height == whole.cells.height
    assert spooled.whole().cells.equals(whole.cells)


def test_a_table_without_rows_has_no_piece_but_its_columns(tmp_path: Path) -> None:
    empty = table({"a": []})
    for pieces in (Pieces.of(empty), spool_table(empty, tmp_path)):
        assert (pieces.height, list(pieces)) == (0, [])
        assert pieces.whole().cells.schema == empty.cells.schema


def test_a_change_is_made_of_every_piece_whenever_it_is_asked_for() -> None:
    asked = []

    def change(piece: Table) -> Table:
        asked.append(piece.cells.height)
        return replace(piece, headers=("c", "d"), cells=piece.cells.with_columns(cell_0=pl.lit("")))

    changed = in_pieces(FROM_CSV).map(change)
    assert (changed.about.headers, asked) == (("c", "d"), [0])
    assert changed.whole().cells["cell_0"].to_list() == ["", "", ""]
    assert asked == [0, 2, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_can_read_the_cells(tmp_path: Path) -> None:
    spool_table(FROM_CSV, tmp_path)
    (folder,) = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_cleared_spool_is_empty_and_can_be_filled_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for frame in (FROM_CSV.cells, FROM_CSV.cells.clear(), FROM_CSV.cells.head(1)):
        spool.add(frame)
    assert [frame.height for frame in spool] == [3, 1]
    spool.clear()
    assert list(spool) == []
    assert not list(next(tmp_path.iterdir()).iterdir())
    spool.add(FROM_CSV.cells.tail(1))
    assert [frame["row"].to_list() for frame in spool] == [[4]]


NO_ROOM = """
import resource, signal, sys
from pathlib import Path
from importer.errors import ConfigError
from importer.reader.pieces import spool_table
from tests.reader.frames import table

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    spool_table(table({"a": [str(n) * 20 for n in range(5000)]}), Path(sys.argv[1]))
except ConfigError as error:
    print(error.code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of a file")
def test_a_disk_without_room_is_named(tmp_path: Path) -> None:
    writer = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert writer.stdout.strip() == "no-room"


def test_frames_are_joined_as_they_follow_each_other() -> None:
    schema = {"a": pl.String, "b": pl.Binary, "c": pl.UInt32}
    rows = [("x" * 40, None, 1), (None, None, 2), ("é", None, None)]
    whole = pl.DataFrame(rows, schema=schema, orient="row")
    joined = join_frames([whole.clear(), whole.head(1), whole.tail(2)])
    assert joined.equals(whole)
    assert joined.schema == whole.schema
    assert joined.n_chunks() == 1
