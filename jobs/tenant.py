"""One tenant: read from Microsoft, compare with what is stored, write what differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy import Insert, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from webapp.extensions import db
from webapp.models import Integration, License, LicenseStatus, Outcome, Problem, Product, Tenant
from webapp.models.product_names import name_of

from .microsoft.clouds import hosts
from .microsoft.errors import AccessDenied, BadAnswer
from .microsoft.facts import (
    NO_FIGURES,
    ORGANIZATION_FIELDS,
    SKU_FIELDS,
    Figures,
    LicenseFacts,
    TenantFacts,
    license_facts,
    tenant_facts,
)
from .microsoft.graph import GraphClient
from .microsoft.patience import patiently
from .microsoft.signin import Credentials, SignIn
from .microsoft.transport import Transport

READ_SKUS = "LicenseAssignment.Read.All or Organization.Read.All"
READ_ORGANIZATION = "Organization.Read.All"


@dataclass(frozen=True)
class Snapshot:
    """What Microsoft said of one tenant. `tenant` is None where only its licenses could be read; `notice` says why."""

    tenant_id: str
    tenant: TenantFacts | None
    notice: Problem | None
    licenses: Mapping[str, LicenseFacts]


@dataclass(frozen=True)
class Changes:
    """What differs between the stored licenses of a tenant and those that Microsoft returned."""

    created: tuple[LicenseFacts, ...]
    changed: tuple[LicenseFacts, ...]
    gone: tuple[str, ...]
    unchanged: int

    @property
    def outcome(self) -> Outcome:
        return Outcome(len(self.created), len(self.changed), self.unchanged, len(self.gone))


def read(credentials: Credentials, transport: Transport) -> Snapshot:
    """Sign in to the tenant and read it. Raises the errors of `jobs.microsoft.errors`.

    An app that may read licenses but not the organization still gives its licenses: the tenant's name then stays.
    """
    settings = current_app.config["SETTINGS"]
    sign_in = patiently(lambda: SignIn(credentials, settings, transport))
    graph = GraphClient(hosts(credentials.cloud, settings).graph_url, sign_in, transport)
    licenses = license_facts(graph.all("/subscribedSkus", SKU_FIELDS, READ_SKUS))
    try:
        organization = tenant_facts(graph.all("/organization", ORGANIZATION_FIELDS, READ_ORGANIZATION))
    except AccessDenied as error:
        notice = replace(
            error.problem,
            reason="The tenant's name and domains could not be read: the app lacks the permission "
            f"{READ_ORGANIZATION}. Licenses are not affected.",
        )
        return Snapshot(sign_in.tenant_id, None, notice, licenses)
    return Snapshot(organization.tenant_id, organization, None, licenses)


def compare(stored: Mapping[str, LicenseFacts], returned: Mapping[str, LicenseFacts]) -> Changes:
    """What to write so that the stored licenses become the returned ones. Both are by sku id."""
    gone = [sku_id for sku_id, facts in stored.items() if sku_id not in returned and facts.status != LicenseStatus.GONE]
    changed = [facts for sku_id, facts in returned.items() if sku_id in stored and stored[sku_id] != facts]
    return Changes(
        created=tuple(facts for sku_id, facts in returned.items() if sku_id not in stored),
        changed=tuple(changed),
        gone=tuple(gone),
        unchanged=sum(sku_id in stored for sku_id in returned) - len(changed),
    )


def write(tenant: Tenant, snapshot: Snapshot, now: datetime) -> Outcome:
    """Store what was read, in the transaction that is open; the caller commits. Rows that are right are left alone.

    Raises `BadAnswer` where the snapshot is of another tenant.
    """
    if snapshot.tenant_id != tenant.tenant_id:
        raise BadAnswer(f"it is of the tenant {snapshot.tenant_id}, not of {tenant.tenant_id}")
    changes = compare(_stored(tenant.id), snapshot.licenses)
    _create(tenant.id, changes.created, now)
    _change(tenant.id, changes.changed, now)
    _mark_gone(tenant.id, changes.gone, now)
    if snapshot.tenant is not None:
        rename(tenant, snapshot.tenant)
    tenant.last_synced_at = now
    return changes.outcome


def rename(tenant: Tenant, facts: TenantFacts) -> None:
    """Give the tenant the name and domain that it has in Microsoft 365; what is the same is not written."""
    if tenant.name != facts.name:
        tenant.name = facts.name
    if tenant.default_domain != facts.default_domain:
        tenant.default_domain = facts.default_domain


def credentials_of(integration: Integration, tenant_id: str) -> Credentials:
    """What signs in to a tenant of the integration. Raises `UnreadableSecret`."""
    return Credentials(integration.cloud, tenant_id, integration.client_id, integration.client_secret)


def transport(before_request: Callable[[], None] = lambda: None) -> Transport:
    """A transport with this app's settings."""
    return Transport(current_app.config["SETTINGS"].microsoft_ca_bundle, before_request)


