"""Users who come back to their contacts, which somebody like them was taken for meanwhile."""

from __future__ import annotations

import uuid

import pytest

from jobs.microsoft.user_facts import UserFacts
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Contact, DirectoryUser, Tenant

from .storing import a_tenant, facts_of, store

ANNA = facts_of("Anna Berg")
# An account of hers for administration, or somebody else of her name: it does not qualify, since it is blocked.
OTHERS = [
    facts_of("Anna Berg", id=str(uuid.UUID(int=number)), userPrincipalName="adm@contoso.example", mail=None)._replace(
        is_blocked=True
    )
    for number in (1, 2**128 - 1)
]


@pytest.fixture
def tenant(make: Make) -> Tenant:
    return a_tenant(make)


def contact_of(user_id: str) -> int | None:
    return db.session.query(DirectoryUser).filter_by(user_id=user_id).one().contact_id


@pytest.mark.parametrize("other", OTHERS, ids=["sorted before her", "sorted after her"])
def test_who_is_restored_gets_the_contact_back_from_who_does_not_qualify(other: UserFacts, tenant: Tenant) -> None:
    store(tenant, ANNA, other)
    own = contact_of(ANNA.user_id)
    store(tenant, other)
    assert contact_of(other.user_id) == own
    store(tenant, ANNA, other)
    assert (contact_of(ANNA.user_id), contact_of(other.user_id)) == (own, None)
    assert store(tenant, ANNA, other).rows_written == 0
    assert db.session.query(Contact).count() == 1


@pytest.mark.parametrize("other", OTHERS, ids=["sorted before her", "sorted after her"])
def test_of_two_users_with_one_contact_who_qualifies_keeps_it(other: UserFacts, tenant: Tenant) -> None:
    store(tenant, ANNA, other)
    own = contact_of(ANNA.user_id)
    db.session.execute(db.update(DirectoryUser).values(contact_id=own))
    db.session.commit()
    store(tenant, ANNA, other)
    assert (contact_of(ANNA.user_id), contact_of(other.user_id)) == (own, None)
    assert store(tenant, ANNA, other).rows_written == 0
    assert db.session.query(Contact).count() == 1
