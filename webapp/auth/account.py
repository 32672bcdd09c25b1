"""One's own account, in plain words: the groups, whose data one sees, what one may do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from .. import access
from ..models import GroupMember, Organization, User, UserGroup
from ..models.base import DbSession


@dataclass(frozen=True)
class Account:
    abilities: Sequence[str]
    groups: Sequence[str]
    # How many organizations are seen, of which those that come later are seen too where `has_all`.
    organizations: int
    has_all: bool


def of(session: DbSession, user: User) -> Account:
    scope = access.scope_of(user)
    listed = Organization.archived_at.is_(None)
    seen = session.scalar(select(func.count(Organization.id)).where(scope.includes(), listed)) or 0
    groups = session.scalars(
        select(UserGroup)
        .join(GroupMember, GroupMember.group_id == UserGroup.id)
        .where(GroupMember.user_id == user.id)
        .order_by(UserGroup.name_folded)
    ).all()
    return Account(
        abilities=[access.PERMISSION_WORDS[permission] for permission in access.permissions_of(user.role)],
        groups=[group.name for group in groups],
        organizations=seen,
        has_all=access.has_all(user, groups),
    )
