"""Signing in with msal, against the sandbox over TLS."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from config import Settings
from jobs.microsoft.errors import (
    BadAnswer,
    MicrosoftError,
    Refused,
    ServerFailed,
    SignInRefused,
    Throttled,
    Transient,
)
from jobs.microsoft.signin import Credentials, SignIn
from jobs.microsoft.transport import Transport
from sandbox import Fault, Sandbox
from tests.jobs.raw_server import answer, raw_server
from tests.support.microsoft import sandbox_tenant
from webapp.models import Cloud

To = Callable[..., SignIn]


def requests_of(sandbox: Sandbox, tenant_id: str) -> list[tuple[str, int]]:
    return [(entry["route"], entry["status"]) for entry in sandbox.requests(tenant_id)["requests"]]


def test_a_sign_in_asks_once_for_the_tenant_and_once_for_a_token(shared_sandbox: Sandbox, sign_in: To) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    signed_in = sign_in(tenant)
    assert signed_in.token() == signed_in.token()
    assert requests_of(shared_sandbox, tenant.tenant_id) == [("openid", 200), ("token", 200)]


def test_a_domain_leads_to_the_tenants_id(shared_sandbox: Sandbox, sign_in: To) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    assert sign_in(tenant, tenant=tenant.domains[0].upper()).tenant_id == tenant.tenant_id


def test_a_renewed_token_is_another_one(shared_sandbox: Sandbox, sign_in: To) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    signed_in = sign_in(tenant)
    first = signed_in.token()
    renewed = signed_in.renew()
    assert first != renewed == signed_in.token()


@pytest.mark.parametrize(
    ("changes", "credentials", "code", "field"),
    [
        ({}, {"client_id": str(uuid.UUID(int=7))}, "AADSTS700016", "client_id"),
        ({}, {"client_secret": "wrong"}, "AADSTS7000215", "client_secret"),
        ({"secret_expired": True}, {}, "AADSTS7000222", "client_secret"),
        ({"consented": False}, {}, "AADSTS65001", None),
        ({}, {"tenant": str(uuid.UUID(int=8))}, "AADSTS90002", "tenant"),
        ({}, {"tenant": "nowhere"}, "AADSTS900023", "tenant"),
    ],
)
def test_a_refused_sign_in_says_why_and_what_to_do(
    shared_sandbox: Sandbox,
    sign_in: To,
    changes: dict[str, Any],
    credentials: dict[str, str],
    code: str,
    field: str | None,
) -> None:
    with pytest.raises(SignInRefused) as caught:
        sign_in(sandbox_tenant(shared_sandbox, **changes), **credentials).token()
    error = caught.value
    assert (error.problem.code, error.field) == (code, field)
    assert error.problem.fix
    assert error.problem.request_id


def test_a_conditional_access_policy_is_named(shared_sandbox: Sandbox, sign_in: To) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault("token", "forbidden"),))
    with pytest.raises(SignInRefused, match="AADSTS53003"):
        sign_in(tenant).token()


def test_a_secret_that_was_put_right_works_at_once(shared_sandbox: Sandbox, sign_in: To) -> None:
    tenant = sandbox_tenant(shared_sandbox, secret_expired=True)
    signed_in = sign_in(tenant)
    with pytest.raises(SignInRefused):
        signed_in.token()
    shared_sandbox.patch_tenant(tenant.tenant_id, secret_expired=False)
    assert signed_in.token()


def test_a_consent_that_was_given_counts_at_once(shared_sandbox: Sandbox, sign_in: To) -> None:
    # Entra refuses this one with HTTP 400, which msal would remember for a minute.
    tenant = sandbox_tenant(shared_sandbox, consented=False)
    signed_in = sign_in(tenant)
    with pytest.raises(SignInRefused):
        signed_in.token()
    shared_sandbox.patch_tenant(tenant.tenant_id, consented=True)
    assert signed_in.token()


@pytest.mark.parametrize("on", ["openid", "token"])
@pytest.mark.parametrize("kind", ["server_error", "unavailable", "gateway_timeout"])
def test_a_failing_sign_in_service_may_be_asked_again(on: str, kind: str, shared_sandbox: Sandbox, sign_in: To) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault(on, kind, times=1),))
    with pytest.raises(ServerFailed, match="sign-in service"):
        sign_in(tenant).token()
    assert sign_in(tenant).token()


@pytest.mark.parametrize("on", ["openid", "token"])
def test_a_sign_in_service_that_asks_to_wait_says_how_long(on: str, shared_sandbox: Sandbox, sign_in: To) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault(on, "throttle", times=1, retry_after=30),))
    with pytest.raises(Throttled) as caught:
        sign_in(tenant).token()
    assert caught.value.seconds == 30


@pytest.mark.parametrize(
    ("on", "kind"),
    [
        *[(on, kind) for on in ("openid", "token") for kind in ("not_json", "bad_json", "wrong_shape", "redirect")],
        ("token", "wrong_item"),
    ],
)
def test_an_answer_that_is_none_is_not_believed_and_not_remembered(
    on: str, kind: str, shared_sandbox: Sandbox, sign_in: To
) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault(on, kind, times=1),))
    with pytest.raises(MicrosoftError) as caught:
        sign_in(tenant).token()
    assert isinstance(caught.value, BadAnswer)
    assert sign_in(tenant).token()


@pytest.mark.parametrize("on", ["openid", "token"])
def test_a_dropped_connection_is_a_passing_fault(on: str, shared_sandbox: Sandbox, sign_in: To) -> None:
    tenant = sandbox_tenant(shared_sandbox, faults=(Fault(on, "drop", times=1),))
    with pytest.raises(Transient):
        sign_in(tenant).token()


@contextmanager
def answering(told: str, status: str, tmp_path: Path, settings: Settings, encoding: str = "utf-8") -> Iterator[SignIn]:
    """A sign-in at a server whose token endpoint answers so."""

    def serve(connection: socket.socket) -> None:
        login = {name: f"{server.url}/t/{name}" for name in ("authorization_endpoint", "token_endpoint", "issuer")}
        if len(server.heads) == 1:
            connection.sendall(answer(json.dumps({**login, "error": None}).encode()))
        else:
            connection.sendall(answer(told.encode(encoding), status=status))

    with raw_server(tmp_path, serve) as server:
        credentials = Credentials(Cloud.GLOBAL, str(uuid.uuid4()), str(uuid.uuid4()), "a-secret")
        yield SignIn(credentials, replace(settings, microsoft_login_url=server.url), Transport(server.ca_bundle))


def test_a_token_beside_an_error_that_is_none_is_a_token(tmp_path: Path, settings: Settings) -> None:
    told = '{"access_token": "a-token", "expires_in": 3600, "error": null}'
    with answering(told, "200 OK", tmp_path, settings) as signed_in:
        assert signed_in.token() == "a-token"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_token_in_another_encoding_is_a_token_and_in_no_log(
    encoding: str, tmp_path: Path, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    told = '{"access_token": "a-token", "expires_in": 3600}'
    with answering(told, "200 OK", tmp_path, settings, encoding) as signed_in:
        assert signed_in.token() == "a-token"
    assert "a-token" not in caplog.text.replace("\0", "")


@pytest.mark.parametrize("id_token", ['"no-dot-in-it"', '"a.b.c"', "7", "[]"])
def test_an_id_token_that_is_none_makes_an_answer_that_is_not_believed(
    id_token: str, tmp_path: Path, settings: Settings
) -> None:
    told = f'{{"access_token": "a-token", "expires_in": 3600, "id_token": {id_token}}}'
    with answering(told, "200 OK", tmp_path, settings) as signed_in, pytest.raises(BadAnswer):
        signed_in.token()


def test_a_refusal_with_a_code_of_thousands_of_digits_is_a_refusal(tmp_path: Path, settings: Settings) -> None:
    told = f'{{"error": "invalid_client", "error_description": "It is no good.", "error_codes": [{"9" * 5000}]}}'
    with answering(told, "401 Unauthorized", tmp_path, settings) as signed_in:
        with pytest.raises(SignInRefused, match="It is no good") as caught:
            signed_in.token()
        assert caught.value.problem.code == "invalid_client"


def test_no_error_shows_the_secret_even_where_the_other_side_repeats_it(tmp_path: Path, settings: Settings) -> None:
    secret = 'VERY~secret.val+/ue "&'
    spelled = [secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)]

    def serve(connection: socket.socket) -> None:
        if len(server.heads) == 1:
            login = {name: f"{server.url}/t/{name}" for name in ("authorization_endpoint", "token_endpoint", "issuer")}
            connection.sendall(answer(json.dumps(login).encode()))
        else:
            told = {"error": f"bad_{secret}", "error_description": f"The secret {' or '.join(spelled)} is no good."}
            connection.sendall(answer(json.dumps(told).encode(), status="401 Unauthorized"))

    with raw_server(tmp_path, serve) as server:
        credentials = Credentials(Cloud.GLOBAL, str(uuid.uuid4()), str(uuid.uuid4()), secret)
        settings = replace(settings, microsoft_login_url=server.url)
        with pytest.raises(Refused) as caught:
            SignIn(credentials, settings, Transport(server.ca_bundle)).token()
    shown = f"{caught.value} {caught.value!r} {caught.value.problem} {credentials}"
    assert "no good" in shown
    assert not [spelling for spelling in spelled if spelling in shown]
