"""Signing in with a certificate, and for a partner's user, with msal against the sandbox over TLS."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from config import Settings
from jobs.microsoft import signin, user_signin
from jobs.microsoft.errors import BadAnswer, SignInRefused
from jobs.microsoft.signin import Credentials, SignIn
from jobs.microsoft.transport import Transport
from jobs.microsoft.user_signin import SignedIn
from sandbox import Sandbox, Tenant
from tests.jobs.partners import customer_of
from tests.jobs.users_sign_in import Kept
from tests.support.microsoft import sandbox_tenant
from tests.support.pem import pem_pair
from webapp.models import Cloud

To = Callable[..., SignIn]
Flow = dict[str, Any]
REDIRECT = "http://localhost:8000/account/integrations/sign-in/callback"


def credentials(of: Tenant, **values: Any) -> Credentials:
    return Credentials(Cloud.GLOBAL, of.tenant_id, of.client_id, of.secret, **values)


def visit(sandbox: Sandbox, address: str) -> dict[str, str]:
    """What the browser is sent back with."""
    answer = requests.get(address, verify=str(sandbox.ca_bundle), allow_redirects=False, timeout=10)
    location = answer.headers["Location"]
    assert location.startswith(REDIRECT)
    return dict(parse_qsl(urlsplit(location).query))


@pytest.fixture
def begin(settings: Settings, transport: Transport) -> Callable[..., tuple[str, Flow]]:
    return lambda tenant, hint="": user_signin.begin(credentials(tenant), settings, transport, REDIRECT, hint)


@pytest.fixture
def finish(settings: Settings, transport: Transport) -> Callable[..., SignedIn]:
    return lambda tenant, flow, response: user_signin.finish(credentials(tenant), settings, transport, flow, response)


@pytest.fixture
def refresh_token(shared_sandbox: Sandbox, begin: Callable[..., Any], finish: Callable[..., Any]) -> Callable[..., str]:
    def of(tenant: Tenant) -> str:
        address, flow = begin(tenant)
        token: str = finish(tenant, flow, visit(shared_sandbox, address)).refresh_token
        return token

    return of


def test_a_certificate_signs_in_where_the_app_has_it_and_only_there(shared_sandbox: Sandbox, sign_in: To) -> None:
    ours, public = pem_pair()
    tenant = sandbox_tenant(shared_sandbox, certificates=(public,))
    assert sign_in(tenant, client_secret="", certificate=ours).token()
    with pytest.raises(SignInRefused) as caught:
        sign_in(tenant, client_secret="", certificate=pem_pair(2)[0]).token()
    assert (caught.value.problem.code, caught.value.field) == ("AADSTS700027", "certificate")
    assert "Certificates & secrets" in caught.value.problem.fix


def test_no_secret_is_in_what_is_printed_of_credentials() -> None:
    shown = repr(Credentials(Cloud.GLOBAL, "t", "c", "a~secret", pem_pair()[0], Kept("a refresh token")))
    assert not any(secret in shown for secret in ("a~secret", "BEGIN", "refresh"))


def test_a_user_signs_in_with_pkce_and_is_known_by_name(
    shared_sandbox: Sandbox, begin: Callable[..., Any], finish: Callable[..., SignedIn]
) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    address, flow = begin(tenant, "ann@msp.example")
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == REDIRECT
    assert set(asked["scope"].split()) == {
        "https://graph.microsoft.com/.default",
        "openid",
        "profile",
        "offline_access",
    }
    assert flow["code_verifier"] not in address
    signed_in = finish(tenant, flow, visit(shared_sandbox, address))
    assert (signed_in.tenant_id, signed_in.user) == (tenant.tenant_id, "ann@msp.example")
    assert signed_in.refresh_token not in repr(signed_in)


def test_a_code_is_of_no_use_without_the_verifier_that_it_was_asked_for_with(
    shared_sandbox: Sandbox, begin: Callable[..., Any], finish: Callable[..., Any]
) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    address, flow = begin(tenant)
    _, other = begin(tenant)
    response = visit(shared_sandbox, address)
    with pytest.raises(SignInRefused) as caught:
        finish(tenant, {**flow, "code_verifier": other["code_verifier"]}, response)
    assert caught.value.problem.code == "AADSTS501481"


def test_an_answer_to_another_request_is_not_taken(
    shared_sandbox: Sandbox, begin: Callable[..., Any], finish: Callable[..., Any]
) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    address, flow = begin(tenant)
    response = visit(shared_sandbox, address)
    for wrong in ({**response, "state": "another"}, {"code": response["code"]}):
        with pytest.raises(SignInRefused, match="not begun in this browser"):
            finish(tenant, flow, wrong)
    with pytest.raises(BadAnswer):
        finish(tenant, {**flow, "nonce": "another"}, response)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"error": "access_denied", "error_description": "AADSTS65004: User declined to consent."}, "declined"),
        ({"error": "access_denied", "error_subcode": "cancel"}, "cancelled at Microsoft"),
        ({"error": "consent_required", "error_description": "AADSTS65001: No."}, "has not consented"),
        ({"error": "server_error", "error_description": "AADSTS90033: A transient error."}, "not available"),
        ({"error": "<script>", "error_description": "x" * 9000}, "Microsoft refused the sign-in"),
        ({}, "no reason given"),
    ],
)
def test_what_microsoft_says_at_the_way_back_is_explained(
    shared_sandbox: Sandbox,
    begin: Callable[..., Any],
    finish: Callable[..., Any],
    answer: dict[str, str],
    says: str,
) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    _, flow = begin(tenant)
    with pytest.raises(Exception, match=says) as caught:
        finish(tenant, flow, {**answer, "state": flow["state"]})
    assert len(str(caught.value)) < 500


def test_a_refresh_token_opens_a_customers_tenant_and_is_renewed_with_each_use(
    shared_sandbox: Sandbox, sign_in: To, refresh_token: Callable[..., str]
) -> None:
    partner = sandbox_tenant(shared_sandbox)
    customer = customer_of(shared_sandbox, partner)
    kept = Kept(first := refresh_token(partner))
    signed_in = sign_in(customer, user=kept)
    assert signed_in.token() == signed_in.token()
    assert signed_in.tenant_id == customer.tenant_id
    assert kept.token != first
    second = kept.token
    assert signed_in.renew() == signed_in.token()
    assert kept.token != second


def test_a_short_lived_token_is_renewed_before_it_ends(
    shared_sandbox: Sandbox, sign_in: To, refresh_token: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    partner = sandbox_tenant(shared_sandbox, token_lifetime=200)
    signed_in = sign_in(partner, user=Kept(refresh_token(partner)))
    now = time.monotonic()
    first = signed_in.token()
    monkeypatch.setattr(signin, "time", SimpleNamespace(monotonic=lambda: now + 110))
    assert signed_in.token() != first


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"refresh_error": 50076}, "AADSTS50076"),
        ({"refresh_error": 50078}, "AADSTS50078"),
        ({"refresh_error": 70008}, "AADSTS70008"),
        ({"refresh_tokens_valid_from": 4e9}, "AADSTS50173"),
        ({"refresh_token_lifetime": -1}, "AADSTS700082"),
        ({"refresh_error": 999_999}, "AADSTS999999"),
    ],
)
def test_a_refresh_token_that_is_not_taken_any_more_needs_the_person(
    shared_sandbox: Sandbox, sign_in: To, refresh_token: Callable[..., str], changes: dict[str, Any], code: str
) -> None:
    partner = sandbox_tenant(shared_sandbox)
    kept = Kept(refresh_token(partner))
    shared_sandbox.patch_tenant(partner.tenant_id, **changes)
    with pytest.raises(SignInRefused) as caught:
        sign_in(partner, user=kept).token()
    assert (caught.value.problem.code, caught.value.needs_person) == (code, True)
    assert kept.refusals == [kept.token]


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"consented": False}, "AADSTS65001"), ({"secret_expired": True}, "AADSTS7000222")],
)
def test_what_the_person_cannot_put_right_does_not_ask_for_them(
    shared_sandbox: Sandbox, sign_in: To, refresh_token: Callable[..., str], changes: dict[str, Any], code: str
) -> None:
    partner = sandbox_tenant(shared_sandbox)
    kept = Kept(refresh_token(partner))
    shared_sandbox.patch_tenant(partner.tenant_id, **changes)
    with pytest.raises(SignInRefused) as caught:
        sign_in(partner, user=kept).token()
    assert (caught.value.problem.code, caught.value.needs_person) == (code, False)
    assert kept.refusals == []


def test_where_another_worker_has_stored_a_newer_one_that_is_used(
    shared_sandbox: Sandbox, sign_in: To, refresh_token: Callable[..., str]
) -> None:
    partner = sandbox_tenant(shared_sandbox, refresh_tokens_once=True)
    kept = Kept(refresh_token(partner))
    used = kept.token
    sign_in(partner, user=kept).token()
    kept.token, kept.replacement = used, kept.token
    assert sign_in(partner, user=kept).token()
    assert kept.refusals == [used]
