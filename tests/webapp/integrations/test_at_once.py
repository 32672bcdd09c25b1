"""Two who connect or match at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.factories import Make
from tests.support.together import at_once, meeting
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.integrations import connecting, creating, matching
from webapp.integrations.connecting import Connected
from webapp.integrations.trying import Credentials, Refused
from webapp.models import Cloud, Integration, Organization, Tenant

from .conftest import ACCEPTED, CLIENT_ID, SECRET


def in_own_context(app: Flask, action: Callable[[], Any]) -> Any:
    """What it returns, or how it refused, in an app context and so a session of its own."""
    with app.app_context():
        declare_writing()
        try:
            return action()
        except Refused as refused:
            return refused
        finally:
            db.session.rollback()


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_who_connect_one_tenant_one_is_refused(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    if not is_first:
        make.integration(name="Another")
    db.session.rollback()
    monkeypatch.setattr(connecting, "_refuse_taken_tenant", meeting(connecting._refuse_taken_tenant))
    # A domain: which tenant it is, is known only once Microsoft has answered.
    credentials = Credentials(Cloud.GLOBAL, "contoso.onmicrosoft.com", CLIENT_ID, SECRET)

    def connect(name: str) -> Connected:
        return connecting.connect(lambda token: ACCEPTED, name, credentials)

    answers = at_once(*(partial(in_own_context, app, partial(connect, name)) for name in ("One", "Two")))
    assert {type(answer) for answer in answers} == {Connected, Refused}
    [refused] = [answer for answer in answers if isinstance(answer, Refused)]
    assert "This tenant is connected already" in refused.problem.reason
    assert len(db.session.scalars(select(Tenant)).all()) == 1
    assert len(db.session.scalars(select(Integration).where(Integration.name != "Another")).all()) == 1


def test_of_two_tenants_of_one_name_that_are_matched_to_a_new_organization_one_makes_it(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [make.tenant(name="Contoso").id for _ in range(2)]
    db.session.rollback()
    monkeypatch.setattr(creating, "namesakes", meeting(matching.namesakes))

    def create(tenant_id: int) -> Sequence[Organization]:
        existing = creating.create_organization(db.session, db.session.get_one(Tenant, tenant_id))
        db.session.commit()
        return existing

    at_once(*(partial(in_own_context, app, partial(create, tenant_id)) for tenant_id in ids))
    assert list(db.session.scalars(select(Organization.name))) == ["Contoso"]
    assert [tenant.is_matched for tenant in db.session.scalars(select(Tenant))].count(True) == 1
