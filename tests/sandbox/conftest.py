"""One running sandbox for all tests of it, a tenant for each test, and a client that trusts its authority."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests

from sandbox import Sandbox, Sku, Tenant, documented_tenant, generate
from tests.sandbox.client import Client

_numbers = itertools.count()


@pytest.fixture(scope="session")
def service() -> Iterator[Sandbox]:
    with Sandbox([documented_tenant()]) as running:
        yield running


@pytest.fixture
def client(service: Sandbox) -> Iterator[Client]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(service.ca_bundle)
        yield Client(service.url, session)


@pytest.fixture
def tenant(service: Sandbox) -> Tenant:
    """A tenant that no other test has: two domains and three products."""
    number = next(_numbers)
    made = replace(
        generate(20_000 + number, 1)[0],
        domains=(f"test{number}.onmicrosoft.com", f"Test{number}.example"),
        skus=(Sku.of("SPE_E3", 25, 20), Sku.of("VISIOCLIENT", 3, 4), Sku.of("FLOW_FREE", 10_000, 1)),
    )
    service.put_tenant(made)
    return made


@pytest.fixture
def token(client: Client, tenant: Tenant) -> str:
    return client.token(tenant)
