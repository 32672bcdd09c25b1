"""What the demo shows: a partner with its customers, and tenants that consented to one app registration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import NAMESPACE_DNS, uuid5

from sandbox.demo import demo_tenants
from sandbox.generated import generate
from sandbox.people import populated
from sandbox.tenants import DEFAULT_PERMISSIONS, Sku, Tenant

CUSTOMERS, DIRECT = 35, 5
# So many users of a tenant at the most, so that the demo begins soon.
MOST_PEOPLE = 400

_PARTNER = "clearwaterit.onmicrosoft.com"
_PARTNER_PERMISSIONS = (*DEFAULT_PERMISSIONS, "Directory.Read.All", "DelegatedAdminRelationship.Read.All")


@dataclass(frozen=True)
class Estate:
    """The tenants of the demo. All of the partner's customers have its app, all direct ones have another."""

    partner: Tenant
    customers: tuple[Tenant, ...]
    direct: tuple[Tenant, ...]

    @property
    def tenants(self) -> list[Tenant]:
        return [self.partner, *self.customers, *self.direct]


def demo_estate() -> Estate:
    """The same at every start: the twelve made by hand and 28 made from a seed, with people, and the partner's own."""
    everyone = [*demo_tenants(), *generate(11, CUSTOMERS + DIRECT - len(demo_tenants()))]
    peopled = [populated(tenant, most=MOST_PEOPLE) for tenant in everyone]
    customers = tuple(_with_app(tenant, "partner") for tenant in peopled[:CUSTOMERS])
    partner = Tenant(
        tenant_id=str(uuid5(NAMESPACE_DNS, _PARTNER)),
        display_name="Clearwater IT",
        domains=(_PARTNER, "clearwater-it.example"),
        client_id="",
        secret="",
        permissions=_PARTNER_PERMISSIONS,
        skus=(Sku.of("SPB", 18, 16), Sku.of("POWER_BI_PRO", 5, 2)),
        customers=tuple(tenant.tenant_id for tenant in customers),
    )
    direct = tuple(_with_app(tenant, "direct") for tenant in peopled[CUSTOMERS:])
    return Estate(_with_app(populated(partner), "partner"), customers, direct)


def _with_app(tenant: Tenant, name: str) -> Tenant:
    """The tenant with the one app registration of that name, which has the same id and secret everywhere."""
    app = f"{name}.app.{_PARTNER}"
    return replace(
        tenant,
        client_id=str(uuid5(NAMESPACE_DNS, app)),
        secret=f"sandbox-{name}-{uuid5(NAMESPACE_DNS, f'secret.{app}').hex[:16]}",
    )
