"""`flask users`: make users and list them."""

from __future__ import annotations

import click
from flask.cli import AppGroup
from sqlalchemy import select

from ..auth import accounts
from ..extensions import db
from ..models import Role, User, UserSession
from .output import as_json_option, explained, print_records, read_secret

users = AppGroup("users", help="Make the users who sign in, and list them.")

_COLUMNS = ("email", "role", "created_at", "last_sign_in_at")
_ROLES = ", ".join(role.label for role in Role)

password_option = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
)


def _read_role(context: click.Context, parameter: click.Parameter, name: str) -> Role:
    """The role, however its name is written: Read-only, read_only, READONLY."""
    for role in Role:
        if _letters(role.value) == _letters(name):
            return role
    raise click.BadParameter(f"{name!r} is not a role. The roles are: {_ROLES}.")


@users.command("create")
@click.argument("email")
@click.option("--role", required=True, metavar="ROLE", callback=_read_role, help=f"One of: {_ROLES}.")
@password_option
@explained
def create(email: str, role: Role, password_stdin: bool) -> None:
    """Make a user who signs in with EMAIL.

    The password comes on standard input, so that no other user of this machine sees it:

    \b
        flask users create me@msp.example --role administrator --password-stdin < password.txt

    It needs at least 8 characters, and must not be the e-mail address.
    """
    address, password = _read_credentials(email, password_stdin)
    try:
        accounts.create_user(db.session, address, password, role)
        db.session.commit()
    except accounts.AddressTaken as error:
        db.session.rollback()
        raise click.ClickException(f"There is a user {address} already.") from error
    click.echo(f"Created {address} with the role {role.label}.")


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
    user = db.session.scalar(select(User).where(User.email == address))
    if user is None:
        raise click.ClickException(f"There is no user {address}. `flask users list` shows who there is.")
    user.set_password(password)
    UserSession.close_all(db.session, user)
    db.session.commit()
    click.echo(f"Set a new password for {address}.")


@users.command("list")
@as_json_option
@explained
def list_users(as_json: bool) -> None:
    """List the users: e-mail address, role, and when they were made and last signed in."""
    found = db.session.scalars(select(User).order_by(User.email)).all()
    records = [{column: getattr(user, column) for column in _COLUMNS} for user in found]
    print_records(records, _COLUMNS, as_json)


def _read_credentials(email: str, password_stdin: bool) -> tuple[str, str]:
    """The address as it is stored, and the password from standard input; both are fit for an account."""
    if not password_stdin:
        raise click.UsageError(
            "Add --password-stdin and pipe the password in, on one line: it cannot be an argument, which other users "
            "of this machine could see."
        )
    try:
        address = accounts.normal_address(email)
    except ValueError as error:
        raise click.BadParameter(f"{email!r} is not an e-mail address. {error}", param_hint="EMAIL") from error
    password = read_secret("password")
    problem = accounts.password_problem(password, address)
    if problem:
        raise click.ClickException(problem)
    return address, password


def _letters(name: str) -> str:
    return "".join(filter(str.isalpha, name)).lower()
