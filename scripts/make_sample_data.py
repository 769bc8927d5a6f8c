"""Nothing → the files of sample_data/, whose leads the sandbox knows. Writes that folder."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

from openpyxl import Workbook

from importer.sandbox.company import sandbox_lead, sandbox_trigger

FOLDER = Path(__file__).resolve().parent.parent / "sample_data"
HEADER = (
    "Lead ID",
    "Product name",
    "Product description",
    "Purchase amount",
    "Date",
    "Trigger IDs",
    "Order",
)
PRODUCTS = (
    ("Solar panels, 8 kWp", "With storage", "18490.00"),
    ("Heat pump", None, "12750.5"),
    ("Wallbox", "11 kW, installed", "1299.9"),
    ("Maintenance contract", None, "240"),
)


def clean_rows() -> list[tuple[str, str, str | None, str, date, str | None, str]]:
    """Return 24 rows without a fault."""
    rows = []
    for number in range(1, 25):
        product, description, amount = PRODUCTS[number % len(PRODUCTS)]
        triggers = sandbox_trigger(1) if number % 5 == 0 else None
        rows.append(
            (
                sandbox_lead(10 * number + 1),
                product,
                description,
                amount,
                date(2026, 3, number),
                triggers,
                f"SO-{1000 + number}",
            )
        )
    return rows


def messy_rows() -> list[list[str]]:
    """Return rows as people send them: most can be read, some are wrong."""
    lead = sandbox_lead
    return [
        [lead(101).upper(), "  Heat   pump ", "", "€ 12.750,50", "4.3.2026", "", "A-1"],
        [
            f"{{{lead(102)}}}",
            "Wallbox",
            "11 kW",
            "1.299,90",
            "2026-03-05T14:30:00+01:00",
            "",
            "A-2",
        ],
        [lead(103), "Maintenance contract", "", "240,00", "", "", "A-3"],
        [lead(103), "Maintenance contract", "", "240", "", "", "A-3"],
        ["", "Wallbox", "", "1.299,90", "2026-03-06", "", "A-4"],
        [lead(104), "Wallbox", "", "12..5", "2026-02-30", "", "A-5"],
        [lead(105), "", "", "-5", "2026-03-06", "not-a-trigger", "A-6"],
        [lead(106), "Heat pump", "", "12.750,505", "06.03.26", "", "A-7"],
        [
            "00000000-0000-4000-8000-000000000000",
            "Wallbox",
            "",
            "1.299,90",
            "2026-03-07",
            "",
            "A-8",
        ],
        [lead(107), '=HYPERLINK("x")', "", "10,00", "2026-03-08", "", "A-9"],
    ]


def main() -> None:
    """Write the three files."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "purchases.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for lead, product, description, amount, day, triggers, order in clean_rows():
            writer.writerow(
                [lead, product, description or "", amount, day.isoformat(), triggers or "", order]
            )
    book = Workbook()
    book.remove(book.active)
    sheet = book.create_sheet("Purchases")
    sheet.append(HEADER)
    for lead, product, description, amount, day, triggers, order in reversed(clean_rows()):
        sheet.append([lead, product, description, float(Decimal(amount)), day, triggers, order])
    book.save(FOLDER / "purchases.xlsx")
    with (FOLDER / "purchases-messy.csv").open("w", encoding="utf-8-sig", newline="") as file:
        messy = csv.writer(file, delimiter=";")
        messy.writerow(HEADER)
        messy.writerows(messy_rows())


if __name__ == "__main__":
    main()
