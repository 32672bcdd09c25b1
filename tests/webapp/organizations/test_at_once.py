"""Two administrators who add or rename organizations at the same moment."""

from __future__ import annotations

from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import edited, opened
from tests.support.locks import in_another_session, need_many_writers, wait_for_who_waits
from tests.support.together import at_once, meeting
from webapp.extensions import db
from webapp.integrations.matching import take_turns
from webapp.models import Organization, utc_now
from webapp.organizations import forms, queries


@pytest.fixture
def two(app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch) -> tuple[FlaskClient, FlaskClient]:
    """Two administrators who find the name free at the same moment, where nothing holds one of them off."""
    administrators = signed_in(app, make.user()), signed_in(app, make.user())
    monkeypatch.setattr(forms, "named", meeting(queries.named))
    db.session.rollback()
    return administrators


def name_it(client: FlaskClient, address: str) -> int:
    return edited(client, address, {"name": "Contoso"}).status_code


@pytest.mark.parametrize("is_connected", [False, True])
def test_of_two_who_add_an_organization_of_one_name_one_is_refused(
    two: tuple[FlaskClient, FlaskClient], make: Make, is_connected: bool
) -> None:
    if is_connected:
        make.integration()
    db.session.rollback()
    answers = at_once(*(partial(name_it, client, "/organizations/add") for client in two))
    assert sorted(answers) == [302, 422]
    assert list(db.session.scalars(select(Organization.name))) == ["Contoso"]


def test_of_two_who_rename_organizations_alike_one_is_refused(two: tuple[FlaskClient, FlaskClient], make: Make) -> None:
    addresses = [f"/organizations/{make.organization(name=name).id}/edit" for name in ("Fabrikam", "Northwind")]
    db.session.rollback()
    answers = at_once(*(partial(name_it, *sent) for sent in zip(two, addresses, strict=True)))
    assert sorted(answers) == [302, 422]
    assert len(db.session.scalars(select(Organization).filter_by(name="Contoso")).all()) == 1


def test_of_two_who_save_the_same_domain_both_find_it_saved(two: tuple[FlaskClient, FlaskClient], make: Make) -> None:
    organization_id = make.organization(name="Contoso").id
    address = f"/organizations/{organization_id}/edit"
    data = {**opened(two[0], address), "name": "Contoso", "domains": "contoso.example"}

    def save(client: FlaskClient) -> int:
        return client.post(address, data=data).status_code

    assert at_once(*(partial(save, client) for client in two)) == [302, 302]
    assert [row.domain for row in db.session.get_one(Organization, organization_id).domains] == ["contoso.example"]


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("/organizations/{}/contacts/add", {"name": "Ann"}),
        ("/organizations/{}/assets/servers/add", {"name": "Mail server"}),
        ("/organizations/{}/archive", {}),
        ("/organizations/{}/bring-back", {}),
    ],
)
def test_who_adds_to_an_organization_or_archives_it_while_an_undo_removes_it_is_told_that_it_is_gone(
    app: Flask, as_administrator: FlaskClient, make: Make, address: str, sent: dict[str, str]
) -> None:
    need_many_writers()
    make.asset_type(slug="servers")
    organization_id = make.organization(archived_at=utc_now() if "bring-back" in address else None).id
    take_turns(db.session)
    one = select(Organization).where(Organization.id == organization_id).with_for_update()
    db.session.delete(db.session.scalars(one).one())
    db.session.flush()
    with in_another_session(app, lambda: as_administrator.post(address.format(organization_id), data=sent)) as other:
        wait_for_who_waits()
        db.session.commit()
        assert other.result(60).status_code == 404
