"""Which users qualify to become contacts, and whose rules hold."""

from __future__ import annotations

import pytest

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import CheckedLicense, TenantCheckedLicense, UserSync
from webapp.models.user_rules import Refusal, UserRules, rules_of

E3, VISIO = "e3", "visio"
MEMBER = {"is_guest": False, "is_blocked": False}


@pytest.mark.parametrize("mode", [UserSync.OFF, UserSync.of("newer")])
@pytest.mark.parametrize("everything", [True, False])
def test_where_users_are_not_synced_nobody_qualifies(mode: UserSync, everything: bool) -> None:
    rules = UserRules(mode, everything, everything, everything, frozenset({E3}))
    assert rules.refuse(**MEMBER, held=[E3]) == Refusal.OFF


@pytest.mark.parametrize("mode", [UserSync.ALL, UserSync.LICENSED])
@pytest.mark.parametrize("is_guest", [True, False])
@pytest.mark.parametrize("is_blocked", [True, False])
@pytest.mark.parametrize("include_guests", [True, False])
@pytest.mark.parametrize("include_blocked", [True, False])
def test_guests_and_blocked_accounts_qualify_only_where_they_are_included(
    mode: UserSync, is_guest: bool, is_blocked: bool, include_guests: bool, include_blocked: bool
) -> None:
    rules = UserRules(mode, include_guests, include_blocked, checked=frozenset({E3}))
    qualifies = (include_guests or not is_guest) and (include_blocked or not is_blocked)
    assert rules.qualifies(is_guest=is_guest, is_blocked=is_blocked, held=[E3]) is qualifies


@pytest.mark.parametrize(
    ("rules", "held", "refusal"),
    [
        (UserRules(UserSync.ALL), [VISIO], None),
        (UserRules(UserSync.ALL), [], Refusal.UNLICENSED),
        (UserRules(UserSync.ALL, include_unlicensed=True), [], None),
        (UserRules(UserSync.LICENSED, checked=frozenset({E3})), [VISIO, E3], None),
        (UserRules(UserSync.LICENSED, checked=frozenset({E3})), [VISIO], Refusal.UNCHECKED),
        (UserRules(UserSync.LICENSED, checked=frozenset({E3}), include_unlicensed=True), [], Refusal.UNCHECKED),
        (UserRules(UserSync.LICENSED), [E3], Refusal.UNCHECKED),
    ],
)
def test_what_a_user_must_hold(rules: UserRules, held: list[str], refusal: Refusal | None) -> None:
    assert rules.refuse(**MEMBER, held=held) == refusal


def test_a_tenants_own_rules_hold_where_it_has_them_else_those_of_the_integration(make: Make) -> None:
    integration = make.integration(sync_users=UserSync.LICENSED, include_guests=True)
    tenant = make.tenant(integration=integration, sync_users=UserSync.LICENSED, include_blocked=True)
    db.session.add(CheckedLicense(integration_id=integration.id, sku_id=E3))
    db.session.add(TenantCheckedLicense(tenant_id=tenant.id, sku_id=VISIO))
    db.session.commit()
    assert rules_of(db.session, tenant) == UserRules(UserSync.LICENSED, include_guests=True, checked=frozenset({E3}))
    tenant.has_own_user_rules = True
    db.session.commit()
    assert rules_of(db.session, tenant) == UserRules(
        UserSync.LICENSED, include_blocked=True, checked=frozenset({VISIO})
    )
    tenant.sync_users = UserSync.ALL
    assert rules_of(db.session, tenant) == UserRules(UserSync.ALL, include_blocked=True)


def test_an_integration_that_syncs_only_users_syncs_something(make: Make) -> None:
    neither = make.integration(sync_licenses=False)
    users = make.integration(sync_licenses=False, sync_users=UserSync.ALL)
    assert (neither.syncs_something, users.syncs_something) == (False, True)
    integration = type(neither)
    assert db.session.scalars(db.select(integration.id).where(integration.syncs_something)).all() == [users.id]
