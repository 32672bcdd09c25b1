"""What lists of licenses say where they are empty."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import signed_in
from tests.support.factories import Make
from tests.webapp.licenses.reading import GLOBAL, of_organization, page
from webapp.extensions import db
from webapp.models import utc_now


def test_without_an_integration_an_administrator_is_led_to_connect(as_administrator: FlaskClient) -> None:
    html = page(as_administrator)
    assert "Connect Microsoft 365" in html
    assert "/account/integrations/add" in html


def test_without_an_integration_a_reader_is_told_whom_to_ask(as_reader: FlaskClient) -> None:
    html = page(as_reader)
    assert "An Administrator can connect" in html
    assert "/account/integrations" not in html


def test_an_empty_list_does_not_promise_what_a_sync_did_not_find(as_reader: FlaskClient, make: Make) -> None:
    tenant = make.tenant(organization=make.organization(), last_synced_at=utc_now())
    for address in (GLOBAL, of_organization(tenant.organization_id)):
        html = page(as_reader, address)
        assert "There is no license in it, or none that you may see." in html
        assert "first sync" not in html


def test_an_empty_list_does_not_promise_licenses_where_none_are_synced(
    as_administrator: FlaskClient, make: Make
) -> None:
    integration = make.integration(sync_licenses=False)
    tenant = make.tenant(integration=integration, organization=make.organization(), users_synced_at=utc_now())
    for address in (GLOBAL, of_organization(tenant.organization_id)):
        html = page(as_administrator, address)
        assert "The sync settings of Microsoft 365 leave licenses out." in html
        assert "Open integrations" in html
        assert "first sync" not in html
    make.tenant(organization=make.organization())
    assert "after the first sync" in page(as_administrator)


def test_who_is_given_no_organization_is_told_so(app: Flask, make: Make) -> None:
    client = signed_in(app, make.reader())
    tenant = make.tenant()
    assert "No tenant is matched yet" in page(client)
    tenant.match(make.organization())
    db.session.commit()
    assert "No organization is given to you" in page(client)


def test_who_is_given_only_archived_organizations_is_led_to_them(app: Flask, make: Make) -> None:
    archived = make.organization(archived_at=utc_now())
    client = signed_in(app, make.reader(archived))
    make.license(organization=archived)
    for _ in range(2):
        html = page(client)
        assert "Every organization is archived" in html
        assert 'href="/organizations?state=archived"' in html
        # It makes no difference that others have some that are in use.
        make.tenant(organization=make.organization())


def test_filters_and_totals_are_shown_once_there_is_something_to_filter(as_reader: FlaskClient, make: Make) -> None:
    html = page(as_reader)
    assert 'id="filters"' not in html
    assert 'id="totals"' not in html
    html = page(as_reader, q="nothing like it")
    assert 'id="filters"' in html
    assert 'id="totals"' in html
    make.license()
    html = page(as_reader)
    assert 'id="filters"' in html
    assert 'id="totals"' in html


def test_an_empty_list_says_what_is_missing(as_reader: FlaskClient, make: Make) -> None:
    tenant = make.tenant()
    assert "No tenant is matched yet" in page(as_reader)
    tenant.match(make.organization())
    db.session.commit()
    assert "Nothing is synced yet" in page(as_reader)
    assert "No tenant is matched yet" in page(as_reader, of_organization(make.organization().id))
    html = page(as_reader, q="nothing like it")
    assert "Nothing matches" in html
    assert f'href="{GLOBAL}">' in html
