"""What is found, and written, of a user concerns no other organization's contacts, and no other user."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.microsoft.user_facts import Held
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Contact, DirectoryUser, utc_now

from .helpers import addresses_of, held
from .storing import E3, VISIO, a_tenant, facts_of, store

ANNA, BEN = facts_of("Anna Berg", E3, VISIO), facts_of("Ben Dahl", E3)


@pytest.mark.parametrize(
    "values",
    [
        {"email": ANNA.email},
        {"user_principal_name": ANNA.user_principal_name},
        {"first_name": "Anna", "last_name": "Berg"},
        {"microsoft_user_id": ANNA.user_id, "unlinked_at": utc_now()},
    ],
    ids=["address", "principal name", "name", "user id"],
)
@pytest.mark.parametrize("is_here", [True, False])
def test_a_contact_of_another_organization_is_not_taken_and_not_in_the_way(
    values: dict[str, Any], is_here: bool, make: Make
) -> None:
    tenant = a_tenant(make)
    elsewhere = make.contact(**values)
    here = make.contact(organization=tenant.organization, **values) if is_here else None
    before = (elsewhere.name, elsewhere.email, elsewhere.unlinked_at, addresses_of(elsewhere))
    store(tenant, ANNA)
    user = db.session.query(DirectoryUser).one()
    assert db.session.get_one(Contact, user.contact_id).organization == tenant.organization
    if here is not None:
        assert user.contact_id == here.id
    db.session.refresh(elsewhere)
    assert (elsewhere.name, elsewhere.email, elsewhere.unlinked_at, addresses_of(elsewhere)) == before


def test_how_a_license_is_held_changes_of_nobody_else_and_of_no_other_license(make: Make) -> None:
    tenant = a_tenant(make)
    store(tenant, ANNA, BEN)
    through_a_group = ANNA._replace(held=tuple(sorted((Held(E3, False, True), Held(VISIO, True, False)))))
    assert store(tenant, through_a_group, BEN).rows_written == 1
    assert held() == {
        (ANNA.user_id, f"PART{E3[-1]}", False, True),
        (ANNA.user_id, f"PART{VISIO[-1]}", True, False),
        (BEN.user_id, f"PART{E3[-1]}", True, False),
    }
