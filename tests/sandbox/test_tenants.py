"""The tenants that the sandbox can make: documented, by hand, and from a seed."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from sandbox import Sku, Tenant, demo_tenants, generate
from sandbox.products import BY_PART_NUMBER, SERVICE_PLANS
from sandbox.tenants import tenant_from_json, tenant_to_json


def units(sku: Sku) -> tuple[int, int, int, int]:
    return sku.enabled, sku.warning, sku.suspended, sku.locked_out


def test_products_have_real_looking_and_distinct_ids() -> None:
    ids = [product.sku_id for product in BY_PART_NUMBER.values()]
    assert len(ids) == len(set(ids)) >= 30
    for product in BY_PART_NUMBER.values():
        assert UUID(product.sku_id)
        assert set(product.service_plans) <= set(SERVICE_PLANS)


def test_the_demo_has_twelve_tenants_with_distinct_names_ids_and_domains() -> None:
    tenants = demo_tenants()
    assert len(tenants) == 12
    assert len({tenant.tenant_id for tenant in tenants}) == 12
    assert len({tenant.client_id for tenant in tenants}) == 12
    assert len({domain for tenant in tenants for domain in tenant.domains}) == 24
    assert {'Müller & Söhne "Bau" GmbH', "株式会社青葉精機製作所"} <= {tenant.display_name for tenant in tenants}


def test_the_demo_shows_every_state_of_a_license() -> None:
    skus = [sku for tenant in demo_tenants() for sku in tenant.skus]
    assert {sku.capability_status for sku in skus} == {"Enabled", "Warning", "Suspended", "Deleted", "LockedOut"}
    assert any(sku.consumed > sku.enabled > 0 for sku in skus)
    assert any(sku.capability_status == "Warning" and sku.warning > 0 for sku in skus)
    assert any(sku.part_number.endswith("_TRIAL") for sku in skus)
    assert any(sku.capability_status == "Enabled" and sku.enabled == sku.consumed == 0 for sku in skus)
    assert any(sku.part_number == "FLOW_FREE" and sku.enabled == 10_000 for sku in skus)
    assert max(len(tenant.skus) for tenant in demo_tenants()) >= 20


def test_the_same_seed_makes_the_same_tenants_however_many() -> None:
    assert generate(7, 50)[:10] == generate(7, 10)
    assert generate(7, 10) != generate(8, 10)


def test_many_generated_tenants_are_distinct_and_diverse() -> None:
    tenants = generate(1, 2000)
    assert len({tenant.tenant_id for tenant in tenants}) == 2000
    assert len({domain for tenant in tenants for domain in tenant.domains}) == 4000
    assert len({tenant.organization["countryLetterCode"] for tenant in tenants}) >= 9
    skus = [sku for tenant in tenants for sku in tenant.skus]
    assert {sku.capability_status for sku in skus} == {"Enabled", "Warning", "Suspended", "Deleted", "LockedOut"}
    seats = sorted(sum(units(tenant.skus[0])) for tenant in tenants)
    assert seats[1000] < 60
    assert seats[-1] > 500


def assert_plausible(tenant: Tenant) -> None:
    assert tenant.skus
    assert len({sku.sku_id for sku in tenant.skus}) == len(tenant.skus)
    for sku in tenant.skus:
        assert min(*units(sku), sku.consumed) >= 0
        if sku.capability_status != "Enabled":
            assert sku.enabled == 0


def test_every_made_tenant_is_plausible() -> None:
    for tenant in [*demo_tenants(), *generate(2, 300)]:
        assert_plausible(tenant)


def test_a_tenant_survives_json() -> None:
    for tenant in [*demo_tenants(), *generate(3, 20)]:
        assert tenant_from_json(json.loads(json.dumps(tenant_to_json(tenant)))) == tenant


def test_a_tenant_id_is_a_guid_in_lower_case() -> None:
    made = generate(4, 1)[0]
    document = tenant_to_json(made)
    upper = json.loads(json.dumps({**document, "tenant_id": made.tenant_id.upper()}))
    assert tenant_from_json(upper).tenant_id == made.tenant_id
    with pytest.raises(ValueError, match="is not a GUID"):
        tenant_from_json(json.loads(json.dumps({**document, "tenant_id": "contoso"})))
