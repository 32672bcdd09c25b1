"""Why a list of licenses is empty, since what to do about it differs."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import select

from ..models import Integration, Organization, Tenant
from ..models.base import DbSession
from ..scope import Scope
from .filters import Filters


class WhyEmpty(StrEnum):
    NOTHING_FOUND = "nothing found"
    NOT_CONNECTED = "not connected"
    NOT_MATCHED = "not matched"
    NOT_SYNCED = "not synced"


def why_empty(session: DbSession, scope: Scope, filters: Filters, organization_id: int | None) -> WhyEmpty:
    """The first step that is missing on the way to a license in the list."""
    if filters.is_narrowed:
        return WhyEmpty.NOTHING_FOUND
    if session.scalar(select(Integration.id).where(Integration.is_live).limit(1)) is None:
        return WhyEmpty.NOT_CONNECTED
    matched = select(Tenant.id).join(Organization, Tenant.organization_id == Organization.id).where(scope.includes())
    within = ~Organization.is_archived if organization_id is None else Organization.id == organization_id
    matched = matched.where(within)
    return WhyEmpty.NOT_MATCHED if session.scalar(matched.limit(1)) is None else WhyEmpty.NOT_SYNCED
