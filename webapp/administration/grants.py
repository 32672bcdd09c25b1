"""What users and groups are given: organizations, and membership. Who is given it already, is given it once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, delete, select

from ..models import GroupMember, Organization, OrganizationGrant, User, UserGroup
from ..models.base import DbSession
from ..models.portions import in_portions


@dataclass(frozen=True)
class Change:
    """Ids to give and to take away; what is there stays as it is otherwise, whoever changes it at the same time."""

    give: frozenset[int] = frozenset()
    take: frozenset[int] = frozenset()


NOTHING = Change()


@dataclass
class Done:
    """The names of what was given and taken away, for the audit log."""

    given: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.given or self.taken)


def organizations_of(holder: User | UserGroup) -> Select[int]:
    """The ids of the organizations that the user or the group itself is given."""
    return select(OrganizationGrant.organization_id).where(_is_holders(holder))


def groups_of(user: User) -> Select[int]:
    return select(GroupMember.group_id).where(GroupMember.user_id == user.id)


def members_of(group: UserGroup) -> Select[int]:
    return select(GroupMember.user_id).where(GroupMember.group_id == group.id)


def change_organizations(session: DbSession, holder: User | UserGroup, change: Change) -> Done:
    """Give the holder organizations, and take away others. The caller holds the holder's row."""
    have = set(session.scalars(organizations_of(holder)))
    column = "user_id" if isinstance(holder, User) else "group_id"
    given = _named(session, select(Organization.id, Organization.name), Organization.id, change.give - have)
    session.add_all(OrganizationGrant(**{column: holder.id}, organization_id=row_id) for row_id in given)
    taken = _named(session, select(Organization.id, Organization.name), Organization.id, change.take & have)
    for ids in in_portions(sorted(taken)):
        session.execute(
            delete(OrganizationGrant).where(_is_holders(holder), OrganizationGrant.organization_id.in_(ids))
        )
    session.flush()
    return Done(list(given.values()), list(taken.values()))


def change_groups(session: DbSession, user: User, change: Change) -> Done:
    """Let the user join groups, and leave others. The caller holds the user's row."""
    have = set(session.scalars(groups_of(user)))
    joined = _named(session, select(UserGroup.id, UserGroup.name), UserGroup.id, change.give - have)
    session.add_all(GroupMember(group_id=row_id, user_id=user.id) for row_id in joined)
    left = _named(session, select(UserGroup.id, UserGroup.name), UserGroup.id, change.take & have)
    for ids in in_portions(sorted(left)):
        session.execute(delete(GroupMember).where(GroupMember.user_id == user.id, GroupMember.group_id.in_(ids)))
    session.flush()
    return Done(list(joined.values()), list(left.values()))


def change_members(session: DbSession, group: UserGroup, change: Change) -> Done:
    """Take users into the group, and others out of it. The caller holds the group's row."""
    have = set(session.scalars(members_of(group)))
    joined = _named(session, select(User.id, User.email), User.id, change.give - have)
    session.add_all(GroupMember(group_id=group.id, user_id=row_id) for row_id in joined)
    left = _named(session, select(User.id, User.email), User.id, change.take & have)
    for ids in in_portions(sorted(left)):
        session.execute(delete(GroupMember).where(GroupMember.group_id == group.id, GroupMember.user_id.in_(ids)))
    session.flush()
    return Done(list(joined.values()), list(left.values()))


def _is_holders(holder: User | UserGroup) -> Any:
    if isinstance(holder, User):
        return OrganizationGrant.user_id == holder.id
    return OrganizationGrant.group_id == holder.id


def _named(session: DbSession, query: Select[*tuple[Any, ...]], column: Any, ids: Collection[int]) -> dict[int, str]:
    """The names of those of the ids that there are, kept from being deleted until the transaction ends."""
    found: dict[int, str] = {}
    for some in in_portions(sorted(ids)):
        rows = session.execute(
            query.where(column.in_(some)).order_by(column).with_for_update(read=True, key_share=True)
        )
        found.update((row_id, name) for row_id, name in rows)
    return found
