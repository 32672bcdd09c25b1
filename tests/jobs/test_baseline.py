"""A snapshot compared with what is stored, before anybody waits to write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jobs.baseline import Baseline, baseline_of, unchanged
from jobs.microsoft.errors import BadAnswer
from jobs.microsoft.facts import TenantFacts
from jobs.tenant import write
from tests.jobs.snapshots import a_license, snapshot_of
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Outcome, Tenant, utc_now

ONE, TWO = a_license(1), a_license(2)


@pytest.fixture
def tenant(make: Make) -> Tenant:
    """One that was synced."""
    tenant = make.tenant()
    write(tenant, snapshot_of(tenant, ONE, TWO), utc_now())
    db.session.commit()
    return tenant


@pytest.fixture
def baseline(tenant: Tenant) -> Baseline:
    return baseline_of(tenant, utc_now())


def test_what_is_as_it_was_stored_changes_nothing(tenant: Tenant, baseline: Baseline) -> None:
    assert unchanged(baseline, snapshot_of(tenant, TWO, ONE)) == Outcome(unchanged=2)


def test_another_license_or_another_name_is_a_change(tenant: Tenant, baseline: Baseline) -> None:
    renamed = TenantFacts(tenant.tenant_id, "Fabrikam", "contoso.example")
    assert unchanged(baseline, snapshot_of(tenant, ONE, a_license(2, active=11))) is None
    assert unchanged(baseline, replace(snapshot_of(tenant, ONE, TWO), tenant=renamed)) is None


def test_a_snapshot_that_another_tenant_signed_in_to_is_refused(tenant: Tenant, baseline: Baseline) -> None:
    with pytest.raises(BadAnswer, match=f"of the tenant another, not of {tenant.tenant_id}"):
        unchanged(baseline, replace(snapshot_of(tenant, ONE, TWO), tenant_id="another"))


def test_a_snapshot_of_what_is_known_as_another_tenant_is_refused(
    make: Make, tenant: Tenant, baseline: Baseline
) -> None:
    other = make.tenant()
    said = TenantFacts(other.tenant_id, "Contoso", "contoso.example")
    with pytest.raises(BadAnswer, match=f"of the tenant {other.tenant_id}"):
        unchanged(baseline, replace(snapshot_of(tenant, ONE, TWO), tenant=said))
