"""Edit Connection."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jobs.queue import NoWorker
from tests.support.factories import Make
from tests.webapp.integrations.conftest import ACCEPTED, CLIENT_ID, SECRET, TENANT_ID, Microsoft, refusal
from webapp.extensions import db
from webapp.models import Cloud, Integration, utc_now

NEW_ID = "99999999-bbbb-3333-cccc-4444dddd5555"


@pytest.fixture
def integration_id(make: Make) -> int:
    return make.integration(name="Contoso", home_tenant_id=TENANT_ID, client_id=CLIENT_ID, secret=SECRET).id


def send(client: FlaskClient, integration_id: int, **changes: str) -> TestResponse:
    form = {"name": "Contoso", "client_id": CLIENT_ID, "client_secret": "", "cloud": "global", **changes}
    answer = client.post(f"/account/integrations/{integration_id}/connection", data=form)
    assert SECRET not in answer.text
    return answer


def stored(integration_id: int) -> Integration:
    return db.session.get_one(Integration, integration_id)


def test_the_page_shows_all_but_the_secret(as_administrator: FlaskClient, integration_id: int) -> None:
    page = as_administrator.get(f"/account/integrations/{integration_id}/connection").text
    for text in ('value="Contoso"', TENANT_ID, f'value="{CLIENT_ID}"'):
        assert text in page
    assert SECRET not in page


def test_a_new_name_needs_no_test(as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft) -> None:
    assert send(as_administrator, integration_id, name="Kontoso").status_code == 303
    assert stored(integration_id).name == "Kontoso"
    assert microsoft.asked == []


def test_a_new_secret_is_tried_and_saved(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    assert send(as_administrator, integration_id, client_secret="a~new.one").status_code == 303
    assert stored(integration_id).client_secret == "a~new.one"
    assert microsoft.asked[0]["client_secret"] == "a~new.one"
    assert microsoft.asked[0]["tenant"] == TENANT_ID


@pytest.mark.parametrize("changes", [{"client_id": NEW_ID}, {"cloud": "dod"}])
def test_another_app_or_cloud_is_tried_with_the_stored_secret(
    changes: dict[str, str], as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    assert send(as_administrator, integration_id, **changes).status_code == 303
    assert microsoft.asked[0]["client_secret"] == SECRET
    integration = stored(integration_id)
    assert integration.client_secret == SECRET
    assert integration.client_id == changes.get("client_id", CLIENT_ID)
    assert integration.cloud == Cloud(changes.get("cloud", "global"))


@pytest.mark.parametrize(("changes", "is_kept"), [({"client_id": NEW_ID}, False), ({"name": "Kontoso"}, True)])
@pytest.mark.usefixtures("microsoft")
def test_what_one_app_was_told_to_wait_for_is_nothing_to_another(
    changes: dict[str, str], is_kept: bool, as_administrator: FlaskClient, integration_id: int, make: Make
) -> None:
    integration = stored(integration_id)
    tenant = make.tenant(integration=integration)
    integration.not_before = tenant.not_before = utc_now() + timedelta(hours=1)
    db.session.commit()
    assert send(as_administrator, integration_id, **changes).status_code == 303
    assert (integration.not_before is not None, tenant.not_before is not None) == (is_kept, is_kept)


def test_refused_credentials_are_explained_and_change_nothing(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    microsoft.answer = refusal("client_secret", reason="The secret is wrong.")
    answer = send(as_administrator, integration_id, name="Kontoso", client_secret="a~wrong.one")
    assert answer.status_code == 422
    assert "The secret is wrong." in answer.text
    assert "a~wrong.one" not in answer.text
    assert (stored(integration_id).name, stored(integration_id).client_secret) == ("Contoso", SECRET)


def test_credentials_of_another_tenant_are_refused(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    microsoft.answer = {**ACCEPTED, "tenant_id": NEW_ID, "name": "Fabrikam"}
    answer = send(as_administrator, integration_id, client_id=NEW_ID)
    assert answer.status_code == 422
    assert f"another tenant: Fabrikam ({NEW_ID})" in answer.text
    assert stored(integration_id).client_id == CLIENT_ID


def test_a_name_in_use_is_refused(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft, make: Make
) -> None:
    make.integration(name="Fabrikam")
    assert "An integration named fabrikam exists" in send(as_administrator, integration_id, name="fabrikam").text
    microsoft.meanwhile = lambda: make.integration(name="Litware")
    answer = send(as_administrator, integration_id, name="Litware", client_id=NEW_ID)
    assert answer.status_code == 422
    assert "An integration named Litware exists" in answer.text
    assert stored(integration_id).client_id == CLIENT_ID


def test_without_a_worker_nothing_changes(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    microsoft.error = NoWorker()
    answer = send(as_administrator, integration_id, client_id=NEW_ID)
    assert answer.status_code == 503
    assert "No worker is running" in answer.text
    assert stored(integration_id).client_id == CLIENT_ID


def test_what_could_not_be_read_with_new_credentials_is_told(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    warning = {"reason": "No name.", "fix": "Add it.", "code": "", "request_id": ""}
    microsoft.answer = {**ACCEPTED, "warning": warning}
    answer = send(as_administrator, integration_id, client_id=NEW_ID)
    assert "No name. Add it." in as_administrator.get(answer.location).text


def test_a_secret_whose_key_is_gone_is_asked_for_again(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    stored(integration_id).client_secret_encrypted = "unreadable"
    db.session.commit()
    page = as_administrator.get(f"/account/integrations/{integration_id}/connection").text
    assert "enter the client secret again" in page
    answer = send(as_administrator, integration_id, client_id=NEW_ID)
    assert answer.status_code == 422
    assert "not among ENCRYPTION_KEYS any more" in answer.text
    assert send(as_administrator, integration_id, client_secret="a~new.one").status_code == 303
    assert stored(integration_id).client_secret == "a~new.one"
