"""Changing the sync settings of an integration, and of one tenant: the pages and the commands call the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from .. import audit
from ..models import AuditArea, Integration, IntegrationRemoved, Tenant, utc_now
from ..models.base import DbSession
from ..models.user_rules import UserRules
from . import forecast
from .forecast import Forecast
from .user_choice import (
    choose_for_integration,
    choose_for_tenant,
    chosen_for_integration,
    chosen_for_tenant,
    described,
)


class Override(StrEnum):
    """How a tenant is synced."""

    AS_INTEGRATION = "as-integration"
    OWN_RULES = "own-rules"
    LEFT_OUT = "left-out"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @classmethod
    def of(cls, tenant: Tenant) -> Override:
        if tenant.left_out_at is not None:
            return cls.LEFT_OUT
        return cls.OWN_RULES if tenant.has_own_user_rules else cls.AS_INTEGRATION


_LABELS = {
    Override.AS_INTEGRATION: "As the integration",
    Override.OWN_RULES: "Its own rules for users",
    Override.LEFT_OUT: "Leave it out of syncs",
}


@dataclass(frozen=True)
class Change:
    """What to change of an integration's settings; None leaves it as it is."""

    sync_licenses: bool | None = None
    sync_every_hours: int | None = None
    users: UserRules | None = None
    match_by_name: bool | None = None


def hold(session: DbSession, integration: Integration) -> None:
    """Let nobody else change the integration's settings until this transaction ends. Raises `IntegrationRemoved`."""
    session.refresh(integration, with_for_update={"key_share": True})
    if not integration.is_live:
        raise IntegrationRemoved


def hold_tenant(session: DbSession, tenant: Tenant) -> None:
    """The same for a tenant, and for its integration, with whose rules its own ones begin."""
    Integration.hold(session, tenant.integration_id)
    session.refresh(tenant, with_for_update={"key_share": True})
    session.refresh(tenant.integration)


def change(session: DbSession, integration: Integration, wanted: Change) -> None:
    """Change the settings in the transaction that is open; the caller commits. Raises `IntegrationRemoved`."""
    hold(session, integration)
    before = _settings(session, integration)
    if wanted.sync_licenses is not None:
        integration.sync_licenses = wanted.sync_licenses
    if wanted.sync_every_hours is not None:
        integration.sync_every(wanted.sync_every_hours, utc_now())
    if wanted.match_by_name is not None:
        integration.match_by_name = wanted.match_by_name
    if wanted.users is not None:
        choose_for_integration(session, integration, wanted.users)
    session.flush()
    _record(
        f"Changed the sync settings of {integration.name}",
        before,
        _settings(session, integration),
        integration=integration.name,
    )


def override(session: DbSession, tenant: Tenant, how: Override, own: UserRules | None, now: datetime) -> None:
    """Say how the tenant is synced, in the transaction that is open; the caller commits. Raises `IntegrationRemoved`.

    Own rules are kept while they do not hold, for who comes back to them. Nothing that is stored of the tenant goes.
    """
    hold_tenant(session, tenant)
    before = _override(session, tenant)
    if how == Override.LEFT_OUT:
        tenant.left_out_at = tenant.left_out_at or now
    else:
        tenant.left_out_at = None
        tenant.has_own_user_rules = how == Override.OWN_RULES
    if own is not None:
        choose_for_tenant(session, tenant, own)
    session.flush()
    _record(
        f"Changed the sync settings of the tenant {tenant.name}",
        before,
        _override(session, tenant),
        tenant_id=tenant.tenant_id,
    )


def forecast_of(session: DbSession, tenant: Tenant, how: Override, own: UserRules) -> Forecast:
    """What the next sync will do to the tenant's contacts, synced in this way."""
    if how == Override.LEFT_OUT:
        return Forecast(is_left_out=True)
    rules = own if how == Override.OWN_RULES else chosen_for_integration(session, tenant.integration)
    return forecast.of_tenant(session, tenant.id, rules)


def _settings(session: DbSession, integration: Integration) -> dict[str, Any]:
    return {
        "licenses": integration.sync_licenses,
        "every_hours": integration.sync_every_hours,
        "match_by_name": integration.match_by_name,
        **described(chosen_for_integration(session, integration)),
    }


def _override(session: DbSession, tenant: Tenant) -> dict[str, Any]:
    return {"synced": Override.of(tenant).label, **described(chosen_for_tenant(session, tenant))}


def _record(event: str, before: dict[str, Any], after: dict[str, Any], **about: Any) -> None:
    """Tell the audit log what differs; where nothing does, there is nothing to tell."""
    changes: dict[str, Any] = {
        key: {"from": before[key], "to": after[key]} for key in before if before[key] != after[key]
    }
    if changes:
        audit.record(AuditArea.SETTINGS, event, **(about | changes))
