"""One tenant: what is compared, what is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from jobs.licenses import compare
from jobs.microsoft.errors import BadAnswer
from jobs.microsoft.facts import NO_FIGURES, LicenseFacts, tenant_facts
from jobs.tenant import Snapshot, write
from tests.jobs.snapshots import a_license, by_id, snapshot_of
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import License, LicenseStatus, Outcome, Product, ProductName, utc_now

ONE, TWO = a_license(1), a_license(2)
GONE = replace(ONE, status=LicenseStatus.GONE, figures=NO_FIGURES)


def test_a_sku_not_seen_before_is_created() -> None:
    changes = compare(by_id(ONE), by_id(ONE, TWO))
    assert (changes.created, changes.changed, changes.gone, changes.unchanged) == ((TWO,), (), (), 1)


@pytest.mark.parametrize(
    "changed",
    [
        a_license(1, active=11),
        a_license(1, status="Suspended"),
        a_license(1, sku_part_number="NEW"),
        a_license(1, applies_to="Company"),
    ],
)
def test_a_sku_of_which_anything_differs_is_changed(changed: LicenseFacts) -> None:
    changes = compare(by_id(ONE, TWO), by_id(changed, TWO))
    assert (changes.created, changes.changed, changes.gone, changes.unchanged) == ((), (changed,), (), 1)


def test_a_sku_that_is_not_returned_any_more_is_gone() -> None:
    changes = compare(by_id(ONE, TWO), by_id(TWO))
    assert (changes.created, changes.changed, changes.gone, changes.unchanged) == ((), (), (ONE.sku_id,), 1)


def test_a_sku_that_is_gone_already_is_not_written_again() -> None:
    assert compare(by_id(GONE), {}).outcome == Outcome()


def test_a_sku_that_came_back_is_changed_also_where_it_has_no_seats() -> None:
    back = replace(GONE, status="Enabled")
    assert compare(by_id(GONE), by_id(back)).changed == (back,)


def test_nothing_differs_nothing_is_written() -> None:
    outcome = compare(by_id(ONE, TWO), by_id(TWO, ONE)).outcome
    assert (outcome.rows_written, outcome.unchanged) == (0, 2)


def test_a_snapshot_of_another_tenant_is_refused_and_nothing_written(make: Make) -> None:
    tenant = make.tenant()
    with pytest.raises(BadAnswer, match="not of"):
        write(tenant, replace(snapshot_of(tenant, ONE), tenant_id="another"), utc_now())
    assert db.session.query(License).count() == 0
    assert tenant.last_synced_at is None


@pytest.mark.parametrize("says", [{}, {"id": str(UUID(int=7))}, {"id": None}])
def test_a_tenant_without_a_name_is_called_by_the_id_that_was_signed_in_to(says: dict[str, Any], make: Make) -> None:
    tenant = make.tenant(name="As it was")
    facts = tenant_facts([{"id": tenant.tenant_id, "displayName": None, **says}])
    write(tenant, Snapshot(tenant.tenant_id, facts, None, {}), utc_now())
    assert tenant.name == tenant.tenant_id


def test_writing_the_same_again_touches_no_license(make: Make, count_queries: list[str]) -> None:
    tenant = make.tenant()
    write(tenant, snapshot_of(tenant, ONE, TWO), utc_now())
    db.session.commit()
    count_queries.clear()
    later = utc_now() + timedelta(hours=1)
    assert write(tenant, snapshot_of(tenant, ONE, TWO), later).rows_written == 0
    db.session.commit()
    written = [statement for statement in count_queries if statement.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert [statement.split()[1] for statement in written] == ["tenant"]
    assert tenant.last_synced_at == later


def test_a_thousand_skus_are_written_in_a_few_statements(make: Make, count_queries: list[str]) -> None:
    tenant = make.tenant()
    db.session.commit()
    count_queries.clear()
    write(tenant, snapshot_of(tenant, *[a_license(number) for number in range(1_000)]), utc_now())
    db.session.commit()
    assert db.session.query(License).count() == db.session.query(Product).count() == 1_000
    assert len(count_queries) < 30


def test_two_licenses_of_one_sku_share_their_product(make: Make) -> None:
    for tenant in (make.tenant(), make.tenant()):
        write(tenant, snapshot_of(tenant, ONE), utc_now())
    db.session.commit()
    assert db.session.query(Product).count() == 1
    assert db.session.query(License).count() == 2


def test_a_product_is_called_by_its_known_name_else_by_its_part_number(make: Make) -> None:
    known = replace(ONE, sku_id="05e9a617-0261-4cee-bb44-138d3ef5d965", sku_part_number="SPE_E3")
    tenant = make.tenant()
    write(tenant, snapshot_of(tenant, known, TWO), utc_now())
    db.session.commit()
    assert {product.name for product in db.session.query(Product)} == {"Microsoft 365 E3", "PART_2"}


def test_products_seen_only_later_have_their_imported_names_found_in_one_query(
    make: Make, count_queries: list[str]
) -> None:
    known = replace(ONE, sku_id="05e9a617-0261-4cee-bb44-138d3ef5d965", sku_part_number="SPE_E3")
    db.session.add(ProductName(sku_id=known.sku_id, part_number="SPE_E3", name="Imported E3"))
    db.session.add(ProductName(sku_id="another", part_number=TWO.sku_part_number, name="Imported two"))
    tenant = make.tenant()
    count_queries.clear()
    write(tenant, snapshot_of(tenant, known, TWO, a_license(3)), utc_now())
    db.session.commit()
    assert {product.name for product in db.session.query(Product)} == {"Imported E3", "Imported two", "PART_3"}
    assert len([statement for statement in count_queries if "FROM product_name" in statement]) == 1


def test_what_becomes_of_a_license_becomes_of_no_other_tenants_license_of_the_same_sku(make: Make) -> None:
    tenant, other = make.tenant(organization=make.organization()), make.tenant(organization=make.organization())
    for each in (tenant, other):
        write(each, snapshot_of(each, ONE, TWO), utc_now())
    write(tenant, snapshot_of(tenant, a_license(1, active=11)), utc_now())
    db.session.commit()
    of_other = db.session.query(License).filter_by(tenant_id=other.id).order_by(License.sku_id)
    assert [(row.active, row.status, row.gone_at) for row in of_other] == [(10, "Enabled", None)] * 2
    of_tenant = db.session.query(License).filter_by(tenant_id=tenant.id).order_by(License.sku_id)
    assert [(row.active, row.status) for row in of_tenant] == [(11, "Enabled"), (0, LicenseStatus.GONE)]
