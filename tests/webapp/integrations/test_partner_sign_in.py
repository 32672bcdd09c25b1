"""A partner's user signs in: from the page to the sandbox and back, with a real worker in between."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from jobs import queue
from sandbox import Sandbox
from sandbox import Tenant as SandboxTenant
from tests.conftest import signed_in
from tests.jobs.conftest import Work, sandbox, shared_sandbox, work
from tests.jobs.users_sign_in import visit
from tests.support.factories import Make
from tests.support.forms import edited
from tests.support.microsoft import sandbox_tenant
from tests.support.redis_contents import everything_in_redis
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.integrations import partner_sign_in
from webapp.models import AuditEntry, Integration, Kind, Role, User, utc_now

__all__ = ["sandbox", "shared_sandbox", "work"]

CALLBACK = "/account/integrations/sign-in/callback"


@pytest.fixture
def partner(sandbox: Sandbox) -> SandboxTenant:
    return sandbox_tenant(sandbox, signs_in="ann@msp.example")


@pytest.fixture
def integration_id(make: Make, partner: SandboxTenant) -> int:
    return make.integration(
        name="Our customers",
        secret=partner.secret,
        home_tenant_id=partner.tenant_id,
        client_id=partner.client_id,
        kind=Kind.PARTNER,
    ).id


@pytest.fixture
def worked(app: Flask, work: Work) -> Callable[..., TestResponse]:
    """What the browser is answered while a real worker works."""

    def ask(send: Callable[..., TestResponse], *args: Any, **options: Any) -> TestResponse:
        answers: list[TestResponse] = []

        def in_thread() -> None:
            answers.append(send(*args, **options))

        queue.report_worker("a worker")
        thread = threading.Thread(target=in_thread)
        thread.start()
        while thread.is_alive():
            work()
            thread.join(0.02)
        return answers[0]

    return ask


Worked = Callable[..., TestResponse]


def stored(integration_id: int) -> Integration:
    db.session.rollback()
    return db.session.get_one(Integration, integration_id)


def begin(worked: Worked, client: FlaskClient, integration_id: int) -> str:
    """Microsoft's address to which the page leads."""
    answer = worked(client.post, f"/account/integrations/{integration_id}/sign-in")
    assert answer.status_code == 200, answer.text
    links = re.findall(r'href="(https://127[^"]+)"', answer.text)
    refreshed = re.findall(r'content="0; url=(https://127[^"]+)"', answer.text)
    assert len(links) == 1
    assert links == refreshed
    return html.unescape(links[0])


def way_back(sandbox: Sandbox, address: str) -> str:
    back = visit(sandbox, address)
    assert back.startswith(f"http://localhost{CALLBACK}?")
    return back.removeprefix("http://localhost")


def said(client: FlaskClient, answer: TestResponse) -> str:
    assert answer.status_code == 303, answer.text
    return html.unescape(client.get(answer.location).text)


def test_the_page_shows_the_redirect_uri_and_offers_the_sign_in(
    as_administrator: FlaskClient, integration_id: int, make: Make
) -> None:
    page = as_administrator.get(f"/account/integrations/{integration_id}/connection").text
    assert f"http://localhost{CALLBACK}" in page
    assert "Sign in as a partner user" in page
    direct = make.integration().id
    assert "Sign in as a partner user" not in as_administrator.get(f"/account/integrations/{direct}/connection").text
    assert as_administrator.post(f"/account/integrations/{direct}/sign-in").status_code == 404
    assert as_administrator.post(f"/account/integrations/{direct}/sign-in/forget").status_code == 404


def test_http_of_another_name_is_said_to_be_of_no_use(as_administrator: FlaskClient, integration_id: int) -> None:
    address = f"/account/integrations/{integration_id}/connection"
    cookie = as_administrator.get_cookie("seatledger")
    assert cookie is not None
    as_administrator.set_cookie("seatledger", cookie.value, domain="seatledger.example")
    assert "only https addresses" in as_administrator.get(address, base_url="http://seatledger.example").text
    assert "only https addresses" not in as_administrator.get(address).text


def test_who_signs_in_is_acted_for_and_no_secret_is_seen(
    as_administrator: FlaskClient, integration_id: int, sandbox: Sandbox, worked: Worked, partner: SandboxTenant
) -> None:
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    page = said(as_administrator, worked(as_administrator.get, back))
    assert "acts for ann@msp.example from now on" in page
    integration = stored(integration_id)
    assert (integration.acts_for_user, integration.signed_in_as) == (True, "ann@msp.example")
    assert integration.signed_in_at is not None
    token = integration.refresh_token
    assert token.startswith("1.A")
    assert token not in page + integration.refresh_token_encrypted
    assert token.encode() not in everything_in_redis()
    entries = db.session.scalars(select(AuditEntry)).all()
    assert any("acts for ann@msp.example" in entry.event for entry in entries)
    assert not any(token in str(entry.details) for entry in entries)


