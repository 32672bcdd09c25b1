"""Waits that Microsoft asked for, as they are stored: whoever asks for something obeys them, syncs and all others."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from jobs import adding, compare, connect, discovery, waits
from sandbox import Sandbox
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from tests.support.turns import in_turn
from webapp.extensions import db, vault
from webapp.models import AdditionLine, Tenant, TenantAddition, utc_now

from .helpers import asked, do

# Something that a job asks Microsoft about the tenant, and the code of the problem that comes of it.
Question = Callable[[Tenant], Any]


def compared(tenant: Tenant) -> Any:
    return do(compare.compare, tenant.id)["problem"]["code"]


def looked_for(tenant: Tenant) -> Any:
    return do(discovery.discover, tenant.integration_id)["problem"]["code"]


def tried(tenant: Tenant) -> Any:
    integration = tenant.integration
    given = {"cloud": integration.cloud, "tenant": tenant.tenant_id.upper(), "client_id": integration.client_id.upper()}
    sealed = vault.encrypt(json.dumps({**given, "client_secret": integration.client_secret}))
    return do(connect.check, sealed)["problem"]["code"]


@in_turn
def added(tenant: Tenant) -> Any:
    addition = TenantAddition.begin(db.session, tenant.integration_id, [("fabrikam.example", None)], "ann@msp.example")
    db.session.commit()
    do(adding.add, addition.id)
    return db.session.query(AdditionLine).filter_by(addition_id=addition.id).one().code


@pytest.mark.parametrize(
    ("ask", "is_of_app"),
    [
        (compared, True),
        (compared, False),
        (looked_for, True),
        (looked_for, False),
        (tried, True),
        (tried, False),
        (added, True),
    ],
)
def test_nobody_asks_before_the_end_of_a_wait(ask: Question, is_of_app: bool, sandbox: Sandbox, make: Make) -> None:
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    told = tenant.integration if is_of_app else tenant
    told.not_before = utc_now() + timedelta(minutes=5)
    db.session.commit()
    assert ask(tenant) == "HTTP 429"
    assert asked(sandbox, given.tenant_id) == {}


def test_of_all_waits_those_that_are_over_and_those_of_a_clock_that_was_wrong_are_not_told(
    app: Flask, make: Make
) -> None:
    now = utc_now()
    held, over, wrong, free = (make.tenant(integration=make.integration()) for _ in range(4))
    held.not_before = now + timedelta(minutes=1)
    held.integration.not_before = now + timedelta(minutes=2)
    over.not_before = over.integration.not_before = now - timedelta(seconds=1)
    wrong.not_before = wrong.integration.not_before = now + timedelta(days=300)
    free.not_before = None
    db.session.commit()
    found = {(wait.client_id, wait.tenant): wait.seconds for wait in waits.stored()}
    of_app, of_tenant = (held.integration.client_id, ""), (held.integration.client_id, held.tenant_id)
    assert found == {of_app: pytest.approx(120, abs=20), of_tenant: pytest.approx(60, abs=20)}
