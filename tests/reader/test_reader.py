"""A file and a configuration → what was understood, the rows, and what people are told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from importer.config import Config, Order
from importer.config_loading import load_config
from importer.errors import ConfigError, ImporterError, SourceError
from importer.reader.identity import identity_settings
from importer.reader.reader import Reading, read_file
from tests.reader.frames import typed_rows
from tests.reader.raw_workbook import row, sheet_xml, workbook

if TYPE_CHECKING:
    from pathlib import Path

LEAD = "cd613e30-d8f1-4adf-91b7-584a2265b1f{}"
NOW = datetime(2026, 5, 1, tzinfo=UTC)
TITLED = f"Orders of May;;\n;;\nLead;Product;Price;Remark\n{LEAD.format(1)};Tea;1,50;x\n"


def configured(**sections: dict[str, Any]) -> Config:
    return load_config(None, {}, sections).config


def read(path: Path, config: Config | None = None, header_row: int | None = None) -> Reading:
    return read_file(path, path.parent, config or Config(), Order(header_row=header_row), now=NOW)


def read_text(
    folder: Path, text: str, config: Config | None = None, header_row: int | None = None
) -> Reading:
    path = folder / "orders.csv"
    path.write_text(text, encoding="utf-8")
    return read(path, config, header_row)


# The header


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_header_below_title_lines_is_found_and_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"orders.{kind}"
    if kind == "csv":
        path.write_text(TITLED)
    else:
        rows = (
            row(1, "Orders of May")
            + row(3, "Lead", "Product", "Price")
            + row(4, LEAD.format(1), "Tea", "1.50")
        )
        path.write_bytes(workbook(sheet_xml(rows)))
    reading = read(path)
    assert (reading.table.about.header_row, reading.rows["row"].to_list()) == (3, [4])
    assert "header in row 3" in reading.understood[0].told
    assert any("Rows 1 to 2" in note.told for note in reading.notes)


def test_two_possible_headers_below_a_title_are_asked_for(tmp_path: Path) -> None:
    text = TITLED + "Lead;Product;Price;Remark\n"
    with pytest.raises(SourceError, match=r"rows 3, 5.*--header-row"):
        read_text(tmp_path, text)
    assert read_text(tmp_path, text, header_row=3).rows["row"].to_list() == [4, 5]


def test_a_header_in_the_first_row_is_not_looked_for_again(tmp_path: Path) -> None:
    repeated = f"Lead,Product,Price\nLead,Product,Price\n{LEAD.format(1)},Tea,1\n"
    assert read_text(tmp_path, repeated).rows["valid"].to_list() == [False, True]


def test_the_delimiter_is_the_one_under_which_a_row_names_the_columns(tmp_path: Path) -> None:
    text = f"a, b, c, d, e\nLead;Product;Price\n{LEAD.format(1)};Tea, green, fine, hot;1\n"
    assert read_text(tmp_path, text).table.about.delimiter == ";"


# What is configured


def test_encoding_and_delimiter_can_be_configured(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(f"Lead|Product|Price\n{LEAD.format(1)}|Ž;,|1\n".encode("iso-8859-2"))
    config = configured(format={"encoding": "latin2", "delimiter": "|"})
    reading = read(path, config)
    assert typed_rows(reading)["product_name"].to_list() == ["Ž;,"]
    assert any("read as iso8859-2" in note.told for note in reading.notes)
    with pytest.raises(SourceError, match="not UTF-8"):
        read(path, configured(format={"encoding": "utf-8"}))


@pytest.mark.parametrize(
    "encoding", ["rot13", "utf-16", "cp037", "nonsense", "hex", "utf-7", "hz", "iso2022_jp", "idna"]
)
def test_an_encoding_that_cannot_be_a_files_is_wrong_configuration(encoding: str) -> None:
    with pytest.raises(ConfigError, match="it takes the name of an encoding"):
        configured(format={"encoding": encoding})


@pytest.mark.parametrize(
    ("currency", "amount", "code"),
    [
        ("EUR", "€ 12", None),
        ("EUR", "12 eur", None),
        ("EUR", "12", None),
        ("EUR", "$ 12", "wrong-currency"),
        ("EUR", "12 USD", "wrong-currency"),
        ("USD", "$ 12", None),
        ("CAD", "$ 12", None),
        ("GBP", "£ 12", None),
        ("JPY", "£ 12", "wrong-currency"),
    ],
)
def test_a_configured_currency_is_the_only_one(
    tmp_path: Path, currency: str, amount: str, code: str | None
) -> None:
    text = f"Lead,Product,Price\n{LEAD.format(1)},Tea,{amount}\n"
    reading = read_text(tmp_path, text, configured(format={"currency": currency}))
    assert reading.faults["code"].to_list() == ([] if code is None else [code])
    assert reading.rows["purchase_amount"].to_list() == (["12"] if code is None else [None])


def test_a_constant_stands_for_a_column_that_the_file_lacks(tmp_path: Path) -> None:
    constants = {"product_name": " Renewal ", "date": "4.3.2026", "purchase_amount": "12,50"}
    config = configured(columns={"constants": constants})
    reading = read_text(tmp_path, f"Lead,Price\n{LEAD.format(1)},7\n{LEAD.format(2)},\n", config)
    assert typed_rows(reading).select("product_name", "purchase_amount", "valid").rows() == [
        ("Renewal", "7", True),
        ("Renewal", None, False),  # a column's empty cell is not filled in
    ]
    assert reading.rows["date"].to_list() == [datetime(2026, 3, 4, tzinfo=UTC)] * 2
    told = " ".join(note.shown for note in reading.understood)
    assert "product_name is the same in every row, as [columns.constants] says:  Renewal" in told
    assert "The constant for purchase_amount is not used" in told


def test_a_constant_makes_the_key_that_a_column_makes(tmp_path: Path) -> None:
    by_column = read_text(tmp_path, f"Lead,Price,Product\n{LEAD.format(1)},7,Renewal\n")
    config = configured(columns={"constants": {"product_name": "Renewal"}})
    by_constant = read_text(tmp_path, f"Lead,Price\n{LEAD.format(1)},7\n", config)
    assert typed_rows(by_constant).drop("row").equals(typed_rows(by_column).drop("row"))


def test_only_constants_that_are_set_change_the_identity_settings() -> None:
    assert "constants" not in identity_settings(Config())
    config = configured(columns={"constants": {"product_name": "Renewal"}})
    assert '"columns.constants": {"product_name": "Renewal"}' in identity_settings(config)


@pytest.mark.parametrize(
    "constants", [{"lead_id": "x"}, {"price": "1"}, {"product_name": " "}, {"product_name": 1}]
)
def test_constants_are_texts_for_fields(constants: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="constants"):
        configured(columns={"constants": constants})


def test_a_constant_that_cannot_be_read_is_wrong_configuration(tmp_path: Path) -> None:
    config = configured(columns={"constants": {"purchase_amount": "1,234"}})
    with pytest.raises(ConfigError, match=r"columns\.constants\.purchase_amount: .*1234"):
        read_text(tmp_path, f"Lead,Product\n{LEAD.format(1)},Tea\n", config)


# What people are told


def test_the_plan_says_what_was_understood_with_an_example_each(tmp_path: Path) -> None:
    text = f"Lead;Product;Price;Order;Remark\n{LEAD.format(1)};Tea;1,50;A-1;SECRET\n"
    reading = read_text(tmp_path, text, configured(identity={"columns": ["Order"]}))
    assert [note.shown for note in reading.understood] == [
        "Read as UTF-8 with semicolons between the cells, header in row 1.",
        f"lead_id is the column “Lead” (A), for example row 2: {LEAD.format(1)}.",
        "product_name is the column “Product” (B), for example row 2: Tea.",
        "purchase_amount is the column “Price” (C), for example row 2: 1,50.",
        "Rows are told apart by “Order” (D).",
        "Kept in the results, not sent: “Remark” (E).",
    ]
    told = " ".join(note.told for note in (*reading.understood, *reading.notes))
    assert "proven by row 2." in told
    for cell in (LEAD.format(1), "Tea", "1,50", "A-1", "SECRET"):
        assert cell not in told


def test_braces_in_a_header_are_told_as_they_are(tmp_path: Path) -> None:
    text = f"Lead,Product,Price,{{x}}\n{LEAD.format(1)},{{}},1,\n"
    reading = read_text(tmp_path, text)
    assert "“{x}” (D)" in reading.understood[-1].told
    assert "row 2: {}." in reading.understood[2].shown


def test_dates_far_away_are_named_and_still_sent(tmp_path: Path) -> None:
    days = ("2026-04-30", "2026-06-15", "2006-04-30", "2020-01-01")
    rows = "".join(f"{LEAD.format(i)},Tea,1,{day}\n" for i, day in enumerate(days))
    reading = read_text(tmp_path, f"Lead,Product,Price,Date\n{rows}")
    assert reading.rows["valid"].all()
    shown = [note.shown for note in reading.notes]
    assert "2 dates lie more than 5 years ago, for example row 4: 2006-04-30." in shown
    assert "1 date lies more than 31 days ahead, for example row 3: 2026-06-15." in shown


# Every other spreadsheet


@pytest.mark.parametrize("ending", ["numbers", "fods"])
def test_what_cannot_be_read_is_refused_with_the_way_out(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"orders.{ending}"
    path.write_bytes(b"x")
    with pytest.raises(ImporterError, match=r"export it as \.xlsx") as caught:
        read(path)
    assert caught.value.exit_code == 6


def test_rows_keep_their_types_where_nothing_is_read(tmp_path: Path) -> None:
    reading = read_text(tmp_path, "Lead,Product,Price\n")
    assert reading.rows.schema["date"] == pl.Datetime("us", "UTC")
    assert reading.contents.schema == {"content": pl.Binary, "identity_key": pl.Binary}
    assert reading.rows.is_empty()
    assert list(reading.typed.beside(reading.rows)) == []
