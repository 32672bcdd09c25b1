"""`flask contacts`."""

from __future__ import annotations

import json

from flask.testing import FlaskCliRunner

from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import ContactEmail, Removal, utc_now
from webapp.models.contact_lock import every_lock
from webapp.models.directory import INTEGRATION_REMOVED


def test_contacts_are_listed_with_the_user_to_whom_they_are_linked(run_command: FlaskCliRunner, make: Make) -> None:
    contoso = make.organization(name="Contoso")
    tenant = make.tenant(organization=contoso)
    ann = make.contact(organization=contoso, name="Ann", title="IT", email="ann@contoso.example", notes="n")
    ann.emails.append(ContactEmail(organization_id=contoso.id, address="a@contoso.example"))
    db.session.commit()
    user = make.directory_user(tenant=tenant, contact=ann, qualifies=True)
    gone_at = utc_now()
    make.contact(organization=contoso, name="Bob", email="", unlinked_at=gone_at, unlinked_reason="Blocked")
    make.contact(organization=make.organization(name="Other"), name="Cora")
    listed = json.loads(run_command.invoke(args=["contacts", "list", "--json"]).stdout)
    assert [row["name"] for row in listed] == ["Ann", "Bob", "Cora"]
    assert listed[0] == {
        "organization": "Contoso",
        "name": "Ann",
        "first_name": "",
        "last_name": "",
        "title": "IT",
        "phone": "",
        "mobile": "",
        "email": "ann@contoso.example",
        "user_principal_name": "",
        "notes": "n",
        "location": "",
        "emails": ["ann@contoso.example", "a@contoso.example"],
        "linked": True,
        "tenant_id": tenant.tenant_id,
        "user_id": user.user_id,
        "unlinked_at": None,
        "unlinked_reason": "",
    }
    assert (listed[1]["linked"], listed[1]["emails"], listed[1]["unlinked_reason"]) == (False, [], "Blocked")
    assert listed[1]["unlinked_at"] == gone_at.isoformat()
    assert "Contoso" in run_command.invoke(args=["contacts", "list"]).stdout


def test_a_contact_of_a_removed_integration_says_since_when_it_is_linked_no_more(
    run_command: FlaskCliRunner, make: Make
) -> None:
    tenant = make.tenant(organization=make.organization())
    make.directory_user(tenant=tenant, contact=make.contact(organization=tenant.organization))
    removed_at = utc_now()
    tenant.integration.disconnect(Removal.KEEP, removed_at)
    db.session.commit()
    [row] = json.loads(run_command.invoke(args=["contacts", "list", "--json"]).stdout)
    assert (row["linked"], row["unlinked_at"], row["unlinked_reason"]) == (
        False,
        removed_at.isoformat(),
        INTEGRATION_REMOVED,
    )


def test_of_one_organization_only_its_own_links_are_read(make: Make) -> None:
    tenants = [make.tenant(organization=make.organization(name=name)) for name in ("Contoso", "Other")]
    contacts = [make.contact(organization=tenant.organization) for tenant in tenants]
    for tenant, contact in zip(tenants, contacts, strict=True):
        make.directory_user(tenant=tenant, contact=contact, qualifies=True)
    assert set(every_lock(db.session)) == {contact.id for contact in contacts}
    assert set(every_lock(db.session, [contacts[0].organization_id])) == {contacts[0].id}


def test_contacts_are_narrowed_by_organization_and_search(run_command: FlaskCliRunner, make: Make) -> None:
    make.contact(organization=make.organization(name="Contoso"), name="Ann")
    make.contact(organization=make.organization(name="Left", archived_at=utc_now()), name="Bob")

    def names(*words: str) -> list[str]:
        return [
            row["name"] for row in json.loads(run_command.invoke(args=["contacts", "list", "--json", *words]).stdout)
        ]

    assert names() == ["Ann"]
    assert names("--organization", "CONTOSO") == ["Ann"]
    assert names("--organization", "left") == ["Bob"]
    assert names("--search", "ann") == ["Ann"]
    assert names("--search", "nobody") == []
    unknown = run_command.invoke(args=["contacts", "list", "--organization", "Nobody"])
    assert unknown.exit_code == 1
    assert unknown.stderr == "Error: There is no organization named Nobody.\n"
    empty = run_command.invoke(args=["contacts", "list", "--organization", ""])
    assert (empty.exit_code, empty.stdout) == (1, "")
    assert empty.stderr == "Error: --organization is empty. Say which one, or leave the option out.\n"
