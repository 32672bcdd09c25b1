"""Tenants that left an organization: which of their users' links count until they are cut, and cutting them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.factories import Make
from tests.support.locks import in_another_session, need_many_writers, wait_for_who_waits
from tests.support.matching import linked, move
from webapp.extensions import db
from webapp.integrations import matching
from webapp.models import (
    Contact,
    DirectoryUser,
    Integration,
    Removal,
    Tenant,
    UserTracking,
    contact_turns,
    departed,
    removal,
    utc_now,
)
from webapp.models.directory import INTEGRATION_REMOVED, NOT_MATCHED_ANY_MORE


@pytest.fixture(autouse=True)
def _nothing_is_cut_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(departed, "AT_ONCE", 0)


@pytest.fixture
def tenant(make: Make) -> Tenant:
    """A tenant of three users, each linked to a contact of its organization."""
    return with_users(make, make.tenant(organization=make.organization()), 3)


def with_users(make: Make, tenant: Tenant, count: int) -> Tenant:
    for _ in range(count):
        make.directory_user(tenant=tenant, contact=make.contact(organization=tenant.organization))
    return tenant


def cut_all() -> None:
    after: departed.Place | None = departed.START
    while after is not None:
        after = departed.cut_some(db.session, after)
        db.session.commit()
    db.session.expire_all()


def reasons() -> list[str]:
    """Why the contacts are linked no more; empty where one was not marked."""
    return list(db.session.scalars(select(Contact.unlinked_reason).order_by(Contact.id)))


def of_users() -> list[tuple[bool, bool]]:
    """Of each user, whether it has a contact, and whether it qualifies."""
    rows = db.session.execute(select(DirectoryUser.contact_id, DirectoryUser.qualifies).order_by(DirectoryUser.id))
    return [(contact_id is not None, qualifies) for contact_id, qualifies in rows]


def test_links_of_a_tenant_that_left_count_for_nothing_before_they_are_cut(tenant: Tenant) -> None:
    former = tenant.organization_id
    assert linked() == 3
    move(tenant)
    assert (tenant.departed_from_id, linked()) == (former, 0)
    assert (reasons(), of_users()) == ([""] * 3, [(True, True)] * 3)


def test_cutting_marks_the_contacts_as_unlinked_and_is_done_once(tenant: Tenant, make: Make) -> None:
    tagged = make.contact(organization=tenant.organization)
    make.directory_user(tenant=tenant, contact=tagged, qualifies=False)
    move(tenant)
    assert departed.is_any_left(db.session)
    cut_all()
    assert reasons() == [NOT_MATCHED_ANY_MORE] * 3 + [""]
    assert of_users() == [(False, False)] * 4
    assert tenant.departed_from_id is None
    assert not departed.is_any_left(db.session)
    assert departed.cut_some(db.session, departed.START) is None


def test_a_contact_that_another_tenant_links_stays_linked(tenant: Tenant, make: Make) -> None:
    other = make.tenant(organization=tenant.organization)
    first = db.session.scalars(select(Contact).order_by(Contact.id)).first()
    assert first is not None
    make.directory_user(tenant=other, contact=first)
    move(tenant)
    assert linked() == 1
    cut_all()
    assert (linked(), reasons()) == (1, ["", NOT_MATCHED_ANY_MORE, NOT_MATCHED_ANY_MORE])


def test_users_are_cut_in_portions_each_of_which_may_be_the_last_for_now(
    tenant: Tenant, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departed, "BATCH", 2)
    other = with_users(make, make.tenant(organization=make.organization()), 1)
    move(tenant)
    move(other)
    after = departed.cut_some(db.session, departed.START)
    db.session.commit()
    assert of_users() == [(False, False)] * 2 + [(True, True)] * 2
    second = db.session.scalars(select(DirectoryUser.user_id).order_by(DirectoryUser.user_id)).all()[1]
    assert (after, tenant.departed_from_id is not None) == (departed.Place(tenant.id, second), True)
    # Nobody after the last user is no proof that nobody is left: it is looked for from the first one on.
    assert departed.cut_some(db.session, departed.Place(tenant.id, "~")) == departed.Place(tenant.id - 1)
    assert tenant.departed_from_id is not None
    cut_all()
    assert of_users() == [(False, False)] * 4
    assert not departed.is_any_left(db.session)


def test_a_tenant_that_comes_back_has_its_links_as_they_were(tenant: Tenant) -> None:
    former = tenant.organization
    move(tenant)
    move(tenant, former)
    assert (tenant.departed_from_id, linked(), reasons()) == (None, 3, [""] * 3)
    cut_all()
    assert linked() == 3


def test_what_is_cut_when_a_tenant_comes_back_is_left_to_the_next_sync(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(departed, "BATCH", 2)
    former = tenant.organization
    db.session.add(UserTracking(tenant_id=tenant.id, link="x", basis="x", read_at=utc_now()))
    move(tenant)
    departed.cut_some(db.session, departed.START)
    db.session.commit()
    move(tenant, former)
    assert (linked(), of_users()[2]) == (1, (True, True))
    assert db.session.get(UserTracking, tenant.id, populate_existing=True) is None


def test_a_tenant_that_goes_on_to_another_organization_keeps_in_mind_where_its_links_are(
    tenant: Tenant, make: Make
) -> None:
    former, other = tenant.organization, make.organization()
    assert former is not None
    move(tenant)
    move(tenant, other)
    assert (tenant.departed_from_id, linked()) == (former.id, 0)
    move(tenant)
    assert tenant.departed_from_id == former.id
    move(tenant, other)
    cut_all()
    assert (tenant.departed_from_id is None, tenant.organization) == (True, other)
    assert (reasons(), of_users()) == ([NOT_MATCHED_ANY_MORE] * 3, [(False, False)] * 3)


def test_few_links_are_cut_at_once_also_those_that_were_left(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    move(tenant)
    monkeypatch.setattr(departed, "AT_ONCE", 3)
    held = matching.hold(db.session, [tenant.id])[tenant.id]
    matching.place(db.session, [matching.Move(held, is_ignored=True)], utc_now())
    db.session.commit()
    db.session.expire_all()
    assert (tenant.departed_from_id, of_users()) == (None, [(False, False)] * 3)
    assert reasons() == [NOT_MATCHED_ANY_MORE] * 3


@pytest.mark.parametrize(("limit", "few"), [(3, True), (2, False)])
def test_users_are_few_up_to_a_limit_whichever_tenants_they_are_of(
    tenant: Tenant, make: Make, monkeypatch: pytest.MonkeyPatch, limit: int, few: bool
) -> None:
    monkeypatch.setattr(departed, "AT_ONCE", limit)
    ids = [tenant.id, make.tenant().id, *range(tenant.id + 10, tenant.id + 2_500)]
    assert departed.are_few(db.session, ids) is few


@pytest.mark.parametrize("take_off", [lambda tenant: cut_all(), lambda tenant: departed.settle(db.session, tenant)])
def test_a_mark_that_a_page_of_the_version_before_has_left_is_taken_off(
    tenant: Tenant, take_off: Callable[[Tenant], None]
) -> None:
    former = tenant.organization
    assert former is not None
    move(tenant)
    tenant.match(former)
    db.session.commit()
    assert linked() == 0
    take_off(tenant)
    assert (tenant.departed_from_id, linked()) == (None, 3)


def test_what_is_edited_before_it_is_cut_is_compared_with_its_user_when_the_tenant_is_back(tenant: Tenant) -> None:
    former = tenant.organization
    first, second, *_ = db.session.scalars(select(Contact).order_by(Contact.id))
    departed.let_go(db.session, first.id)
    db.session.commit()
    assert first.unlinked_at is None, "it is linked"
    move(tenant)
    departed.let_go(db.session, first.id)
    db.session.commit()
    move(tenant, former)
    db.session.expire_all()
    assert (linked(), first.unlinked_reason, second.unlinked_at) == (3, NOT_MATCHED_ANY_MORE, None)


def test_an_organization_that_is_deleted_takes_the_mark_along(tenant: Tenant) -> None:
    former = tenant.organization
    move(tenant)
    db.session.delete(former)
    db.session.commit()
    db.session.expire_all()
    assert (tenant.departed_from_id, db.session.query(Contact).count()) == (None, 0)
    assert not departed.is_any_left(db.session)


def test_of_an_integration_that_is_removed_and_keeps_its_data_links_are_cut_as_ever(tenant: Tenant) -> None:
    move(tenant)
    concerned = removal.begin(db.session, tenant.integration_id, Removal.KEEP, utc_now())
    db.session.commit()
    assert concerned.contacts == 0
    cut_all()
    assert (reasons(), of_users()) == ([NOT_MATCHED_ANY_MORE] * 3, [(False, False)] * 3)


def test_an_integration_whose_data_is_deleted_unlinks_each_contact_for_its_own_reason(
    tenant: Tenant, make: Make
) -> None:
    integration_id = tenant.integration_id
    with_users(make, make.tenant(organization=make.organization(), integration=tenant.integration), 1)
    move(tenant)
    concerned = removal.begin(db.session, integration_id, Removal.DELETE, utc_now())
    db.session.commit()
    assert concerned.contacts == 1
    assert not departed.is_any_left(db.session)
    assert departed.cut_some(db.session, departed.START) is None
    while removal.next_batch(db.session, integration_id, utc_now()):
        db.session.commit()
    db.session.commit()
    assert reasons() == [NOT_MATCHED_ANY_MORE] * 3 + [INTEGRATION_REMOVED]
    assert db.session.query(Integration).count() == 0


def test_a_tenant_that_another_integration_takes_over_brings_its_mark(tenant: Tenant, make: Make) -> None:
    former, heir = tenant.organization_id, make.integration()
    move(tenant)
    removal.begin(db.session, tenant.integration_id, Removal.KEEP, utc_now())
    assert removal.adopt(db.session, heir.id, tenant.tenant_id) is tenant
    db.session.commit()
    assert (tenant.departed_from_id, linked()) == (former, 0)
    cut_all()
    assert of_users() == [(False, False)] * 3


def lock_the_tenant(tenant: Tenant) -> None:
    matching.hold(db.session, [tenant.id])


def delete_its_data(tenant: Tenant) -> None:
    db.session.execute(select(Integration.id).where(Integration.id == tenant.integration_id).with_for_update())


def write_contacts(tenant: Tenant) -> None:
    contact_turns.take_turn(db.session, tenant.departed_from_id or 0)


@pytest.mark.parametrize("hold", [lock_the_tenant, delete_its_data, write_contacts])
def test_what_somebody_else_holds_is_passed_over_without_waiting(
    app: Flask, make: Make, tenant: Tenant, hold: Callable[[Tenant], None]
) -> None:
    need_many_writers()
    other = with_users(make, make.tenant(organization=make.organization()), 1)
    move(tenant)
    move(other)
    hold(tenant)
    with in_another_session(app, cut_all) as done:
        done.result(60)
    db.session.rollback()
    assert (tenant.departed_from_id is None, other.departed_from_id) == (False, None)
    assert of_users() == [(True, True)] * 3 + [(False, False)]
    cut_all()
    assert of_users() == [(False, False)] * 4


def test_who_syncs_a_tenant_that_left_waits_for_who_writes_contacts_there(app: Flask, tenant: Tenant) -> None:
    """Both write many contacts, each in an order of its own."""
    need_many_writers()
    tenant_id = tenant.id
    move(tenant)
    write_contacts(tenant)

    def settle() -> None:
        departed.settle(db.session, db.session.get_one(Tenant, tenant_id))
        db.session.commit()

    with in_another_session(app, settle) as done:
        wait_for_who_waits()
        assert of_users() == [(True, True)] * 3
        db.session.commit()
        done.result(60)
    assert of_users() == [(False, False)] * 3


def test_placing_very_many_tenants_asks_as_often_as_for_few(make: Make, count_queries: list[str]) -> None:
    organization, integration = make.organization(), make.integration()
    tenants = [make.tenant(organization=organization, integration=integration) for _ in range(40)]
    with_users(make, tenants[0], 1)
    ids = [tenant.id for tenant in tenants]
    db.session.expire_all()

    def statements(some: list[int]) -> int:
        held = matching.hold(db.session, some)
        count_queries.clear()
        matching.place(db.session, [matching.Move(one) for one in held.values()], utc_now())
        asked = len(count_queries)
        db.session.rollback()
        return asked

    assert statements(ids) == statements(ids[:2])
