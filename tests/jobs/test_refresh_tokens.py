"""The refresh token of a partner's user, used and renewed by many workers at once."""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from jobs.microsoft.errors import SignInRefused
from jobs.refresh_tokens import StoredRefreshTokens
from sandbox import Fault, Sandbox
from sandbox import Tenant as SandboxTenant
from tests.support.factories import Make
from tests.support.microsoft import sandbox_tenant
from tests.support.together import all_at_once
from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import Integration, Kind, PartState, Removal, RunState, SyncPart, utc_now
from webapp.models import Tenant as TenantRow

from .conftest import Sync
from .helpers import do
from .partners import customer_of
from .users_sign_in import refresh_token_of


def partner_integration(make: Make, partner: SandboxTenant, token: str, **values: Any) -> Integration:
    integration = make.integration(
        secret=partner.secret,
        home_tenant_id=partner.tenant_id,
        client_id=partner.client_id,
        kind=Kind.PARTNER,
        **values,
    )
    act_for(integration, token)
    return integration


@in_turn
def act_for(integration: Integration, token: str) -> None:
    integration.act_for("ann@msp.example", token, utc_now())
    db.session.commit()


def matched(make: Make, integration: Integration, tenant: SandboxTenant) -> TenantRow:
    return make.tenant(integration=integration, tenant_id=tenant.tenant_id, organization=make.organization())


def part_of(tenant: TenantRow) -> SyncPart:
    found = db.session.scalars(select(SyncPart).where(SyncPart.tenant_id == tenant.id).order_by(SyncPart.id.desc()))
    return found.first() or pytest.fail("there is no part")


def stored(integration_id: int) -> Integration:
    db.session.rollback()
    return db.session.get_one(Integration, integration_id)


def test_a_run_signs_in_to_each_customer_for_the_user_and_keeps_the_renewed_token(
    sandbox: Sandbox, make: Make, sync: Sync
) -> None:
    partner = sandbox_tenant(sandbox)
    first = refresh_token_of(sandbox, partner)
    integration = partner_integration(make, partner, first)
    # What the app may do by itself does not matter.
    rows = [matched(make, integration, customer_of(sandbox, partner)) for _ in range(3)]
    run = sync(rows[0])
    assert run.state == RunState.OK
    assert all(part_of(row).state == PartState.OK for row in rows)
    after = stored(integration.id)
    assert after.refresh_token not in {"", first}
    assert first not in after.refresh_token_encrypted
    assert after.sign_in_lapsed_at is None


