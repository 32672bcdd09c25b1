"""No secret is in any line of the log, at any level, whatever Microsoft answers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest
from urllib3 import BaseHTTPResponse, PoolManager

from logs.formats import JsonLines, TextLines
from sandbox import Fault, Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from tests.support.pem import pem_pair
from webapp.extensions import db
from webapp.models import Integration

from .conftest import Sync
from .partners import customers_of, partner_integration, partner_tenant
from .users_sign_in import refresh_token_of

SECRET_FIELDS = ("client_secret", "client_assertion", "refresh_token", "code", "code_verifier")

# What goes wrong, each in a tenant of its own.
FAULTS = (
    Fault("token", "server_error", times=1),
    Fault("token", "wrong_shape", times=1),
    Fault("subscribedSkus", "throttle", times=1, retry_after=1),
    Fault("subscribedSkus", "unauthorized", times=1),
    Fault("subscribedSkus", "forbidden", times=1),
    Fault("users", "not_json", times=1),
    Fault("graph", "drop", times=1),
    Fault("graph", "foreign_next_link", times=1),
)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every secret and token that went over the wire from here."""
    secrets: set[str] = set()
    send = PoolManager.urlopen

    def note(self: PoolManager, *args: Any, **request: Any) -> BaseHTTPResponse:
        secrets.add(request["headers"].get("Authorization", "").removeprefix("Bearer "))
        fields = parse_qs((request["body"] or b"").decode())
        secrets.update(value for name in SECRET_FIELDS for value in fields.get(name, ()))
        return send(self, *args, **request)

    monkeypatch.setattr(PoolManager, "urlopen", note)
    return secrets


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Every line, of every logger at every level, as it is written, and those of ours also as they were given."""
    caplog.set_level(logging.DEBUG)
    found: list[str] = []

    def keep(record: logging.LogRecord) -> None:
        found.extend((JsonLines().format(record), TextLines().format(record)))
        if record.name.partition(".")[0] in {"jobs", "webapp"}:
            found.append(logging.Formatter().format(record) + repr(vars(record)))

    handler = logging.Handler()
    handler.emit = keep  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)


def stored(integration: Integration) -> set[str]:
    """What is sealed in the integration's row, as it is sealed and as it is."""
    db.session.refresh(integration)
    columns: Mapping[str, object] = {
        name: getattr(integration, name) for name in vars(integration) if name.endswith("_encrypted")
    }
    plain = (integration.client_secret, integration.certificate, integration.refresh_token)
    return {str(value) for value in (*columns.values(), *plain) if value}


def assert_nothing_told(log: list[str], secrets: set[str]) -> None:
    text = "\n".join(log)
    told = [secret for secret in secrets if secret and secret in text]
    assert told == []
    assert "jobs.microsoft.noting" in text


def test_with_a_client_secret_and_all_that_can_go_wrong(
    sandbox: Sandbox, make: Make, sync: Sync, sent: set[str], log: list[str]
) -> None:
    secrets: set[str] = set()
    for fault in FAULTS:
        tenant = sandbox_tenant(sandbox, faults=(fault,))
        row = connected(make, tenant)
        sync(row)
        assert tenant.secret in sent
        secrets |= stored(row.integration)
    refused = sandbox_tenant(sandbox)
    row = connected(make, refused)
    sandbox.patch_tenant(refused.tenant_id, secret="another-secret")
    sync(row)
    assert_nothing_told(log, secrets | sent)


def test_with_a_certificate(sandbox: Sandbox, make: Make, sync: Sync, sent: set[str], log: list[str]) -> None:
    ours, public = pem_pair()
    tenant = sandbox_tenant(sandbox, certificates=(public,), faults=(Fault("graph", "forbidden", times=1),))
    row = connected(make, tenant)
    row.integration.certificate = ours
    row.integration.client_secret = ""
    db.session.commit()
    sync(row)
    assertions = [secret for secret in sent if secret.startswith("eyJ")]
    assert assertions
    assert_nothing_told(log, sent | stored(row.integration) | {ours.splitlines()[3]})


def test_with_a_partners_user(sandbox: Sandbox, make: Make, sync: Sync, sent: set[str], log: list[str]) -> None:
    partner = partner_tenant(sandbox)
    (customer,) = customers_of(sandbox, partner, "Contoso", faults=(Fault("graph", "forbidden", times=1),))
    integration = partner_integration(make, partner)
    integration.acts_for_user = True
    integration.refresh_token = refresh_token_of(sandbox, partner)
    row = make.tenant(integration=integration, tenant_id=customer.tenant_id, organization=make.organization())
    db.session.commit()
    before = stored(integration)
    sync(row)
    secrets = sent | before | stored(integration)
    assert integration.refresh_token in secrets
    assert len(secrets) >= 6
    assert_nothing_told(log, secrets)
