"""Graph's JSON turned into plain facts, and a SKU turned into figures. No input or output happens here.

Sources: Graph, "subscribedSku resource type", "licenseUnitsDetail resource type", "organization resource type".
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import BadAnswer

SKU_FIELDS = "skuId,skuPartNumber,capabilityStatus,consumedUnits,prepaidUnits,appliesTo"
ORGANIZATION_FIELDS = "id,displayName,verifiedDomains"

# While a subscription is in one of these states its units cannot be used.
_WITHOUT_ACTIVE_UNITS = frozenset({"Suspended", "Deleted", "LockedOut"})

_INT32_MAX = 2**31 - 1
# Graph documents no limit. This is twice its limit for other display names, and what an index of PostgreSQL takes.
_LONGEST_NAME = 500


@dataclass(frozen=True)
class Figures:
    """The figures of one license, in seats."""

    active: int
    consumed: int
    unused: int
    over: int
    warning: int
    suspended: int
    locked_out: int


NO_FIGURES = Figures(active=0, consumed=0, unused=0, over=0, warning=0, suspended=0, locked_out=0)


@dataclass(frozen=True)
class LicenseFacts:
    """One SKU of a tenant, as it is stored."""

    sku_id: str
    sku_part_number: str
    applies_to: str
    status: str
    figures: Figures


@dataclass(frozen=True)
class TenantFacts:
    """What a tenant says of itself. Who it is, the sign-in says: `tenant_id` is empty where this is no GUID."""

    tenant_id: str
    name: str
    default_domain: str


def figures(sku: Mapping[str, Any]) -> Figures:
    """The figures of a `subscribedSku`: the one place where they are computed.

    Active is `prepaidUnits.enabled`, but 0 while the SKU is Suspended, Deleted or LockedOut; Consumed is
    `consumedUnits`, also then. Raises `BadAnswer` where a number is missing or is not one.
    """
    units = sku.get("prepaidUnits")
    if not isinstance(units, Mapping):
        raise BadAnswer("a SKU has no prepaidUnits")
    enabled = _count(units, "enabled")
    active = 0 if sku.get("capabilityStatus") in _WITHOUT_ACTIVE_UNITS else enabled
    consumed = _count(sku, "consumedUnits")
    return Figures(
        active=active,
        consumed=consumed,
        unused=max(active - consumed, 0),
        over=max(consumed - active, 0),
        warning=_count(units, "warning", 0),
        suspended=_count(units, "suspended", 0),
        # Older answers lack it (Graph, "licenseUnitsDetail resource type").
        locked_out=_count(units, "lockedOut", 0),
    )


def license_facts(skus: Iterable[Any]) -> dict[str, LicenseFacts]:
    """The SKUs of a tenant by sku id, in lower case. Raises `BadAnswer` where one is not what it should be."""
    found: dict[str, LicenseFacts] = {}
    for sku in skus:
        facts = _license(sku)
        if found.setdefault(facts.sku_id, facts) != facts:
            raise BadAnswer(f"it has the SKU {facts.sku_part_number} twice, with different numbers")
    return found


def tenant_facts(organizations: list[Any]) -> TenantFacts:
    """The tenant from the answer of `/organization`, which is a list of one. Raises `BadAnswer`."""
    if len(organizations) != 1 or not isinstance(organizations[0], Mapping):
        raise BadAnswer("/organization is not a list of one organization")
    organization = organizations[0]
    tenant_id = guid_of(organization.get("id"))
    domains = organization.get("verifiedDomains")
    default_domain = next(
        (
            _text(domain["name"])
            for domain in (domains if isinstance(domains, list) else [])
            if isinstance(domain, Mapping) and domain.get("isDefault") is True and isinstance(domain.get("name"), str)
        ),
        "",
    )
    name = organization.get("displayName")
    name = _text(name) if isinstance(name, str) else ""
    return TenantFacts(tenant_id, name[:_LONGEST_NAME] or tenant_id, default_domain)


def guid_of(value: Any) -> str:
    """The GUID that the value is, in lower case and with hyphens; empty where it is none."""
    try:
        return str(uuid.UUID(value))
    except (ValueError, TypeError, AttributeError):
        return ""


def _license(sku: Any) -> LicenseFacts:
    if not isinstance(sku, Mapping):
        raise BadAnswer("a SKU is not a JSON object")
    applies_to = sku.get("appliesTo")
    return LicenseFacts(
        sku_id=_sku_id(sku),
        sku_part_number=_word(sku, "skuPartNumber"),
        applies_to=_text(applies_to)[:_LONGEST_NAME] if isinstance(applies_to, str) else "",
        status=_word(sku, "capabilityStatus"),
        figures=figures(sku),
    )


def _word(sku: Mapping[str, Any], key: str) -> str:
    """A word that names something, of which there must be one."""
    value = sku.get(key)
    word = _text(value)[:_LONGEST_NAME] if isinstance(value, str) else ""
    if not word:
        raise BadAnswer(f"a SKU has no {key}")
    return word


def _count(source: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = source.get(key)
    if value is None and default is not None:
        return default
    # In JSON true is not a number, though in Python it is.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _INT32_MAX:
        raise BadAnswer(f"{key} is not a whole number of 0 or more")
    return value


def _sku_id(sku: Mapping[str, Any]) -> str:
    sku_id = guid_of(sku.get("skuId"))
    if not sku_id:
        raise BadAnswer("a SKU has no skuId that is a GUID")
    return sku_id


def _text(value: str) -> str:
    """Text that both databases take: without NUL, and without halves of surrogate pairs."""
    return value.replace("\x00", "").encode("utf-8", errors="replace").decode("utf-8").strip()
