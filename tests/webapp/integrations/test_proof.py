"""A client secret or a certificate: chosen, replaced, and warned of before it ends."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.days import today
from tests.support.factories import Make
from tests.support.forms import opened
from tests.support.pem import TRADITIONAL, key_pem, pem_pair, rsa_key
from tests.support.turns import in_turn
from tests.webapp.integrations.conftest import CLIENT_ID, SECRET, TENANT_ID, Microsoft, refusal
from webapp.extensions import db
from webapp.integrations import certificates
from webapp.integrations.proof import expiry_of
from webapp.models import AuditEntry, Integration, Removal, utc_now

PEM, PUBLIC = pem_pair()
CERTIFICATE = certificates.read(PEM.encode(), "", utc_now())
THUMBPRINT = CERTIFICATE.thumbprint


def upload(client: FlaskClient, address: str, content: bytes | str = "", **fields: str) -> TestResponse:
    """Send the form, with a file where there is content for one."""
    form: dict[str, Any] = {"name": "Contoso", "client_id": CLIENT_ID, "cloud": "global", "client_secret": ""}
    form |= {"sign_in_with": "certificate", **opened(client, address), **fields}
    if content:
        data = content.encode() if isinstance(content, str) else content
        form["certificate"] = (io.BytesIO(data), "seatledger.pem")
    answer = client.post(address, data=form, content_type="multipart/form-data")
    assert "PRIVATE KEY" not in answer.text
    assert SECRET not in answer.text
    return answer


def add(client: FlaskClient, content: bytes | str = "", **fields: str) -> TestResponse:
    return upload(client, "/account/integrations/add", content, tenant=TENANT_ID, placement="later", **fields)


def edit(client: FlaskClient, integration_id: int, content: bytes | str = "", **fields: str) -> TestResponse:
    return upload(client, f"/account/integrations/{integration_id}/connection", content, **fields)


def stored(integration_id: int) -> Integration:
    db.session.rollback()
    return db.session.get_one(Integration, integration_id)


@in_turn
def change(integration_id: int, **values: Any) -> None:
    for name, value in values.items():
        setattr(db.session.get_one(Integration, integration_id), name, value)
    db.session.commit()


def test_a_certificate_connects_a_tenant_and_is_stored_encrypted(
    as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    assert add(as_administrator, PEM).status_code == 303
    integration = db.session.scalars(select(Integration)).one()
    assert integration.certificate_thumbprint == THUMBPRINT
    assert integration.credentials_end_on == CERTIFICATE.ends_on
    assert "BEGIN" not in integration.certificate_encrypted
    assert integration.certificate.startswith("-----BEGIN PRIVATE KEY-----")
    assert integration.client_secret_encrypted == ""
    assert microsoft.asked[0]["certificate"] == integration.certificate
    assert microsoft.asked[0]["client_secret"] == ""
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.details["connection"]["certificate_thumbprint"] == THUMBPRINT
    assert "PRIVATE" not in str(entry.details)
    page = as_administrator.get(f"/account/integrations/{integration.id}/connection").text
    assert THUMBPRINT in page
    assert integration.credentials_end_on.isoformat() in page
    assert "PRIVATE" not in page


def test_it_may_be_pasted_and_its_key_protected(as_administrator: FlaskClient, microsoft: Microsoft) -> None:
    protected = key_pem(rsa_key(), TRADITIONAL, password="open sesame") + PUBLIC
    fields = {"certificate_text": protected, "certificate_password": "open sesame"}
    assert add(as_administrator, **fields).status_code == 303
    assert db.session.scalars(select(Integration)).one().certificate_thumbprint == THUMBPRINT


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "Choose the PEM file"),
        (PUBLIC, "private key is missing"),
        (key_pem(rsa_key(), password="x") + PUBLIC, "protected by a password"),
        (pem_pair(1, -5)[0], "expired on"),
        (b"\x30\x82" + b"\x01" * 500, "openssl pkcs12"),
        (b"x" * (certificates.LARGEST + 10), "no more than 65,536"),
    ],
    ids=["nothing", "public", "protected", "expired", "PFX", "large"],
)
def test_what_is_no_certificate_is_refused_before_microsoft_is_asked(
    as_administrator: FlaskClient, microsoft: Microsoft, content: bytes | str, says: str
) -> None:
    answer = add(as_administrator, content)
    assert answer.status_code == 422
    assert says in answer.text
    assert microsoft.asked == []
    assert db.session.scalars(select(Integration)).all() == []


def test_a_file_larger_than_any_form_is_refused(as_administrator: FlaskClient, microsoft: Microsoft) -> None:
    answer = as_administrator.post(
        "/account/integrations/add",
        data=b"--frontier\r\n" + b"x" * 2_000_000,
        content_type="multipart/form-data; boundary=frontier",
    )
    assert answer.status_code == 413
    assert "too large" in answer.text


def test_what_microsoft_says_of_a_certificate_stands_beside_it(
    as_administrator: FlaskClient, microsoft: Microsoft
) -> None:
    microsoft.answer = refusal("certificate", reason="The app does not have this certificate.")
    answer = add(as_administrator, PEM)
    assert answer.status_code == 422
    assert 'id="certificate-error">The app does not have this certificate.' in answer.text


def test_neither_kind_or_another_is_refused(as_administrator: FlaskClient, microsoft: Microsoft) -> None:
    answer = add(as_administrator, sign_in_with="password", client_secret=SECRET)
    assert answer.status_code == 422
    assert "Choose a client secret or a certificate" in answer.text


def test_a_certificate_replaces_the_secret_and_the_secret_the_certificate(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    assert edit(as_administrator, integration_id, PEM).status_code == 303
    after = stored(integration_id)
    assert (after.client_secret_encrypted, after.certificate_thumbprint) == ("", THUMBPRINT)
    again = edit(as_administrator, integration_id, sign_in_with="client secret", client_secret="a~new.one")
    assert again.status_code == 303
    after = stored(integration_id)
    assert after.client_secret == "a~new.one"
    assert (after.certificate_encrypted, after.certificate_thumbprint) == ("", "")
    assert after.credentials_end_on is None
    changes = [entry.details["changes"] for entry in db.session.scalars(select(AuditEntry).order_by(AuditEntry.id))]
    assert [change["credentials"] for change in changes] == [
        ["client secret", "certificate"],
        ["certificate", "client secret"],
    ]
    assert "a~new.one" not in str(changes)


def test_the_other_kind_is_not_chosen_without_giving_it(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    assert edit(as_administrator, integration_id).status_code == 422
    assert edit(as_administrator, integration_id, PEM).status_code == 303
    answer = edit(as_administrator, integration_id, sign_in_with="client secret")
    assert answer.status_code == 422
    assert "Type the client secret" in answer.text
    assert stored(integration_id).certificate_thumbprint == THUMBPRINT


def test_a_stored_certificate_is_kept_and_tried_with_another_app(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    edit(as_administrator, integration_id, PEM)
    microsoft.asked.clear()
    assert edit(as_administrator, integration_id, name="Kontoso").status_code == 303
    assert microsoft.asked == []
    other = "99999999-bbbb-3333-cccc-4444dddd5555"
    assert edit(as_administrator, integration_id, client_id=other).status_code == 303
    assert microsoft.asked[0]["certificate"] == stored(integration_id).certificate
    assert stored(integration_id).certificate_thumbprint == THUMBPRINT


def test_the_date_of_a_secret_is_kept_changed_and_removed_without_asking_microsoft(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    ends_on = today() + timedelta(days=100)
    edit(as_administrator, integration_id, sign_in_with="client secret", secret_ends_on=ends_on.isoformat())
    assert stored(integration_id).credentials_end_on == ends_on
    page = as_administrator.get(f"/account/integrations/{integration_id}/connection").text
    assert f'value="{ends_on}"' in page
    edit(as_administrator, integration_id, sign_in_with="client secret", secret_ends_on="")
    assert stored(integration_id).credentials_end_on is None
    assert microsoft.asked == []


@pytest.mark.parametrize("text", ["31.12.2027", "2027-02-30", "soon", "0", "99999-01-01", "2027-01-31" * 900])
def test_a_date_that_is_none_is_refused(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft, text: str
) -> None:
    answer = edit(as_administrator, integration_id, sign_in_with="client secret", secret_ends_on=text)
    assert answer.status_code == 422
    assert "Type the date as in 2027-01-31" in answer.text


def test_a_new_secret_has_not_ended_yet(
    as_administrator: FlaskClient, integration_id: int, microsoft: Microsoft
) -> None:
    past = (today() - timedelta(days=1)).isoformat()
    fields = {"sign_in_with": "client secret", "client_secret": "a~new.one", "secret_ends_on": past}
    answer = edit(as_administrator, integration_id, **fields)
    assert answer.status_code == 422
    assert "This day has passed" in answer.text
    assert stored(integration_id).client_secret == SECRET


@pytest.mark.parametrize(
    ("days", "badge", "says"),
    [
        (31, None, ""),
        (30, "expires soon", "in 30 days"),
        (1, "expires soon", "tomorrow"),
        (0, "expires soon", "today"),
        (-1, "expired", "expired on"),
        (-4000, "expired", "expired on"),
    ],
)
@pytest.mark.parametrize("what", ["client secret", "certificate"])
def test_the_end_is_warned_of_from_thirty_days_before(
    as_administrator: FlaskClient, integration_id: int, days: int, badge: str | None, says: str, what: str
) -> None:
    ends_on = today() + timedelta(days=days)
    if what == "certificate":
        change(integration_id, certificate=PEM, certificate_thumbprint=THUMBPRINT, client_secret="")
    change(integration_id, credentials_end_on=ends_on)
    pages = [
        as_administrator.get(address).text
        for address in ("/account/integrations", f"/account/integrations/{integration_id}/connection")
    ]
    if badge is None:
        assert all("expires soon" not in page and "expires in" not in page for page in pages)
        return
    assert f"{what.capitalize()} {badge}" in pages[0]
    assert all(says in page and ends_on.isoformat() in page for page in pages)


def test_the_warnings_cost_no_query_each(as_administrator: FlaskClient, make: Make, count_queries: list[str]) -> None:
    counts = []
    for _ in range(2):
        for _ in range(5):
            make.integration(credentials_end_on=today())
        count_queries.clear()
        assert as_administrator.get("/account/integrations").status_code == 200
        counts.append(len(count_queries))
    assert counts[0] == counts[1]


def test_an_integration_that_is_removed_keeps_nothing_that_signs_in_and_warns_of_nothing(make: Make) -> None:
    integration = make.integration(credentials_end_on=today())
    integration.use_certificate(PEM, THUMBPRINT, date.min)
    integration.act_for("ann@msp.example", "a refresh token", utc_now())
    integration.disconnect(Removal.KEEP, utc_now())
    assert (integration.client_secret, integration.certificate, integration.refresh_token) == ("", "", "")
    assert not integration.acts_for_user
    assert expiry_of(integration, today()) is None
