"""Organizations made of tenants: named after them, with what Microsoft tells of their address, phone and domains."""

from __future__ import annotations

from collections.abc import Sequence

from ..domains import MOST_DOMAINS
from ..domains import domain as as_domain
from ..models import Organization, Tenant, utc_now
from ..models.base import DbSession
from ..organizations.records import LONGEST_ADDRESS, LONGEST_PHONE, Details, made_of
from ..text import one_line, several_lines
from .matching import Move, name_for_organization, namesakes, place, take_turns
from .public_domains import own_domains


def organization_of(tenant: Tenant, name: str) -> Organization:
    """A new organization of this name, with what is known of the tenant."""
    return made_of(details_of(tenant, name))


def details_of(tenant: Tenant, name: str) -> Details:
    """What an organization of this name says of itself that is made of the tenant."""
    return Details(
        name=name,
        address=several_lines(several_lines(tenant.address)[:LONGEST_ADDRESS]),
        phone=one_line(one_line(tenant.phone)[:LONGEST_PHONE]),
        domains=_domains(tenant),
    )


def create_organization(session: DbSession, tenant: Tenant) -> Sequence[Organization]:
    """Match the tenant to a new organization made of it.

    Where organizations of that name exist, nothing is done and they are returned: two of one name are a mistake more
    often than not.
    """
    take_turns(session)
    existing = namesakes(session, [tenant])[tenant.id]
    if not existing:
        organization = organization_of(tenant, name_for_organization(tenant))
        session.add(organization)
        session.flush()
        place(session, [Move(tenant, organization)], utc_now())
    return existing


def _domains(tenant: Tenant) -> tuple[str, ...]:
    domains = []
    for text in own_domains(tenant):
        try:
            domains.append(as_domain(text))
        except ValueError:
            continue
    return tuple(dict.fromkeys(domains))[:MOST_DOMAINS]
