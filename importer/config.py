"""What can be configured, and what a command line can ask, as frozen values. Pure.

The API key never enters a Config; config_loading.py reads both.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from importer import config_checks as check

TransportName: TypeAlias = Literal["httpx", "direct"]
"""What carries requests to Keen; sender/transport.py knows what each name means."""

KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")

FolderOrFile = Annotated[
    Path | None,
    BeforeValidator(check.empty_as_none),
    Field(description="a path in quotes"),
]
Url = Annotated[str, AfterValidator(check.url)]
Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(check.empty_as_list),
    Field(description='a list of texts, such as ["one", "two"]'),
]


class Section(BaseModel):
    """A part of the configuration; unknown keys are errors, so a typo cannot be ignored.

    A field's description says what it takes, and completes the sentence "it takes …".
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_true_as_one(cls, value: object, about: ValidationInfo) -> object:
        field = cls.model_fields[about.field_name or ""]
        if isinstance(value, bool) and field.annotation in {int, float, Decimal}:
            raise ValueError(field.description)
        return value


class ApiSection(Section):
    """Which Keen, and what it is known to do."""

    scope: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
            description="a short name of lower-case letters, digits, dots, _ and -",
        ),
    ] = "keen"
    url: Annotated[Url, Field(description="an address that starts with https://")] = ""
    formerly: Annotated[
        tuple[Url, ...],
        BeforeValidator(check.empty_as_list),
        Field(description="a list of addresses"),
    ] = ()
    action: Annotated[
        str,
        Field(pattern=r"^[a-z0-9_]+$", description="a name of lower-case letters, digits and _"),
    ] = "create_purchase_custom"
    key_file: FolderOrFile = None
    key_retention: Annotated[float, Field(ge=0, description="a number of hours, 0 or more")] = 0


class SendSection(Section):
    """How rows are sent."""

    concurrency: Annotated[
        int, Field(ge=1, le=1024, description="a whole number from 1 to 1024")
    ] = 16
    rate_limit: Annotated[
        float, Field(ge=0, description="a number of requests a second, 0 for no limit")
    ] = 0.0
    timeout: Annotated[
        float, Field(gt=0, le=3600, description="a number of seconds above 0, up to 3600")
    ] = 180.0
    max_attempts: Annotated[
        int, Field(ge=1, le=100, description="a whole number from 1 to 100")
    ] = 5
    max_in_doubt: Annotated[
        int, Field(ge=0, description="a whole number of rows, 0 for no limit")
    ] = 20
    max_failures: Annotated[
        str,
        BeforeValidator(check.number_as_text),
        Field(
            pattern=r"^[0-9]+%?$",
            description='a number of rows such as "50", or a share such as "10%"',
        ),
        AfterValidator(check.share),
    ] = "100%"
    transport: Annotated[TransportName, Field(description='"httpx" or "direct"')] = "httpx"


class WorkspaceSection(Section):
    """Where the ledger lives, and how long it keeps what was sent."""

    path: FolderOrFile = None
    body_days: Annotated[
        int, Field(ge=0, le=36_500, description="a whole number of days, 0 to keep them for ever")
    ] = 90


class ColumnsSection(Section):
    """Header names that mean a field; matched without case, spaces, `_` and `-`."""

    lead_id: Texts = ("lead_id", "Lead ID", "lead")
    product_name: Texts = ("product_name", "Product name", "product")
    product_description: Texts = ("product_description", "Product description", "description")
    purchase_amount: Texts = ("purchase_amount", "Purchase amount", "amount", "price")
    date: Texts = ("date", "Purchase date", "purchased at")
    trigger_ids: Texts = ("trigger_ids", "Trigger IDs", "triggers")
    constants: Annotated[
        dict[str, str],
        BeforeValidator(check.empty_as_table),
        AfterValidator(check.constants),
        Field(description='fields and their texts, such as { product_name = "Renewal" }'),
    ] = {}


