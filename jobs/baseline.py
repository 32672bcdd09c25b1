"""What is stored of a tenant before it is read: what to ask for, and what the answer is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from webapp.models import Outcome, Tenant
from webapp.models.user_rules import UserSync, source_of

from . import licenses, tracking
from . import tenant as tenants
from .microsoft.facts import LicenseFacts, TenantFacts
from .microsoft.page import STRICT, Leniency
from .microsoft.users import Wanted


@dataclass(frozen=True)
class Baseline:
    """A tenant as it is stored; `wanted` is what to read of its users, and `licenses` are by sku id."""

    wanted: Wanted
    facts: TenantFacts
    licenses: Mapping[str, LicenseFacts]
    syncs_licenses: bool
    syncs_users: bool


def baseline_of(tenant: Tenant, now: datetime, leniency: Leniency = STRICT) -> Baseline:
    """What is stored of the tenant now; where the leniency forgives that its users fail, it is synced without them."""
    facts = TenantFacts(
        tenant.tenant_id, tenant.name, tenant.default_domain, tenant.domains, tenant.address, tenant.phone
    )
    stored = licenses.stored(tenant.id)
    return Baseline(
        replace(tracking.wanted(tenant, stored, now), leniency=leniency),
        facts,
        stored.facts,
        tenant.integration.sync_licenses,
        source_of(tenant).sync_users != UserSync.OFF,
    )


def unchanged(baseline: Baseline, snapshot: tenants.Snapshot) -> Outcome | None:
    """What a sync does that finds all as it was stored; None where something differs, or the users were read whole.

    What somebody changes here while the tenant is read, as its organization, makes no difference: nothing is written,
    and the next sync finds it.

    Raises `BadAnswer` where the snapshot is of another tenant.
    """
    tenants.refuse_another(baseline.facts.tenant_id, snapshot)
    read = snapshot.users
    if read is not None and not read.says_nothing_new:
        return None
    changes = tenants.license_changes(baseline.licenses, snapshot, baseline.syncs_licenses)
    if changes.outcome.rows_written:
        return None
    if snapshot.tenant is not None and tenants.differing(baseline.facts, snapshot.tenant):
        return None
    return changes.outcome if read is None else replace(changes.outcome, users_read=baseline.wanted.known)
