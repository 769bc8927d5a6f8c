from __future__ import annotations

import pytest

from importer.config import ColumnsSection, RulesSection
from importer.errors import ConfigError, ExitCode, SourceError
from importer.model import RESULT_COLUMNS, PurchaseField
from importer.reader.columns import ColumnMap, match_columns

DEFAULTS = ColumnsSection()
REQUIRED = RulesSection().required


def match(*headers: str, identity: tuple[str, ...] = ()) -> ColumnMap:
    return match_columns(headers, DEFAULTS, REQUIRED, identity)


def test_a_file_with_the_default_headers_is_read_in_any_order() -> None:
    columns = match("amount", "Product", "Lead ID", "Notes")
    assert columns.fields == {
        PurchaseField.PURCHASE_AMOUNT: 0,
        PurchaseField.PRODUCT_NAME: 1,
        PurchaseField.LEAD_ID: 2,
    }
    assert columns.ignored == (3,)
    assert columns.identity == {}
    assert columns.carried == {}


@pytest.mark.parametrize(
    "header",
    ["lead_id", "LEAD-ID", " Lead  Id ", "leadid", "Lead\u00a0ID", "\ufefflead_id", "Lead\nID"],
)
def test_case_blanks_underscores_and_hyphens_do_not_count(header: str) -> None:
    assert match(header, "product", "amount").fields[PurchaseField.LEAD_ID] == 0


def test_a_composed_and_a_decomposed_letter_are_the_same_header() -> None:
    config = ColumnsSection(product_name=("Prämie",))
    columns = match_columns(("lead", "Pra\u0308mie", "amount"), config, REQUIRED, ())
    assert columns.fields[PurchaseField.PRODUCT_NAME] == 1


def test_every_missing_column_is_named_with_what_was_found_and_what_is_near() -> None:
    with pytest.raises(SourceError) as caught:
        match("Lead IDs", "Reference", "sum")
    assert caught.value.exit_code is ExitCode.REFUSED
    assert caught.value.code == "missing-column"
    assert caught.value.message == (
        "The file has no column for lead_id, product_name and purchase_amount. "
        'Its headers are: "Lead IDs", "Reference", "sum".'
    )
    assert caught.value.remedy.startswith('Did you mean "Lead IDs" for lead_id? ')


def test_the_lead_is_required_even_where_the_rules_do_not_say_so() -> None:
    with pytest.raises(SourceError, match="no column for lead_id"):
        match_columns(("product", "amount"), DEFAULTS, (), ())


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        (("lead", "product", "amount", "Price"), ('"amount"', '"Price"', "purchase_amount")),
        (("lead", "product", "amount", "Keen Row", "keen_row"), ('"Keen Row"', '"keen_row"')),
    ],
)
def test_two_headers_for_one_meaning_are_refused(
    headers: tuple[str, ...], named: tuple[str, ...]
) -> None:
    with pytest.raises(SourceError) as caught:
        match(*headers)
    assert all(name in caught.value.message for name in named)
    assert caught.value.code == "double-column"


def test_result_columns_of_an_earlier_run_are_carried() -> None:
    columns = match("lead", "product", "amount", *RESULT_COLUMNS)
    assert columns.carried == {name: index for index, name in enumerate(RESULT_COLUMNS, start=3)}
    assert columns.ignored == ()


def test_identity_columns_keep_the_configured_order_and_may_be_fields() -> None:
    columns = match("lead", "product", "amount", "Order ID", identity=("order_id", "Lead"))
    assert list(columns.identity.items()) == [("order_id", 3), ("Lead", 0)]
    assert columns.fields[PurchaseField.LEAD_ID] == 0
    assert columns.ignored == ()


def test_a_missing_identity_column_stops_the_run() -> None:
    with pytest.raises(SourceError, match=r"no column for order_id of identity\.columns") as caught:
        match("lead", "product", "amount", "orderid2", identity=("order_id",))
    assert 'Did you mean "orderid2" for order_id?' in caught.value.remedy


def test_a_name_that_means_two_fields_is_a_fault_of_the_configuration() -> None:
    config = ColumnsSection(product_name=("Description",))
    with pytest.raises(ConfigError, match="both product_name and product_description"):
        match_columns(("lead", "Description", "amount"), config, REQUIRED, ())


def test_an_unknown_required_field_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match='names "price"'):
        match_columns(("lead", "product", "amount"), DEFAULTS, ("price",), ())


def test_columns_without_a_name_are_ignored() -> None:
    assert match("lead", "", "product", "_", "amount").ignored == (1, 3)
