"""A sync from the click to the stored licenses: through the queue, a real worker, msal, TLS and the sandbox."""

from __future__ import annotations

import errno
import uuid
from typing import Any, NoReturn

import pytest

from jobs.microsoft.transport import Answer, Transport
from sandbox import Fault, Sandbox, Sku, documented_tenant
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant, tenants_of_one_app
from webapp.extensions import db
from webapp.models import LicenseStatus, PartState, Product, RunState, Tenant

from .conftest import Sync
from .helpers import asked, forget_tokens, licenses_of
from .people.helpers import part_of

E3, E5, VISIO = "SPE_E3", "SPE_E5", "VISIOCLIENT"


def test_the_tenant_of_microsofts_documentation(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    sandbox.put_tenant(documented_tenant())
    tenant = connected(make, documented_tenant())
    assert sync(tenant).state == RunState.OK
    licenses = licenses_of(tenant)
    figures = {
        name: (row.status, row.active, row.consumed, row.unused, row.over, row.suspended)
        for name, row in licenses.items()
    }
    assert figures == {
        "ENTERPRISEPREMIUM": ("Enabled", 25, 14, 11, 0, 0),
        "CRMSTANDARD": ("Suspended", 0, 14, 0, 14, 25),
    }
    assert (tenant.name, tenant.default_domain) == ("Contoso", "Contoso.onmicrosoft.com")
    assert licenses["ENTERPRISEPREMIUM"].product.name == "Office 365 E5"


def test_a_first_sync_creates_the_licenses_and_says_what_it_did(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    given = sandbox_tenant(sandbox, skus=(Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 5)))
    tenant = connected(make, given)
    run = sync(tenant)
    assert (run.state, run.reason, run.tenants_total, run.tenants_ok, run.rows_written) == (RunState.OK, "", 1, 1, 2)
    assert run.requests == sandbox.requests(given.tenant_id)["total"] == 3
    assert {name: (row.active, row.unused, row.over) for name, row in licenses_of(tenant).items()} == {
        E3: (25, 11, 0),
        VISIO: (3, 0, 2),
    }
    assert tenant.last_synced_at is not None
    assert (part_of(run).created, part_of(run).unchanged) == (2, 0)


def test_an_unchanged_tenant_costs_one_request_of_graph_and_writes_no_license(
    sandbox: Sandbox, make: Make, sync: Sync, count_queries: list[str]
) -> None:
    given = sandbox_tenant(sandbox, skus=(Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 5)))
    tenant = connected(make, given)
    sync(tenant)
    before = {name: row.changed_at for name, row in licenses_of(tenant).items()}
    first_sync = tenant.last_synced_at
    assert first_sync is not None
    sandbox.reset_requests(given.tenant_id)
    count_queries.clear()
    run = sync(tenant)
    assert (run.state, run.rows_written, run.requests, part_of(run).unchanged) == (RunState.OK, 0, 1, 2)
    assert asked(sandbox, given.tenant_id) == {
        "batch": 1,
        "subscribedSkus": 1,
        "organization": 1,
        "usersDelta": 1,
    }
    assert {name: row.changed_at for name, row in licenses_of(tenant).items()} == before
    assert not [sql for sql in count_queries if sql.startswith(("INSERT INTO license", "UPDATE license"))]
    assert tenant.last_synced_at is not None
    assert tenant.last_synced_at > first_sync


def test_only_what_differs_is_written(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    given = sandbox_tenant(sandbox, skus=(Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 3)))
    tenant = connected(make, given)
    sync(tenant)
    before = licenses_of(tenant)[VISIO].changed_at
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of(E3, 30, 31), Sku.of(VISIO, 3, 3), Sku.of(E5, 1)))
    run = sync(tenant)
    part = part_of(run)
    assert (part.created, part.changed, part.unchanged, part.gone, run.rows_written) == (1, 1, 1, 0, 2)
    now = licenses_of(tenant)
    assert (now[E3].active, now[E3].unused, now[E3].over) == (30, 0, 1)
    assert now[VISIO].changed_at == before


def test_a_sku_that_is_gone_is_marked_and_comes_back_as_the_same_license(
    sandbox: Sandbox, make: Make, sync: Sync
) -> None:
    given = sandbox_tenant(sandbox, skus=(Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 3)))
    tenant = connected(make, given)
    sync(tenant)
    sandbox.patch_tenant(given.tenant_id, skus=(Sku.of(E3, 25, 14),))
    assert part_of(sync(tenant)).gone == 1
    gone = licenses_of(tenant)[VISIO]
    license_id, gone_at = gone.id, gone.gone_at
    assert (gone.status, gone.active, gone.consumed, gone.unused) == (LicenseStatus.GONE, 0, 0, 0)
    assert gone_at is not None
    assert sync(tenant).rows_written == 0
    assert licenses_of(tenant)[VISIO].gone_at == gone_at
    sandbox.patch_tenant(given.tenant_id, skus=given.skus)
    assert part_of(sync(tenant)).changed == 1
    back = licenses_of(tenant)[VISIO]
    assert (back.id, back.status, back.active, back.gone_at) == (license_id, "Enabled", 3, None)


