"""`flask groups`: users who are given organizations, and named in security settings, together."""

from __future__ import annotations

from collections.abc import Sequence

import click
from flask.cli import AppGroup
from sqlalchemy import select

from ..administration import groups as management
from ..administration import queries
from ..administration.grants import Change
from ..auth import accounts
from ..extensions import db
from ..models import User, UserGroup
from . import find
from .output import as_json_option, explained, print_records

groups = AppGroup("groups", help="Make groups, and choose who is in them and which organizations they are given.")

_COLUMNS = ("name", "members", "all_organizations", "organizations", "created_at")

organizations_option = click.option(
    "--organization", "organizations", metavar="NAME", multiple=True, help="An organization; may repeat."
)
users_option = click.option("--user", "emails", metavar="EMAIL", multiple=True, help="A user; may repeat.")


@groups.command("create")
@click.argument("name")
@organizations_option
@users_option
@click.option("--all-organizations", is_flag=True, help="Give all organizations, also those that come later.")
@explained
def create(name: str, organizations: Sequence[str], emails: Sequence[str], all_organizations: bool) -> None:
    """Make the group NAME, with these users, and give it these organizations."""
    try:
        fit_name = management.fit_name(name)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="NAME") from error
    group = management.create(
        db.session,
        fit_name,
        all_organizations,
        organizations=Change(give=_organizations(organizations)),
        members=Change(give=_users(emails)),
    )
    db.session.commit()
    click.echo(f"Made the group {group.name}.")


@groups.command("add")
@click.argument("name")
@organizations_option
@users_option
@explained
def add(name: str, organizations: Sequence[str], emails: Sequence[str]) -> None:
    """Add users and organizations to the group NAME."""
    group = _held(name)
    members = Change(give=_users(emails))
    _change(group, Change(give=_organizations(organizations)), members)


@groups.command("remove")
@click.argument("name")
@organizations_option
@users_option
@explained
def remove(name: str, organizations: Sequence[str], emails: Sequence[str]) -> None:
    """Take users and organizations out of the group NAME."""
    group = _held(name)
    members = Change(take=_users(emails))
    _change(group, Change(take=_organizations(organizations)), members)


@groups.command("delete")
@click.argument("name")
@explained
def delete(name: str) -> None:
    """Delete the group NAME. Its members are still users."""
    group = _held(name)
    deleted = group.name
    management.remove(db.session, group)
    db.session.commit()
    click.echo(f"Deleted the group {deleted}.")


@groups.command("list")
@as_json_option
@explained
def list_groups(as_json: bool) -> None:
    """List the groups, and how many members and organizations each has."""
    found = db.session.scalars(select(UserGroup).order_by(UserGroup.name_folded)).all()
    records = [
        {
            "name": row.group.name,
            "members": row.members,
            "all_organizations": row.group.all_organizations,
            "organizations": row.organizations,
            "created_at": row.group.created_at,
        }
        for row in queries.group_rows(db.session, found)
    ]
    print_records(records, _COLUMNS, as_json)


def _change(group: UserGroup, organizations: Change, members: Change) -> None:
    if organizations == members == Change():
        raise click.UsageError("Name what, with --user or --organization.")
    is_changed = management.change(
        db.session, group, group.name, group.all_organizations, organizations=organizations, members=members
    )
    db.session.commit()
    click.echo(f"Changed the group {group.name}." if is_changed else f"The group {group.name} is so already.")


def _held(name: str) -> UserGroup:
    group = find.group_named(name)
    held = management.hold(db.session, group.id)
    if held is None:
        raise click.ClickException(f"There is no group named {group.name} any more.")
    return held


def _organizations(names: Sequence[str]) -> frozenset[int]:
    return frozenset(find.organization_given(name).id for name in names)


def _users(emails: Sequence[str]) -> frozenset[int]:
    return frozenset(_user(email).id for email in emails)


def _user(email: str) -> User:
    user = accounts.find_user(db.session, email)
    if user is None:
        raise click.ClickException(f"There is no user {email}. `flask users list` shows who there is.")
    return user
