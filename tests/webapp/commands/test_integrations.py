"""`flask integrations`."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from jobs import queue
from tests.support.factories import Make
from tests.webapp.commands.conftest import Run
from tests.webapp.integrations.conftest import (
    ACCEPTED,
    CLIENT_ID,
    SECRET,
    TENANT_ID,
    Microsoft,
    Workers,
    refusal,
    stored,
)
from webapp.extensions import db
from webapp.models import Cloud, Integration, Organization, Removal, RunState, Tenant, utc_now

CONNECT = ("connect", "Contoso", "--tenant-id", TENANT_ID, "--client-id", CLIENT_ID, "--client-secret-stdin")


@pytest.mark.parametrize("command", ["connect", "list", "discover", "settings", "sync"])
def test_each_command_explains_itself(command: str, integrations: Run) -> None:
    result = integrations(command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_connect_tries_the_credentials_and_saves_the_tenant_unmatched(
    integrations: Run, microsoft: Microsoft, workers: Workers
) -> None:
    result = integrations(*CONNECT, "--cloud", "usgov", stdin=f"{SECRET}\n")
    assert result.exit_code == 0, result.output
    assert f"Connected Contoso to Contoso ({TENANT_ID})." in result.stdout
    assert "flask tenants match" in result.stdout
    [integration] = db.session.scalars(select(Integration))
    assert (integration.cloud, integration.client_secret) == (Cloud.USGOV, SECRET)
    [tenant] = integration.tenants
    assert not tenant.is_matched
    assert microsoft.asked[0]["cloud"] == "usgov"


def test_connect_sends_nobody_to_match_a_tenant_anew_that_comes_back_with_its_organization(
    integrations: Run, make: Make, microsoft: Microsoft, workers: Workers
) -> None:
    former = make.integration(removal=Removal.KEEP, disconnected_at=utc_now())
    make.tenant(integration=former, tenant_id=TENANT_ID, organization=make.organization(name="Contoso Group"))
    result = integrations(*CONNECT, stdin=f"{SECRET}\n")
    assert "It is matched to Contoso Group, as it was before. Next, sync:" in result.stdout
    assert "flask integrations sync Contoso --wait" in result.stdout
    assert "tenants match" not in result.stdout


@pytest.mark.parametrize("broken", [{"alive": 0}, {"is_reachable": False}])
def test_without_a_worker_the_credentials_are_tried_in_this_process(
    broken: dict[str, Any], integrations: Run, microsoft: Microsoft, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    vars(workers).update(broken)
    done: list[str] = []

    def here(name: str, token: str) -> dict[str, Any]:
        done.append(name)
        return microsoft.check(token)

    monkeypatch.setattr(queue, "check_connection", None)
    monkeypatch.setattr(queue, "run_here", here)
    assert integrations(*CONNECT, stdin=SECRET).exit_code == 0
    assert done == ["jobs.connect.check"]
    assert stored(Integration) == 1


def test_a_refusal_is_explained_on_standard_error(integrations: Run, microsoft: Microsoft, workers: Workers) -> None:
    microsoft.answer = refusal("client_secret", reason="The secret is wrong.", code="AADSTS7000215")
    result = integrations(*CONNECT, stdin=SECRET)
    assert result.exit_code == 1
    for text in ("The secret is wrong.", "Do this.", "AADSTS7000215"):
        assert text in result.stderr
    assert result.stdout == ""
    assert stored(Integration) == 0


def test_a_warning_is_told_on_standard_error(integrations: Run, microsoft: Microsoft, workers: Workers) -> None:
    microsoft.answer = {**ACCEPTED, "warning": refusal(reason="No name was read.")["problem"]}
    result = integrations(*CONNECT, stdin=SECRET)
    assert result.exit_code == 0
    assert "No name was read." in result.stderr


@pytest.mark.parametrize(
    ("args", "stdin", "text"),
    [
        (("connect", "Contoso", "--tenant-id", "https://x.example", "--client-id", CLIENT_ID), SECRET, "web address"),
        (("connect", "Contoso", "--tenant-id", TENANT_ID, "--client-id", "app"), SECRET, "Application (client) ID"),
        (("connect", " ", "--tenant-id", TENANT_ID, "--client-id", CLIENT_ID), SECRET, "name"),
        (("connect", "Contoso", "--tenant-id", TENANT_ID, "--client-id", CLIENT_ID), "", "standard input"),
    ],
)
def test_what_cannot_be_right_is_refused_before_microsoft_is_asked(
    args: tuple[str, ...], stdin: str, text: str, integrations: Run, microsoft: Microsoft, workers: Workers
) -> None:
    result = integrations(*args, "--client-secret-stdin", stdin=stdin)
    assert result.exit_code == 1
    assert text in result.stderr
    assert microsoft.asked == []


def test_the_secret_must_come_on_standard_input(integrations: Run, microsoft: Microsoft) -> None:
    result = integrations(*CONNECT[:-1])
    assert result.exit_code == 2
    assert "--client-secret-stdin" in result.stderr


def test_a_name_in_use_is_refused(integrations: Run, make: Make, microsoft: Microsoft, workers: Workers) -> None:
    make.integration(name="CONTOSO")
    result = integrations(*CONNECT, stdin=SECRET)
    assert result.exit_code == 1
    assert "An integration named Contoso exists already." in result.stderr


def test_list_prints_each_integration_without_its_secret(integrations: Run, make: Make) -> None:
    finished_at = utc_now()
    next_sync_at = finished_at + timedelta(hours=1)
    integration = make.integration(
        name="Contoso",
        client_id=CLIENT_ID,
        home_tenant_id=TENANT_ID,
        secret=SECRET,
        sync_every_hours=2,
        next_sync_at=next_sync_at,
    )
    make.tenant(integration=integration, organization=make.organization())
    make.tenant(integration=integration)
    make.run(integration=integration, state=RunState.PARTIAL, finished_at=finished_at)
    make.integration(name="Another", sync_licenses=False)
    another, contoso = json.loads(integrations("list", "--json").stdout)
    assert contoso == {
        "name": "Contoso",
        "kind": "direct",
        "cloud": "global",
        "tenant_id": TENANT_ID,
        "client_id": CLIENT_ID,
        "credentials": "client secret",
        "credentials_end_on": None,
        "credentials_state": "ok",
        "certificate_thumbprint": None,
        "signed_in_as": None,
        "sign_in_lapsed_at": None,
        "sync_licenses": True,
        "sync_users": "off",
        "sync_every_hours": 2,
        "paused": False,
        "next_sync_at": next_sync_at.isoformat(),
        "tenants": 2,
        "matched": 1,
        "last_run_state": "partial",
        "last_run_finished_at": finished_at.isoformat(),
    }
    assert (another["sync_licenses"], another["last_run_state"], another["last_run_finished_at"]) == (False, None, None)
    assert "Contoso" in integrations("list").stdout


def test_list_without_integrations_is_an_empty_array(integrations: Run) -> None:
    assert json.loads(integrations("list", "--json").stdout) == []


def test_discover_lists_the_tenants_found(
    integrations: Run, make: Make, microsoft: Microsoft, workers: Workers
) -> None:
    tenant = make.tenant(integration=make.integration(name="Contoso"))
    make.tenant(integration=tenant.integration)
    found_none: dict[str, Any] = {"new": [], "back": [], "gone": [], "left": []}
    microsoft.answer = {"ok": True, "tenants": [tenant.id], "warning": None, **found_none}
    [found] = json.loads(integrations("discover", "CONTOSO", "--json").stdout)
    assert (found["tenant_id"], found["state"], found["organization"]) == (tenant.tenant_id, "unmatched", None)
    assert tenant.tenant_id in integrations("discover", "Contoso").stdout


def test_discover_explains_a_refusal(integrations: Run, make: Make, microsoft: Microsoft, workers: Workers) -> None:
    make.integration(name="Contoso")
    microsoft.answer = refusal(reason="The secret has expired.")
    result = integrations("discover", "Contoso")
    assert result.exit_code == 1
    assert "The secret has expired." in result.stderr


def test_settings_are_set_and_printed(integrations: Run, make: Make) -> None:
    integration_id = make.integration(name="Contoso").id
    assert "licenses: yes" in integrations("settings", "Contoso").stdout
    assert "licenses: no" in integrations("settings", "Contoso", "--no-licenses").stdout
    assert db.session.get_one(Integration, integration_id).sync_licenses is False
    assert "licenses: yes" in integrations("settings", "contoso", "--licenses").stdout


@pytest.mark.parametrize("command", ["discover", "settings", "sync"])
def test_an_integration_that_does_not_exist_is_named_beside_those_that_do(
    command: str, integrations: Run, make: Make, workers: Workers
) -> None:
    assert "There is none yet" in integrations(command, "Contoso").stderr
    make.integration(name="Fabrikam")
    result = integrations(command, "Con\x1btoso")
    assert result.exit_code == 1
    assert "Fabrikam" in result.stderr
    assert "\x1b" not in result.stderr


def test_nothing_is_matched_or_created_by_connecting(integrations: Run, microsoft: Microsoft, workers: Workers) -> None:
    integrations(*CONNECT, stdin=SECRET)
    assert stored(Organization) == 0
    assert stored(Tenant) == 1
