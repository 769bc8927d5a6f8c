"""Nothing → the commented configuration, in which alone Keen's URL stands. Writes that file."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from importer.errors import UsageError

TEMPLATE: Final = """\
# Configuration of the importer.
#
# Every line shows the value that holds when the line is missing, except the address of Keen,
# which must be given. A line that starts with # is a comment. Texts stand in quotes, lists in
# square brackets. Any value can also come from an environment variable, which then wins:
# IMPORTER_SEND__CONCURRENCY=8 for "concurrency" under [send]. Paths are relative to this file.


[api]
# A short name for this Keen. The ledger keeps the purchases of different names apart, so it must
# never change for the same Keen: with another name the same rows would be sent again.
scope = "keen"

# The address of the API.
url = "https://amwezouylooonljdehou.supabase.co/functions/v1/openapi-operations"

# If Keen moves to a new address: write the new one above and the old one here, so that the
# importer knows that it is the same Keen.
formerly = []

# What Keen is asked to do with each row.
action = "create_purchase_custom"

# A file with the API key and nothing else, which only you may read (chmod 600). The environment
# variable KEEN_API_KEY wins over it. The key itself never stands in this file. "" = no such file.
key_file = ""

# For how many hours Keen remembers an Idempotency-Key. 0 = it does not, as far as its
# documentation says. Change this only when Keen has told you so: within this time the importer
# sends a row again whose outcome is in doubt, and trusts Keen not to pay its rewards twice.
key_retention = 0


[send]
# How many rows are on their way at once. After a power cut at most so many are in doubt.
concurrency = 16

# The most requests in a second. 0 = no limit.
rate_limit = 0.0

# How many seconds one attempt may take before its row is in doubt. Keen itself gives up after 150.
timeout = 180.0

# How often a row is tried when each attempt is proven to have done nothing.
max_attempts = 5

# Stop when so many rows of one run are in doubt. 0 = never stop for that.
max_in_doubt = 20

# Stop when Keen rejects more rows than this: a number of rows such as "50" or a share such as
# "10%". "100%" = never stop for that.
max_failures = "100%"

# What carries the requests to Keen. "httpx" = a library that many programs use. "direct" = the
# importer's own code: it takes less of this computer's time for each row, which shows only where
# hundreds of rows are sent in a second, and it is younger. Through a proxy "httpx" always serves.
transport = "httpx"


[workspace]
# The folder of the ledger, which remembers every purchase ever sent: with another ledger the same
# file would be sent again. It must be on a disk of this computer, not on a network drive or in a
# synced folder. "" = the importer's folder among your user's state folders.
path = ""

# For how many days the ledger keeps the exact request of a row once that row is settled. 0 = for
# ever. What recognises a purchase (keys, fingerprints, amounts, dates, ids) is always kept.
body_days = 90


[columns]
# The names that a column may have in your file, for each field of a purchase. Upper and lower
# case, blanks, _ and - make no difference.
lead_id = ["lead_id", "Lead ID", "lead"]
product_name = ["product_name", "Product name", "product"]
product_description = ["product_description", "Product description", "description"]
purchase_amount = ["purchase_amount", "Purchase amount", "amount", "price"]
date = ["date", "Purchase date", "purchased at"]
trigger_ids = ["trigger_ids", "Trigger IDs", "triggers"]

# Texts for fields that a file has no column for, such as { product_name = "Renewal" }. Decide
# before the first import: a change makes other purchases of the same rows.
constants = {}


[format]
# The encoding of CSV files that are neither UTF-8 nor UTF-16: what your spreadsheet program writes
# where nobody chose UTF-8. "utf-8" = refuse such files.
encoding = "cp1252"

# What stands between the cells of a CSV file: "auto", ",", ";", "tab" or "|".
delimiter = "auto"

# What stands before the cents: "." or ",". "auto" = the column itself must prove it; one that does
# not is refused, never guessed.
decimal = "auto"

# How dates are written: "auto" (2026-03-04, or day and month where the column proves which is
# which), or a list of formats such as ["%d.%m.%Y", "%d.%m.%Y %H:%M"].
dates = "auto"

# The time zone of dates and times that name none, such as "Europe/Berlin".
timezone = "UTC"

# The currency of your channel, such as "EUR": an amount that names another one is a fault. "" = any
# one currency a file.
currency = ""


[rules]
# The fields that every row must have.
required = ["lead_id", "product_name", "purchase_amount"]

# The largest amount that a row may have. 0 = no limit.
max_amount = 0

# How many decimals an amount may have. One with more is a fault; nothing is ever rounded.
max_decimals = 2

# Whether an amount may be below zero: true or false.
allow_negative = false


[identity]
# Columns that tell otherwise equal purchases apart, such as ["order_id"]. They are not sent to
# Keen. Decide before the first import: a change makes other purchases of the same rows.
columns = []


[results]
# The folder for results files. "" = beside the input file.
folder = ""

# The kind of results file: "csv", "xlsx", "jsonl", or "same" as the input.
format = "same"
"""


def write_config(path: Path) -> Path:
    """Write the commented configuration to `path`, whole or not at all; return its absolute path.

    Raises UsageError where something is there already or the folder cannot be written to.
    """
    path = path.absolute()
    taken = UsageError(
        f"{path} is there already and stays as it is.",
        "Give another path, or move the old file away first.",
    )
    if os.path.lexists(path):
        raise taken
    try:
        with tempfile.TemporaryDirectory(prefix=".importer-", dir=path.parent) as folder:
            draft = Path(folder) / path.name
            with draft.open("x", encoding="utf-8", newline="\n") as file:
                file.write(TEMPLATE)
                file.flush()
                os.fsync(file.fileno())
            try:
                path.hardlink_to(draft)  # unlike a rename, it never replaces anything
            except FileExistsError:
                raise
            except OSError:  # a file system without links, such as a memory stick's
                draft.rename(path)
    except FileExistsError:
        raise taken from None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}.", "Give a path in a folder of yours."
        ) from error
    return path