def test_what_is_kept_in_the_cookie_fits_and_tells_no_verifier(
    as_administrator: FlaskClient, integration_id: int, sandbox: Sandbox, worked: Worked
) -> None:
    begin(worked, as_administrator, integration_id)
    with as_administrator.session_transaction() as session:
        kept = str(session["partner_sign_in"])
    assert "verifier" not in kept
    cookie = as_administrator.get_cookie("seatledger")
    assert cookie is not None
    assert len(cookie.value) < 3500


def test_an_answer_is_taken_once(
    as_administrator: FlaskClient, integration_id: int, sandbox: Sandbox, worked: Worked
) -> None:
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    worked(as_administrator.get, back)
    token = stored(integration_id).refresh_token
    assert "was answered already" in said(as_administrator, as_administrator.get(back))
    assert stored(integration_id).refresh_token == token


def test_an_answer_with_another_state_is_not_taken_and_ends_the_attempt(
    as_administrator: FlaskClient, integration_id: int, sandbox: Sandbox, worked: Worked
) -> None:
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    forged = re.sub(r"state=[^&]+", "state=forged", back)
    assert "not begun in this browser" in said(as_administrator, worked(as_administrator.get, forged))
    assert "not begun in this browser" in said(as_administrator, as_administrator.get(back))
    assert not stored(integration_id).acts_for_user


def test_nobody_finishes_what_another_has_begun(
    app: Flask, as_administrator: FlaskClient, make: Make, integration_id: int, sandbox: Sandbox, worked: Worked
) -> None:
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    other = signed_in(app, make.user(role=Role.MANAGER))
    assert "not begun in this browser" in said(other, other.get(back))
    with as_administrator.session_transaction() as session:
        kept = session["partner_sign_in"]
    with other.session_transaction() as session:
        session["partner_sign_in"] = kept
    assert "not begun in this browser" in said(other, other.get(back))
    assert not stored(integration_id).acts_for_user


def test_an_answer_that_comes_too_late_is_not_taken(
    as_administrator: FlaskClient, integration_id: int, sandbox: Sandbox, worked: Worked
) -> None:
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    with as_administrator.session_transaction() as session:
        long_ago = utc_now() - partner_sign_in.LONGEST - timedelta(seconds=1)
        session["partner_sign_in"] = {**session["partner_sign_in"], "at": long_ago.isoformat()}
    assert "took too long" in said(as_administrator, as_administrator.get(back))
    assert not stored(integration_id).acts_for_user


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sign_in_error": 65004}, "AADSTS65004"),
        ({"sign_in_error": 90094}, "AADSTS90094"),
        ({"consented": False}, "AADSTS65001"),
        ({"secret_expired": True}, "AADSTS7000222"),
    ],
)
def test_what_microsoft_refuses_is_said_and_nothing_is_saved(
    as_administrator: FlaskClient,
    integration_id: int,
    sandbox: Sandbox,
    worked: Worked,
    partner: SandboxTenant,
    changes: dict[str, Any],
    says: str,
) -> None:
    sandbox.patch_tenant(partner.tenant_id, **changes)
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    page = said(as_administrator, worked(as_administrator.get, back))
    assert says in page
    assert "alert-danger" in page
    assert not stored(integration_id).acts_for_user


@pytest.mark.parametrize("query", ["", "?error=access_denied", "?code=x&state=y", "?code=" + "x" * 5000])
def test_an_answer_that_nobody_asked_for_is_explained(as_administrator: FlaskClient, query: str) -> None:
    assert "not begun in this browser" in said(as_administrator, as_administrator.get(CALLBACK + query))