def _stored(tenant_id: int) -> dict[str, LicenseFacts]:
    numbers = [getattr(License, name) for name in asdict(NO_FIGURES)]
    rows = db.session.execute(
        select(License.sku_id, License.sku_part_number, License.applies_to, License.status, *numbers).where(
            License.tenant_id == tenant_id
        )
    )
    return {
        sku_id: LicenseFacts(sku_id, part_number, applies_to, status, Figures(*figures))
        for sku_id, part_number, applies_to, status, *figures in rows
    }


def _create(tenant_id: int, created: Iterable[LicenseFacts], now: datetime) -> None:
    by_sku = {facts.sku_id: facts for facts in created}
    if not by_sku:
        return
    products = _products(by_sku)
    common = {"tenant_id": tenant_id, "created_at": now, "changed_at": now}
    db.session.execute(
        insert(License),
        [{**common, "product_id": products[sku_id], **_columns(facts)} for sku_id, facts in by_sku.items()],
    )


def _change(tenant_id: int, changed: Iterable[LicenseFacts], now: datetime) -> None:
    for facts in changed:
        db.session.execute(
            update(License)
            .where(License.tenant_id == tenant_id, License.sku_id == facts.sku_id)
            .values(changed_at=now, gone_at=None, **_columns(facts))
        )


def _mark_gone(tenant_id: int, sku_ids: tuple[str, ...], now: datetime) -> None:
    if sku_ids:
        db.session.execute(
            update(License)
            .where(License.tenant_id == tenant_id, License.sku_id.in_(sku_ids))
            .values(status=LicenseStatus.GONE, gone_at=now, changed_at=now, **asdict(NO_FIGURES))
        )


def _columns(facts: LicenseFacts) -> dict[str, Any]:
    return {
        "sku_id": facts.sku_id,
        "sku_part_number": facts.sku_part_number,
        "applies_to": facts.applies_to,
        "status": facts.status,
        **asdict(facts.figures),
    }


def _products(by_sku: Mapping[str, LicenseFacts]) -> dict[str, int]:
    """The ids of the products of these SKUs; those not seen before are made, whoever else makes them meanwhile."""
    known = _known_products(by_sku)
    missing = sorted(set(by_sku) - set(known))
    if not missing:
        return known
    # In the order of their ids, so that two who make the same ones wait for each other and never both ways.
    rows = [_product_row(sku_id, by_sku[sku_id].sku_part_number) for sku_id in missing]
    db.session.execute(_insert_or_ignore(), rows)
    return _known_products(by_sku)


def _product_row(sku_id: str, part_number: str) -> dict[str, str]:
    product = Product(sku_id=sku_id, part_number=part_number, name=name_of(sku_id, part_number))
    columns = ("sku_id", "part_number", "name", "name_folded", "search_folded")
    return {column: getattr(product, column) for column in columns}


def _known_products(sku_ids: Iterable[str]) -> dict[str, int]:
    rows = db.session.execute(select(Product.sku_id, Product.id).where(Product.sku_id.in_(list(sku_ids))))
    return {row.sku_id: row.id for row in rows}


def _insert_or_ignore() -> Insert:
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    statement: Insert = dialect.insert(Product).on_conflict_do_nothing(index_elements=["sku_id"])
    return statement
