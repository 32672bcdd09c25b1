"""Who may do what, and whose data they see: the one place where that is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import wraps
from typing import Any

from flask import abort
from flask_login import current_user
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import aliased

from .extensions import db, login_manager
from .models import ApiKey, GroupMember, OrganizationGrant, Role, User, UserGroup, UserSession
from .scope import KeyScope, Scope, UserScope


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

# What each role is for, as who gives it reads it.
ROLE_WORDS: dict[Role, str] = {
    Role.ADMINISTRATOR: "Everything, in every organization, users and their rights included.",
    Role.MANAGER: "Integrations, matching and all records, in every organization. No users, no audit log.",
    Role.EDITOR: "Makes, changes and deletes records, and says who may see them, in the organizations given.",
    Role.CREATOR: "Makes and changes records in the organizations given, and deletes none.",
    Role.READ_ONLY: "Reads the organizations given, or all of them.",
    Role.LITE: "Reads the organizations given one by one, and is never given all of them at once.",
}

# What a permission lets somebody do, as they read it.
PERMISSION_WORDS: dict[Permission, str] = {
    Permission.READ: "See licenses, contacts and assets of your organizations, and export them",
    Permission.EDIT_RECORDS: "Add contacts and assets, and change them",
    Permission.DELETE_RECORDS: "Delete contacts and assets",
    Permission.SECURE_RECORDS: "Choose who may see a license or an asset",
    Permission.EDIT_ORGANIZATIONS: "Change the names and addresses of organizations",
    Permission.CREATE_ORGANIZATIONS: "Add, import and archive organizations",
    Permission.MANAGE_TYPES: "Design flexible asset types",
    Permission.MANAGE_INTEGRATIONS: "Connect Microsoft 365, match tenants and start syncs",
    Permission.MANAGE_PRODUCTS: "Name products, and import their names",
    Permission.MANAGE_USERS: "Invite users, and give roles, groups, organizations and API keys",
    Permission.READ_AUDIT_LOG: "Read the audit log",
}


# The command line belongs to whoever runs the server.
EVERYTHING = Scope()


def may(holder: User | ApiKey, permission: Permission) -> bool:
    return permission in _GRANTED.get(holder.role, frozenset())


def permissions_of(role: Role) -> list[Permission]:
    """What the role lets somebody do, from the least on."""
    granted = _GRANTED.get(role, frozenset())
    return [permission for permission in Permission if permission in granted]


def sees_everything(role: Role) -> bool:
    """Whether the role has every organization, whatever is given to who has it."""
    return role in _SEE_EVERYTHING


def takes_all(role: Role) -> bool:
    """Whether who has the role can be given all organizations at once."""
    return role != Role.LITE


def has_all(user: User, groups: Iterable[UserGroup]) -> bool:
    """Whether the user, who is in these groups, has every organization, also those that come later."""
    is_given = user.all_organizations or any(group.all_organizations for group in groups)
    return sees_everything(user.role) or (is_given and takes_all(user.role))


def scope_of(user: User) -> Scope:
    if sees_everything(user.role):
        return EVERYTHING
    return UserScope(user.id, takes_all=takes_all(user.role))


def scope_of_key(key: ApiKey) -> Scope:
    """A key that was given a list reads only that, whatever its role."""
    reads_everything = sees_everything(key.role) and key.all_organizations
    return EVERYTHING if reads_everything else KeyScope(key.id)


def reaching(organization_id: int) -> Select[int]:
    """The ids of the users whose scope includes the organization."""
    of_given = OrganizationGrant.organization_id == organization_id
    given = select(OrganizationGrant.user_id).where(of_given, OrganizationGrant.user_id.is_not(None))
    in_given = (
        select(GroupMember.user_id)
        .join(OrganizationGrant, OrganizationGrant.group_id == GroupMember.group_id)
        .where(of_given)
    )
    in_all = (
        select(GroupMember.user_id)
        .join(UserGroup, UserGroup.id == GroupMember.group_id)
        .where(UserGroup.all_organizations.is_(True))
    )
    # Under a name of its own, whatever tables the query around is of.
    user = aliased(User)
    has_all = and_(user.role != Role.LITE, or_(user.all_organizations.is_(True), user.id.in_(in_all)))
    return select(user.id).where(
        or_(user.role.in_(_SEE_EVERYTHING), has_all, user.id.in_(given), user.id.in_(in_given))
    )


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


def require_still(permission: Permission) -> None:
    """End the request, unless who is signed in still is, and still has the permission.

    For a view that waited, for Microsoft or for a row: whoever took the role meanwhile, or signed them out, was told
    that it holds at once.
    """
    user = UserSession.find_user(db.session, current_user.session_token)
    if user is None:
        abort(login_manager.unauthorized())
    db.session.refresh(user)  # which may have been read before the wait
    if not may(user, permission):
        abort(403)