def test_a_user_of_another_tenant_is_not_acted_for(
    as_administrator: FlaskClient,
    integration_id: int,
    sandbox: Sandbox,
    worked: Worked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    with home_tenant(integration_id, "72f988bf-86f1-41af-91ab-2d7cd011db47", monkeypatch):
        page = said(as_administrator, worked(as_administrator.get, back))
    assert "signed in to the tenant" in page
    assert not stored(integration_id).acts_for_user


@contextmanager
def home_tenant(integration_id: int, tenant_id: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As if the integration were another tenant's by the time the answer is stored."""
    store = partner_sign_in._store

    def moved(asked_id: int, given: Any) -> Integration:
        integration = db.session.get_one(Integration, asked_id)
        integration.home_tenant_id = tenant_id
        return store(asked_id, given)

    with monkeypatch.context() as patch:
        patch.setattr(partner_sign_in, "_store", moved)
        yield


def test_a_sign_in_through_another_app_than_by_now_is_not_kept(
    as_administrator: FlaskClient, integration_id: int, make: Make, sandbox: Sandbox, worked: Worked
) -> None:
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    store, another = partner_sign_in._store, "99999999-bbbb-3333-cccc-4444dddd5555"

    def changed(asked_id: int, given: Any) -> Integration:
        db.session.get_one(Integration, asked_id).client_id = another
        return store(asked_id, given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partner_sign_in, "_store", changed)
        assert "was changed while" in said(as_administrator, worked(as_administrator.get, back))
    assert not stored(integration_id).acts_for_user


def test_an_integration_that_is_removed_meanwhile_gets_no_token(
    as_administrator: FlaskClient, integration_id: int, sandbox: Sandbox, worked: Worked
) -> None:
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    as_administrator.post(
        f"/account/integrations/{integration_id}/remove", data={"what": "keep", "name": "Our customers"}
    )
    answer = worked(as_administrator.get, back)
    assert "removed meanwhile" in said(as_administrator, answer)
    assert answer.location.endswith("/account/integrations")
    assert stored(integration_id).refresh_token_encrypted == ""


def test_the_sign_in_of_whose_role_is_taken_while_microsoft_is_asked_is_not_kept(
    as_administrator: FlaskClient,
    integration_id: int,
    sandbox: Sandbox,
    worked: Worked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    back = way_back(sandbox, begin(worked, as_administrator, integration_id))
    finish_sign_in = queue.finish_sign_in

    def with_role_taken(token: str) -> dict[str, Any]:
        answer = finish_sign_in(token)
        db.session.scalars(select(User)).one().role = Role.READ_ONLY
        db.session.commit()
        return answer

    monkeypatch.setattr(queue, "finish_sign_in", with_role_taken)
    assert worked(as_administrator.get, back).status_code == 403
    assert stored(integration_id).refresh_token_encrypted == ""


def test_without_a_worker_the_page_says_so(as_administrator: FlaskClient, integration_id: int) -> None:
    answer = as_administrator.post(f"/account/integrations/{integration_id}/sign-in")
    assert "No worker is running" in said(as_administrator, answer)


def test_a_lapsed_sign_in_is_shown_with_the_way_to_renew_it_which_clears_it(
    as_administrator: FlaskClient, integration_id: int, sandbox: Sandbox, worked: Worked
) -> None:
    declare_writing()
    integration = stored(integration_id)
    integration.act_for("ann@msp.example", "an old token", utc_now())
    integration.sign_in_lapsed_at = utc_now()
    db.session.commit()
    page = as_administrator.get("/account/integrations").text
    assert "Sign in again" in page
    assert f"/account/integrations/{integration_id}/connection#partner-user" in page
    address = begin(worked, as_administrator, integration_id)
    assert "login_hint=ann%40msp.example" in address
    worked(as_administrator.get, way_back(sandbox, address))
    assert stored(integration_id).sign_in_lapsed_at is None
    assert "Sign in again</span>" not in as_administrator.get("/account/integrations").text


def test_a_sign_in_can_be_forgotten(as_administrator: FlaskClient, integration_id: int) -> None:
    declare_writing()
    stored(integration_id).act_for("ann@msp.example", "a token", utc_now())
    db.session.commit()
    answer = as_administrator.post(f"/account/integrations/{integration_id}/sign-in/forget")
    assert "is forgotten" in said(as_administrator, answer)
    after = stored(integration_id)
    assert (after.acts_for_user, after.refresh_token_encrypted, after.signed_in_as) == (False, "", "")
    assert any("no longer acts" in entry.event for entry in db.session.scalars(select(AuditEntry)))


def test_another_app_registration_needs_a_new_sign_in(
    as_administrator: FlaskClient, integration_id: int, sandbox: Sandbox, worked: Worked, partner: SandboxTenant
) -> None:
    declare_writing()
    stored(integration_id).act_for("ann@msp.example", "a token", utc_now())
    db.session.commit()
    other = "99999999-bbbb-3333-cccc-4444dddd5555"
    sandbox.patch_tenant(partner.tenant_id, client_id=other)
    form = {"name": "Our customers", "client_id": other, "cloud": "global", "client_secret": ""}
    answer = worked(edited, as_administrator, f"/account/integrations/{integration_id}/connection", form)
    assert answer.status_code == 303, answer.text
    after = stored(integration_id)
    assert (after.client_id, after.refresh_token_encrypted) == (other, "")
    assert after.acts_for_user
    assert after.sign_in_lapsed_at is not None
