"""Two who save one form at the same moment, whatever it edits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.support.forms import opened
from tests.support.together import at_once, meeting
from webapp.extensions import db
from webapp.meanwhile import Meanwhile

NAMES = ({"name": "Mine"}, {"name": "Theirs"})

# The address of a form, and what each of the two sends.
Case = tuple[str, tuple[dict[str, str], dict[str, str]]]


def an_organization(make: Make) -> Case:
    return f"/organizations/{make.organization(name='One').id}/edit", NAMES


def a_contact(make: Make) -> Case:
    return f"/contacts/{make.contact(name='One').id}/edit", NAMES


def an_asset(make: Make) -> Case:
    return f"/assets/{make.asset(name='One').id}/edit", NAMES


def security_settings(make: Make) -> Case:
    address = f"/licenses/{make.license().id}/edit"
    first, second = (str(make.user().id) for _ in range(2))
    return address, ({"who": "named", "users": first}, {"who": "named", "users": second})


def a_connection(make: Make) -> Case:
    return f"/account/integrations/{make.integration(name='One').id}/connection", NAMES


def an_own_name(make: Make) -> Case:
    return f"/account/products/{make.product().id}", ({"own_name": "Mine"}, {"own_name": "Theirs"})


def sync_settings(make: Make) -> Case:
    hours = ({"sync_every_hours": "2"}, {"sync_every_hours": "4"})
    return f"/account/integrations/{make.integration().id}/settings", hours


def sync_settings_of_a_tenant(make: Make) -> Case:
    tenant = make.tenant()
    address = f"/account/integrations/{tenant.integration_id}/tenants/{tenant.id}/settings"
    return address, ({"how": "left-out"}, {"how": "own-rules", "sync_users": "all"})


RECORDS = (an_organization, a_contact, an_asset, an_own_name)
SETTINGS = (security_settings, a_connection, sync_settings, sync_settings_of_a_tenant)


@pytest.mark.parametrize("made", [*RECORDS, *SETTINGS])
def test_one_is_saved_and_the_other_told(
    app: Flask, make: Make, monkeypatch: pytest.MonkeyPatch, made: Callable[[Make], Case]
) -> None:
    address, typed = made(make)
    clients = [signed_in(app, make.user()) for _ in typed]
    forms = [opened(client, address) | each for client, each in zip(clients, typed, strict=True)]
    # Who compares waits for the other, which comes only where nothing holds it off.
    monkeypatch.setattr(Meanwhile, "merge", meeting(Meanwhile.merge))
    db.session.rollback()

    def save(client: FlaskClient, form: dict[str, str]) -> int:
        return client.post(address, data=form).status_code

    saved, told = sorted(at_once(*(partial(save, *each) for each in zip(clients, forms, strict=True))))
    assert (saved in {302, 303}, told) == (True, 409)
