"""The company that sample files name."""

from __future__ import annotations

from importer.sandbox.company import (
    build_company,
    lead_channel,
    sandbox_channel,
    sandbox_lead,
    sandbox_product,
    sandbox_trigger,
)


def test_identifiers_are_the_same_for_ever_because_sample_files_carry_them() -> None:
    assert sandbox_lead(1) == "9b185636-224d-55b3-b399-7797f7d31971"
    assert sandbox_lead(1000) == "ee562e79-3c66-579f-a528-3ae954188397"
    assert sandbox_trigger(1) == "c75b87de-a6a0-5b8b-b653-5f76eb73b613"
    assert sandbox_channel(1) == "f33ced8e-f5d7-59ed-ab00-29b4b193ea94"
    assert sandbox_product(1) == "73647d61-367e-5adb-b95d-86a644d5f087"


def test_the_company_has_just_the_leads_that_its_number_names() -> None:
    company = build_company(20)
    assert list(company.leads) == [sandbox_lead(number) for number in range(1, 21)]
    assert sandbox_lead(0) not in company.leads
    for number in range(1, 21):
        assert company.leads[sandbox_lead(number)].channel_id == lead_channel(number)
    assert lead_channel(9) == sandbox_channel(1)
    assert lead_channel(10) == sandbox_channel(2)


def test_only_active_triggers_of_the_channel_fire() -> None:
    company = build_company(1)
    fired = [trigger.id for trigger in company.triggers_of(sandbox_channel(1))]
    assert fired == [sandbox_trigger(1), sandbox_trigger(2)]
    assert [t.id for t in company.triggers_of(sandbox_channel(2))] == [sandbox_trigger(4)]
