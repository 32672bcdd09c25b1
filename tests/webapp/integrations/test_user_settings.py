"""Users → contacts on the settings page: what is offered, saved, refused and foretold."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.support.browser import HTMX
from tests.support.factories import Make
from tests.support.forms import began_with, edited, opened
from webapp.extensions import db
from webapp.models import (
    AuditEntry,
    CheckedLicense,
    Integration,
    License,
    Tenant,
    UserSync,
    utc_now,
)

INDEX = "/account/integrations"


def address(integration_id: int) -> str:
    return f"{INDEX}/{integration_id}/settings"


def sent(mode: str, *sku_ids: str, **values: str) -> dict[str, Any]:
    return {"sync_licenses": "y", "sync_every_hours": "1", "sync_users": mode, "sku_ids": list(sku_ids), **values}


def checked(integration_id: int) -> set[str]:
    query = select(CheckedLicense.sku_id).where(CheckedLicense.integration_id == integration_id)
    return set(db.session.scalars(query))


def stored(integration_id: int) -> Integration:
    return db.session.get_one(Integration, integration_id, populate_existing=True)


def offered(page: str) -> list[str]:
    """The names of the licenses that may be checked, from top to bottom."""
    entries = page.split('id="licenses"')[1].split("data-none-found", maxsplit=1)[0].split("data-filtered")[1:]
    return [re.findall(r'class="break-anywhere">([^<]*)<', entry)[0] for entry in entries]


@pytest.fixture
def tenant(make: Make) -> Tenant:
    return make.tenant(
        organization=make.organization(), integration=make.integration(), users_synced_at=utc_now(), name="Contoso"
    )


@pytest.fixture
def license(make: Make, tenant: Tenant) -> License:
    product = make.product(name="Microsoft 365 E3", part_number="SPE_E3")
    return make.license(tenant=tenant, product=product, consumed=1204)


def test_the_page_offers_three_answers_and_says_that_licenses_are_synced_in_any_case(
    as_administrator: FlaskClient, license: License, tenant: Tenant
) -> None:
    page = as_administrator.get(address(tenant.integration_id)).text
    assert "whatever is checked for users below" in page
    for words in ("Off", "All users", "Only users who hold one of the checked licenses"):
        assert f">{words}</span>" in page
    for words in ("Guests", "Blocked accounts", "Users without a license"):
        assert f">{words}</span>" in page
    assert "1,204 consumed, 1 tenant<" in page


def test_products_of_the_integrations_own_tenants_are_offered_checked_ones_first(
    as_administrator: FlaskClient, make: Make, license: License, tenant: Tenant
) -> None:
    make.license(tenant=tenant, product=make.product(name="Azure Plan"))
    make.license(tenant=tenant, product=make.product(name="Long gone"), status="Gone", consumed=0, active=0)
    another = make.tenant(integration_id=tenant.integration_id, organization=make.organization())
    make.license(tenant=another, product=license.product, consumed=6)
    make.license(product=make.product(name="Of somebody else"))
    unmatched = make.tenant(integration_id=tenant.integration_id)
    make.license(tenant=unmatched, product=make.product(name="Of one that is not matched"))
    page = as_administrator.get(address(tenant.integration_id)).text
    assert offered(page) == ["Azure Plan", "Microsoft 365 E3"]
    assert "1,210 consumed, 2 tenants<" in page
    edited(as_administrator, address(tenant.integration_id), sent("licensed", license.sku_id))
    page = as_administrator.get(address(tenant.integration_id)).text
    assert offered(page) == ["Microsoft 365 E3", "Azure Plan"]
    assert f'value="{license.sku_id}" checked>' in page


def test_the_page_asks_the_database_equally_often_however_many_products(
    as_administrator: FlaskClient, make: Make, tenant: Tenant, count_queries: list[str]
) -> None:
    url = address(tenant.integration_id)

    def asked(products: int) -> int:
        for _ in range(products):
            make.license(tenant=tenant)
        count_queries.clear()
        as_administrator.get(url)
        return len([statement for statement in count_queries if statement.startswith("SELECT")])

    assert asked(1) == asked(40)


def test_the_answer_is_saved_with_what_is_included(
    as_administrator: FlaskClient, license: License, tenant: Tenant
) -> None:
    integration_id = tenant.integration_id
    data = sent("licensed", license.sku_id.upper(), include_guests="y", include_unlicensed="y")
    answer = edited(as_administrator, address(integration_id), data, follow_redirects=True)
    assert "Saved." in answer.text
    integration = stored(integration_id)
    assert (integration.sync_users, integration.include_guests, integration.include_blocked) == (
        UserSync.LICENSED,
        True,
        False,
    )
    assert integration.include_unlicensed is False, "who holds a checked license is licensed"
    assert checked(integration_id) == {license.sku_id}
    edited(as_administrator, address(integration_id), sent("all", include_unlicensed="y"))
    assert stored(integration_id).include_unlicensed is True
    assert checked(integration_id) == set()


def test_what_others_chose_meanwhile_stays(as_administrator: FlaskClient, license: License, tenant: Tenant) -> None:
    url = address(tenant.integration_id)
    mine = opened(as_administrator, url)
    edited(as_administrator, url, sent("licensed", license.sku_id, match_by_name="y"))
    preview = as_administrator.post(f"{url}/preview", data={**mine, **sent("off", include_guests="y")})
    assert began_with(preview.text) == mine, "who looks what a sync will do began with what they began with"
    data = {**mine, **sent("off", include_guests="y", sync_every_hours="4")}
    assert as_administrator.post(url, data=data).status_code == 303
    integration = stored(tenant.integration_id)
    assert (integration.sync_users, integration.match_by_name) == (UserSync.LICENSED, True)
    assert (integration.include_guests, integration.sync_every_hours) == (True, 4)
    assert checked(tenant.integration_id) == {license.sku_id}


def test_who_checks_other_licenses_than_others_is_told_which_differ(
    as_administrator: FlaskClient, make: Make, license: License, tenant: Tenant
) -> None:
    url = address(tenant.integration_id)
    names = ("Azure Plan", "Exchange", "Teams")
    azure, exchange, teams = (make.license(tenant=tenant, product=make.product(name=name)).sku_id for name in names)
    edited(as_administrator, url, sent("licensed", license.sku_id, azure))
    mine = opened(as_administrator, url)
    edited(as_administrator, url, sent("licensed", license.sku_id, azure, teams))
    typed = sent("licensed", license.sku_id, exchange)
    answer = as_administrator.post(url, data={**mine, **typed})
    assert answer.status_code == 409
    assert "Somebody else changed Checked licenses while you were editing" in answer.text
    assert "Azure Plan: checked\nTeams: checked\nExchange: not checked</strong>" in answer.text
    assert f'value="{exchange}" checked>' in answer.text
    assert checked(tenant.integration_id) == {license.sku_id, azure, teams}
    assert as_administrator.post(url, data={**began_with(answer.text), **typed}).status_code == 303
    assert checked(tenant.integration_id) == {license.sku_id, exchange}


def test_users_without_a_license_are_not_left_out_untold_where_others_chose_another_answer(
    as_administrator: FlaskClient, license: License, tenant: Tenant
) -> None:
    url = address(tenant.integration_id)
    edited(as_administrator, url, sent("all"))
    mine = opened(as_administrator, url)
    edited(as_administrator, url, sent("licensed", license.sku_id))
    answer = as_administrator.post(url, data={**mine, **sent("all", include_unlicensed="y")})
    assert answer.status_code == 409
    assert "Only users who hold one of the checked licenses</strong>" in answer.text
    assert stored(tenant.integration_id).sync_users == UserSync.LICENSED


def test_users_alone_are_something_to_sync(as_administrator: FlaskClient, tenant: Tenant) -> None:
    data = {"sync_users": "all", "sync_every_hours": "1"}
    answer = edited(as_administrator, address(tenant.integration_id), data, follow_redirects=True)
    assert "Nothing is chosen" not in answer.text
    assert stored(tenant.integration_id).syncs_something is True
    listed = select(Integration.id).where(Integration.syncs_something)
    assert db.session.scalars(listed).all() == [tenant.integration_id]


def test_no_checked_license_is_refused_with_a_sentence_and_saves_nothing(
    as_administrator: FlaskClient, license: License, tenant: Tenant
) -> None:
    answer = edited(as_administrator, address(tenant.integration_id), sent("licensed") | {"sync_licenses": ""})
    assert answer.status_code == 422
    assert "Check at least one license" in answer.text
    assert (stored(tenant.integration_id).sync_users, stored(tenant.integration_id).sync_licenses) == (
        UserSync.OFF,
        True,
    )


@pytest.mark.parametrize(
    ("sku_ids", "count"),
    [
        (["not a guid"], "1 of the checked licenses is"),
        (["'; drop table license; --", str(uuid.uuid4())], "2 of the checked licenses are"),
        ([f"forged-{number}" for number in range(10_000)], "10,000 of the checked licenses are"),
        (["\x00", "x" * 5000], "2 of the checked licenses are"),
    ],
)
@pytest.mark.parametrize("mode", ["off", "all", "licensed"])
def test_licenses_that_are_not_offered_are_refused_and_nothing_is_saved(
    sku_ids: list[str], count: str, mode: str, as_administrator: FlaskClient, license: License, tenant: Tenant
) -> None:
    data = sent(mode, license.sku_id, *sku_ids, include_guests="y")
    answer = edited(as_administrator, address(tenant.integration_id), data)
    assert answer.status_code == 422
    assert f"{count} not offered here" in answer.text
    assert checked(tenant.integration_id) == set()
    assert stored(tenant.integration_id).include_guests is False


@pytest.mark.parametrize("mode", ["everyone", "", "ALL"])
def test_an_answer_that_is_not_offered_is_refused(mode: str, as_administrator: FlaskClient, tenant: Tenant) -> None:
    answer = edited(as_administrator, address(tenant.integration_id), sent(mode))
    assert answer.status_code == 422
    assert "Choose which users become contacts." in answer.text
    assert stored(tenant.integration_id).sync_users == UserSync.OFF


def test_a_checked_license_that_is_not_seen_any_more_stays_listed_and_checked(
    as_administrator: FlaskClient, make: Make, license: License, tenant: Tenant
) -> None:
    integration_id = tenant.integration_id
    never_seen = "05e9a617-0261-4cee-bb44-138d3ef5d965"
    db.session.add_all(
        CheckedLicense(integration_id=integration_id, sku_id=sku_id) for sku_id in (license.sku_id, never_seen)
    )
    db.session.get_one(License, license.id).status = "Gone"
    db.session.commit()
    page = as_administrator.get(address(integration_id)).text
    assert len(offered(page)) == 2
    assert page.count("Not seen</span>") == 2
    edited(as_administrator, address(integration_id), sent("licensed", license.sku_id, never_seen))
    assert checked(integration_id) == {license.sku_id, never_seen}


def test_the_forecast_is_shown_before_and_after_saving(
    as_administrator: FlaskClient, make: Make, license: License, tenant: Tenant
) -> None:
    holders = [make.directory_user(tenant=tenant) for _ in range(3)]
    for user in holders:
        make.assignment(license, user)
    make.directory_user(tenant=tenant)
    make.tenant(integration_id=tenant.integration_id, organization=make.organization())
    preview = f"{address(tenant.integration_id)}/preview"
    words = "About 3 contacts will be created. The users of 1 tenant have not been read yet"
    answer = as_administrator.post(preview, data=sent("licensed", license.sku_id), headers=HTMX)
    assert words in answer.text
    assert "<html" not in answer.text
    page = as_administrator.post(preview, data=sent("all", include_unlicensed="y")).text
    assert "About 4 contacts will be created" in page
    assert "<html" in page
    assert re.search(r'<input checked[^>]*value="all"', page), "the form keeps what was chosen"
    assert stored(tenant.integration_id).sync_users == UserSync.OFF, "a preview saves nothing"
    answer = edited(
        as_administrator, address(tenant.integration_id), sent("licensed", license.sku_id), follow_redirects=True
    )
    assert words in answer.text


def test_the_preview_says_what_would_be_refused(
    as_administrator: FlaskClient, license: License, tenant: Tenant
) -> None:
    preview = f"{address(tenant.integration_id)}/preview"
    assert "Check at least one license" in as_administrator.post(preview, data=sent("licensed"), headers=HTMX).text
    answer = as_administrator.post(preview, data=sent("licensed"))
    assert answer.status_code == 422
    assert "Check at least one license" in answer.text


def test_the_preview_writes_nothing_so_nobody_waits_for_it(
    as_administrator: FlaskClient, tenant: Tenant, count_queries: list[str]
) -> None:
    preview = f"{address(tenant.integration_id)}/preview"
    count_queries.clear()
    as_administrator.post(preview, data=sent("all"), headers=HTMX)
    assert not [statement for statement in count_queries if statement.startswith(("INSERT", "UPDATE", "DELETE"))]
    begun = [statement for statement in count_queries if statement.startswith("BEGIN")]
    assert begun[1:] == ["BEGIN"] * len(begun[1:])


def test_the_audit_log_tells_from_what_to_what_and_nothing_where_nothing_changed(
    as_administrator: FlaskClient, license: License, tenant: Tenant
) -> None:
    integration = stored(tenant.integration_id)
    name = integration.name
    for _ in range(2):
        edited(as_administrator, address(tenant.integration_id), sent("licensed", license.sku_id))
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.event == f"Changed the sync settings of {name}"
    assert entry.area == "settings"
    assert entry.details == {
        "integration": name,
        "users": {"from": "off", "to": "licensed"},
        "checked_licenses": {"from": [], "to": [license.sku_id]},
    }


@pytest.mark.parametrize("path", ["settings", "settings/preview"])
def test_only_who_manages_integrations_changes_or_previews(
    path: str, client: FlaskClient, as_reader: FlaskClient, as_administrator: FlaskClient, tenant: Tenant
) -> None:
    url = f"{INDEX}/{tenant.integration_id}/{path}"
    assert as_reader.post(url, data=sent("all")).status_code == 403
    assert client.post(url, data=sent("all")).status_code in {302, 303, 401}
    assert as_administrator.post(f"{INDEX}/404/{path}", data=sent("all")).status_code == 404
    as_administrator.application.config["WTF_CSRF_ENABLED"] = True
    try:
        assert as_administrator.post(url, data=sent("all")).status_code == 400
    finally:
        as_administrator.application.config["WTF_CSRF_ENABLED"] = False
    assert stored(tenant.integration_id).sync_users == UserSync.OFF
