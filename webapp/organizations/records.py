"""What is kept of an organization, and making, changing and archiving one, for pages, import and command alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .. import audit
from ..domains import domains as as_domains
from ..models import AuditArea, Organization, OrganizationDomain, utc_now
from ..models.base import DbSession
from ..models.organization import LONGEST_NAME
from ..text import name as as_name
from ..text import one_line, several_lines

LONGEST_ADDRESS, LONGEST_PHONE = 500, 100


@dataclass(frozen=True)
class Details:
    """What people say of an organization, as it is stored."""

    name: str
    address: str = ""
    phone: str = ""
    domains: tuple[str, ...] = ()


def clean_name(text: str) -> str:
    """Raises `ValueError` with what is wrong, as those below do."""
    name = as_name(text, LONGEST_NAME)
    if not name:
        raise ValueError("Enter the organization's name.")
    return name


def clean_address(text: str) -> str:
    return _no_longer(several_lines(text), LONGEST_ADDRESS, "address")


def clean_phone(text: str) -> str:
    return _no_longer(one_line(text), LONGEST_PHONE, "phone number")


def clean_domains(text: str) -> tuple[str, ...]:
    return tuple(as_domains(text))


def clean(name: str, address: str = "", phone: str = "", domains: str = "") -> Details:
    """The details as they are stored. Raises `ValueError` with the first thing that is wrong."""
    return Details(clean_name(name), clean_address(address), clean_phone(phone), clean_domains(domains))


def create(session: DbSession, details: Details) -> Organization:
    """Add an organization; the caller has seen to its name and commits."""
    organization = made_of(details)
    session.add(organization)
    audit.record(AuditArea.RECORDS, f"Created the organization {organization.name}", **_plain(details))
    return organization


def made_of(details: Details) -> Organization:
    organization = Organization(name=details.name, address=details.address, phone=details.phone)
    organization.domains = [OrganizationDomain(domain=domain) for domain in details.domains]
    return organization


def change(organization: Organization, details: Details) -> None:
    """Change what differs; the caller has seen to the name and commits."""
    before = stored(organization)
    changed = put(organization, details)
    if changed:
        audit.record(AuditArea.RECORDS, f"Changed the organization {before.name}", changed=changed)


def put(organization: Organization, details: Details) -> list[dict[str, Any]]:
    """Store the details; what differed, each from what to what."""
    before, after = _plain(stored(organization)), _plain(details)
    for field in ("name", "address", "phone"):
        if before[field] != after[field]:
            setattr(organization, field, after[field])
    _put_domains(organization, details.domains)
    return [
        {"field": field, "from": before[field], "to": after[field]} for field in after if before[field] != after[field]
    ]


def stored(organization: Organization) -> Details:
    domains = tuple(row.domain for row in organization.domains)
    return Details(organization.name, organization.address, organization.phone, domains)


def archive(organization: Organization) -> None:
    """Take it out of every list, and its tenants out of every sync; all data is kept."""
    if organization.archived_at is None:
        organization.archived_at = utc_now()
        audit.record(AuditArea.RECORDS, f"Archived the organization {organization.name}")


def bring_back(organization: Organization) -> None:
    """Undo `archive`; what was hidden shows again, and the next run syncs its tenants."""
    if organization.archived_at is not None:
        organization.archived_at = None
        audit.record(AuditArea.RECORDS, f"Brought back the organization {organization.name}")


def _put_domains(organization: Organization, domains: Sequence[str]) -> None:
    """Keep the rows of domains that stay: a new row beside an old one of the same domain cannot be."""
    rows = {row.domain: row for row in organization.domains}
    if list(rows) != list(domains):
        organization.domains = [rows.get(domain) or OrganizationDomain(domain=domain) for domain in domains]


def _plain(details: Details) -> dict[str, Any]:
    return {
        "name": details.name,
        "address": details.address,
        "phone": details.phone,
        "domains": list(details.domains),
    }


def _no_longer(text: str, longest: int, what: str) -> str:
    if len(text) > longest:
        raise ValueError(f"The {what} has {len(text):,} characters; it may have {longest}.")
    return text
