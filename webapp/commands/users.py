"""`flask users`: make users, invite them, change what they may do, and list them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import select

from .. import audit
from ..access import sees_everything, takes_all
from ..administration import queries
from ..administration import users as management
from ..administration.grants import Change
from ..administration.users import Rights
from ..auth import accounts, links
from ..extensions import db
from ..models import AuditArea, Role, User
from . import find
from .output import as_json_option, explained, print_records, read_secret
from .roles import role_option

users = AppGroup("users", help="Make and invite the users who sign in, change what they may do, and list them.")

_COLUMNS = ("email", "role", "state", "all_organizations", "created_at", "last_sign_in_at")

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
)
organizations_option = click.option(
    "--organization",
    "organizations",
    metavar="NAME",
    multiple=True,
    help="Give this organization; may repeat. Without it and without a group, all organizations are given.",
)
groups_option = click.option(
    "--group", "groups", metavar="NAME", multiple=True, help="Let the user join this group; may repeat."
)


@users.command("create")
@click.argument("email")
@role_option
@organizations_option
@groups_option
@password_option
@explained
def create(email: str, role: Role, organizations: Sequence[str], groups: Sequence[str], password_stdin: bool) -> None:
    """Make a user who signs in with EMAIL.

    The password comes on standard input, so that no other user of this machine sees it:

    \b
        flask users create me@msp.example --role administrator --password-stdin < password.txt

    It needs at least 8 characters, and must not be the e-mail address.
    """
    address, password = _read_credentials(email, password_stdin)
    rights = _rights(role, organizations, groups)
    try:
        management.create(db.session, address, password, rights)
        db.session.commit()
    except accounts.AddressTaken as error:
        raise _taken(address) from error
    click.echo(f"Created {address} with the role {role.label}.")


@users.command("invite")
@click.argument("email")
@role_option
@organizations_option
@groups_option
@explained
def invite(email: str, role: Role, organizations: Sequence[str], groups: Sequence[str]) -> None:
    """Invite EMAIL, and print the link by which they choose a password.

    Where there is a mail server, the link is mailed to them, too.
    """
    address = _read_address(email)
    rights = _rights(role, organizations, groups)
    try:
        _, issued = management.invite(db.session, address, rights)
        db.session.commit()
    except accounts.AddressTaken as error:
        raise _taken(address) from error
    _print_link(issued)


@users.command("set-password")
@click.argument("email")
@password_option
@explained
def set_password(email: str, password_stdin: bool) -> None:
    """Give the user EMAIL a new password, and sign them out everywhere.

    The password comes on standard input:

    \b
        flask users set-password me@msp.example --password-stdin < password.txt
    """
    address, password = _read_credentials(email, password_stdin)
    user = _held(address)
    accounts.choose_password(db.session, user, password)
    audit.record(AuditArea.SIGN_IN, f"Set a new password for {address}")
    db.session.commit()
    click.echo(f"Set a new password for {address}.")


@users.command("set-role")
@click.argument("email")
@role_option
@explained
def set_role(email: str, role: Role) -> None:
    """Give the user EMAIL another role. Who becomes Lite keeps only the organizations given one by one."""
    user = _held(_read_address(email))
    management.set_role(db.session, user, role)
    db.session.commit()
    click.echo(f"{user.email} has the role {role.label}.")


@users.command("deactivate")
@click.argument("email")
@explained
def deactivate(email: str) -> None:
    """Let the user EMAIL not sign in any more, and sign them out everywhere."""
    user = _held(_read_address(email))
    management.deactivate(db.session, user)
    db.session.commit()
    click.echo(f"{user.email} is deactivated.")


@users.command("reactivate")
@click.argument("email")
@explained
def reactivate(email: str) -> None:
    """Let the user EMAIL, who was deactivated, sign in again."""
    user = _held(_read_address(email))
    management.reactivate(db.session, user)
    db.session.commit()
    click.echo(f"{user.email} is no longer deactivated.")


@users.command("reset-link")
@click.argument("email")
@explained
def reset_link(email: str) -> None:
    """Print a link by which the user EMAIL sets a new password; for who was invited, a new invitation.

    It replaces the links before it. Where there is a mail server, it is mailed to them, too.
    """
    user = _held(_read_address(email))
    issued = management.new_link(db.session, user)
    db.session.commit()
    _print_link(issued)


@users.command("list")
@as_json_option
@explained
def list_users(as_json: bool) -> None:
    """List the users: who they are, what they may do, whose data they see, and when they last signed in."""
    found = db.session.scalars(select(User).order_by(User.email)).all()
    organizations = queries.organization_names(db.session, found)
    rows = queries.user_rows(db.session, found)
    print_records([_record(row, organizations[row.user.id]) for row in rows], _COLUMNS, as_json)


def _record(row: queries.UserRow, organizations: Sequence[str]) -> dict[str, Any]:
    user = row.user
    return {
        "email": user.email,
        "role": user.role,
        "state": user.state.value,
        "all_organizations": row.has_all,
        "organizations": organizations,
        "groups": list(row.groups),
        "created_at": user.created_at,
        "last_sign_in_at": user.last_sign_in_at,
    }


def _rights(role: Role, organizations: Sequence[str], groups: Sequence[str]) -> Rights:
    """What the options give: all organizations where none and no group is named, and the role takes all."""
    has_all = not (organizations or groups) and takes_all(role)
    return Rights(
        role,
        all_organizations=has_all or sees_everything(role),
        organizations=Change(give=frozenset(find.organization_given(name).id for name in organizations)),
        groups=Change(give=frozenset(find.group_named(name).id for name in groups)),
    )


def _held(address: str) -> User:
    user = accounts.find_user(db.session, address)
    held = management.hold(db.session, user.id) if user is not None else None
    if held is None:
        raise click.ClickException(f"There is no user {address}. `flask users list` shows who there is.")
    return held


def _print_link(issued: links.Issued) -> None:
    links.send(db.session, issued)
    click.echo(issued.address)


def _taken(address: str) -> click.ClickException:
    db.session.rollback()
    return click.ClickException(f"There is a user {address} already.")


def _read_address(email: str) -> str:
    try:
        return accounts.normal_address(email)
    except ValueError as error:
        raise click.BadParameter(f"{email!r} is not an e-mail address. {error}", param_hint="EMAIL") from error


def _read_credentials(email: str, password_stdin: bool) -> tuple[str, str]:
    """The address as it is stored, and the password from standard input; both are fit for an account."""
    if not password_stdin:
        raise click.UsageError(
            "Add --password-stdin and pipe the password in, on one line: it cannot be an argument, which other users "
            "of this machine could see."
        )
    address = _read_address(email)
    password = read_secret("password")
    problem = accounts.password_problem(password, address)
    if problem:
        raise click.ClickException(problem)
    return address, password
