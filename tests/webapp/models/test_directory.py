"""Links between users and contacts: which count, and cutting them."""

from __future__ import annotations

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Contact, Integration, Removal, Tenant, removal, utc_now
from webapp.models.directory import INTEGRATION_REMOVED, is_linked, unlink_contacts, unlink_users

REASON = "The tenant is no longer matched"


def linked() -> list[int]:
    return list(db.session.scalars(db.select(Contact.id).where(is_linked()).order_by(Contact.id)))


def a_tenant(make: Make, integration: Integration | None = None) -> Tenant:
    return make.tenant(integration=integration or make.integration(), organization=make.organization())


def test_a_contact_is_linked_by_a_user_who_qualifies_in_a_live_integration(make: Make) -> None:
    tenant, contact, tagged = a_tenant(make), make.contact(), make.contact()
    make.directory_user(tenant=tenant, contact=contact)
    make.directory_user(tenant=tenant, contact=tagged, qualifies=False)
    make.contact()
    assert linked() == [contact.id]
    removal.begin(db.session, tenant.integration_id, Removal.KEEP, utc_now())
    db.session.commit()
    assert linked() == []
    assert contact.unlinked_at is None


def test_cutting_a_tenants_links_marks_the_contacts_that_nobody_else_links(make: Make) -> None:
    tenant, other = a_tenant(make), a_tenant(make)
    own, both, tagged, others = (make.contact() for _ in range(4))
    users = [make.directory_user(tenant=tenant, contact=contact) for contact in (own, both)]
    users.append(make.directory_user(tenant=tenant, contact=tagged, qualifies=False))
    stays = [make.directory_user(tenant=other, contact=contact) for contact in (both, others)]
    unlink_users(db.session, [tenant.id], REASON)
    db.session.commit()
    assert [(user.contact_id, user.qualifies) for user in users] == [(None, False)] * 3
    assert [user.contact_id for user in stays] == [both.id, others.id]
    assert (own.unlinked_reason, own.unlinked_at is not None) == (REASON, True)
    assert {contact.unlinked_at for contact in (both, tagged, others)} == {None}


def test_links_of_tenants_that_are_cut_together_count_for_nothing(make: Make) -> None:
    tenants, contact = [a_tenant(make), a_tenant(make)], make.contact()
    for tenant in tenants:
        make.directory_user(tenant=tenant, contact=contact)
    unlink_users(db.session, [tenant.id for tenant in tenants], REASON)
    db.session.commit()
    assert contact.unlinked_reason == REASON
    unlink_users(db.session, [], REASON)


def test_very_many_tenants_are_cut_in_a_few_statements(make: Make, count_queries: list[str]) -> None:
    tenant, contact = a_tenant(make), make.contact()
    make.directory_user(tenant=tenant, contact=contact)
    count_queries.clear()
    unlink_users(db.session, range(tenant.id, tenant.id + 2_500), REASON)
    db.session.commit()
    assert len([sql for sql in count_queries if sql.startswith("UPDATE")]) == 4
    assert contact.unlinked_reason == REASON


def test_each_contact_is_marked_for_its_own_reason(make: Make) -> None:
    first, second, stays = make.contact(), make.contact(), make.contact()
    make.directory_user(tenant=a_tenant(make), contact=stays)
    assert unlink_contacts(db.session, {first.id: "one", second.id: "two", stays.id: "one"}) == 2
    db.session.commit()
    assert [contact.unlinked_reason for contact in (first, second, stays)] == ["one", "two", ""]


def test_deleting_an_integrations_data_keeps_its_contacts_and_unlinks_them(make: Make) -> None:
    integration = make.integration()
    tenant, other = a_tenant(make, integration), a_tenant(make)
    own, both = make.contact(organization=tenant.organization), make.contact(organization=tenant.organization)
    license = make.license(tenant=tenant)
    for contact in (own, both):
        make.assignment(license, make.directory_user(tenant=tenant, contact=contact))
    make.directory_user(tenant=other, contact=both)
    concerned = removal.begin(db.session, integration.id, Removal.DELETE, utc_now())
    db.session.commit()
    assert concerned.contacts == 2
    integration_id = integration.id
    while removal.next_batch(db.session, integration_id, utc_now()):
        db.session.commit()
    db.session.commit()
    db.session.expire_all()
    assert db.session.query(Contact).count() == 2
    assert (own.unlinked_reason, both.unlinked_at) == (INTEGRATION_REMOVED, None)
    assert linked() == [both.id]
