"""Config file < environment < flags → one frozen Config. Reads the file and the environment."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class Section(BaseModel):
    """A part of the configuration; unknown keys are errors, so a typo cannot be ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ApiSection(Section):
    """Which Keen, and what it is known to do."""

    scope: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")] = "keen"
    url: str = ""
    formerly: tuple[str, ...] = ()
    action: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] = "create_purchase_custom"
    key_file: Path | None = None
    key_retention: Annotated[float, Field(ge=0)] = 0


class SendSection(Section):
    """How rows are sent."""

    concurrency: Annotated[int, Field(ge=1, le=1024)] = 16
    rate_limit: Annotated[float, Field(ge=0)] = 0.0
    timeout: Annotated[float, Field(gt=0, le=3600)] = 180.0
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 5
    max_in_doubt: Annotated[int, Field(ge=0)] = 20
    max_failures: Annotated[str, Field(pattern=r"^[0-9]+%?$")] = "100%"


class WorkspaceSection(Section):
    """Where the ledger lives."""

    path: Path | None = None


class ColumnsSection(Section):
    """Header names that mean a field; matched without case, spaces, `_` and `-`."""

    lead_id: tuple[str, ...] = ("lead_id", "Lead ID", "lead")
    product_name: tuple[str, ...] = ("product_name", "Product name", "product")
    product_description: tuple[str, ...] = (
        "product_description",
        "Product description",
        "description",
    )
    purchase_amount: tuple[str, ...] = ("purchase_amount", "Purchase amount", "amount", "price")
    date: tuple[str, ...] = ("date", "Purchase date", "purchased at")
    trigger_ids: tuple[str, ...] = ("trigger_ids", "Trigger IDs", "triggers")


class FormatSection(Section):
    """How cells are read."""

    decimal: Literal["auto", ".", ","] = "auto"
    dates: Literal["auto"] | tuple[str, ...] = "auto"
    timezone: str = "UTC"


class RulesSection(Section):
    """What makes a row valid."""

    required: tuple[str, ...] = ("lead_id", "product_name", "purchase_amount")
    max_amount: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    max_decimals: Annotated[int, Field(ge=0, le=6)] = 2
    allow_negative: bool = False


class IdentitySection(Section):
    """Columns that tell purchases apart, sent nowhere."""

    columns: tuple[str, ...] = ()


class ResultsSection(Section):
    """Where the results file goes, and of which kind it is."""

    folder: Path | None = None
    format: Literal["same", "csv", "xlsx", "jsonl"] = "same"


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


ApiKey = SecretStr
