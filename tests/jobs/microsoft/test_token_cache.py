"""An access token serves its whole life, on whichever worker; and nothing of it is needed for a right answer."""

from __future__ import annotations

import logging
import multiprocessing
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msal
import pytest
from cryptography.fernet import Fernet
from flask import Flask
from redis import Redis

from config import Settings
from jobs.microsoft import shared
from jobs.microsoft.errors import AccessDenied, ServerFailed, SignInRefused
from jobs.microsoft.graph import GraphClient
from jobs.microsoft.page import Ask, Page
from jobs.microsoft.signin import Credentials, SignIn
from jobs.microsoft.transport import Transport
from sandbox import Fault, Sandbox, Tenant
from tests.jobs.users_sign_in import Kept, refresh_token_of
from tests.support.microsoft import sandbox_tenant
from tests.support.pem import pem_pair
from webapp import create_app
from webapp.extensions import vault
from webapp.models import Cloud

By = Callable[..., SignIn]


@pytest.fixture
def app_settings(app: Flask, settings: Settings) -> Settings:
    """Settings that send everything to the sandbox, with the Redis and the keys of the app."""
    own = app.config["SETTINGS"]
    return replace(settings, redis_url=own.redis_url, encryption_keys=own.encryption_keys)


@pytest.fixture
def redis(redis_url: str) -> Redis:
    return Redis.from_url(redis_url)


@pytest.fixture
def worker(app_settings: Settings) -> By:
    """Sign in as another worker does; credentials and settings may be named."""

    def sign_in(of: Tenant, /, settings: Settings = app_settings, **given: Any) -> SignIn:
        return SignIn(credentials_of(of, **given), settings, Transport(settings.microsoft_ca_bundle))

    return sign_in


@pytest.fixture
def no_certificate_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("msal's application was made")

    monkeypatch.setattr(msal, "ConfidentialClientApplication", refuse)


def credentials_of(of: Tenant, /, **given: Any) -> Credentials:
    own = {"tenant": of.tenant_id, "client_id": of.client_id, "client_secret": of.secret}
    return Credentials(cloud=Cloud.GLOBAL, **{**own, "shared_as": "the app", **given})


def asked(sandbox: Sandbox, tenant: Tenant) -> dict[str, int]:
    return dict(Counter(entry["route"] for entry in sandbox.requests(tenant.tenant_id)["requests"]))


def token_in_a_process_of_its_own(settings: Settings, credentials: Credentials) -> str:
    with create_app(settings).app_context():
        return SignIn(credentials, settings, Transport(settings.microsoft_ca_bundle)).token()


def test_another_process_uses_the_token_and_asks_nothing(shared_sandbox: Sandbox, app_settings: Settings) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    tokens = set()
    for _ in range(2):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            token = process.submit(token_in_a_process_of_its_own, app_settings, credentials_of(tenant))
            tokens.add(token.result(60))
    assert len(tokens) == 1
    assert asked(shared_sandbox, tenant) == {"token": 1}


def test_with_a_token_at_hand_no_certificate_is_read_and_the_tenant_is_known(
    shared_sandbox: Sandbox, worker: By, request: pytest.FixtureRequest
) -> None:
    key, certificate = pem_pair()
    tenant = sandbox_tenant(shared_sandbox, certificates=(certificate,))
    given = {"tenant": tenant.domains[0], "client_secret": "", "certificate": key + certificate}
    first = worker(tenant, **given)
    token = first.token()
    request.getfixturevalue("no_certificate_is_read")
    second = worker(tenant, **given)
    assert (second.token(), second.tenant_id) == (token, tenant.tenant_id) == (token, first.tenant_id)


