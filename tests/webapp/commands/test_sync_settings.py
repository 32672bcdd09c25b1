"""`flask integrations settings` and `flask tenants settings`: users, and what the next sync will do."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.support.factories import Make
from tests.webapp.commands.conftest import Run
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    CheckedLicense,
    Integration,
    License,
    Tenant,
    TenantCheckedLicense,
    UserSync,
    utc_now,
)

E3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"


@pytest.fixture
def tenant(make: Make) -> Tenant:
    return make.tenant(
        name="Contoso EU",
        organization=make.organization(),
        integration=make.integration(name="Contoso"),
        users_synced_at=utc_now(),
    )


@pytest.fixture
def license(make: Make, tenant: Tenant) -> License:
    return make.license(tenant=tenant, product=make.product(name="Microsoft 365 E3", part_number="SPE_E3", sku_id=E3))


def stored() -> Integration:
    return db.session.query(Integration).populate_existing().one()


def stored_tenant() -> Tenant:
    return db.session.query(Tenant).populate_existing().one()


def checked() -> list[str]:
    return list(db.session.scalars(select(CheckedLicense.sku_id).order_by(CheckedLicense.sku_id)))


def test_without_an_option_it_prints_what_is_chosen_and_changes_nothing(flask: Run, tenant: Tenant) -> None:
    result = flask("integrations", "settings", "contoso")
    assert result.stdout.splitlines()[:3] == ["Contoso", "  licenses: yes", "  users: off"]
    assert "next sync: No contact will be created or unlinked." in result.stdout
    assert db.session.scalars(select(AuditEntry)).all() == []


def test_all_users_and_what_is_included(flask: Run, make: Make, tenant: Tenant) -> None:
    for number in range(3):
        make.directory_user(tenant=tenant, is_guest=number == 0)
    result = flask("integrations", "settings", "Contoso", "--users", "--guests", "--unlicensed")
    assert "users: all users; with guests, unlicensed users" in result.stdout
    assert "next sync: About 3 contacts will be created." in result.stdout
    integration = stored()
    assert (integration.sync_users, integration.include_guests, integration.include_blocked) == (
        UserSync.ALL,
        True,
        False,
    )
    assert "About 2 contacts" in flask("integrations", "settings", "Contoso", "--no-guests").stdout
    assert "users: off" in flask("integrations", "settings", "Contoso", "--no-users").stdout
    assert stored().sync_users == UserSync.OFF
    assert stored().sync_licenses is True
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.actor for entry in entries] == ["command line"] * 3
    assert entries[0].details["users"] == {"from": "off", "to": "all"}


@pytest.mark.parametrize("called", ["SPE_E3", "spe_e3", E3.upper(), "microsoft 365 e3"])
def test_licenses_are_named_by_part_number_id_or_name(called: str, flask: Run, license: License) -> None:
    result = flask("integrations", "settings", "Contoso", "--users-with", called)
    assert f"users: those who hold Microsoft 365 E3 ({E3})" in result.stdout
    assert (stored().sync_users, checked()) == (UserSync.LICENSED, [E3])


def test_a_license_may_be_named_before_any_was_seen(flask: Run, tenant: Tenant) -> None:
    strange = "11112222-bbbb-3333-cccc-4444dddd5555"
    options = ("--users-with", "SPE_E3", "--users-with", strange)
    result = flask("integrations", "settings", "Contoso", *options)
    assert result.exit_code == 0, result.stderr
    assert checked() == [E3, strange]


def test_a_name_of_several_licenses_is_refused_unless_one_alone_is_seen(
    flask: Run, make: Make, license: License
) -> None:
    twin = make.product(name="Microsoft 365 E3", part_number="SPE_E3_TWIN")
    assert flask("integrations", "settings", "Contoso", "--users-with", "Microsoft 365 E3").exit_code == 0
    assert checked() == [E3]
    make.license(tenant=license.tenant, product=twin)
    result = flask("integrations", "settings", "Contoso", "--users-with", "Microsoft 365 E3")
    assert result.exit_code == 1
    assert "2 licenses are called Microsoft 365 E3." in result.stderr
    assert twin.sku_id in result.stderr


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--users-with", "NOTHING"], 1, "There is no license called NOTHING."),
        (["--users-with", ""], 1, "There is no license called ''."),
        (["--users-with", "x" * 5000], 1, "There is no license called"),
        (["--users", "--users-with", "SPE_E3"], 2, "Use one of --users, --no-users and --users-with."),
        (["--unlicensed"], 2, "--unlicensed goes with --users"),
        (["--users-with", "SPE_E3", "--unlicensed"], 2, "--unlicensed goes with --users"),
        (["--users=maybe"], 2, "--users"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_saved(
    options: list[str], code: int, sentence: str, flask: Run, license: License
) -> None:
    result = flask("integrations", "settings", "Contoso", "--no-licenses", *options)
    assert result.exit_code == code
    assert sentence in result.stderr
    assert (stored().sync_users, stored().sync_licenses, checked()) == (UserSync.OFF, True, [])


def test_a_tenant_is_left_out_and_included_with_its_own_rules_kept(flask: Run, license: License) -> None:
    result = flask("tenants", "settings", "Contoso EU", "--users-with", "SPE_E3", "--blocked")
    assert "synced: its own rules for users" in result.stdout
    assert f"those who hold Microsoft 365 E3 ({E3}); with blocked accounts" in result.stdout
    assert stored_tenant().has_own_user_rules is True
    result = flask("tenants", "settings", "Contoso EU", "--leave-out")
    assert "The next sync passes it over" in result.stdout
    assert stored_tenant().left_out_at is not None
    flask("tenants", "settings", "Contoso EU", "--include")
    assert (stored_tenant().left_out_at, stored_tenant().has_own_user_rules) == (None, True)
    assert db.session.scalars(select(TenantCheckedLicense.sku_id)).all() == [E3]
    result = flask("tenants", "settings", "Contoso EU", "--as-integration")
    assert "users: off" in result.stdout
    assert stored_tenant().has_own_user_rules is False


def test_own_rules_begin_with_those_of_the_integration(flask: Run, make: Make, tenant: Tenant) -> None:
    make.directory_user(tenant=tenant, is_guest=True)
    flask("integrations", "settings", "Contoso", "--users", "--unlicensed")
    result = flask("tenants", "settings", tenant.tenant_id, "--guests")
    assert "users: all users; with guests, unlicensed users" in result.stdout
    assert "About 1 contact will be created" in result.stdout
    assert stored().include_guests is False


def test_without_an_option_a_tenants_settings_are_printed(flask: Run, tenant: Tenant) -> None:
    flask("integrations", "settings", "Contoso", "--users")
    result = flask("tenants", "settings", "Contoso EU")
    assert result.stdout.splitlines()[:3] == ["Contoso EU", "  synced: as the integration", "  users: all users"]
    assert stored_tenant().has_own_user_rules is False


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--as-integration", "--users"], 2, "--as-integration stands alone"),
        (["--as-integration", "--leave-out"], 2, "--as-integration stands alone"),
        (["--leave-out", "--users"], 2, "Use --leave-out alone"),
        (["--users-with", "NOTHING"], 1, "There is no license called NOTHING."),
    ],
)
def test_a_tenants_options_that_exclude_each_other_are_refused(
    options: list[str], code: int, sentence: str, flask: Run, tenant: Tenant
) -> None:
    result = flask("tenants", "settings", "Contoso EU", *options)
    assert result.exit_code == code
    assert sentence in result.stderr
    assert (stored_tenant().has_own_user_rules, stored_tenant().left_out_at) == (False, None)


def test_a_tenant_that_is_not_there_is_named(flask: Run) -> None:
    result = flask("tenants", "settings", "Nobody", "--leave-out")
    assert result.exit_code == 1
    assert "There is no tenant called Nobody." in result.stderr
