"""Users and groups as the pages and the commands need them: a constant number of queries, however many rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, union

from ..access import has_all
from ..models import AssetAccess, GroupMember, Organization, OrganizationGrant, Role, User, UserGroup, fold
from ..models.base import DbSession
from ..search import every_word

_SHORTEST_ROLE = 4


@dataclass(frozen=True)
class UserRow:
    """A user, their groups' names, and the organizations that they reach, by their role, themselves or their groups."""

    user: User
    groups: Sequence[str]
    has_all: bool
    organizations: int


@dataclass(frozen=True)
class GroupRow:
    group: UserGroup
    members: int
    organizations: int


def user_listing(q: str = "") -> Select[User]:
    """The users in whose address, role or groups' names every word is found; sorted by address."""

    def is_found(word: str) -> ColumnElement[bool]:
        members = (
            select(GroupMember.user_id)
            .join(UserGroup, UserGroup.id == GroupMember.group_id)
            .where(UserGroup.name_folded.contains(word, autoescape=True))
        )
        return or_(User.email.contains(word, autoescape=True), User.id.in_(members), User.role.in_(_roles_called(word)))

    return select(User).where(every_word(q, is_found)).order_by(User.email)


def user_rows(session: DbSession, users: Sequence[User]) -> list[UserRow]:
    """The users with what belongs to them, in two queries."""
    ids = [user.id for user in users]
    groups: defaultdict[int, list[UserGroup]] = defaultdict(list)
    membership = (
        select(GroupMember.user_id, UserGroup)
        .join(UserGroup, UserGroup.id == GroupMember.group_id)
        .where(GroupMember.user_id.in_(ids))
        .order_by(UserGroup.name_folded)
    )
    for user_id, group in session.execute(membership):
        groups[user_id].append(group)
    given = _given(GroupMember.user_id.in_(ids), OrganizationGrant.user_id.in_(ids)).subquery()
    counts = _as_dict(session.execute(select(given.c.user_id, func.count()).group_by(given.c.user_id)))
    return [
        UserRow(
            user=user,
            groups=[group.name for group in groups[user.id]],
            has_all=has_all(user, groups[user.id]),
            organizations=counts.get(user.id, 0),
        )
        for user in users
    ]


def organization_names(session: DbSession, users: Sequence[User]) -> dict[int, list[str]]:
    """The names of the organizations that each of the users is given, alone or by a group."""
    ids = [user.id for user in users]
    given = _given(GroupMember.user_id.in_(ids), OrganizationGrant.user_id.in_(ids)).subquery()
    query = (
        select(given.c.user_id, Organization.name)
        .join(Organization, Organization.id == given.c.organization_id)
        .order_by(Organization.name_folded, Organization.id)
    )
    names: dict[int, list[str]] = {user.id: [] for user in users}
    for user_id, name in session.execute(query):
        names[user_id].append(name)
    return names


def group_listing(q: str = "") -> Select[UserGroup]:
    """The groups in whose name every word is found; sorted by name."""
    is_found = every_word(q, lambda word: UserGroup.name_folded.contains(word, autoescape=True))
    return select(UserGroup).where(is_found).order_by(UserGroup.name_folded)


def group_rows(session: DbSession, groups: Sequence[UserGroup]) -> list[GroupRow]:
    """The groups with what belongs to them, in two queries."""
    ids = [group.id for group in groups]
    members = _counts(session, GroupMember.group_id, ids)
    organizations = _counts(session, OrganizationGrant.group_id, ids)
    return [GroupRow(group, members.get(group.id, 0), organizations.get(group.id, 0)) for group in groups]


def assets_naming(session: DbSession, holder: User | UserGroup) -> int:
    """How many licenses and assets name the user or the group in their security settings."""
    is_named = AssetAccess.user_id == holder.id if isinstance(holder, User) else AssetAccess.group_id == holder.id
    return session.scalar(select(func.count(AssetAccess.id)).where(is_named)) or 0


def _roles_called(word: str) -> list[Role]:
    """The roles in whose label the word is found, where enough of it was typed to mean one."""
    return [role for role in Role if len(word) >= _SHORTEST_ROLE and word in fold(role.label)]


def _given(is_member: ColumnElement[bool], is_own: ColumnElement[bool]) -> Any:
    """Each organization that a user is given, once, however often and by whom."""
    own = select(OrganizationGrant.user_id, OrganizationGrant.organization_id).where(is_own)
    by_groups = (
        select(GroupMember.user_id, OrganizationGrant.organization_id)
        .join(GroupMember, GroupMember.group_id == OrganizationGrant.group_id)
        .where(is_member)
    )
    return union(own, by_groups)


def _counts(session: DbSession, column: Any, ids: Sequence[int]) -> dict[int, int]:
    query = select(column, func.count()).where(column.in_(ids)).group_by(column)
    return _as_dict(session.execute(query))


def _as_dict(rows: Iterable[Any]) -> dict[int, int]:
    return dict(map(tuple, rows))