def test_a_tenant_without_any_sku_is_ok(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    tenant = connected(make, sandbox_tenant(sandbox, skus=()))
    run = sync(tenant)
    assert (run.state, run.rows_written) == (RunState.OK, 0)
    assert tenant.last_synced_at is not None


def test_a_tenant_is_renamed_and_found_by_its_new_name(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    sync(tenant)
    sandbox.patch_tenant(given.tenant_id, display_name="Fabrikam  ＧｍｂＨ")
    sync(tenant)
    assert (tenant.name, tenant.name_folded) == ("Fabrikam  ＧｍｂＨ", "fabrikam gmbh")


NAMES = [
    "株式会社青空",
    'O\'Brien "Sons" & Co',
    "<script>alert(1)</script>",
    "tab\there",
    "=cmd|' /C calc'!A0",
    "{{7*7}}",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_stored_as_they_came(name: str, sandbox: Sandbox, make: Make, sync: Sync) -> None:
    sku = Sku(str(uuid.uuid4()), name, 2, 1)
    tenant = connected(make, sandbox_tenant(sandbox, display_name=name, skus=(sku,)))
    assert sync(tenant).state == RunState.OK
    assert tenant.name == name
    assert db.session.query(Product.part_number, Product.name).one() == (name, name)


def test_what_no_database_takes_does_not_fail_the_sync(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    sku = Sku(str(uuid.uuid4()), "PART\x00", 2, 1)
    tenant = connected(make, sandbox_tenant(sandbox, display_name="Con\x00toso", skus=(sku,)))
    assert sync(tenant).state == RunState.OK
    assert tenant.name == "Contoso"


def test_a_tenant_with_a_thousand_skus_in_pages(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    skus = tuple(Sku(str(uuid.UUID(int=number)), f"PART_{number}", number, 1) for number in range(1, 1_001))
    tenant = connected(make, sandbox_tenant(sandbox, skus=skus, page_size=100))
    run = sync(tenant)
    assert (run.state, run.rows_written, run.requests) == (RunState.OK, 1_000, 12)
    assert len(licenses_of(tenant)) == 1_000


def test_the_sign_in_says_which_tenant_it_is(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    given = sandbox_tenant(sandbox, display_name="Contoso")
    tenant = connected(make, given)
    sandbox.patch_tenant(given.tenant_id, organization={"id": str(uuid.uuid4())})
    run = sync(tenant)
    assert (run.state, tenant.tenant_id, tenant.name) == (RunState.OK, given.tenant_id, "Contoso")


def test_the_answer_of_another_tenant_that_is_known_is_refused(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    given = sandbox_tenant(sandbox)
    tenant, other = connected(make, given), make.tenant()
    sandbox.patch_tenant(given.tenant_id, organization={"id": other.tenant_id})
    run = sync(tenant)
    assert (run.state, run.code) == (RunState.FAILED, "unexpected_answer")
    assert "not of" in run.reason
    assert (licenses_of(tenant), tenant.name, tenant.last_synced_at) == ({}, "as it was", None)


def test_without_the_permission_for_the_organization_licenses_are_synced_all_the_same(
    sandbox: Sandbox, make: Make, sync: Sync
) -> None:
    given = sandbox_tenant(sandbox, permissions=("LicenseAssignment.Read.All",))
    tenant = connected(make, given)
    run = sync(tenant)
    assert (run.state, len(licenses_of(tenant))) == (RunState.OK, 1)
    part = part_of(run)
    assert "Organization.Read.All" in part.reason
    assert "Licenses are not affected" in part.reason
    assert part.fix
    assert tenant.name == "as it was"


def test_without_any_permission_it_fails_and_names_what_is_missing(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    run = sync(connected(make, sandbox_tenant(sandbox, permissions=())))
    assert (run.state, run.code) == (RunState.FAILED, "Authorization_RequestDenied")
    assert "LicenseAssignment.Read.All" in run.reason
    assert "Grant admin consent" in run.fix


def test_an_expired_secret_keeps_the_last_good_data_and_its_date(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    given = sandbox_tenant(sandbox)
    tenant = connected(make, given)
    sync(tenant)
    synced_at, before = tenant.last_synced_at, licenses_of(tenant)[E3].changed_at
    sandbox.patch_tenant(given.tenant_id, secret_expired=True, skus=(Sku.of(E3, 99),))
    forget_tokens()
    run = sync(tenant)
    assert (run.state, run.code, run.tenants_failed) == (RunState.FAILED, "AADSTS7000222", 1)
    assert "new client secret" in run.fix
    assert tenant.last_synced_at == synced_at
    assert (licenses_of(tenant)[E3].active, licenses_of(tenant)[E3].changed_at) == (25, before)
    sandbox.patch_tenant(given.tenant_id, secret_expired=False)
    assert sync(tenant).state == RunState.OK


@pytest.mark.parametrize("kind", ["not_json", "bad_json", "wrong_shape", "wrong_item", "endless_pages", "forbidden"])
def test_an_answer_that_is_wrong_changes_nothing(kind: str, sandbox: Sandbox, make: Make, sync: Sync) -> None:
    given = sandbox_tenant(sandbox, skus=(Sku.of(E3, 25, 14), Sku.of(VISIO, 3, 3)))
    tenant = connected(make, given)
    sync(tenant)
    synced_at = tenant.last_synced_at
    sandbox.faults(given.tenant_id, Fault("subscribedSkus", kind))
    run = sync(tenant)
    assert run.state == RunState.FAILED
    assert run.reason
    assert run.fix
    assert tenant.last_synced_at == synced_at
    assert {name: row.active for name, row in licenses_of(tenant).items()} == {E3: 25, VISIO: 3}


def test_a_secret_whose_encryption_key_is_gone_is_reported(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))
    tenant.integration.client_secret_encrypted = "gAAAAA-not-of-this-key"
    db.session.commit()
    run = sync(tenant)
    assert (run.state, run.code, run.requests) == (RunState.FAILED, "unreadable_secret", 0)
    assert "ENCRYPTION_KEYS" in run.fix


def matched_tenants(sandbox: Sandbox, make: Make, count: int, *faulty: int) -> list[Tenant]:
    """Tenants of one integration, the numbered ones of them failing. They share an app, as with a partner's."""
    tenants = tenants_of_one_app(sandbox, make, count)
    for number in faulty:
        sandbox.faults(tenants[number].tenant_id, Fault("subscribedSkus", "not_json"))
    return tenants


def test_one_tenant_that_fails_leaves_the_others_to_succeed(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    tenants = matched_tenants(sandbox, make, 12, 3)
    run = sync(tenants[0])
    assert (run.state, run.tenants_total, run.tenants_ok, run.tenants_failed) == (RunState.PARTIAL, 12, 11, 1)
    assert "not a JSON object" in run.reason
    assert [bool(licenses_of(tenant)) for tenant in tenants] == [number != 3 for number in range(12)]


def test_an_error_that_nobody_foresaw_fails_one_tenant_and_shows_no_traceback(
    sandbox: Sandbox, make: Make, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = matched_tenants(sandbox, make, 2)
    real = Transport.send

    def send(self: Transport, method: str, url: str, **options: Any) -> Answer:
        if tenants_first in url:
            raise ZeroDivisionError("a slip")
        return real(self, method, url, **options)

    tenants_first = tenants[0].tenant_id
    monkeypatch.setattr(Transport, "send", send)
    run = sync(tenants[0])
    assert (run.state, run.tenants_ok) == (RunState.PARTIAL, 1)
    assert run.reason == "Something went wrong in Seatledger itself."
    assert "slip" not in f"{run.reason} {run.fix} {run.code}"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "The worker had no memory left."),
        (OSError(errno.EMFILE, "Too many open files"), "The worker could open no more files or connections."),
        (RuntimeError("can't start new thread"), "The worker could start no more threads."),
    ],
)
def test_what_the_worker_lacks_is_no_fault_of_the_tenant_and_it_is_tried_again(
    sandbox: Sandbox,
    make: Make,
    sync: Sync,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: str,
) -> None:
    tenant = connected(make, sandbox_tenant(sandbox))

    def read(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setattr("jobs.tenant.read", read)
    run = sync(tenant)
    part = part_of(run)
    assert (part.state, part.faults, part.reason) == (PartState.WAITING, 1, reason)


def test_nothing_matched_fails_and_says_so(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    run = sync(connected(make, sandbox_tenant(sandbox), matched=False))
    assert (run.state, run.code) == (RunState.FAILED, "nothing_matched")


def test_nothing_chosen_fails_and_says_so(sandbox: Sandbox, make: Make, sync: Sync) -> None:
    run = sync(connected(make, sandbox_tenant(sandbox), sync_licenses=False))
    assert (run.state, run.code, run.requests) == (RunState.FAILED, "nothing_chosen", 0)
