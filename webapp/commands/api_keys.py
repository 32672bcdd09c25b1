"""`flask api-keys`: keys with which programs read from the API."""

from __future__ import annotations

from collections.abc import Sequence

import click
from flask.cli import AppGroup
from sqlalchemy import select

from .. import audit
from ..api import keys
from ..extensions import db
from ..models import ApiKey, AuditArea, Role, utc_now
from ..search import LARGEST_ID
from ..text import one_line
from . import find
from .output import as_json_option, explained, print_records
from .roles import role_option

api_keys = AppGroup("api-keys", help="Make, list and revoke keys with which programs read from the API.")

_COLUMNS = ("id", "name", "role", "key", "created_at", "last_used_at", "revoked_at")
LONGEST_NAME = 100


@api_keys.command("create")
@click.argument("name")
@role_option
@click.option("--organization", multiple=True, metavar="NAME", help="Only this organization; may be repeated.")
@explained
def create(name: str, role: Role, organization: Sequence[str]) -> None:
    """Make a key called NAME and print it, once: it is stored nowhere.

    A program sends it with each request:

    \b
        curl -H "Authorization: Bearer KEY" http://127.0.0.1:8000/api/v1/licenses
    """
    name = one_line(name)
    if not name or len(name) > LONGEST_NAME:
        raise click.ClickException(f"A name has 1 to {LONGEST_NAME} characters.")
    if role == Role.LITE and not organization:
        raise click.ClickException("Lite reads in the organizations that it is given. Name them with --organization.")
    # Each once, however often, and in whichever case, it is named.
    given = list(dict.fromkeys(find.organization_given(each) for each in organization))
    key, text = keys.create(db.session, name, role, given or None)
    audit.record(
        AuditArea.RIGHTS,
        f"Made the API key {name} ({key.prefix}…) with the role {role.label}",
        all_organizations=key.all_organizations,
        organizations=[one.name for one in given],
    )
    db.session.commit()
    click.echo(text)


@api_keys.command("list")
@as_json_option
@explained
def list_keys(as_json: bool) -> None:
    """List the keys by their first characters, with when they were last used."""
    found = db.session.scalars(select(ApiKey).order_by(ApiKey.id)).all()
    records = [
        {
            "id": key.id,
            "name": key.name,
            "role": key.role.value,
            "key": f"{key.prefix}…",
            "created_at": key.created_at,
            "last_used_at": key.last_used_at,
            "revoked_at": key.revoked_at,
        }
        for key in found
    ]
    print_records(records, _COLUMNS, as_json)


@api_keys.command("revoke")
@click.argument("key_id", type=click.IntRange(1), metavar="ID")
@explained
def revoke(key_id: int) -> None:
    """End the key with the id ID, as `flask api-keys list` shows it: at once, and for good."""
    key = db.session.get(ApiKey, key_id) if key_id <= LARGEST_ID else None
    if key is None:
        raise click.ClickException(f"There is no API key {key_id}. `flask api-keys list` shows which there are.")
    if key.revoked_at is None:
        key.revoked_at = utc_now()
        audit.record(AuditArea.RIGHTS, f"Revoked the API key {key.name} ({key.prefix}…)")
        db.session.commit()
    click.echo(f"The API key {key.name} is revoked.")
