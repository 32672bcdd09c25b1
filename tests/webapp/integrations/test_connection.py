"""Edit Connection."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jobs.queue import NoWorker
from tests.support.factories import Make
from tests.support.forms import began_with, edited
from tests.webapp.integrations.conftest import ACCEPTED, CLIENT_ID, SECRET, TENANT_ID, Microsoft, refusal
from webapp.extensions import db
from webapp.models import Cloud, Integration, utc_now

NEW_ID = "99999999-bbbb-3333-cccc-4444dddd5555"


def send(client: FlaskClient, integration_id: int, **changes: str) -> TestResponse:
    form = {"name": "Contoso", "client_id": CLIENT_ID, "client_secret": "", "cloud": "global", **changes}
    answer = edited(client, f"/account/integrations/{integration_id}/connection", form)
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


def began(client: FlaskClient, integration_id: int) -> dict[str, str]:
    """What the form holds when it is opened now."""
    page = client.get(f"/account/integrations/{integration_id}/connection").text
    [mark] = re.findall(r'name="credentials" type="hidden" value="(\w+)"', page)
    kept = {"name": "Contoso", "client_id": CLIENT_ID, "cloud": "global", "sign_in_with": "client secret"}
    return {**began_with(page), **kept, "credentials": mark}


@pytest.mark.usefixtures("microsoft")
def test_what_others_changed_meanwhile_stays(as_administrator: FlaskClient, integration_id: int) -> None:
    address, mine = f"/account/integrations/{integration_id}/connection", began(as_administrator, integration_id)
    others = {"client_secret": "a~new.one", "secret_ends_on": "2199-01-31", "client_id": NEW_ID}
    assert send(as_administrator, integration_id, **others).status_code == 303
    assert as_administrator.post(address, data={**mine, "name": "Kontoso"}).status_code == 303
    integration = stored(integration_id)
    assert (integration.name, integration.client_id, integration.client_secret) == ("Kontoso", NEW_ID, "a~new.one")
    assert integration.credentials_end_on == date(2199, 1, 31)

    answer = as_administrator.post(address, data={**mine, "name": "Litware"})
    assert answer.status_code == 409
    assert "Somebody else changed Name while you were editing" in answer.text
    assert stored(integration_id).name == "Kontoso"


@pytest.mark.parametrize("typed", [{"client_secret": "my~own.one"}, {"secret_ends_on": "2199-02-28"}])
def test_who_gives_credentials_while_others_do_is_told_before_microsoft_is_asked(
    typed: dict[str, str], as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    address, mine = f"/account/integrations/{integration_id}/connection", began(as_administrator, integration_id)
    send(as_administrator, integration_id, client_secret="a~new.one")
    answer = as_administrator.post(address, data={**mine, **typed})
    assert answer.status_code == 409
    assert "Somebody else changed the credentials while you were editing" in answer.text
    assert "a client secret</strong>" in answer.text
    assert len(microsoft.asked) == 1
    assert stored(integration_id).client_secret == "a~new.one"
    assert as_administrator.post(address, data={**mine, **began_with(answer.text), **typed}).status_code == 303


def test_what_others_save_while_microsoft_is_asked_is_not_overwritten(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    def rename() -> None:
        stored(integration_id).name = "Kontoso"
        db.session.commit()

    microsoft.meanwhile = rename
    address, mine = f"/account/integrations/{integration_id}/connection", began(as_administrator, integration_id)
    answer = as_administrator.post(address, data={**mine, "client_id": NEW_ID})
    assert answer.status_code == 409
    assert "Somebody else changed this connection while Microsoft was asked." in answer.text
    assert 'value="Kontoso"' in answer.text
    assert f'value="{NEW_ID}"' in answer.text
    assert (stored(integration_id).name, stored(integration_id).client_id) == ("Kontoso", CLIENT_ID)
    microsoft.meanwhile = lambda: None
    again = {**mine, **began_with(answer.text), "name": "Kontoso", "client_id": NEW_ID}
    assert as_administrator.post(address, data=again).status_code == 303
    assert (stored(integration_id).name, stored(integration_id).client_id) == ("Kontoso", NEW_ID)


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
