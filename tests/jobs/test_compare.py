"""Compare with Microsoft: each kind of difference, and nothing written."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from jobs import queue
from jobs import tenant as tenants
from jobs.compare import compare
from sandbox import Fault, Sandbox, Sku
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from webapp.extensions import db
from webapp.models import Removal, Tenant, removal, utc_now

from .conftest import Sync
from .helpers import asked, do

E3, E5, VISIO, PROJECT = "SPE_E3", "SPE_E5", "VISIOCLIENT", "PROJECTPROFESSIONAL"


def everything_stored() -> dict[str, list[Any]]:
    """All rows of all tables."""
    return {
        table.name: sorted(map(tuple, db.session.execute(table.select()).all()), key=repr)
        for table in db.metadata.sorted_tables
    }


def found(tenant: Tenant) -> dict[str, Any]:
    answer = do(compare, tenant.id)
    assert answer["ok"], answer
    return answer


def lines(answer: dict[str, Any], kind: str) -> dict[tuple[str, str], tuple[Any, Any]]:
    return {
        (one["sku_part_number"], one["field"]): (one["stored"], one["live"])
        for one in answer["differences"]
        if one["kind"] == kind
    }


def test_a_tenant_that_was_just_synced_has_no_difference(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, skus=(Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 5))))
    sync(tenant)
    answer = found(tenant)
    assert (answer["differences"], answer["same"], answer["warning"]) == ([], 2, None)
    assert utc_now() - answer["read_at"] < timedelta(minutes=1)


@pytest.mark.parametrize("said", [{"id": str(uuid.UUID(int=7))}, {"id": "none", "displayName": ""}])
def test_what_a_sync_does_not_take_from_microsoft_is_no_difference(
    said: dict[str, str], sandbox: Sandbox, make: Make, sync: Sync
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, organization=said))
    sync(tenant)
    assert found(tenant)["differences"] == []


def test_each_kind_of_difference_is_shown_stored_beside_live_and_nothing_is_written(
    sandbox: Sandbox, make: Make, sync: Sync
) -> None:
    skus = (Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 3), Sku.of(PROJECT, 9, 1))
    given = sandbox_tenant(sandbox, display_name="Contoso", skus=skus)
    tenant = connected(make, given)
    sync(tenant)
    sandbox.patch_tenant(
        given.tenant_id, display_name="Contoso AG", skus=(Sku.of(E3, 20, 22), Sku.of(E5, 7, 2), Sku.of(PROJECT, 9, 1))
    )
    before = everything_stored()
    answer = found(tenant)
    assert lines(answer, "tenant") == {("", "name"): ("Contoso", "Contoso AG")}
    assert lines(answer, "changed") == {
        (E3, "active"): (25, 20),
        (E3, "consumed"): (14, 22),
        (E3, "unused"): (11, 0),
        (E3, "over"): (0, 2),
    }
    only_live = lines(answer, "only_live")
    assert only_live[E5, "active"] == (None, 7)
    assert only_live[E5, "status"] == (None, "Enabled")
    only_stored = lines(answer, "only_stored")
    assert only_stored[VISIO, "consumed"] == (3, None)
    assert {part_number for part_number, _ in only_live | only_stored} == {E5, VISIO}
    assert answer["same"] == 1
    assert {one["name"] for one in answer["differences"] if one["sku_part_number"] == E5} == {"Microsoft 365 E5"}
    assert everything_stored() == before


def test_a_license_that_is_gone_and_stays_away_is_no_difference_and_one_that_is_back_is(
    sandbox: Sandbox, make: Make, sync: Sync
) -> None:
    given = sandbox_tenant(sandbox, skus=(Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 3)))
    tenant = connected(make, given)
    sync(tenant)
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of(E3, 25, 14),))
    sync(tenant)
    assert found(tenant)["differences"] == []
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 3)))
    assert lines(found(tenant), "changed")[VISIO, "status"] == ("Gone", "Enabled")


def test_licenses_that_are_not_synced_are_not_compared(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    given = sandbox_tenant(sandbox, display_name="Contoso", skus=(Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 3)))
    tenant = connected(make, given)
    sync(tenant)
    assert found(tenant)["syncs_licenses"] is True
    tenant.integration.sync_licenses = False
    sandbox.patch_tenant(given.tenant_id, display_name="Contoso AG", skus=(Sku.of(E3, 20, 22), Sku.of(E5, 7, 2)))
    answer = found(tenant)
    assert lines(answer, "tenant") == {("", "name"): ("Contoso", "Contoso AG")}
    assert (len(answer["differences"]), answer["syncs_licenses"], answer["same"]) == (1, False, 0)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"permissions": ()}, "Authorization_RequestDenied"), ({"secret_expired": True}, "AADSTS7000222")],
)
def test_what_microsoft_refuses_is_explained_and_nothing_is_written(
    changes: dict[str, Any], code: str, sandbox: Sandbox, make: Make
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, **changes))
    before = everything_stored()
    answer = do(compare, tenant.id)
    assert (answer["ok"], answer["problem"]["code"]) == (False, code)
    assert answer["problem"]["fix"]
    assert everything_stored() == before


def test_a_name_that_may_not_be_read_is_a_warning(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, permissions=("LicenseAssignment.Read.All",)))
    sync(tenant)
    answer = found(tenant)
    assert "could not be read" in answer["warning"]["reason"]
    assert answer["differences"] == []


def test_answers_of_another_tenant_are_not_compared(sandbox: Sandbox, make: Make) -> None:
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    tenant.tenant_id = given.domains[0]
    db.session.commit()
    assert do(compare, tenant.id)["problem"]["code"] == "unexpected_answer"


def test_a_tenant_of_which_microsoft_asked_to_wait_is_not_asked(sandbox: Sandbox, make: Make) -> None:
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    tenant.not_before = until = utc_now().replace(second=30) + timedelta(minutes=5)
    db.session.commit()
    problem = do(compare, tenant.id)["problem"]
    assert problem["code"] == "HTTP 429"
    assert f"{until:%Y-%m-%d %H:%M} UTC" in problem["reason"]
    assert asked(sandbox, given.tenant_id) == {}


def test_throttling_is_explained_and_not_written_down(sandbox: Sandbox, make: Make) -> None:
    given = sandbox_tenant(sandbox, faults=(Fault("subscribedSkus", "throttle", retry_after=60),))
    tenant = connected(make, given)
    before = everything_stored()
    assert do(compare, tenant.id)["problem"]["code"] == "HTTP 429"
    assert everything_stored() == before


def test_an_unreadable_secret_and_a_removed_integration_are_explained(sandbox: Sandbox, make: Make) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    tenant.integration.client_secret_encrypted = "gAAAAA-not-of-this-key"
    assert do(compare, tenant.id)["problem"]["code"] == "unreadable_secret"
    removal.begin(db.session, tenant.integration_id, Removal.KEEP, utc_now())
    db.session.commit()
    assert "removed" in do(compare, tenant.id)["problem"]["reason"]


def test_a_tenant_whose_data_is_deleted_before_or_while_it_is_read_is_explained(
    sandbox: Sandbox, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    row_id, read = tenant.id, tenants.read

    def read_and_delete(*args: Any, **options: Any) -> tenants.Snapshot:
        snapshot = read(*args, **options)
        db.session.execute(delete(Tenant).where(Tenant.id == row_id))
        db.session.commit()
        return snapshot

    monkeypatch.setattr(tenants, "read", read_and_delete)
    for _ in range(2):
        assert do(compare, row_id)["problem"]["code"] == "removed"


def test_the_queue_calls_the_job_by_its_name(sandbox: Sandbox, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[tuple[str, tuple[Any, ...]]] = []

    def note(name: str, *args: Any) -> dict[str, Any]:
        asked_for.append((name, args))
        return {}

    monkeypatch.setattr(queue, "answer_of", note)
    tenant = connected(make, sandbox_tenant(sandbox))
    queue.compare(tenant.id)
    [(name, args)] = asked_for
    assert queue.run_here(name, *args)["ok"]
    assert name == "jobs.compare.compare"
