"""Graph's JSON turned into plain facts, and a SKU turned into figures. No input or output happens here.

Sources: Graph, "subscribedSku resource type", "licenseUnitsDetail resource type", "organization resource type".
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from webapp.models import UNKNOWN, LicenseStatus
from webapp.models.figures import seats
from webapp.text import clipped

from .errors import BadAnswer

SKU_FIELDS = "skuId,skuPartNumber,capabilityStatus,consumedUnits,prepaidUnits,appliesTo"
ORGANIZATION_FIELDS = (
    "id,displayName,verifiedDomains,street,city,state,postalCode,country,countryLetterCode,businessPhones"
)

# Microsoft sells less than a thousand; a list without end must not take all memory.
_MOST_SKUS = 10_000
_INT32_MAX = 2**31 - 1
# Graph documents no limit. This is twice its limit for other display names, and what an index of PostgreSQL takes.
_LONGEST_NAME = 500
_LONGEST_ADDRESS, _LONGEST_PHONE = 500, 100
# What a domain name may have (RFC 1035); what is longer is none.
_LONGEST_DOMAIN = 253
_STATUSES = {status.lower(): str(status) for status in LicenseStatus}
_GUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


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
    """What a tenant says of itself. Who it is, the sign-in says: `tenant_id` is empty where this is no GUID.

    So is `name` where it says none.
    """

    tenant_id: str
    name: str
    default_domain: str
    # Its verified domains in lower case, one a line, the default one first; its postal address and phone on one line.
    domains: str = ""
    address: str = ""
    phone: str = ""


def figures(sku: Mapping[str, Any]) -> Figures:
    """The figures of a `subscribedSku`, with those that `seats` computes.

    Active is `prepaidUnits.enabled`, but 0 while the SKU is Suspended, Deleted or LockedOut; Consumed is
    `consumedUnits`, also then. Raises `BadAnswer`, which names the SKU, where a number is missing or is not one.
    """
    try:
        return _figures(sku)
    except ValueError as error:
        name = clipped(_line(sku.get("skuPartNumber"))) or "without a part number"
        raise BadAnswer(f"of the SKU {name}, {error}") from error


def _figures(sku: Mapping[str, Any]) -> Figures:
    """The same. Raises `ValueError`, which says what is wrong."""
    units = sku.get("prepaidUnits")
    if not isinstance(units, Mapping):
        raise ValueError("prepaidUnits is missing")
    used = seats(
        _spelled_as_documented(sku.get("capabilityStatus")), _count(units, "enabled"), _count(sku, "consumedUnits")
    )
    return Figures(
        active=used.active,
        consumed=used.consumed,
        unused=used.unused,
        over=used.over,
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
        if len(found) > _MOST_SKUS:
            raise BadAnswer(f"it has more than {_MOST_SKUS:,} SKUs")
    return found


def tenant_facts(organizations: list[Any]) -> TenantFacts:
    """The tenant from the answer of `/organization`, which is a list of one. Raises `BadAnswer`."""
    if len(organizations) != 1 or not isinstance(organizations[0], Mapping):
        raise BadAnswer("/organization is not a list of one organization")
    organization = organizations[0]
    default_domain, domains = _domains(organization.get("verifiedDomains"))
    return TenantFacts(
        guid_of(organization.get("id")),
        name_of(organization.get("displayName")),
        default_domain,
        domains,
        _address(organization),
        _phone(organization.get("businessPhones")),
    )


def _domains(verified: Any) -> tuple[str, str]:
    """The default domain as it is written, and all of them as they are stored."""
    listed = [
        (_text(domain["name"]), domain.get("isDefault") is True)
        for domain in (verified if isinstance(verified, list) else [])
        if isinstance(domain, Mapping) and isinstance(domain.get("name"), str)
    ]
    listed = [(name, is_default) for name, is_default in listed if 0 < len(name) <= _LONGEST_DOMAIN]
    default = next((name for name, is_default in listed if is_default), "")
    names = dict.fromkeys(_line(name).lower() for name in [default, *(name for name, _ in listed)])
    return default, "\n".join(name for name in names if name)


def _address(organization: Mapping[str, Any]) -> str:
    """The postal address on one line, as far as it is known."""
    parts = [_line(organization.get(key)) for key in ("street", "city", "state", "postalCode")]
    country = _line(organization.get("country")) or _line(organization.get("countryLetterCode"))
    return ", ".join(filter(None, [*parts, country]))[:_LONGEST_ADDRESS]


def _phone(phones: Any) -> str:
    """The first phone: there is one at the most, though it comes in a list."""
    lines = [_line(phone) for phone in phones] if isinstance(phones, list) else []
    return next(filter(None, lines), "")[:_LONGEST_PHONE]


def name_of(value: Any) -> str:
    """A name as Microsoft tells it, cut to a length that can be stored; empty where there is none."""
    return _text(value)[:_LONGEST_NAME] if isinstance(value, str) else ""


def guid_of(value: Any) -> str:
    """The GUID that the value is, in lower case and with hyphens; empty where it is none."""
    if isinstance(value, str) and _GUID.fullmatch(value):  # as they mostly come
        return value
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
        status=_status(sku),
        figures=figures(sku),
    )


def _status(sku: Mapping[str, Any]) -> str:
    status = _spelled_as_documented(_word(sku, "capabilityStatus"))
    # Gone is Seatledger's own word, for a SKU that is not returned; whatever Microsoft would mean by it, this one is.
    return UNKNOWN if status == LicenseStatus.GONE else status


def _spelled_as_documented(status: Any) -> Any:
    """A status that is known is that one in any case, with or without what is not stored; any other is as it came."""
    return _STATUSES.get(_text(status).lower(), status) if isinstance(status, str) else status


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
        raise ValueError(f"{key} is not a whole number from 0 to {_INT32_MAX:,}")
    return value


def _sku_id(sku: Mapping[str, Any]) -> str:
    sku_id = guid_of(sku.get("skuId"))
    if not sku_id:
        raise BadAnswer("a SKU has no skuId that is a GUID")
    return sku_id


def _line(value: Any) -> str:
    """Text on one line, without what nobody sees; empty where it is none."""
    if not isinstance(value, str):
        return ""
    seen = "".join(" " if character.isspace() else character for character in _text(value))
    return " ".join("".join(character for character in seen if unicodedata.category(character)[0] != "C").split())


def _text(value: str) -> str:
    """Text that both databases take: without NUL, and without halves of surrogate pairs."""
    return value.replace("\x00", "").encode("utf-8", errors="replace").decode("utf-8").strip()
