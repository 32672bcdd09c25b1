"""What the next sync will do to contacts: the same rule as the sync's, over sets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from tests.support.factories import Make
from webapp.extensions import db
from webapp.integrations import forecast
from webapp.integrations.forecast import Forecast
from webapp.models import (
    DirectoryUser,
    Integration,
    License,
    Tenant,
    TenantCheckedLicense,
    UserSync,
    utc_now,
)
from webapp.models.user_rules import UserRules

EVERYONE = UserRules(UserSync.ALL, include_guests=True, include_blocked=True, include_unlicensed=True)
BOTH = (False, True)


def synced_tenant(make: Make, integration: Integration | None = None, **values: object) -> Tenant:
    values.setdefault("users_synced_at", utc_now())
    return make.tenant(organization=make.organization(), integration=integration or make.integration(), **values)


class People:
    """A tenant with a user of each kind: guest or not, blocked or not, by each choice of two licenses held."""

    def __init__(self, make: Make) -> None:
        self.tenant = synced_tenant(make)
        self.checked, self.other = make.license(tenant=self.tenant), make.license(tenant=self.tenant)
        self.kinds: dict[int, tuple[bool, bool, frozenset[str]]] = {}
        choices: list[tuple[License, ...]] = [(), (self.checked,), (self.other,), (self.checked, self.other)]
        for is_guest, is_blocked, held in itertools.product(BOTH, BOTH, choices):
            user = make.directory_user(tenant=self.tenant, is_guest=is_guest, is_blocked=is_blocked)
            for license in held:
                make.assignment(license, user)
            self.kinds[user.id] = (is_guest, is_blocked, frozenset(license.sku_id for license in held))

    def who_qualify(self, rules: UserRules) -> set[int]:
        return {
            user_id
            for user_id, (is_guest, is_blocked, held) in self.kinds.items()
            if rules.qualifies(is_guest=is_guest, is_blocked=is_blocked, held=held)
        }


def all_rules(checked: str) -> Iterator[UserRules]:
    modes = [*UserSync, UserSync.of("newer")]
    for mode, guests, blocked, unlicensed in itertools.product(modes, BOTH, BOTH, BOTH):
        for sku_ids in (frozenset[str](), frozenset({checked})):
            yield UserRules(mode, guests, blocked, unlicensed, sku_ids)


def found(rules: object) -> set[int]:
    becomes = forecast.becomes_contact(Tenant.id.is_not(None), rules, knows_licenses=True)
    return set(db.session.scalars(select(DirectoryUser.id).join(Tenant, forecast.is_of_tenant()).where(becomes)))


def test_it_goes_by_the_rule_that_a_sync_goes_by_in_every_combination(make: Make) -> None:
    people = People(make)
    seen = set()
    for rules in all_rules(people.checked.sku_id):
        assert found(rules) == people.who_qualify(rules), rules
        seen.add(len(people.who_qualify(rules)))
    assert {0, 16} <= seen


def test_the_columns_of_tenants_with_rules_of_their_own_mean_the_same(make: Make) -> None:
    people = People(make)
    checked = TenantCheckedLicense(tenant_id=people.tenant.id, sku_id=people.checked.sku_id)
    tenant = db.session.get_one(Tenant, people.tenant.id)
    for rules in all_rules(people.checked.sku_id):
        if rules.sync_users.is_known:
            tenant.sync_users = rules.sync_users
            tenant.include_guests, tenant.include_blocked = rules.include_guests, rules.include_blocked
            tenant.include_unlicensed = rules.include_unlicensed
            with db.session.begin_nested() as savepoint:
                if rules.checked:
                    db.session.add(TenantCheckedLicense(tenant_id=checked.tenant_id, sku_id=checked.sku_id))
                db.session.flush()
                assert found(Tenant) == people.who_qualify(rules), rules
                savepoint.rollback()


@pytest.mark.parametrize("mode", [UserSync.ALL, UserSync.LICENSED])
def test_where_licenses_are_not_synced_who_qualified_is_taken_to_hold_what_it_must(make: Make, mode: UserSync) -> None:
    """What a user holds of licenses that came later is not stored."""
    tenant = synced_tenant(make, make.integration(sync_licenses=False))
    for qualifies in BOTH:
        contact = make.contact(organization=tenant.organization)
        make.directory_user(tenant=tenant, contact=contact, qualifies=qualifies)
    rules = UserRules(mode, checked=frozenset({"a license of which nothing is stored"}))
    expected = Forecast(tenants=1, kept=1)
    assert forecast.of_integration(db.session, tenant.integration_id, rules) == expected
    assert forecast.of_tenant(db.session, tenant.id, rules) == expected


def test_another_tenants_checked_license_qualifies_nobody_here(make: Make) -> None:
    people, elsewhere = People(make), synced_tenant(make, has_own_user_rules=True, sync_users=UserSync.LICENSED)
    people.tenant.sync_users = UserSync.LICENSED
    db.session.add(TenantCheckedLicense(tenant_id=elsewhere.id, sku_id=people.checked.sku_id))
    db.session.commit()
    assert found(Tenant) == set()


def test_new_contacts_those_that_exist_those_that_stay_and_those_that_are_unlinked_are_told_apart(make: Make) -> None:
    tenant = synced_tenant(make)
    organization, known = tenant.organization, make.directory_user(tenant=tenant)
    make.contact(organization=organization, microsoft_user_id=known.user_id, unlinked_at=utc_now())
    make.contact(microsoft_user_id=make.directory_user(tenant=tenant).user_id, unlinked_at=utc_now())
    make.directory_user(tenant=tenant)
    make.directory_user(tenant=tenant, contact=make.contact(organization=organization), qualifies=False)
    for _ in range(3):
        make.directory_user(tenant=tenant, contact=make.contact(organization=organization), qualifies=True)
    make.directory_user(tenant=tenant, contact=make.contact(organization=organization), qualifies=True, is_guest=True)
    rules = UserRules(UserSync.ALL, include_unlicensed=True)
    expected = Forecast(tenants=1, created=2, linked=2, kept=3, unlinked=1)
    assert forecast.of_integration(db.session, tenant.integration_id, rules) == expected
    assert forecast.of_tenant(db.session, tenant.id, rules) == expected
    off = forecast.of_integration(db.session, tenant.integration_id, UserRules(UserSync.OFF))
    assert off == Forecast(tenants=1, unlinked=4)


def test_tenants_that_are_not_synced_do_not_count(make: Make) -> None:
    integration = make.integration()
    archived = make.organization(archived_at=utc_now())
    away = [
        make.tenant(integration=integration, users_synced_at=utc_now()),
        make.tenant(integration=integration, organization=archived, users_synced_at=utc_now()),
        synced_tenant(make, integration, left_out_at=utc_now()),
        synced_tenant(make, integration, gone_at=utc_now()),
        synced_tenant(make),
    ]
    for tenant in away:
        make.directory_user(tenant=tenant)
    assert forecast.of_integration(db.session, integration.id, EVERYONE) == Forecast()
    make.directory_user(tenant=synced_tenant(make, integration))
    assert forecast.of_integration(db.session, integration.id, EVERYONE) == Forecast(tenants=1, created=1)


def test_a_tenant_with_rules_of_its_own_keeps_them(make: Make) -> None:
    integration = make.integration()
    own = synced_tenant(make, integration, has_own_user_rules=True, sync_users=UserSync.ALL, include_unlicensed=True)
    make.directory_user(tenant=own)
    make.directory_user(tenant=own, is_guest=True)
    make.directory_user(tenant=synced_tenant(make, integration))
    off = forecast.of_integration(db.session, integration.id, UserRules(UserSync.OFF))
    assert (off.tenants, off.created) == (2, 1)
    assert forecast.of_integration(db.session, integration.id, EVERYONE).created == 2
    assert forecast.of_tenant(db.session, own.id, EVERYONE).created == 2


def test_tenants_whose_users_were_never_read_are_counted_where_users_are_synced(make: Make) -> None:
    integration = make.integration()
    synced_tenant(make, integration)
    synced_tenant(make, integration, users_synced_at=None)
    synced_tenant(make, integration, users_synced_at=None, has_own_user_rules=True)
    synced_tenant(make, integration, users_synced_at=None, has_own_user_rules=True, sync_users=UserSync.ALL)
    assert forecast.of_integration(db.session, integration.id, EVERYONE).unread == 2
    assert forecast.of_integration(db.session, integration.id, UserRules(UserSync.OFF)).unread == 1


@pytest.mark.parametrize("users", [1, 60])
def test_it_takes_a_few_queries_however_many_users(users: int, make: Make, count_queries: list[str]) -> None:
    tenant = synced_tenant(make)
    license = make.license(tenant=tenant)
    for _ in range(users):
        make.assignment(license, make.directory_user(tenant=tenant))
    integration_id, rules = tenant.integration_id, UserRules(UserSync.LICENSED, checked=frozenset({license.sku_id}))
    db.session.commit()
    count_queries.clear()
    assert forecast.of_integration(db.session, integration_id, rules).created == users
    # Whether licenses are synced, how many tenants and links there are, and what becomes of the users by either rules.
    assert len([statement for statement in count_queries if statement.startswith("SELECT")]) == 5


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        (Forecast(tenants=4, created=1214, unlinked=12), "About 1,214 contacts will be created, 12 unlinked."),
        (
            Forecast(tenants=4, unread=3, created=1, linked=2, kept=5),
            "About 1 contact will be created, 2 linked; 5 stay linked. "
            "The users of 3 tenants have not been read yet, so more may come.",
        ),
        (Forecast(tenants=2, unlinked=27), "About 27 contacts will be unlinked."),
        (Forecast(tenants=1), "No contact will be created or unlinked."),
        (Forecast(tenants=1, kept=1), "No contact will be created or unlinked; 1 stays linked."),
        (
            Forecast(tenants=1, unread=1),
            "The users of 1 tenant have not been read yet, so how many contacts will be created is not known.",
        ),
        (Forecast(), "Nothing is matched to an organization yet, so the next sync makes no contacts."),
        (
            Forecast(is_left_out=True),
            "The next sync passes it over: its licenses and contacts stay as they are.",
        ),
    ],
)
def test_it_is_said_in_a_sentence(expected: Forecast, sentence: str) -> None:
    assert expected.sentence == sentence
