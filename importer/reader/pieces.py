"""The cells of a table, in pieces of bounded size → each piece a Table whenever it is asked for.

The text of millions of rows takes more memory than all that has to be known of them at once, so it
waits on disk. Touches the folder it is given.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from importer.reader.private_copy import refuse_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from importer.reader.table import Table

PIECE_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Pieces:
    """A table of any length."""

    about: Table
    """All that is known of it but the cells, of which it has the columns and no row."""
    heights: tuple[int, ...]
    loads: tuple[Callable[[], Table], ...]
    """The pieces, in order; each has rows."""

    @classmethod
    def of(cls, table: Table) -> Pieces:
        """Return a table that is in memory as one piece."""
        about = replace(table, cells=table.cells.clear())
        if table.cells.is_empty():
            return cls(about, (), ())
        return cls(about, (table.cells.height,), (lambda: table,))

    @property
    def height(self) -> int:
        """How many rows there are."""
        return sum(self.heights)

    def __iter__(self) -> Iterator[Table]:
        """Yield the pieces one by one."""
        return (load() for load in self.loads)

    def filled(self) -> Sequence[Callable[[], Table]]:
        """Return `loads`, or the one of a piece without rows where there is no other."""
        return self.loads or (lambda: self.about,)

    def map(self, change: Callable[[Table], Table]) -> Pieces:
        """Return the pieces as `change` makes them; it leaves no row out and adds none."""
        loads = tuple(partial(_changed, load, change) for load in self.loads)
        return Pieces(change(self.about), self.heights, loads)

    def whole(self) -> Table:
        """Return all of it in memory."""
        cells = pl.concat([self.about.cells, *(piece.cells for piece in self)])
        return replace(self.about, cells=cells)


def _changed(load: Callable[[], Table], change: Callable[[Table], Table]) -> Table:
    return change(load())


class Spool:
    """Frames of cells that wait in files of a folder of their own, for this user alone."""

    def __init__(self, folder: Path) -> None:
        """`folder` takes the files' own folder; whoever gave it removes that."""
        self._folder = Path(tempfile.mkdtemp(prefix="cells-", dir=folder))
        self._heights: list[int] = []

    def add(self, cells: pl.DataFrame) -> None:
        """Write a frame that follows the others and has their columns; no rows are no frame.

        Raises ConfigError where there is no room for it.
        """
        if cells.is_empty():
            return
        try:
            with self._path(len(self._heights)).open("wb") as file:
                cells.write_ipc(file)
        except OSError as error:
            raise refuse_folder(self._folder.parent, error) from error
        self._heights.append(cells.height)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield the frames one by one."""
        return map(self._read, range(len(self._heights)))

    def clear(self) -> None:
        """Forget all frames."""
        for number in range(len(self._heights)):
            self._path(number).unlink()
        self._heights.clear()

    def pieces(self, about: Table) -> Pieces:
        """Return the frames as pieces of the table `about`, whose cells have no row."""

        def load(number: int) -> Table:
            return replace(about, cells=self._read(number))

        loads = tuple(partial(load, number) for number in range(len(self._heights)))
        return Pieces(about, tuple(self._heights), loads)

    def _read(self, number: int) -> pl.DataFrame:
        return pl.read_ipc(self._path(number))

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.arrow"


def spool_table(table: Table, folder: Path) -> Pieces:
    """Return the table's pieces, which wait in `folder`."""
    spool = Spool(folder)
    for cells in table.cells.iter_slices(PIECE_ROWS):
        spool.add(cells)
    return spool.pieces(replace(table, cells=table.cells.clear()))


def join_frames(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the frames, which are used up, as one whose every column is of one piece.

    Columns in many pieces are copied, all of them at once, by whatever is asked of the frame next.
    """
    height = sum(frame.height for frame in frames)
    return pl.DataFrame(
        [
            _join_columns([frame.drop_in_place(name) for frame in frames], height)
            for name in frames[0].columns
        ]
    )


def _join_columns(parts: list[pl.Series], height: int) -> pl.Series:
    if all(part.null_count() == len(part) for part in parts):  # so they take next to no memory
        return pl.repeat(None, height, dtype=parts[0].dtype, eager=True).alias(parts[0].name)
    return pl.concat(parts, rechunk=True)
