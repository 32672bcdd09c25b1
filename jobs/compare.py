"""Comparing what is stored of a tenant with what Microsoft says of it now. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import select

from webapp.extensions import db
from webapp.models import IntegrationRemoved, Product, Tenant, utc_now
from webapp.models.product_edition import names_for

from . import licenses, waits
from . import tenant as tenants
from .answers import answering_why
from .job import job
from .microsoft.facts import LicenseFacts

# What a difference is about: a fact of the tenant; a figure of a license that both have; one that only one has.
TENANT, CHANGED, ONLY_LIVE, ONLY_STORED = "tenant", "changed", "only_live", "only_stored"

Differences = list[dict[str, Any]]


@job
@answering_why
def compare(tenant_row_id: int) -> dict[str, Any]:
    """Read the tenant live and compare, license by license and figure by figure.

    A difference is what a sync would write. Returns `ok` with `differences`, each with `kind`, `sku_id`,
    `sku_part_number`, `name`, `field`, `stored` and `live`; `syncs_licenses`, without which these were not compared;
    `same`, how many licenses are alike; `read_at`; and `warning`, what could not be read, or None. Or not `ok` with
    `problem`.
    """
    tenant = db.session.get(Tenant, tenant_row_id)
    if tenant is None or not tenant.integration.is_live:
        raise IntegrationRemoved
    credentials = tenants.credentials_of(tenant.integration, tenant.tenant_id)
    syncs_licenses = tenant.integration.sync_licenses
    # It ends the transaction, too: none is held while Microsoft is asked.
    waits.obey(credentials.client_id, credentials.tenant)
    snapshot = tenants.read(credentials, tenants.transport(), with_licenses=syncs_licenses)
    read_at = utc_now()
    tenant = db.session.get(Tenant, tenant_row_id)
    if tenant is None:
        raise IntegrationRemoved
    tenants.refuse_another(tenant.tenant_id, snapshot)
    stored = licenses.stored(tenant_row_id).facts
    changes = tenants.license_changes(stored, snapshot, syncs_licenses)
    return {
        "ok": True,
        "read_at": read_at,
        "differences": [*_of_tenant(tenant, snapshot), *_of_licenses(changes, stored)],
        "syncs_licenses": syncs_licenses,
        "same": changes.unchanged if syncs_licenses else 0,
        "warning": snapshot.notice.columns() if snapshot.notice else None,
    }


def _of_tenant(tenant: Tenant, snapshot: tenants.Snapshot) -> Differences:
    live = snapshot.tenant
    if live is None:
        return []
    about = {"kind": TENANT, "sku_id": "", "sku_part_number": "", "name": tenant.name}
    return [
        {**about, "field": field, "stored": getattr(tenant, field), "live": said}
        for field, said in tenants.differing(tenant, live).items()
    ]


def _of_licenses(changes: licenses.Changes, stored: Mapping[str, LicenseFacts]) -> Differences:
    found = [(CHANGED, facts, stored[facts.sku_id], facts) for facts in changes.changed]
    only_live = [(ONLY_LIVE, facts, None, facts) for facts in changes.created]
    only_stored = [(ONLY_STORED, stored[sku_id], stored[sku_id], None) for sku_id in changes.gone]
    names = _names(facts for _, facts, *_ in [*found, *only_live, *only_stored])
    differences = []
    for kind, facts, known, said in [*found, *only_live, *only_stored]:
        before, after = _values(known), _values(said)
        about = {"kind": kind, "sku_id": facts.sku_id, "sku_part_number": facts.sku_part_number}
        differences += [
            {
                **about,
                "name": names[facts.sku_id],
                "field": field,
                "stored": before.get(field),
                "live": after.get(field),
            }
            for field in before or after
            if before.get(field) != after.get(field)
        ]
    return differences


def _values(facts: LicenseFacts | None) -> dict[str, Any]:
    """The facts one by one, in the order in which people read them; none where there is no such license."""
    if facts is None:
        return {}
    about = {"status": facts.status, "part_number": facts.sku_part_number, "applies_to": facts.applies_to}
    return {**about, **asdict(facts.figures)}


def _names(licenses: Iterable[LicenseFacts]) -> dict[str, str]:
    """The products' names by sku id; one not seen before is called as it would be after the next sync."""
    part_numbers = {facts.sku_id: facts.sku_part_number for facts in licenses}
    names = names_for(db.session, part_numbers)
    found = {sku_id: names.name_and_source(sku_id, number)[0] for sku_id, number in part_numbers.items()}
    query = select(Product.sku_id, Product.name).where(Product.sku_id.in_(list(part_numbers)))
    return found | {row.sku_id: row.name for row in db.session.execute(query)}