class FormatSection(Section):
    """How files and cells are read."""

    encoding: Annotated[
        str,
        AfterValidator(check.encoding),
        Field(description='the name of an encoding such as "cp1252"'),
    ] = "cp1252"
    delimiter: Annotated[
        Literal["auto", ",", ";", "\t", "|"],
        BeforeValidator(check.tab_by_name),
        Field(description='"auto", ",", ";", "tab" or "|"'),
    ] = "auto"
    decimal: Annotated[Literal["auto", ".", ","], Field(description='"auto", "." or ","')] = "auto"
    dates: Annotated[
        Literal["auto"] | tuple[str, ...],
        AfterValidator(check.dates),
        Field(description='"auto" or a list of date formats such as ["%d.%m.%Y"]'),
    ] = "auto"
    timezone: Annotated[
        str, AfterValidator(check.zone), Field(description="the name of a time zone")
    ] = "UTC"
    currency: Annotated[
        str,
        Field(pattern=r"^(?:[A-Z]{3})?$", description='three capital letters such as "EUR"'),
    ] = ""


class RulesSection(Section):
    """What makes a row valid."""

    required: Annotated[Texts, AfterValidator(check.required)] = (
        "lead_id",
        "product_name",
        "purchase_amount",
    )
    max_amount: Annotated[Decimal, Field(ge=0, description="an amount, 0 for no limit")] = Decimal(
        0
    )
    max_decimals: Annotated[int, Field(ge=0, le=6, description="a whole number from 0 to 6")] = 2
    allow_negative: Annotated[bool, Field(description="true or false")] = False


class IdentitySection(Section):
    """Columns that tell purchases apart, sent nowhere."""

    columns: Texts = ()


class ResultsSection(Section):
    """Where the results file goes, and of which kind it is."""

    folder: FolderOrFile = None
    format: Annotated[
        Literal["same", "csv", "xlsx", "jsonl"],
        Field(description='"same", "csv", "xlsx" or "jsonl"'),
    ] = "same"


class Config(Section):
    """Everything that one run is told, frozen. Paths are absolute."""

    api: ApiSection = ApiSection()
    send: SendSection = SendSection()
    workspace: WorkspaceSection = WorkspaceSection()
    columns: ColumnsSection = ColumnsSection()
    format: FormatSection = FormatSection()
    rules: RulesSection = RulesSection()
    identity: IdentitySection = IdentitySection()
    results: ResultsSection = ResultsSection()


class Order(Section):
    """What the command line asks of one run; no configuration file can ask it."""

    results: Path | None = None
    sheet: str | None = None
    header_row: int | None = None
    hidden_rows: Literal["include", "skip"] | None = None
    batch: str = ""
    allow_duplicates: bool = False
    retry_rejected: bool = False
    strict: bool = False
    expect_rows: int | None = None
    expect_total: Decimal | None = None
    max_total: Decimal | None = None
    limit: int | None = None
    accept_identity_change: bool = False

    def for_results(self) -> Order:
        """Return what also holds for a run of this order's results file."""
        return Order(
            batch=self.batch,
            allow_duplicates=self.allow_duplicates,
            retry_rejected=self.retry_rejected,
        )

    def for_rewriting(self, results: Path) -> Order:
        """Return what also holds where the results are written once more, to `results`."""
        return Order(
            results=results,
            sheet=self.sheet,
            header_row=self.header_row,
            hidden_rows=self.hidden_rows,
            batch=self.batch,
        )

    def as_options(self) -> list[str]:
        """Return the command line's options that ask the same; what is unset is left out."""
        options: list[str] = []
        for name, value in self:
            option = f"--{name.replace('_', '-')}"
            if name == "hidden_rows" and value:
                options.append(f"--{value}-hidden-rows")
            elif value is True:
                options.append(option)
            elif value is not False and value is not None and value != "":
                options += [option, str(value)]
        return options


ApiKey = SecretStr
