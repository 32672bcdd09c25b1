"""A Microsoft 365 tenant as the sandbox holds it: its directory, an app registration in it, its products and faults."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from sandbox import products
from sandbox.faults import Fault
from sandbox.shapes import build
from sandbox.users import User

CAPABILITY_STATUSES = ("Enabled", "Warning", "Suspended", "Deleted", "LockedOut")
DEFAULT_PERMISSIONS = ("LicenseAssignment.Read.All", "Organization.Read.All", "User.Read.All")


@dataclass(frozen=True)
class ServicePlan:
    """Graph's servicePlanInfo (resources/serviceplaninfo.md)."""

    service_plan_id: str
    name: str
    provisioning_status: str = "Success"
    applies_to: str = "User"


@dataclass(frozen=True)
class Sku:
    """Graph's subscribedSku (resources/subscribedsku.md), its prepaidUnits flattened.

    `id`, `account_id`, `account_name` and `subscription_ids` are derived from the tenant where they are empty.
    """

    sku_id: str
    part_number: str
    enabled: int = 0
    consumed: int = 0
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0
    capability_status: str = "Enabled"
    applies_to: str = "User"
    service_plans: tuple[ServicePlan, ...] = ()
    subscription_ids: tuple[str, ...] = ()
    account_id: str = ""
    account_name: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if self.capability_status not in CAPABILITY_STATUSES:
            raise ValueError(f"capability_status is one of {', '.join(CAPABILITY_STATUSES)}")

    @classmethod
    def of(cls, part_number: str, enabled: int = 0, consumed: int = 0, **units: Any) -> Sku:
        """A SKU of a product in `sandbox.products`, with its real skuId and service plans."""
        product = products.BY_PART_NUMBER[part_number]
        status = "Success" if units.get("capability_status", "Enabled") in ("Enabled", "Warning") else "Disabled"
        plans = _plans(part_number, status)
        applies_to = "Company" if part_number in products.COMPANY_PRODUCTS else "User"
        return cls(product.sku_id, part_number, enabled, consumed, applies_to=applies_to, service_plans=plans, **units)


@lru_cache
def _plans(part_number: str, status: str) -> tuple[ServicePlan, ...]:
    """A product's service plans, which all SKUs of it share: there may be very many."""
    return tuple(
        ServicePlan(
            products.SERVICE_PLANS[name],
            name,
            provisioning_status=status,
            applies_to="Company" if name in products.COMPANY_PLANS else "User",
        )
        for name in products.BY_PART_NUMBER[part_number].service_plans
    )


@dataclass(frozen=True)
class Tenant:
    """One tenant and the app registration through which it can be read.

    `domains` are its verified domains: the first is the initial one (….onmicrosoft.com), the last is the default.
    `consented` is whether an administrator consented to the app; `permissions` are the application permissions granted.
    `page_size` is how many items a page of a collection holds; 0 is all of them. `organization` overrides properties of
    the organization resource by their Graph names. One app registration that is used in many tenants has the same
    `client_id` and `secret` in each. Before its `users` it has a `crowd` of so many more, made when they are asked for.

    A partner has `customers`, their tenant ids, by contract; those with delegated administration are the same, unless
    `delegated_customers` says otherwise.

    `certificates` are those of the app registration, each in PEM. `redirect_uris` are its addresses to come back to
    after a sign-in; without any, every address is taken. Whoever signs in is `signs_in`, else an administrator of the
    default domain; `sign_in_error` is the AADSTS code that they come back with instead, 65004 for consent declined.
    Refresh tokens are good for `refresh_token_lifetime` seconds where they were issued at `refresh_tokens_valid_from`,
    a Unix time, or later; `refresh_error` is the AADSTS code that a refresh token meets in this tenant, 50076 for
    multifactor authentication; with `refresh_tokens_once` one that was used is not taken again, which Entra ID does not
    do.
    """

    tenant_id: str
    display_name: str
    domains: tuple[str, ...]
    client_id: str
    secret: str
    secret_expired: bool = False
    consented: bool = True
    permissions: tuple[str, ...] = DEFAULT_PERMISSIONS
    skus: tuple[Sku, ...] = ()
    users: tuple[User, ...] = ()
    crowd: int = 0
    page_size: int = 0
    token_lifetime: int = 3599
    faults: tuple[Fault, ...] = ()
    organization: dict[str, Any] = field(default_factory=dict)
    customers: tuple[str, ...] = ()
    delegated_customers: tuple[str, ...] | None = None
    certificates: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    signs_in: str = ""
    sign_in_error: int = 0
    refresh_error: int = 0
    refresh_token_lifetime: int = 90 * 24 * 3600
    refresh_tokens_valid_from: float = 0.0
    refresh_tokens_once: bool = False

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "tenant_id", str(UUID(self.tenant_id)))
        except ValueError as error:
            raise ValueError(f"tenant_id {self.tenant_id!r} is not a GUID") from error
        if not self.domains:
            raise ValueError("domains needs at least the tenant's initial domain")
        if self.page_size < 0:
            raise ValueError("page_size cannot be negative")
        if self.crowd < 0:
            raise ValueError("crowd cannot be negative")

    @property
    def signed_in_user(self) -> str:
        """Who signs in where nobody is named."""
        return self.signs_in or f"admin@{self.domains[-1]}"

    def subscription_ids(self, sku: Sku) -> tuple[str, ...]:
        """The ids of the purchases behind a SKU: the same at every start."""
        return sku.subscription_ids or (str(uuid5(NAMESPACE_OID, f"{self.tenant_id}/{sku.sku_id}")),)


def tenant_to_json(tenant: Tenant) -> dict[str, Any]:
    """The tenant as JSON-ready values; `tenant_from_json` reads it back. Carries the secret."""
    return dataclasses.asdict(tenant)


def tenant_from_json(value: object, where: str = "tenant") -> Tenant:
    """Reads a tenant. Raises ShapeError saying which field is wrong."""
    return build(Tenant, value, where)
