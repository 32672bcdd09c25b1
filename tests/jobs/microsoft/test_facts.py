"""A SKU's figures, and what of Graph's answers is believed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from jobs.microsoft import facts
from jobs.microsoft.errors import BadAnswer
from jobs.microsoft.facts import NO_FIGURES, Figures, figures, license_facts, tenant_facts

# Graph, "List subscribedSkus", the example's answer.
ENTERPRISEPREMIUM: dict[str, Any] = {
    "accountName": "Sample account One",
    "accountId": "f97aeefc-af85-414d-8ae4-b457f90efc40",
    "appliesTo": "User",
    "capabilityStatus": "Enabled",
    "consumedUnits": 14,
    "id": "48a80680-7326-48cd-9935-b556b81d3a4e_c7df2760-2c81-4ef7-b578-5b5392b571df",
    "prepaidUnits": {"enabled": 25, "suspended": 0, "warning": 0, "lockedOut": 0},
    "servicePlans": [
        {
            "servicePlanId": "8c098270-9dd4-4350-9b30-ba4703f3b36b",
            "servicePlanName": "ADALLOM_S_O365",
            "provisioningStatus": "Success",
            "appliesTo": "Company",
        }
    ],
    "skuId": "c7df2760-2c81-4ef7-b578-5b5392b571df",
    "skuPartNumber": "ENTERPRISEPREMIUM",
    "subscriptionIds": ["43d26afe-cb98-48b9-acc4-ae3ef2ac6c51"],
}
CRMSTANDARD: dict[str, Any] = {
    "accountName": "Sample account Two",
    "accountId": "ee045480-0260-4c1e-b946-55842502229c",
    "appliesTo": "User",
    "capabilityStatus": "Suspended",
    "consumedUnits": 14,
    "id": "48a80680-7326-48cd-9935-b556b81d3a4e_d17b27af-3f49-4822-99f9-56a661538792",
    "prepaidUnits": {"enabled": 0, "suspended": 25, "warning": 0, "lockedOut": 0},
    "servicePlans": [
        {
            "servicePlanId": "f9646fb2-e3b2-4309-95de-dc4833737456",
            "servicePlanName": "CRMSTANDARD",
            "provisioningStatus": "Disabled",
            "appliesTo": "User",
        }
    ],
    "skuId": "d17b27af-3f49-4822-99f9-56a661538792",
    "skuPartNumber": "CRMSTANDARD",
    "subscriptionIds": ["15c301e0-c769-4f12-bab1-1e8519a7a6f1"],
}


def a_sku(status: str = "Enabled", consumed: Any = 0, **units: Any) -> dict[str, Any]:
    prepaid = {"enabled": 0, "suspended": 0, "warning": 0, "lockedOut": 0, **units}
    return {**ENTERPRISEPREMIUM, "capabilityStatus": status, "consumedUnits": consumed, "prepaidUnits": prepaid}


def counts(**values: int) -> Figures:
    return Figures(**{**vars(NO_FIGURES), **values})


@pytest.mark.parametrize(
    ("sku", "expected"),
    [
        pytest.param(ENTERPRISEPREMIUM, counts(active=25, consumed=14, unused=11), id="documented, enabled"),
        pytest.param(CRMSTANDARD, counts(consumed=14, over=14, suspended=25), id="documented, suspended"),
        pytest.param(
            a_sku("Suspended", 3, enabled=10, suspended=5),
            counts(consumed=3, over=3, suspended=5),
            id="suspended with enabled units",
        ),
        pytest.param(
            a_sku("Warning", 4, enabled=10, warning=6), counts(active=10, consumed=4, unused=6, warning=6), id="grace"
        ),
        pytest.param(
            a_sku("Warning", 4, warning=6), counts(consumed=4, over=4, warning=6), id="grace with no enabled units"
        ),
        pytest.param(
            a_sku("LockedOut", 2, enabled=9, lockedOut=9), counts(consumed=2, over=2, locked_out=9), id="locked out"
        ),
        pytest.param(a_sku("Deleted", 0, enabled=9), NO_FIGURES, id="deleted"),
        pytest.param(a_sku("Enabled", 12, enabled=10), counts(active=10, consumed=12, over=2), id="over"),
        pytest.param(a_sku("Enabled", 10, enabled=10), counts(active=10, consumed=10), id="all in use"),
        pytest.param(a_sku(), NO_FIGURES, id="no seats"),
        pytest.param(
            a_sku("Brand new", 1, enabled=2), counts(active=2, consumed=1, unused=1), id="a status of the future"
        ),
        pytest.param(
            a_sku("Enabled", 2**31 - 1, enabled=2**31 - 1),
            counts(active=2**31 - 1, consumed=2**31 - 1),
            id="the largest numbers of an Int32",
        ),
    ],
)
def test_figures_of_a_sku(sku: dict[str, Any], expected: Figures) -> None:
    assert figures(sku) == expected


@pytest.mark.parametrize("spelled", ["Suspended ", "\x00Suspended", "suspended", "SUSPENDED"])
def test_a_known_status_is_that_status_however_it_is_spelled(spelled: str) -> None:
    [license] = license_facts([a_sku(spelled, 3, enabled=10, suspended=10)]).values()
    assert license.status == "Suspended"
    assert license.figures == counts(consumed=3, over=3, suspended=10)


def test_what_microsoft_itself_would_call_gone_is_not_taken_for_what_it_no_longer_returns() -> None:
    [found] = license_facts([a_sku("Gone", 1, enabled=2)]).values()
    assert found.status == "Unknown"
    assert found.figures == counts(active=2, consumed=1, unused=1)


def test_more_skus_than_anybody_sells_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "_MOST_SKUS", 100)
    skus = [{**a_sku(), "skuId": str(UUID(int=number))} for number in range(101)]
    assert len(license_facts(skus[:100])) == 100
    with pytest.raises(BadAnswer, match="more than 100 SKUs"):
        license_facts(skus)


def test_units_locked_out_are_none_where_an_older_answer_does_not_name_them() -> None:
    sku = a_sku("Enabled", 1, enabled=2)
    del sku["prepaidUnits"]["lockedOut"]
    assert figures(sku) == counts(active=2, consumed=1, unused=1)


NO_NUMBERS = [None, -1, True, "25", 25.0, 25.5, 2**31, 10**30, [25], {"value": 25}]


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("where", ["consumedUnits", "enabled"])
def test_what_is_not_a_whole_number_of_seats_is_not_believed(where: str, value: Any) -> None:
    sku = a_sku("Enabled", value) if where == "consumedUnits" else a_sku("Enabled", 1, enabled=value)
    with pytest.raises(BadAnswer, match=where):
        figures(sku)


@pytest.mark.parametrize("value", NO_NUMBERS[1:])
@pytest.mark.parametrize("where", ["warning", "suspended", "lockedOut"])
def test_further_units_are_counts_too(where: str, value: Any) -> None:
    with pytest.raises(BadAnswer, match=where):
        figures(a_sku("Enabled", 1, **{where: value}))


@pytest.mark.parametrize("missing", ["consumedUnits", "prepaidUnits", "skuId", "skuPartNumber", "capabilityStatus"])
def test_a_sku_without_one_of_its_parts_is_not_believed(missing: str) -> None:
    sku = {key: value for key, value in ENTERPRISEPREMIUM.items() if key != missing}
    with pytest.raises(BadAnswer, match=missing):
        license_facts([sku])


@pytest.mark.parametrize("number", [-1, 2**31])
def test_a_number_that_is_too_small_or_too_large_is_refused_by_naming_both_limits(number: int) -> None:
    with pytest.raises(BadAnswer, match=r"consumedUnits is not a whole number from 0 to 2,147,483,647"):
        figures({**ENTERPRISEPREMIUM, "consumedUnits": number})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"prepaidUnits": {"enabled": -3}}, "of the SKU ENTERPRISEPREMIUM, enabled is not a whole number"),
        ({"consumedUnits": None}, "of the SKU ENTERPRISEPREMIUM, consumedUnits is not a whole number"),
        ({"prepaidUnits": None}, "of the SKU ENTERPRISEPREMIUM, prepaidUnits is missing"),
        ({"consumedUnits": -1, "skuPartNumber": "A\nB" + "x" * 99}, f"of the SKU A B{'x' * 56}…, consumedUnits"),
    ],
)
def test_of_many_skus_the_one_whose_numbers_are_wrong_is_named(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(BadAnswer, match=told):
        license_facts([CRMSTANDARD, {**ENTERPRISEPREMIUM, **wrong}])


@pytest.mark.parametrize("units", [None, [], "25", 25, {}, {"suspended": 1}])
def test_units_that_are_not_an_object_with_enabled_are_not_believed(units: Any) -> None:
    with pytest.raises(BadAnswer):
        figures({**ENTERPRISEPREMIUM, "prepaidUnits": units})


@pytest.mark.parametrize("sku", [None, "sku", 1, ["skuId"]])
def test_a_sku_that_is_not_an_object_is_not_believed(sku: Any) -> None:
    with pytest.raises(BadAnswer):
        license_facts([sku])


@pytest.mark.parametrize("value", [None, 7, "", "no guid", {"id": 1}])
def test_a_sku_id_that_is_not_a_guid_is_not_believed(value: Any) -> None:
    with pytest.raises(BadAnswer, match="skuId"):
        license_facts([{**ENTERPRISEPREMIUM, "skuId": value}])


@pytest.mark.parametrize("key", ["skuPartNumber", "capabilityStatus"])
@pytest.mark.parametrize("value", [None, 7, "", "  ", "\x00"])
def test_a_word_that_says_nothing_is_not_believed(key: str, value: Any) -> None:
    with pytest.raises(BadAnswer, match=key):
        license_facts([{**ENTERPRISEPREMIUM, key: value}])


def test_a_part_number_that_goes_on_for_ever_is_cut() -> None:
    (facts,) = license_facts([{**ENTERPRISEPREMIUM, "skuPartNumber": "x" * 5_000}]).values()
    assert facts.sku_part_number == "x" * 500


def test_a_license_is_known_by_its_sku_id_in_lower_case() -> None:
    upper = {**ENTERPRISEPREMIUM, "skuId": str(ENTERPRISEPREMIUM["skuId"]).upper()}
    assert set(license_facts([upper, CRMSTANDARD])) == {ENTERPRISEPREMIUM["skuId"], CRMSTANDARD["skuId"]}


def test_text_is_kept_as_it_came_but_for_what_no_database_takes() -> None:
    sku = {**ENTERPRISEPREMIUM, "skuPartNumber": "a\x00b\ud800c\t=cmd|'<b>", "appliesTo": None}
    (facts,) = license_facts([sku]).values()
    assert facts.sku_part_number == "ab?c\t=cmd|'<b>"
    assert facts.applies_to == ""


def test_the_same_sku_twice_is_one_license() -> None:
    assert len(license_facts([ENTERPRISEPREMIUM, dict(ENTERPRISEPREMIUM)])) == 1


def test_the_same_sku_twice_with_other_numbers_is_not_believed() -> None:
    with pytest.raises(BadAnswer, match="ENTERPRISEPREMIUM twice"):
        license_facts([ENTERPRISEPREMIUM, {**ENTERPRISEPREMIUM, "consumedUnits": 15}])


# Graph, "List organization", what is read of the example's answer.
CONTOSO: dict[str, Any] = {
    "id": "84841066-274d-4ec0-a5c1-276be684bdd3",
    "displayName": "Contoso",
    "verifiedDomains": [{"name": "Contoso.onmicrosoft.com", "isDefault": True, "isInitial": True, "type": "Managed"}],
}


def test_a_tenant_has_a_name_and_its_default_domain() -> None:
    domains = [
        {"name": "contoso.onmicrosoft.com", "isDefault": False},
        {"name": "contoso.example", "isDefault": True},
    ]
    facts = tenant_facts([{**CONTOSO, "id": CONTOSO["id"].upper(), "verifiedDomains": domains}])
    assert (facts.tenant_id, facts.name, facts.default_domain) == (CONTOSO["id"], "Contoso", "contoso.example")


@pytest.mark.parametrize(
    "domains",
    [None, [], "contoso.example", [None], [{"isDefault": True}], [{"name": 1, "isDefault": True}], [{"name": "a.b"}]],
)
def test_a_tenant_may_lack_a_default_domain(domains: Any) -> None:
    assert tenant_facts([{**CONTOSO, "verifiedDomains": domains}]).default_domain == ""


@pytest.mark.parametrize("name", [None, "", "  ", "\x00", 7])
def test_a_tenant_may_lack_a_name(name: Any) -> None:
    assert tenant_facts([{**CONTOSO, "displayName": name}]).name == ""


def test_a_name_that_goes_on_for_ever_is_cut() -> None:
    assert tenant_facts([{**CONTOSO, "displayName": "x" * 10_000}]).name == "x" * 500


@pytest.mark.parametrize("tenant_id", [None, "", "contoso", 7])
def test_a_tenant_that_does_not_say_its_id_still_says_its_name(tenant_id: Any) -> None:
    facts = tenant_facts([{**CONTOSO, "id": tenant_id}])
    assert (facts.tenant_id, facts.name) == ("", "Contoso")


@pytest.mark.parametrize("organizations", [[], [CONTOSO, CONTOSO], [None], ["Contoso"]])
def test_what_is_not_one_organization_is_not_believed(organizations: list[Any]) -> None:
    with pytest.raises(BadAnswer):
        tenant_facts(organizations)


def test_all_verified_domains_are_kept_the_default_one_first_in_lower_case() -> None:
    domains = [
        {"name": "Contoso.onmicrosoft.com", "isDefault": False},
        {"name": "contoso.de", "isDefault": False},
        {"name": "Contoso.example", "isDefault": True},
        {"name": "CONTOSO.DE", "isDefault": False},
        {"name": "x" * 254, "isDefault": False},
        {"name": "two\nlines.example", "isDefault": False},
        {"name": None},
        "none",
    ]
    facts = tenant_facts([{**CONTOSO, "verifiedDomains": domains}])
    assert facts.domains.splitlines() == [
        "contoso.example",
        "contoso.onmicrosoft.com",
        "contoso.de",
        "two lines.example",
    ]


@pytest.mark.parametrize(
    ("said", "address"),
    [
        (
            {
                "street": "1 Main St\r\nSuite 5",
                "city": "Redmond",
                "state": "WA",
                "postalCode": "98052",
                "country": "United States",
                "countryLetterCode": "US",
            },
            "1 Main St Suite 5, Redmond, WA, 98052, United States",
        ),
        ({"city": "Kassel", "country": None, "countryLetterCode": "DE"}, "Kassel, DE"),
        ({"street": "  ", "city": 7, "country": ["x"]}, ""),
        ({"street": "a\u202eb\x00\ud800c"}, "ab?c"),
        ({"street": "x" * 5_000}, "x" * 500),
        ({}, ""),
    ],
)
def test_the_postal_address_is_one_line(said: dict[str, Any], address: str) -> None:
    assert tenant_facts([{**CONTOSO, **said}]).address == address


@pytest.mark.parametrize(
    ("phones", "phone"),
    [
        (["425-555-0100"], "425-555-0100"),
        (["", None, " +49 30\t1 "], "+49 30 1"),
        ([], ""),
        (None, ""),
        ("425", ""),
        (["1" * 300], "1" * 100),
    ],
)
def test_the_phone_is_the_first_that_is_one(phones: Any, phone: str) -> None:
    assert tenant_facts([{**CONTOSO, "businessPhones": phones}]).phone == phone
