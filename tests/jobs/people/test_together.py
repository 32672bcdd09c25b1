"""Users that are written while somebody else writes, too: those of another tenant, or the rules by which they go."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from flask import Flask

from jobs import tenant as tenants
from jobs import tracking
from jobs.baseline import baseline_of
from jobs.microsoft.user_facts import UserFacts, user_facts
from jobs.microsoft.users import UsersRead
from tests.support.factories import Make
from tests.support.locks import in_another_session, need_many_writers
from tests.support.together import all_at_once
from webapp.extensions import db
from webapp.integrations.sync_settings import Change, change
from webapp.models import CheckedLicense, Contact, DirectoryUser, Integration, UserSync, utc_now
from webapp.models.user_rules import UserRules

from .storing import E3, VISIO, facts_of, store


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


def test_a_license_that_is_checked_while_users_are_written_has_all_of_them_read_again(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_many_writers()
    integration = make.integration(sync_users=UserSync.LICENSED)
    integration_id = integration.id
    db.session.add(CheckedLicense(integration_id=integration_id, sku_id=E3))
    tenant = make.tenant(organization=make.organization(), integration=integration)
    users = facts_of("Anna Berg", E3), facts_of("Ben Costa", VISIO)
    real = tracking.note

    def check() -> None:
        rules = UserRules(UserSync.LICENSED, checked=frozenset({E3, VISIO}))
        change(db.session, db.session.get_one(Integration, integration_id), Change(users=rules))
        db.session.commit()

    def note(*args: Any) -> None:
        with in_another_session(app, check) as checked:
            checked.result(30)
        real(*args)

    monkeypatch.setattr(tracking, "note", note)
    store(tenant, *users)
    monkeypatch.undo()
    assert db.session.query(Contact).count() == 1
    assert baseline_of(tenant, utc_now()).wanted.link == "", "only changes are asked for, among which Ben is not"
    store(tenant, *users)
    assert db.session.query(Contact).count() == 2
    assert baseline_of(tenant, utc_now()).wanted.link == "later"
