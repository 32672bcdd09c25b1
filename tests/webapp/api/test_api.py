"""The API: what a key reads, and what it does not."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import NoReturn

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import MethodNotAllowed, NotFound

from jobs.queue import QueueUnavailable
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import ApiKey, AuditEntry, Role, utc_now

from .reading import LICENSES, ORGANIZATIONS, made, read


def test_licenses_have_the_fields_of_the_command(client: FlaskClient, run_command: FlaskCliRunner, make: Make) -> None:
    tenant = make.tenant(organization=make.organization(name="Contoso"), name="Contoso EU")
    make.license(tenant=tenant, product=make.product(name="Microsoft 365 E3"), active=25, consumed=27)
    answer = read(client, made(run_command, "Reports", "--role", "read-only"))
    item = answer["items"][0]
    assert (item["organization"], item["tenant"], item["name"]) == ("Contoso", "Contoso EU", "Microsoft 365 E3")
    assert (item["active"], item["consumed"], item["unused"], item["over"]) == (25, 27, 0, 2)
    assert answer["totals"] == {"active": 25, "consumed": 27, "unused": 0, "over": 2}
    assert (answer["count"], answer["page"], answer["pages"], answer["next"]) == (1, 1, 1, None)


def test_pages_lead_to_each_other_until_everything_is_read(
    client: FlaskClient, run_command: FlaskCliRunner, make: Make
) -> None:
    organization = make.organization()
    made_names = {make.license(organization=organization).sku_id for _ in range(5)}
    key = made(run_command, "Reports", "--role", "read-only")
    address: str | None = f"{LICENSES}?per_page=2&sort=-unused"
    seen: list[str] = []
    while address:
        answer = read(client, key, address)
        seen += [item["sku_id"] for item in answer["items"]]
        address = answer["next"]
    assert sorted(seen) == sorted(made_names)


def test_lists_are_filtered_as_the_pages_are(client: FlaskClient, run_command: FlaskCliRunner, make: Make) -> None:
    for name in ("Contoso", "Fabrikam"):
        make.license(organization=make.organization(name=name))
    key = made(run_command, "Reports", "--role", "read-only")
    assert [item["organization"] for item in read(client, key, f"{LICENSES}?q=contoso")["items"]] == ["Contoso"]
    assert [item["name"] for item in read(client, key, f"{ORGANIZATIONS}?q=fabri")["items"]] == ["Fabrikam"]


def test_organizations_have_the_figures_of_their_licenses(
    client: FlaskClient, run_command: FlaskCliRunner, make: Make
) -> None:
    organization = make.organization(name="Contoso", phone="+44 1")
    make.license(organization=organization, active=10, consumed=4)
    item = read(client, made(run_command, "Reports", "--role", "manager"), ORGANIZATIONS)["items"][0]
    assert item == {
        "id": organization.id,
        "name": "Contoso",
        "address": "",
        "phone": "+44 1",
        "tenants": 1,
        "licenses": 1,
        "active": 10,
        "consumed": 4,
        "unused": 6,
        "over": 0,
    }


@pytest.mark.parametrize("role", list(Role))
def test_a_key_with_a_list_reads_nothing_else(
    client: FlaskClient, run_command: FlaskCliRunner, make: Make, role: Role
) -> None:
    for name in ("Mine", "Theirs"):
        make.license(organization=make.organization(name=name))
    key = made(run_command, "Portal", "--role", role.value, "--organization", "mine")
    assert [item["organization"] for item in read(client, key)["items"]] == ["Mine"]
    assert read(client, key)["totals"]["active"] == 25
    assert [item["name"] for item in read(client, key, ORGANIZATIONS)["items"]] == ["Mine"]
    assert read(client, key, f"{LICENSES}?organization=Theirs")["items"] == []


def test_a_restricted_license_is_read_only_with_a_key_that_sees_everything(
    client: FlaskClient, run_command: FlaskCliRunner, make: Make
) -> None:
    make.license(is_restricted=True)
    assert read(client, made(run_command, "Reports", "--role", "editor"))["count"] == 0
    assert read(client, made(run_command, "Backup", "--role", "administrator"))["count"] == 1


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer slk_wrong", "Basic YTpi", "Bearer \udc80", "slk_x"])
def test_without_a_key_that_is_in_use_nothing_is_read(client: FlaskClient, make: Make, header: str | None) -> None:
    make.license()
    headers = {"Authorization": header.encode(errors="replace").decode()} if header else {}
    answer = client.get(LICENSES, headers=headers | {"Accept": "application/json"})
    assert answer.status_code == 401
    assert "API key" in answer.get_json()["error"]
    assert answer.headers["WWW-Authenticate"].lower().startswith("bearer")


def test_a_sign_in_in_a_browser_is_no_key(as_administrator: FlaskClient) -> None:
    assert as_administrator.get(LICENSES).status_code == 401


def test_a_revoked_key_ends_at_once(client: FlaskClient, run_command: FlaskCliRunner) -> None:
    key = made(run_command, "Reports", "--role", "read-only")
    read(client, key)
    number = str(db.session.scalars(select(ApiKey.id)).one())
    assert run_command.invoke(args=["api-keys", "revoke", number]).exit_code == 0
    assert client.get(LICENSES, headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_only_the_hash_of_a_key_is_stored(client: FlaskClient, run_command: FlaskCliRunner) -> None:
    key = made(run_command, "Reports", "--role", "read-only")
    stored = db.session.scalars(select(ApiKey)).one()
    assert key not in (stored.key_hash, stored.prefix, stored.name)
    listed = run_command.invoke(args=["api-keys", "list", "--json"]).output
    assert stored.prefix in listed
    assert key not in listed
    told = [entry.event for entry in db.session.scalars(select(AuditEntry))]
    assert any("Made the API key Reports" in event for event in told)
    assert not any(key in event for event in told)


@pytest.mark.parametrize("names", [[], ["Contoso"], ["Contoso", "CONTOSO"]])
def test_the_audit_log_tells_what_a_key_reads(make: Make, run_command: FlaskCliRunner, names: list[str]) -> None:
    make.organization(name="Contoso")
    made(run_command, "Reports", "--role", "read-only", *(word for name in names for word in ("--organization", name)))
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.details == {"all_organizations": not names, "organizations": ["Contoso"] if names else []}


def test_when_it_was_last_used_is_noted(client: FlaskClient, run_command: FlaskCliRunner) -> None:
    key = made(run_command, "Reports", "--role", "read-only")
    read(client, key)
    db.session.expire_all()
    first = db.session.scalars(select(ApiKey.last_used_at)).one()
    assert first is not None
    read(client, key)
    db.session.expire_all()
    assert db.session.scalars(select(ApiKey.last_used_at)).one() == first
    # A clock that was ahead is not believed.
    db.session.execute(update(ApiKey).values(last_used_at=utc_now() + timedelta(days=365)))
    db.session.commit()
    read(client, key)
    db.session.expire_all()
    used_at = db.session.scalars(select(ApiKey.last_used_at)).one()
    assert used_at is not None
    assert first <= used_at <= utc_now()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("Reports", "--role", "king"), "not a role"),
        (("Reports", "--role", "lite"), "--organization"),
        (("Reports", "--role", "editor", "--organization", "Nobody"), "no organization named Nobody"),
        (("x" * 5000, "--role", "editor"), "1 to 100 characters"),
        ((" ", "--role", "editor"), "1 to 100 characters"),
    ],
)
def test_what_is_wrong_is_said_and_no_key_is_made(
    run_command: FlaskCliRunner, arguments: tuple[str, ...], said: str
) -> None:
    result = run_command.invoke(args=["api-keys", "create", *arguments])
    assert result.exit_code != 0
    assert said in result.output
    assert db.session.scalars(select(ApiKey)).all() == []


def test_a_page_makes_the_same_queries_however_many_rows(
    client: FlaskClient, run_command: FlaskCliRunner, make: Make, count_queries: list[str]
) -> None:
    key = made(run_command, "Reports", "--role", "editor")
    make.license()
    numbers = []
    for _ in range(2):
        read(client, key)
        count_queries.clear()
        for address in (LICENSES, ORGANIZATIONS):
            read(client, key, address)
        numbers.append(len(count_queries))
        for _ in range(5):
            make.license()
    assert numbers[0] == numbers[1]


def test_a_database_that_may_only_be_read_is_read(client: FlaskClient, run_command: FlaskCliRunner, make: Make) -> None:
    key = made(run_command, "Reports", "--role", "read-only")
    make.license()

    def refuse(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE"):
            raise OperationalError(statement, {}, Exception("attempt to write a readonly database"))

    event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        assert read(client, key)["count"] == 1
    finally:
        event.remove(db.engine, "before_cursor_execute", refuse)
    assert db.session.scalars(select(ApiKey.last_used_at)).one() is None


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound(), 404),
        (MethodNotAllowed(["GET"]), 405),
        (RuntimeError(), 500),
        (OperationalError("SELECT", {}, Exception("database is locked")), 503),
        (QueueUnavailable(), 503),
    ],
)
def test_whatever_goes_wrong_is_told_as_json(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    def fail() -> NoReturn:
        raise error

    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setitem(app.view_functions, "api.licenses", fail)
    for accept in ("*/*", "text/html", "application/json"):
        answer = client.get(LICENSES, headers={"Accept": accept})
        assert answer.status_code == code
        assert answer.get_json()["error"]


def test_an_address_or_a_method_that_is_not_there_and_a_missing_or_weak_key_are_told_as_json(
    client: FlaskClient, run_command: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = made(run_command, "Reports", "--role", "read-only")
    monkeypatch.setattr("webapp.api.keys.may", lambda key, permission: False)
    answers = [
        client.get("/api/v1/nothing"),
        client.get("/api/"),
        client.delete(LICENSES),
        client.get(LICENSES),
        client.get(LICENSES, headers={"Authorization": f"Bearer {key}"}),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 405, 401, 403]
    assert all(answer.get_json()["error"] for answer in answers)


def test_errors_of_the_api_speak_to_programs(client: FlaskClient) -> None:
    told = {
        401: client.get(LICENSES),
        404: client.get("/api/v1/nothing"),
        405: client.delete(LICENSES),
    }
    for code, answer in told.items():
        assert answer.status_code == code
    assert {code: answer.get_json()["error"] for code, answer in told.items()} == {
        401: "This takes an API key that is in use. Send it as `Authorization: Bearer KEY`. `flask api-keys create` "
        "makes one.",
        404: "The API has nothing at this address. What it has is at /api/v1/licenses and /api/v1/organizations.",
        405: "The API is only read. Send GET.",
    }


def test_a_weak_key_is_told_its_role(
    client: FlaskClient, run_command: FlaskCliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = made(run_command, "Reports", "--role", "read-only")
    monkeypatch.setattr("webapp.api.keys.may", lambda key, permission: False)
    answer = client.get(LICENSES, headers={"Authorization": f"Bearer {key}"})
    assert answer.get_json()["error"].startswith("This API key does not allow this. Reports has the role Read-only. ")


def test_the_addresses_that_a_missing_one_names_are_all_there_are(app: Flask, client: FlaskClient) -> None:
    told = re.findall(r"/api/\S+[a-z]", client.get("/api/v1/nothing").get_json()["error"])
    assert sorted(told) == sorted(rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/"))
