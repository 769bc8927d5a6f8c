"""Rows → a file in any spelling that a spreadsheet program may give it → the same rows and keys."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import openpyxl
import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.config import Config, Order
from importer.reader.identity import add_contents
from importer.reader.reader import read_file
from tests.reader.frames import typed_rows

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    import pytest

FIELDS = (
    "lead_id",
    "product_name",
    "product_description",
    "purchase_amount",
    "date",
    "trigger_ids",
)
HEADERS = {
    "lead_id": ("lead_id", "Lead ID", " LEAD-ID "),
    "product_name": ("product_name", "Product", "product name"),
    "product_description": ("description", "Product description"),
    "purchase_amount": ("purchase_amount", "Amount", "PRICE"),
    "date": ("date", "Purchase date"),
    "trigger_ids": ("trigger_ids", "Triggers"),
}


@dataclass(frozen=True)
class Bought:
    lead_id: UUID
    product_name: str
    product_description: str | None
    purchase_amount: Decimal
    date: datetime | None
    trigger_ids: tuple[UUID, ...]

    def values(self) -> tuple[Any, ...]:
        """Return what validation's frame has to say of the row."""
        amount = f"{self.purchase_amount:f}"
        return (
            str(self.lead_id),
            self.product_name,
            self.product_description,
            amount.rstrip("0").rstrip(".") if "." in amount else amount,
            self.date,
            sorted(map(str, set(self.trigger_ids))) or None,
        )


WORDS = st.text(
    st.characters(categories=["L", "N", "P", "S"], exclude_characters="\u200b\ufeff\x00"),
    min_size=1,
    max_size=8,
).map(lambda word: word.encode("utf-8", "ignore").decode())
LINES = st.lists(WORDS, min_size=1, max_size=3).map(" ".join)
DAYS = st.integers(0, 9000).map(lambda days: datetime(2001, 1, 1, tzinfo=UTC) + timedelta(days))
ROWS = st.lists(
    st.builds(
        Bought,
        lead_id=st.uuids(),
        product_name=LINES,
        product_description=st.none() | LINES,
        purchase_amount=st.integers(0, 10**9).map(lambda cents: Decimal(cents) / 100),
        date=st.none() | DAYS,
        trigger_ids=st.lists(st.uuids(), max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=5,
)


def spell_amount(amount: Decimal, style: str) -> str:
    text = f"{amount:,.2f}"  # two decimals prove the sign
    swapped = text.translate(str.maketrans(",.", ".,"))
    return {
        "plain": f"{amount:.2f}",
        "english": text,
        "german": swapped,
        "french": swapped.replace(".", "\u202f"),
        "swiss": text.replace(",", "\u2019"),
        "euro": f"€ {swapped}",
        "code": f"{text} EUR",
    }[style]


def spell_id(one: UUID, style: str) -> str:
    return {"lower": str(one), "upper": str(one).upper(), "braces": f" {{{one}}} "}[style]


@st.composite
def csv_files(draw: st.DrawFn) -> tuple[list[Bought], bytes]:
    rows = draw(ROWS)
    delimiter = draw(st.sampled_from(",;\t|"))
    amounts = draw(
        st.sampled_from(["plain", "english", "german", "french", "swiss", "euro", "code"])
    )
    ids = draw(st.sampled_from(["lower", "upper", "braces"]))
    dates = draw(st.sampled_from(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y", "%Y/%m/%d"]))
    gap = draw(st.sampled_from([";", ",", "|", " ", "\n"]))
    order = draw(st.permutations(FIELDS))
    written = io.StringIO()
    writer = csv.writer(
        written,
        delimiter=delimiter,
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    if draw(st.booleans()):
        writer.writerows([["Orders of May"], []])
    writer.writerow([draw(st.sampled_from(HEADERS[field])) for field in order])
    for row in rows:
        cells = {
            "lead_id": spell_id(row.lead_id, ids),
            "product_name": f"  {row.product_name} ",
            "product_description": row.product_description or "",
            "purchase_amount": spell_amount(row.purchase_amount, amounts),
            "date": row.date.strftime(dates) if row.date else "",
            "trigger_ids": gap.join(spell_id(one, ids).strip() for one in row.trigger_ids),
        }
        writer.writerow([cells[field] for field in order])
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return rows, written.getvalue().encode(encoding)


def read_rows(path: Path) -> pl.DataFrame:
    reading = read_file(path, path.parent, Config(), Order())
    assert reading.faults.is_empty(), reading.faults["message"].to_list()
    return typed_rows(reading)


def contents(rows: pl.DataFrame) -> list[bytes]:
    found: list[bytes] = add_contents(rows, scope="keen", batch="")["content"].to_list()
    return found


def expected_rows(rows: list[Bought]) -> pl.DataFrame:
    schema = dict.fromkeys(FIELDS, pl.String) | {
        "date": pl.Datetime("us", "UTC"),
        "trigger_ids": pl.List(pl.String),
    }
    values = [row.values() for row in rows]
    frame = pl.DataFrame(values, schema=schema, orient="row")
    normal = pl.col("product_name", "product_description").str.normalize("NFC")
    return frame.with_columns(normal, identity=pl.lit(None, dtype=pl.List(pl.String)))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(file=csv_files())
def test_a_csv_in_any_spelling_gives_the_same_rows_and_keys(
    tmp_path_factory: pytest.TempPathFactory, file: tuple[list[Bought], bytes]
) -> None:
    rows, content = file
    path = tmp_path_factory.mktemp("csv") / "orders.csv"
    path.write_bytes(content)
    read, expected = read_rows(path), expected_rows(rows)
    assert read.select(FIELDS).rows() == expected.select(FIELDS).rows()
    assert contents(read) == contents(expected)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, as_numbers=st.booleans(), titled=st.booleans())
def test_a_workbook_gives_the_same_rows_and_keys(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Bought],
    *,
    as_numbers: bool,
    titled: bool,
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    if titled:
        sheet.append(["Orders of May"])
    sheet.append(list(FIELDS))
    for row in rows:
        lead, name, description, amount, date, triggers = row.values()
        day = date.replace(tzinfo=None) if date else None
        typed = (
            [float(amount), day] if as_numbers else [f"{row.purchase_amount:.2f}", str(day or "")]
        )
        sheet.append([lead, None, None, *typed, ";".join(triggers or ())])
        for column, text in ((2, name), (3, description)):
            cell = sheet.cell(sheet.max_row, column, text)
            cell.data_type = "s"  # also what begins with =
    path = tmp_path_factory.mktemp("xlsx") / "orders.xlsx"
    book.save(path)
    read, expected = read_rows(path), expected_rows(rows)
    assert read.select(FIELDS).rows() == expected.select(FIELDS).rows()
    assert contents(read) == contents(expected)