@pytest.mark.parametrize(
    "given",
    [
        {"client_secret": "another"},
        {"client_id": str(uuid.UUID(int=7))},
        {"tenant": "a-domain.example"},
        {"cloud": Cloud.USGOV},
        {"shared_as": "somebody else"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_whatever_else_signs_in_does_not_get_the_token(
    shared_sandbox: Sandbox, worker: By, app_settings: Settings, given: dict[str, Any]
) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    worker(tenant).token()
    count = shared_sandbox.requests()["total"]
    credentials = replace(credentials_of(tenant), **given)
    with suppress(SignInRefused):
        SignIn(credentials, app_settings, Transport(app_settings.microsoft_ca_bundle)).token()
    assert shared_sandbox.requests()["total"] > count


def test_another_certificate_does_not_get_the_token(shared_sandbox: Sandbox, worker: By) -> None:
    (key, known), (other_key, unknown) = pem_pair(1), pem_pair(2)
    tenant = sandbox_tenant(shared_sandbox, certificates=(known,))
    worker(tenant, client_secret="", certificate=key + known).token()
    with pytest.raises(SignInRefused):
        worker(tenant, client_secret="", certificate=other_key + unknown).token()


def test_credentials_on_trial_really_sign_in(shared_sandbox: Sandbox, worker: By) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    token = worker(tenant).token()
    assert worker(tenant, shared_as="").token() != token
    assert asked(shared_sandbox, tenant) == {"openid": 1, "token": 2}


def test_where_a_tenant_signs_in_is_asked_only_where_a_domain_names_it(shared_sandbox: Sandbox, worker: By) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    for name in (tenant.tenant_id, f"{{{tenant.tenant_id.upper()}}}"):
        assert worker(tenant, tenant=name).token()
        assert worker(tenant, tenant=name).tenant_id == tenant.tenant_id
    assert asked(shared_sandbox, tenant) == {"token": 2}
    assert worker(tenant, tenant=tenant.domains[0]).token()
    assert asked(shared_sandbox, tenant) == {"openid": 1, "token": 3}


def test_a_tenant_that_is_none_is_told_by_the_tokens_refusal(shared_sandbox: Sandbox, worker: By) -> None:
    signed_in = worker(sandbox_tenant(shared_sandbox), tenant=str(uuid.UUID(int=8)))
    with pytest.raises(SignInRefused) as caught:
        signed_in.token()
    assert (caught.value.problem.code, caught.value.field) == ("AADSTS90002", "tenant")


def test_the_token_is_kept_and_used_by_others_until_five_minutes_before_its_end(
    shared_sandbox: Sandbox, worker: By, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = sandbox_tenant(shared_sandbox, token_lifetime=1000)
    worker(tenant).token()
    lasts = [redis.ttl(key) for key in redis.scan_iter("seatledger:sign-in:*")]
    assert len(lasts) == 1
    assert 690 < lasts[0] <= 700
    another, now = worker(tenant), time.monotonic
    for ahead, tokens in ((600, 1), (701, 2)):
        monkeypatch.setattr(time, "monotonic", lambda ahead=ahead: now() + ahead)
        another.token()
        assert asked(shared_sandbox, tenant)["token"] == tokens


def test_a_token_that_ends_soon_is_not_kept(shared_sandbox: Sandbox, worker: By) -> None:
    tenant = sandbox_tenant(shared_sandbox, token_lifetime=290)
    assert worker(tenant).token() != worker(tenant).token()


def test_nothing_in_redis_tells_a_secret_or_whose_it_is(shared_sandbox: Sandbox, worker: By, redis: Redis) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    token = worker(tenant).token()
    stored = b"".join(key + redis.get(key) for key in redis.scan_iter("seatledger:sign-in:*"))
    assert stored
    for told in (token, tenant.secret, tenant.tenant_id, tenant.client_id, "openid"):
        assert told.encode() not in stored


def test_a_renewed_token_is_that_of_all_and_the_old_one_of_nobody(shared_sandbox: Sandbox, worker: By) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    first = worker(tenant)
    old = first.token()
    second = worker(tenant)
    new = second.renew()
    assert new != old
    assert worker(tenant).token() == new
    assert asked(shared_sandbox, tenant)["token"] == 2


def test_a_token_that_failed_is_forgotten_also_where_no_new_one_is_given(shared_sandbox: Sandbox, worker: By) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    signed_in = worker(tenant)
    old = signed_in.token()
    shared_sandbox.patch_tenant(tenant.tenant_id, faults=[Fault("token", "server_error", times=1)])
    with pytest.raises(ServerFailed):
        signed_in.renew()
    assert worker(tenant).token() != old


def test_who_failed_with_an_old_token_does_not_make_others_forget_a_newer_one(
    shared_sandbox: Sandbox, worker: By
) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    late = worker(tenant)
    late.token()
    newer = worker(tenant).renew()
    shared_sandbox.patch_tenant(tenant.tenant_id, faults=[Fault("token", "server_error", times=1)])
    with pytest.raises(ServerFailed):
        late.renew()
    assert worker(tenant).token() == newer


@pytest.mark.parametrize("trouble", ["emptied", "garbage", "json", "list", "another type", "rotated", "no end"])
def test_what_cannot_be_read_in_redis_is_as_if_it_were_not_there(
    trouble: str, shared_sandbox: Sandbox, worker: By, redis: Redis
) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    token = worker(tenant).token()
    for key in list(redis.scan_iter("seatledger:sign-in:*")):
        spoil(redis, key, trouble)
    renewed = worker(tenant).token()
    assert renewed != token
    assert asked(shared_sandbox, tenant) == {"token": 2}
    assert worker(tenant).token() == renewed


def spoil(redis: Redis, key: bytes, trouble: str) -> None:
    stored = redis.get(key)
    assert isinstance(stored, bytes)
    redis.delete(key)
    if trouble == "garbage":
        redis.set(key, b"\xff\x00 garbage", ex=600)
    elif trouble == "json":
        redis.set(key, vault.encrypt('{"token": "with\\nbreak", "tenant_id": 7, "content": null}'), ex=600)
    elif trouble == "list":
        redis.set(key, vault.encrypt("[]"), ex=600)
    elif trouble == "another type":
        redis.lpush(key, "an item")
    elif trouble == "rotated":
        redis.set(key, Fernet(Fernet.generate_key()).encrypt(b"{}"), ex=600)
    elif trouble == "no end":
        redis.set(key, stored)


def test_without_redis_each_signs_in_for_itself_and_the_log_says_so_once_and_no_secret(
    shared_sandbox: Sandbox, worker: By, app_settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    away = replace(app_settings, redis_url=f"redis://:a-password@127.0.0.1:1/{uuid.uuid4().int % 16}")
    with caplog.at_level(logging.DEBUG):
        tokens = {worker(tenant, settings=away).token() for _ in range(3)}
    assert len(tokens) == 3
    assert caplog.text.count("Redis does not answer") == 1
    for secret in (tenant.secret, "a-password", *tokens):
        assert secret not in caplog.text


def test_after_redis_came_back_it_is_used_again(
    shared_sandbox: Sandbox, worker: By, app_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    monkeypatch.setitem(shared._away_until, app_settings.redis_url, float("inf"))
    first = worker(tenant).token()
    monkeypatch.setitem(shared._away_until, app_settings.redis_url, 0.0)
    second = worker(tenant).token()
    assert first != second == worker(tenant).token()


def test_a_users_token_is_shared_until_somebody_signs_in_anew(shared_sandbox: Sandbox, app: Flask, worker: By) -> None:
    tenant = sandbox_tenant(shared_sandbox)
    user, next_user = Kept(refresh_token_of(shared_sandbox, tenant)), Kept(refresh_token_of(shared_sandbox, tenant))
    shared_sandbox.reset_requests(tenant.tenant_id)
    token = worker(tenant, user=user, shared_as="ann").token()
    assert worker(tenant, user=user, shared_as="ann").token() == token
    assert asked(shared_sandbox, tenant)["token"] == 1
    used = next_user.token
    assert worker(tenant, user=next_user, shared_as="bob").token() != token
    assert next_user.token != used


@pytest.mark.parametrize("together", [False, True], ids=["alone", "in a batch"])
def test_a_permission_that_was_granted_after_the_token_counts_at_once(
    together: bool, shared_sandbox: Sandbox, worker: By, app_settings: Settings
) -> None:
    tenant = sandbox_tenant(shared_sandbox, permissions=("LicenseAssignment.Read.All",))
    worker(tenant).token()
    shared_sandbox.patch_tenant(tenant.tenant_id, permissions=["LicenseAssignment.Read.All", "User.Read.All"])
    graph = GraphClient(shared_sandbox.url, worker(tenant), Transport(app_settings.microsoft_ca_bundle))
    asks = [Ask("/users?$select=id", "User.Read.All"), Ask("/subscribedSkus?$select=skuId", "")]
    found = graph.together(asks) if together else [graph.page(ask) for ask in asks]
    assert all(isinstance(page, Page) for page in found)
    assert asked(shared_sandbox, tenant)["token"] == 2


def test_a_permission_that_is_missing_is_believed_after_one_new_token(
    shared_sandbox: Sandbox, worker: By, app_settings: Settings
) -> None:
    tenant = sandbox_tenant(shared_sandbox, permissions=("LicenseAssignment.Read.All",))
    worker(tenant).token()
    graph = GraphClient(shared_sandbox.url, worker(tenant), Transport(app_settings.microsoft_ca_bundle))
    for _ in range(2):
        with pytest.raises(AccessDenied):
            graph.page(Ask("/users?$select=id", "User.Read.All"))
    assert asked(shared_sandbox, tenant) == {"token": 2, "users": 3}
