"""The option that names a role."""

from __future__ import annotations

import click

from ..models import Role

_ROLES = ", ".join(role.label for role in Role)


def read_role(context: click.Context, parameter: click.Parameter, name: str) -> Role:
    """The role, however its name is written: Read-only, read_only, READONLY."""
    for role in Role:
        if _letters(role.value) == _letters(name):
            return role
    raise click.BadParameter(f"{name!r} is not a role. The roles are: {_ROLES}.")


role_option = click.option("--role", required=True, metavar="ROLE", callback=read_role, help=f"One of: {_ROLES}.")


def _letters(name: str) -> str:
    return "".join(filter(str.isalpha, name)).lower()