def test_an_ended_sign_in_is_noted_once_and_the_parts_say_why(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    partner = sandbox_tenant(sandbox)
    integration = partner_integration(make, partner, refresh_token_of(sandbox, partner))
    row = matched(make, integration, customer_of(sandbox, partner))
    sandbox.patch_tenant(partner.tenant_id, refresh_tokens_valid_from=time.time() + 60)
    sync(row)
    part = part_of(row)
    assert (part.state, part.code) == (PartState.FAILED, "AADSTS50173")
    assert "Sign in again" in part.fix
    lapsed_at = stored(integration.id).sign_in_lapsed_at
    assert lapsed_at is not None
    sync(row)
    assert stored(integration.id).sign_in_lapsed_at == lapsed_at
    # Somebody signs in again.
    sandbox.patch_tenant(partner.tenant_id, refresh_tokens_valid_from=0)
    act_for(stored(integration.id), refresh_token_of(sandbox, partner))
    sync(row)
    assert part_of(row).state == PartState.OK
    assert stored(integration.id).sign_in_lapsed_at is None


def test_one_customer_that_asks_for_multifactor_authentication_stops_no_other(
    sandbox: Sandbox, make: Make, sync: Sync
) -> None:
    partner = sandbox_tenant(sandbox)
    integration = partner_integration(make, partner, refresh_token_of(sandbox, partner))
    strict = matched(make, integration, customer_of(sandbox, partner, refresh_error=50076))
    other = matched(make, integration, customer_of(sandbox, partner))
    run = sync(strict)
    assert run.state == RunState.PARTIAL
    assert part_of(strict).code == "AADSTS50076"
    assert part_of(other).state == PartState.OK
    assert stored(integration.id).sign_in_lapsed_at is not None


def test_a_customer_without_consent_does_not_ask_for_a_new_sign_in(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    partner = sandbox_tenant(sandbox)
    integration = partner_integration(make, partner, refresh_token_of(sandbox, partner))
    row = matched(make, integration, customer_of(sandbox, partner, consented=False))
    sync(row)
    assert part_of(row).needs_consent
    assert stored(integration.id).sign_in_lapsed_at is None


def test_where_the_user_may_not_read_licenses_the_part_speaks_of_delegated_permissions_and_the_users_role(
    sandbox: Sandbox, make: Make, sync: Sync
) -> None:
    partner = sandbox_tenant(sandbox)
    integration = partner_integration(make, partner, refresh_token_of(sandbox, partner))
    row = matched(make, integration, customer_of(sandbox, partner, permissions=("User.Read.All",)))
    sync(row)
    part = part_of(row)
    assert part.state == PartState.FAILED
    assert "lacks the delegated permission LicenseAssignment.Read.All" in part.reason
    assert "GDAP" in part.fix
    assert "application permission" not in part.fix


def test_where_nobody_is_signed_in_parts_say_who_has_to(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    partner = sandbox_tenant(sandbox)
    integration = partner_integration(make, partner, "")
    row = matched(make, integration, partner)
    sync(row)
    part = part_of(row)
    assert (part.state, part.code) == (PartState.FAILED, "sign_in_again")
    assert "Sign in as a partner user" in part.fix


def test_a_token_whose_key_is_gone_is_told_apart(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    partner = sandbox_tenant(sandbox)
    integration = partner_integration(make, partner, "a token")
    integration.refresh_token_encrypted = "not of this key"
    db.session.commit()
    row = matched(make, integration, partner)
    sync(row)
    assert part_of(row).code == "unreadable_secret"
    assert stored(integration.id).sign_in_lapsed_at is None


def test_a_passing_fault_of_microsoft_is_no_end_of_the_sign_in(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    partner = sandbox_tenant(sandbox)
    token = refresh_token_of(sandbox, partner)
    integration = partner_integration(make, partner, token)
    customer = customer_of(sandbox, partner, faults=(Fault("token", "server_error", times=1),))
    row = matched(make, integration, customer)
    sync(row)
    assert stored(integration.id).sign_in_lapsed_at is None
    assert part_of(row).state == PartState.OK


def test_many_who_renew_the_same_token_at_once_keep_one_of_the_new_ones(app: Flask, make: Make) -> None:
    integration_id = partner_integration(make, _nobody(), "the first").id
    used = threading.Barrier(4)

    def renew(new: str) -> str:
        tokens = StoredRefreshTokens(integration_id)
        token = tokens.current()
        used.wait(60)
        tokens.renewed(token, new)
        return new

    made = all_at_once(app, [lambda name=f"new {number}": renew(name) for number in range(4)])  # type: ignore[misc]
    assert stored(integration_id).refresh_token in made


def test_a_renewed_token_does_not_overwrite_that_of_who_has_signed_in_meanwhile(make: Make) -> None:
    integration = partner_integration(make, _nobody(), "the first")
    tokens = StoredRefreshTokens(integration.id)
    used = do(tokens.current)
    act_for(integration, "of the new sign-in")
    do(tokens.renewed, used, "of the old sign-in")
    assert not do(tokens.refused, used)
    after = stored(integration.id)
    assert after.refresh_token == "of the new sign-in"
    assert after.sign_in_lapsed_at is None


@pytest.mark.parametrize("how", ["forgotten", "removed"])
def test_after_the_sign_in_was_forgotten_no_token_comes_back(make: Make, how: str) -> None:
    integration = partner_integration(make, _nobody(), "the first")
    tokens = StoredRefreshTokens(integration.id)
    used = do(tokens.current)
    _forget(integration, how)
    do(tokens.renewed, used, "a new one")
    do(tokens.refused, used)
    after = stored(integration.id)
    assert (after.refresh_token_encrypted, after.acts_for_user, after.signed_in_as) == ("", False, "")
    assert after.sign_in_lapsed_at is None
    with pytest.raises(SignInRefused, match="Nobody is signed in"):
        tokens.current()


@in_turn
def _forget(integration: Integration, how: str) -> None:
    if how == "removed":
        integration.disconnect(Removal.KEEP, utc_now())
    else:
        integration.act_for_nobody()
    db.session.commit()


def _nobody() -> SandboxTenant:
    """A tenant that nobody asks."""
    return SandboxTenant(str(uuid.uuid4()), "Partner", ("p.example",), str(uuid.uuid4()), "a secret")
