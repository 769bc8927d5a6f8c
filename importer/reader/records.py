"""The lines of a CSV → its records with their row numbers, each proven whole. Pure.

Structure is proven record by record with `csv.reader(strict=True)`: faster readers pad short rows
and shift long ones without a word, and a file cut at `…,Tea,1` would import an amount of 1.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Final

from importer.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FAULTS_SHOWN: Final = 5


class Records:
    """The records of a CSV that are not blank, numbered as a spreadsheet shows them.

    A record with line breaks in quotes is one row, a blank line is one too.
    """

    def __init__(self, lines: Iterable[str], delimiter: str, skipped: int, name: str) -> None:
        """`skipped` lines, such as `sep=;`, stand above `lines` and are no rows."""
        self.row = 0
        """The number of the record that was read last."""
        self._delimiter = delimiter
        self._skipped = skipped
        self._name = name
        self._raw: list[str] = []
        self._faults: list[str] = []
        self._fault_count = 0
        self._reader = csv.reader(self._remember(lines), delimiter=delimiter, strict=True)
        self.rows = self._read()

    @property
    def has_faults(self) -> bool:
        """Whether anything is wrong so far."""
        return self._fault_count > 0

    @property
    def lines_read(self) -> int:
        """How many lines of the text the records so far took, those above included."""
        return self._reader.line_num + self._skipped

    def add_fault(self, fault: str) -> None:
        """Record what is wrong with the record that was read last."""
        self._fault_count += 1
        if len(self._faults) < _FAULTS_SHOWN:
            line = self.lines_read - len(self._raw) + 1
            place = f"row {self.row}" + (f" (line {line} of the text)" if line != self.row else "")
            self._faults.append(f"{place} {fault}")

    def refuse_faults(self) -> None:
        """Raise SourceError where a record so far had a fault, naming the first few."""
        if not self._fault_count:
            return
        more = self._fault_count - len(self._faults)
        raise SourceError(
            f"The structure of {self._name} is broken: {'; '.join(self._faults)}"
            f"{f'; and {more} more' if more else ''}.",
            "Correct these rows and run again: every row needs as many cells as the header, and a "
            "cell with a delimiter, a line break or a quotation mark in it has to stand in "
            "quotation marks, those inside doubled.",
            code="broken-structure",
        )

    def _remember(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self._raw.append(line)
            yield line

    def _read(self) -> Iterator[tuple[int, list[str]]]:
        plain = rf'"(?:[^"]|"")*+"|[^"\r\n{self._delimiter}]*+'
        proper = re.compile(rf"(?:{plain})(?:[{self._delimiter}](?:{plain}))*+[\r\n]*+")
        try:
            for fields in self._reader:
                self.row += 1
                text = "".join(fields)
                # `csv` takes `5" pipe` as it stands, so look at the line itself; a quotation mark
                # that a cell may not hold always shows in its text.
                if '"' in text and not proper.fullmatch("".join(self._raw)):
                    self.add_fault("has a quotation mark in a cell that does not begin with one")
                elif text and not text.isspace():
                    yield self.row, fields
                self._raw.clear()
        except csv.Error as error:
            self.row += 1
            self.add_fault(_translate(str(error)))


def _translate(error: str) -> str:
    """Say what a message of the csv module means; anything else stays as it is."""
    if "unexpected end of data" in error:
        return "opens a quotation mark that is never closed"
    if "field larger than field limit" in error:
        limit = csv.field_size_limit()
        return (
            f"has a cell of more than {limit:,} characters; most likely it opens a quotation mark "
            "that is never closed"
        )
    if "expected after" in error:
        return "goes on after a closing quotation mark where the next cell should begin"
    return f"cannot be read ({error})"
