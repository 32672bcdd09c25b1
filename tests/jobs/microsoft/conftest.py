"""Fixtures for what talks to Microsoft; none of it touches the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config import Settings
from jobs.microsoft import connections
from jobs.microsoft.graph import GraphClient
from jobs.microsoft.signin import Credentials, SignIn
from jobs.microsoft.transport import Transport
from sandbox import Sandbox, Tenant
from tests.support.settings import make_settings
from webapp.models import Cloud


@pytest.fixture
def another_environment() -> Iterator[None]:
    """The environment is looked at anew, in the test and after it: a process does so once."""
    caches = (connections._made, connections._managers)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def settings(tmp_path: Path, shared_sandbox: Sandbox) -> Settings:
    """Settings that send everything to the sandbox."""
    url = shared_sandbox.url
    return make_settings(
        tmp_path,
        microsoft_login_url=url,
        microsoft_graph_url=url,
        microsoft_ca_bundle=str(shared_sandbox.ca_bundle),
    )


@pytest.fixture
def transport(settings: Settings) -> Transport:
    return Transport(settings.microsoft_ca_bundle)


@pytest.fixture
def sign_in(settings: Settings, transport: Transport) -> Callable[..., SignIn]:
    """Sign in to a tenant of the sandbox; credentials may be named that differ from its own."""

    def to(of: Tenant, /, **credentials: Any) -> SignIn:
        own = {"tenant": of.tenant_id, "client_id": of.client_id, "client_secret": of.secret}
        return SignIn(Credentials(cloud=Cloud.GLOBAL, **{**own, **credentials}), settings, transport)

    return to


@pytest.fixture
def graph(sign_in: Callable[..., SignIn], transport: Transport, settings: Settings) -> Callable[..., GraphClient]:
    """A Graph client of a tenant of the sandbox, which does not wait between its tries."""

    def of(tenant: Tenant) -> GraphClient:
        return GraphClient(str(settings.microsoft_graph_url), sign_in(tenant), transport, sleep=lambda seconds: None)

    return of
