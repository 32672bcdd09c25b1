"""Two tenants of one organization whose users are written at the same moment."""

from __future__ import annotations

import uuid

from flask import Flask

from jobs import tenant as tenants
from jobs.microsoft.user_facts import UserFacts, user_facts
from jobs.microsoft.users import UsersRead
from tests.jobs.helpers import all_at_once
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Contact, DirectoryUser, UserSync, utc_now


def test_one_person_in_two_tenants_becomes_one_contact_also_when_both_are_written_at_once(
    app: Flask, make: Make
) -> None:
    organization = make.organization()
    rows = [
        make.tenant(
            organization=organization, integration=make.integration(sync_users=UserSync.ALL, include_unlicensed=True)
        )
        for _ in range(2)
    ]
    people = [
        {"id": str(uuid.uuid4()), "displayName": f"User {number}", "mail": f"user{number}@contoso.example"}
        for number in range(200)
    ]
    written = [(row.id, row.tenant_id, {facts.user_id: facts for facts in map(user_facts, people)}) for row in rows]

    def write(row_id: int, tenant_id: str, users: dict[str, UserFacts]) -> int:
        snapshot = tenants.Snapshot(tenant_id, None, None, {}, UsersRead(users))
        tenant = tenants.held(row_id)
        assert tenant is not None
        outcome = tenants.write(tenant, snapshot, utc_now())
        db.session.commit()
        return outcome.contacts_created

    created = all_at_once(app, [lambda one=one: write(*one) for one in written])  # type: ignore[misc]
    assert sorted(created) == [0, 200]
    assert db.session.query(Contact).count() == 200
    assert db.session.query(DirectoryUser).filter(DirectoryUser.contact_id.is_not(None)).count() == 400
