"""Which users become contacts, as somebody chooses it for an integration or for one tenant: checked, then saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import delete, select

from ..models import CheckedLicense, Integration, Tenant, TenantCheckedLicense, UserSync
from ..models.base import DbSession
from ..models.user_rules import UserRules

NOTHING_CHECKED = "Check at least one license, or choose another answer."
UNKNOWN_MODE = "Choose which users become contacts."


class RefusedChoice(ValueError):
    """What was chosen makes no sense. The message is a sentence that says so."""


def sound(rules: UserRules) -> UserRules:
    """The rules as they are kept. Raises `RefusedChoice`.

    Who holds a checked license is licensed, so "unlicensed" is kept only where all users become contacts. The checked
    licenses are kept in any case, for who comes back to them.
    """
    if not rules.sync_users.is_known:
        raise RefusedChoice(UNKNOWN_MODE)
    if rules.sync_users == UserSync.LICENSED and not rules.checked:
        raise RefusedChoice(NOTHING_CHECKED)
    return rules if rules.sync_users == UserSync.ALL else replace(rules, include_unlicensed=False)


def described(rules: UserRules) -> dict[str, Any]:
    """The rules as values for the audit log and for programs."""
    return {
        "users": rules.sync_users.value,
        "guests": rules.include_guests,
        "blocked": rules.include_blocked,
        "unlicensed": rules.include_unlicensed,
        "checked_licenses": sorted(rules.checked),
    }


def chosen_for_integration(session: DbSession, integration: Integration) -> UserRules:
    query = select(CheckedLicense.sku_id).where(CheckedLicense.integration_id == integration.id)
    return _choice(integration, session.scalars(query))


def chosen_for_tenant(session: DbSession, tenant: Tenant) -> UserRules:
    """The tenant's own rules, whether or not they hold at present."""
    query = select(TenantCheckedLicense.sku_id).where(TenantCheckedLicense.tenant_id == tenant.id)
    return _choice(tenant, session.scalars(query))


def rules_to_start_from(session: DbSession, tenant: Tenant) -> UserRules:
    """Its own rules where it has some; else those of its integration, from which its own ones begin."""
    return (
        chosen_for_tenant(session, tenant)
        if tenant.has_own_user_rules
        else chosen_for_integration(session, tenant.integration)
    )


def choose_for_integration(session: DbSession, integration: Integration, rules: UserRules) -> None:
    """Keep rules that are `sound`. The integration's row is held, so that two of them take turns."""
    before = chosen_for_integration(session, integration)
    _set(integration, rules)
    _check(session, CheckedLicense, {"integration_id": integration.id}, before, rules)


def choose_for_tenant(session: DbSession, tenant: Tenant, rules: UserRules) -> None:
    """Keep rules that are `sound` as the tenant's own. The tenant's row is held, so that two take turns."""
    before = chosen_for_tenant(session, tenant)
    _set(tenant, rules)
    _check(session, TenantCheckedLicense, {"tenant_id": tenant.id}, before, rules)


def _check(
    session: DbSession,
    table: type[CheckedLicense | TenantCheckedLicense],
    owner: dict[str, int],
    before: UserRules,
    after: UserRules,
) -> None:
    """Write which licenses are checked, and are no more."""
    gone = before.checked - after.checked
    if gone:
        session.execute(delete(table).filter_by(**owner).where(table.sku_id.in_(sorted(gone))))
    session.add_all(table(**owner, sku_id=sku_id) for sku_id in sorted(after.checked - before.checked))


def _choice(of: Integration | Tenant, sku_ids: Iterable[str]) -> UserRules:
    return UserRules(of.sync_users, of.include_guests, of.include_blocked, of.include_unlicensed, frozenset(sku_ids))


def _set(of: Integration | Tenant, rules: UserRules) -> None:
    of.sync_users = rules.sync_users
    of.include_guests = rules.include_guests
    of.include_blocked = rules.include_blocked
    of.include_unlicensed = rules.include_unlicensed
