"""What Microsoft said of a tenant, made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobs.microsoft.facts import NO_FIGURES, LicenseFacts, TenantFacts
from jobs.tenant import Snapshot
from webapp.models import Tenant


def a_license(number: int, active: int = 10, **values: Any) -> LicenseFacts:
    figures = replace(NO_FIGURES, active=active, unused=active)
    facts = LicenseFacts(f"{number:08}-0000-0000-0000-000000000000", f"PART_{number}", "User", "Enabled", figures)
    return replace(facts, **values)


def by_id(*licenses: LicenseFacts) -> dict[str, LicenseFacts]:
    return {facts.sku_id: facts for facts in licenses}


def snapshot_of(tenant: Tenant, *licenses: LicenseFacts) -> Snapshot:
    facts = TenantFacts(tenant.tenant_id, "Contoso", "contoso.example")
    return Snapshot(tenant.tenant_id, facts, None, by_id(*licenses))
