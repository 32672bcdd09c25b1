"""What is done with groups, for the pages and the commands. Each change is told in the audit log."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from .. import audit
from ..models import AuditArea, UserGroup, fold
from ..models.base import DbSession
from ..text import name as as_name
from . import grants
from .grants import NOTHING, Change
from .refused import Refused

LONGEST_NAME = 100


def fit_name(text: str) -> str:
    """The text as a group's name. Raises `ValueError` with what is wrong with it."""
    name = as_name(text, LONGEST_NAME)
    if not name:
        raise ValueError("Enter the group's name.")
    return name


def named(session: DbSession, name: str) -> UserGroup | None:
    """The group of this name, whatever its case."""
    return session.scalar(select(UserGroup).where(UserGroup.name_folded == fold(name)))


def hold(session: DbSession, group_id: int) -> UserGroup | None:
    """The group as it is now; until the transaction ends nobody else changes it."""
    return session.scalar(
        select(UserGroup)
        .where(UserGroup.id == group_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def create(
    session: DbSession, name: str, all_organizations: bool, organizations: Change = NOTHING, members: Change = NOTHING
) -> UserGroup:
    """Make a group. Raises `Refused` where there is one of that name."""
    group = UserGroup(all_organizations=all_organizations)
    _name(session, group, name)
    given = grants.change_organizations(session, group, organizations)
    joined = grants.change_members(session, group, members)
    audit.record(
        AuditArea.RIGHTS,
        f"Made the group {group.name}",
        all_organizations=group.all_organizations,
        organizations=given.given,
        members=joined.given,
    )
    return group


def change(
    session: DbSession,
    group: UserGroup,
    name: str,
    all_organizations: bool,
    organizations: Change = NOTHING,
    members: Change = NOTHING,
) -> bool:
    """Change the group, which is held. Raises `Refused` as above. Returns whether that changes anything."""
    told: dict[str, Any] = {}
    if name != group.name:
        told["name"] = [group.name, name]
        _name(session, group, name)
    if all_organizations != group.all_organizations:
        told["all_organizations"] = [group.all_organizations, all_organizations]
        group.all_organizations = all_organizations
    given = grants.change_organizations(session, group, organizations)
    joined = grants.change_members(session, group, members)
    told |= {"organizations_given": given.given, "organizations_taken": given.taken}
    told |= {"members_added": joined.given, "members_removed": joined.taken}
    told = {key: value for key, value in told.items() if value}
    if told:
        audit.record(AuditArea.RIGHTS, f"Changed the group {group.name}", **told)
    return bool(told)


def remove(session: DbSession, group: UserGroup) -> None:
    """Delete the group. Its members stay, and lose what only the group gave them."""
    audit.record(AuditArea.RIGHTS, f"Deleted the group {group.name}")
    session.flush()
    session.execute(delete(UserGroup).where(UserGroup.id == group.id))


def _name(session: DbSession, group: UserGroup, name: str) -> None:
    try:
        with session.begin_nested():
            group.name = name
            session.add(group)
    except IntegrityError as error:
        raise Refused(f"There is a group named {name} already. Choose another name, or use that one.") from error
