"""Matching tenants to organizations: what pages, commands and jobs share. All changes of matches go through `place`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from ..models import FlexibleAssetType, Integration, Organization, Tenant, departed, fold
from ..models.base import DbSession
from ..models.directory import NOT_MATCHED_ANY_MORE, unlink_users
from ..models.organization import LONGEST_NAME
from ..models.portions import in_portions
from ..text import one_line

# What becomes of a new tenant; called in the transaction that saves it.
Place = Callable[[Tenant], None]


@dataclass(frozen=True)
class Move:
    """Where a tenant goes: to an organization; else it is ignored, or unmatched."""

    tenant: Tenant
    organization: Organization | None = None
    is_ignored: bool = False


def place(session: DbSession, moves: Sequence[Move], now: datetime) -> None:
    """Match, unmatch and ignore tenants, in the transaction that is open.

    The licenses hang on the tenant and go where it goes. Contacts stay in the organization that it leaves, and are not
    linked any more: the links are cut now, or, where there may be very many or somebody writes these contacts, by a
    job, which the caller enqueues after the commit (`unlinking.go_on`).
    """
    departing = {move.tenant.id: left for move in moves if (left := _left_by(move)) is not None}
    cuts_now = departed.are_few(session, departing) and departed.have_contacts_turns(session, departing)
    for move in moves:
        tenant = move.tenant
        if move.organization is not None:
            tenant.match(move.organization)
        elif move.is_ignored:
            tenant.ignore(now)
        else:
            tenant.unmatch()
        # One that is back where its users' contacts are finds the links as they were.
        tenant.departed_from_id = None if cuts_now else departing.get(tenant.id)
    session.flush()
    if cuts_now:
        unlink_users(session, list(departing), NOT_MATCHED_ANY_MORE)


def _left_by(move: Move) -> int | None:
    """The organization to whose contacts the tenant's users are linked, where the tenant does not go there."""
    left = move.tenant.departed_from_id or move.tenant.organization_id
    arrives_at = None if move.organization is None else move.organization.id
    return None if left == arrives_at else left


def hold(session: DbSession, tenant_ids: Iterable[int]) -> dict[int, Tenant]:
    """The tenants of live integrations among these, by id, kept from being changed or removed until the end.

    Their integrations are held before them, as everybody does who holds both.
    """
    held: dict[int, Tenant] = {}
    ids = sorted(set(tenant_ids))
    for some in in_portions(ids):
        named = select(Tenant.integration_id).where(Tenant.id.in_(some))
        live = select(Integration.id).where(Integration.id.in_(named), Integration.is_live)
        session.execute(live.order_by(Integration.id).with_for_update(read=True)).all()
    for some in in_portions(ids):
        query = (
            select(Tenant)
            .join(Tenant.integration)
            .where(Tenant.id.in_(some), Integration.is_live)
            .options(selectinload(Tenant.organization), selectinload(Tenant.integration))
            .order_by(Tenant.id)
            .with_for_update(key_share=True, of=Tenant)
        )
        found = session.scalars(query, execution_options={"populate_existing": True})
        held.update((tenant.id, tenant) for tenant in found)
    return held


def hold_organizations(session: DbSession, organization_ids: Iterable[int]) -> dict[int, Organization]:
    """The organizations in use among these, by id, kept from being archived or deleted until the end."""
    held: dict[int, Organization] = {}
    for some in in_portions(sorted(set(organization_ids))):
        query = select(Organization).where(Organization.id.in_(some), ~Organization.is_archived)
        found = session.scalars(
            query.order_by(Organization.id).with_for_update(read=True), execution_options={"populate_existing": True}
        )
        held.update((organization.id, organization) for organization in found)
    return held


def organization_to_match(session: DbSession, organization_id: int) -> Organization | None:
    """The organization, kept from being deleted until this transaction ends; None where it is archived."""
    return hold_organizations(session, [organization_id]).get(organization_id)


def organizations_named(session: DbSession, names: Iterable[str]) -> dict[str, list[Organization]]:
    """The organizations of each of these names, by folded name; archived ones, too, after the others."""
    found: dict[str, list[Organization]] = {fold(name): [] for name in names}
    for some in in_portions(list(found)):
        query = select(Organization).where(Organization.name_folded.in_(some))
        for organization in session.scalars(query.order_by(Organization.is_archived, Organization.id)):
            found[organization.name_folded].append(organization)
    return found


def namesakes(session: DbSession, tenants: Sequence[Tenant]) -> dict[int, list[Organization]]:
    """The organizations that have a tenant's name, by the tenant's id. Tenants of one name share one list."""
    names = {tenant.id: name_for_organization(tenant) for tenant in tenants}
    named = organizations_named(session, names.values())
    return {tenant_id: named[fold(name)] for tenant_id, name in names.items()}


def name_for_organization(tenant: Tenant) -> str:
    """The tenant's name as an organization may have it."""
    return one_line(one_line(tenant.name)[:LONGEST_NAME]) or tenant.default_domain or tenant.tenant_id


def take_turns(session: DbSession) -> bool:
    """Until this transaction ends, nobody else connects a tenant, or adds or renames an organization.

    No constraint of the database forbids two of a kind here, so who checks and then writes goes one after another.
    Who connects is held off by the removal of the last integration, too, which deletes the row that they both queue
    for; False where it is not there. SQLite has one writer at a time by nature.
    """
    Organization.hold_names(session)
    return FlexibleAssetType.hold_licenses(session)
