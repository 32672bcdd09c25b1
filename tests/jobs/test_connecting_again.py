"""Connecting again what was removed, and what is connected while something is removed."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.connect import check
from jobs.discovery import discover
from sandbox import Sandbox, Sku
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from webapp.extensions import db
from webapp.integrations import connecting, removing
from webapp.integrations.proof import Proof
from webapp.integrations.trying import Credentials, Refused
from webapp.models import FlexibleAssetType, Integration, License, Removal, RunState, Tenant, removal, utc_now

from .conftest import Sync, Work
from .helpers import do


def remove(integration: Integration, what: Removal) -> None:
    """What somebody does who types the name and presses Remove."""
    do(removing.remove, integration.id, what, integration.name)


def test_connecting_again_adopts_what_was_kept(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    given = sandbox_tenant(sandbox, display_name="Contoso", skus=(Sku.of("SPE_E3", enabled=25, consumed=14),))
    tenant = connected(make, given)
    sync(tenant)
    name, organization_id = tenant.integration.name, tenant.organization_id
    before = {(row.id, row.tenant_id, row.sku_id) for row in db.session.query(License)}
    remove(tenant.integration, Removal.KEEP)

    sandbox.patch_tenant(given.tenant_id, display_name="Contoso Ltd")
    credentials = Credentials(tenant.integration.cloud, given.tenant_id, given.client_id, given.secret)
    again = do(connecting.connect, check, name, credentials, must_not_place)
    assert again.is_adopted
    assert again.tenant_row_id == tenant.id
    assert (tenant.integration_id, tenant.organization_id) == (again.integration_id, organization_id)
    assert (tenant.name, tenant.integration.name) == ("Contoso Ltd", name), "the name was free again"
    run = sync(tenant)
    assert (run.state, run.rows_written) == (RunState.OK, 0)
    assert {(row.id, row.tenant_id, row.sku_id) for row in db.session.query(License)} == before
    assert db.session.query(Integration).count() == 1


def must_not_place(tenant: Tenant) -> None:
    raise AssertionError("it is matched already")


def test_a_tenant_whose_data_is_being_deleted_is_not_connected(sandbox: Sandbox, make: Make, work: Work) -> None:
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    integration = tenant.integration
    credentials = Credentials(integration.cloud, given.tenant_id, given.client_id, given.secret)
    remove(integration, Removal.DELETE)
    with pytest.raises(Refused, match="being deleted"):
        do(connecting.connect, check, "Again", credentials)
    work()
    assert not do(connecting.connect, check, "Again", credentials).is_adopted
    assert db.session.query(FlexibleAssetType).count() == 1


def test_credentials_that_were_tried_while_it_was_removed_are_not_stored(sandbox: Sandbox, make: Make) -> None:
    given = sandbox_tenant(sandbox)
    integration = connected(make, given).integration

    def removed_meanwhile(token: str) -> dict[str, Any]:
        answer = check(token)
        removing.remove(integration.id, Removal.KEEP, integration.name)
        return answer

    with pytest.raises(Refused, match="removed meanwhile"):
        do(
            connecting.update,
            removed_meanwhile,
            integration.id,
            integration.name,
            given.client_id,
            integration.cloud,
            Proof(given.secret),
        )
    assert integration.client_secret_encrypted == ""


def test_the_last_deletion_takes_the_type_from_under_nobody(
    sandbox: Sandbox, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody connects while the last integration's data is deleted: the type is there in the end."""
    last = make.integration()
    given = sandbox_tenant(sandbox)
    remove(last, Removal.DELETE)
    ensure = FlexibleAssetType.ensure_licenses
    calls = 0

    def deleted_right_after(session: object) -> None:
        nonlocal calls
        ensure(db.session)
        calls += 1
        if calls == 1:
            while removal.next_batch(db.session, last_id, utc_now()):
                db.session.commit()
            db.session.commit()

    last_id = last.id
    monkeypatch.setattr(FlexibleAssetType, "ensure_licenses", deleted_right_after)
    credentials = Credentials(last.cloud, given.tenant_id, given.client_id, given.secret)
    do(connecting.connect, check, "New", credentials)
    assert calls == 2
    assert db.session.query(FlexibleAssetType).count() == 1
    assert [row.name for row in db.session.query(Integration)] == ["New"]


def test_finding_tenants_of_a_removed_integration_stores_nothing(sandbox: Sandbox, make: Make) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    remove(tenant.integration, Removal.KEEP)
    answer = do(discover, tenant.integration_id)
    assert (answer["ok"], answer["problem"]["code"]) == (False, "removed")
