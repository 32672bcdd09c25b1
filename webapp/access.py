"""Who may do what, and whose data they see: the one place where that is decided."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any

from flask import abort
from flask_login import current_user
from sqlalchemy import ColumnElement, Select, or_, select, true

from .extensions import login_manager
from .models import (
    AssetAccess,
    FlexibleAsset,
    GroupMember,
    License,
    Organization,
    OrganizationGrant,
    Role,
    User,
    UserGroup,
)


class Permission(StrEnum):
    READ = "read"
    # Contacts and assets: make and change them; delete them.
    EDIT_RECORDS = "edit records"
    DELETE_RECORDS = "delete records"
    # Who in the organization may see an asset.
    SECURE_RECORDS = "secure records"
    EDIT_ORGANIZATIONS = "edit organizations"
    # Make, import and archive them.
    CREATE_ORGANIZATIONS = "create organizations"
    # The templates of flexible assets.
    MANAGE_TYPES = "manage types"
    MANAGE_INTEGRATIONS = "manage integrations"
    MANAGE_PRODUCTS = "manage products"
    # Users, groups, what they are given, API keys.
    MANAGE_USERS = "manage users"
    READ_AUDIT_LOG = "read audit log"


_CREATOR = frozenset({Permission.READ, Permission.EDIT_RECORDS})
_EDITOR = _CREATOR | {Permission.DELETE_RECORDS, Permission.SECURE_RECORDS, Permission.EDIT_ORGANIZATIONS}
_ADMINISTRATOR = frozenset(Permission)

_GRANTED: dict[Role, frozenset[Permission]] = {
    Role.ADMINISTRATOR: _ADMINISTRATOR,
    Role.MANAGER: _ADMINISTRATOR - {Permission.MANAGE_USERS, Permission.READ_AUDIT_LOG},
    Role.EDITOR: _EDITOR,
    Role.CREATOR: _CREATOR,
    Role.LITE: frozenset({Permission.READ}),
    Role.READ_ONLY: frozenset({Permission.READ}),
}
# Who manages integrations sees every tenant and whose it is, so these roles have every organization.
_SEE_EVERYTHING = frozenset({Role.ADMINISTRATOR, Role.MANAGER})


@dataclass(frozen=True)
class Scope:
    """What somebody may see. Every query of customer data is built on one.

    `user_id` is the user who sees it; None sees everything. A Lite user is never given all organizations at once.
    """

    user_id: int | None = None
    takes_all: bool = True

    def includes(self) -> ColumnElement[bool]:
        """The condition on `Organization` that keeps a query within this scope."""
        if self.user_id is None:
            return true()
        is_given = or_(OrganizationGrant.user_id == self.user_id, OrganizationGrant.group_id.in_(self._groups()))
        given = Organization.id.in_(select(OrganizationGrant.organization_id).where(is_given))
        return or_(given, self._has_all()) if self.takes_all else given

    def includes_license(self) -> ColumnElement[bool]:
        """The condition on `License` that its security settings let it be seen, beside that on its organization."""
        return self._may_see(License, AssetAccess.license_id)

    def includes_asset(self) -> ColumnElement[bool]:
        """The same condition on `FlexibleAsset`."""
        return self._may_see(FlexibleAsset, AssetAccess.asset_id)

    def _may_see(self, asset: Any, named_asset: Any) -> ColumnElement[bool]:
        if self.user_id is None:
            return true()
        is_named = or_(AssetAccess.user_id == self.user_id, AssetAccess.group_id.in_(self._groups()))
        return or_(
            asset.is_restricted.is_(False), asset.id.in_(select(named_asset).where(named_asset.is_not(None), is_named))
        )

    def _groups(self) -> Select[int]:
        return select(GroupMember.group_id).where(GroupMember.user_id == self.user_id)

    def _has_all(self) -> ColumnElement[bool]:
        own = select(User.id).where(User.id == self.user_id, User.all_organizations.is_(True))
        groups = select(UserGroup.id).where(UserGroup.id.in_(self._groups()), UserGroup.all_organizations.is_(True))
        return or_(own.exists(), groups.exists())


# The command line belongs to whoever runs the server.
EVERYTHING = Scope()


def may(user: User, permission: Permission) -> bool:
    return permission in _GRANTED.get(user.role, frozenset())


def scope_of(user: User) -> Scope:
    if user.role in _SEE_EVERYTHING:
        return EVERYTHING
    return Scope(user.id, takes_all=user.role != Role.LITE)


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
