"""Why a list of licenses is empty, since what to do about it differs."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ColumnElement, func, select

from ..models import Integration, Organization, Tenant
from ..models.base import DbSession
from ..scope import Scope
from .filters import Filters


class WhyEmpty(StrEnum):
    NOTHING_FOUND = "nothing found"
    NOT_CONNECTED = "not connected"
    NOT_GIVEN = "not given"
    ARCHIVED = "archived"
    NOT_MATCHED = "not matched"
    NOT_CHOSEN = "not chosen"
    NOT_SYNCED = "not synced"
    NO_LICENSE = "no license"


def why_empty(session: DbSession, scope: Scope, filters: Filters, organization_id: int | None) -> WhyEmpty:
    """The first step that is missing on the way to a license in the list."""
    if filters.is_narrowed:
        return WhyEmpty.NOTHING_FOUND
    if session.scalar(select(Integration.id).where(Integration.is_live).limit(1)) is None:
        return WhyEmpty.NOT_CONNECTED
    in_use = ~Organization.is_archived
    if organization_id is None and (why := _why_no_organization(session, scope, in_use)):
        return why
    within = in_use if organization_id is None else Organization.id == organization_id
    chosen = func.count().filter(Integration.sync_licenses)
    tenants = select(func.count(), func.count(Tenant.last_synced_at), chosen).join(Tenant.organization)
    matched, synced, to_sync = session.execute(tenants.join(Tenant.integration).where(scope.includes(), within)).one()
    if not matched:
        return WhyEmpty.NOT_MATCHED
    if synced:
        return WhyEmpty.NO_LICENSE
    return WhyEmpty.NOT_SYNCED if to_sync else WhyEmpty.NOT_CHOSEN


def _why_no_organization(session: DbSession, scope: Scope, in_use: ColumnElement[bool]) -> WhyEmpty | None:
    """Why none of the organizations in use is theirs; None where one is, or there is no organization at all."""

    def is_any(*conditions: ColumnElement[bool]) -> bool:
        return session.scalar(select(Organization.id).where(*conditions).limit(1)) is not None

    if is_any(in_use, scope.includes()):
        return None
    if is_any(scope.includes()):
        return WhyEmpty.ARCHIVED
    return WhyEmpty.NOT_GIVEN if is_any(in_use) else None
