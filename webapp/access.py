"""Who may do what, and whose data they see: the one place where that is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any

from flask import abort
from flask_login import current_user
from sqlalchemy import ColumnElement, true

from .extensions import login_manager
from .models import Role, User


class Permission(StrEnum):
    READ = "read"
    EDIT_ORGANIZATIONS = "edit organizations"
    MANAGE_INTEGRATIONS = "manage integrations"
    MANAGE_PRODUCTS = "manage products"


_GRANTED: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: frozenset(Permission),
    Role.READ_ONLY: frozenset({Permission.READ}),
}


@dataclass(frozen=True)
class Scope:
    """The organizations whose data somebody may see. Every query of customer data is built on one."""

    def includes(self) -> ColumnElement[bool]:
        """The condition on `Organization` that keeps a query within this scope."""
        return true()


# The command line belongs to whoever runs the server.
EVERYTHING = Scope()


def may(user: User, permission: Permission) -> bool:
    return permission in _GRANTED.get(user.role, frozenset())


def scope_of(user: User) -> Scope:
    return EVERYTHING


def requires(permission: Permission) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let only signed-in users with the permission reach a view; others get the sign-in page, or 403."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return login_manager.unauthorized()
            if not may(current_user, permission):
                abort(403)
            return view(*args, **kwargs)

        return checked

    return decorate
