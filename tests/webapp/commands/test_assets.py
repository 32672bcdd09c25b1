"""`flask assets`."""

from __future__ import annotations

import json

from flask.testing import FlaskCliRunner

from tests.support.factories import Make, asset_field
from webapp.extensions import db
from webapp.models import AssetContact, FieldKind


def test_assets_are_listed_with_their_values(run_command: FlaskCliRunner, make: Make) -> None:
    kind = make.asset_type(
        asset_field("Serial"),
        asset_field("Backed up", FieldKind.CHECKBOX),
        asset_field("Owners", FieldKind.CONTACTS),
        slug="servers",
    )
    serial, backed_up, owners = kind.fields
    contoso = make.organization(name="Contoso")
    content = {str(serial.id): "abc", str(backed_up.id): True}
    asset = make.asset(type=kind, organization=contoso, name="Box", content=content, is_restricted=True)
    make.asset(type=kind, name="Elsewhere")
    contact = make.contact(organization=contoso, name="Ann")
    db.session.add(AssetContact(asset_id=asset.id, field_id=owners.id, contact_id=contact.id))
    db.session.commit()
    done = run_command.invoke(args=["assets", "list", "--type", "servers", "--organization", "contoso", "--json"])
    assert done.exit_code == 0, done.output
    [record] = json.loads(done.output)
    assert record["values"] == {"Serial": "abc", "Backed up": True, "Owners": ["Ann"]}
    assert (record["organization"], record["name"], record["type"], record["restricted"]) == (
        "Contoso",
        "Box",
        "servers",
        True,
    )
    table = run_command.invoke(args=["assets", "list", "--type", "servers"]).output
    assert "Box" in table
    assert "Elsewhere" in table
    assert "Elsewhere" not in run_command.invoke(args=["assets", "list", "--type", "servers", "--search", "box"]).output


def test_what_is_not_there_is_told(run_command: FlaskCliRunner, make: Make) -> None:
    make.integration()
    make.asset_type(slug="servers")
    for name in ("Contoso", "CONTOSO"):
        make.organization(name=name)
    for arguments, told in (
        (["--type", "server"], "There are: servers."),
        (["--type", "office-365-licenses"], "flask licenses list"),
        (["--type", "servers", "--organization", "Nobody"], "no organization named Nobody"),
        (["--type", "servers", "--organization", "contoso"], "2 organizations are named contoso."),
    ):
        done = run_command.invoke(args=["assets", "list", *arguments])
        assert done.exit_code == 1
        assert told in done.output
        assert "tenant" not in done.output
