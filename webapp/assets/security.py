"""Security settings of assets: who may see a license, or a custom asset, that not everyone in its organization may see.

Nothing else writes them: they survive every sync, a new match, and the integration itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select

from .. import access, audit
from ..models import (
    AssetAccess,
    AssetChange,
    AuditArea,
    ChangeKind,
    FlexibleAsset,
    GroupMember,
    License,
    User,
    UserGroup,
)
from ..models.base import DbSession
from ..text import count_of

EVERYONE = "Everyone in the organization"

Record = License | FlexibleAsset


@dataclass(frozen=True)
class Settings:
    """Who may see an asset beside Administrators and Managers, who see it in any case."""

    is_restricted: bool = False
    user_ids: frozenset[int] = frozenset()
    group_ids: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Nameable:
    """A user or a group that can be named, with what whoever names it should know."""

    id: int
    name: str
    about: str
    warning: str = ""


def settings_of(session: DbSession, record: Record) -> Settings:
    rows = session.execute(select(AssetAccess.user_id, AssetAccess.group_id).where(_is_of(record))).all()
    return Settings(
        record.is_restricted,
        frozenset(row.user_id for row in rows if row.user_id is not None),
        frozenset(row.group_id for row in rows if row.group_id is not None),
    )


def change(session: DbSession, record: Record, what: str, settings: Settings, who: str, now: datetime) -> bool:
    """Store the settings, in the transaction that is open; returns whether they differ from those that are stored.

    The caller holds the record's row. `what` names it for the audit log.
    """
    before = settings_of(session, record)
    if settings == before:
        return False
    told = {"from": in_words(session, before), "to": in_words(session, settings)}
    record.is_restricted = settings.is_restricted
    named = [{"user_id": user_id} for user_id in sorted(settings.user_ids - before.user_ids)]
    named_groups = [{"group_id": group_id} for group_id in sorted(settings.group_ids - before.group_ids)]
    session.execute(
        delete(AssetAccess).where(
            _is_of(record),
            or_(
                AssetAccess.user_id.in_(before.user_ids - settings.user_ids),
                AssetAccess.group_id.in_(before.group_ids - settings.group_ids),
            ),
        )
    )
    for rows in filter(None, (named, named_groups)):
        session.execute(insert(AssetAccess), [{**_key(record), **row} for row in rows])
    entry = AssetChange(at=now, kind=ChangeKind.SECURITY, who=who, fields=[{"field": "Seen by", **told}])
    for column, value in _key(record).items():
        setattr(entry, column, value)
    session.add(entry)
    audit.record(AuditArea.RIGHTS, f"Changed who sees {what}", seen_by_before=told["from"], seen_by=told["to"])
    return True


def named(session: DbSession, record: Record) -> str:
    """Who sees the record, in words."""
    return in_words(session, settings_of(session, record))


def in_words(session: DbSession, settings: Settings) -> str:
    if not settings.is_restricted:
        return EVERYONE
    users = select(User.email).where(User.id.in_(settings.user_ids)).order_by(User.email)
    groups = select(UserGroup.name).where(UserGroup.id.in_(settings.group_ids)).order_by(UserGroup.name_folded)
    names = [*session.scalars(users), *(f"the group {name}" for name in session.scalars(groups))]
    return ", ".join(names) or "Administrators and Managers only"


def nameable_users(session: DbSession, organization_id: int, settings: Settings) -> Sequence[Nameable]:
    """The users who can be named: all who may sign in, and those who are named already."""
    reaching = set(session.scalars(access.reaching(organization_id)))
    rows = session.scalars(
        select(User).where(or_(User.deactivated_at.is_(None), User.id.in_(settings.user_ids))).order_by(User.email)
    )
    return [Nameable(user.id, user.email, user.role.label, _warning(user, reaching)) for user in rows]


def nameable_groups(session: DbSession, organization_id: int) -> Sequence[Nameable]:
    """The groups with how many members they have, and how many of those have the organization."""
    has_it = GroupMember.user_id.in_(access.reaching(organization_id))
    rows = session.execute(
        select(
            UserGroup.id,
            UserGroup.name,
            func.count(GroupMember.user_id).label("members"),
            func.count(GroupMember.user_id).filter(has_it).label("reaching"),
        )
        .outerjoin(GroupMember, GroupMember.group_id == UserGroup.id)
        .group_by(UserGroup.id, UserGroup.name, UserGroup.name_folded)
        .order_by(UserGroup.name_folded)
    )
    return [
        Nameable(
            row.id,
            row.name,
            count_of(row.members, "member"),
            _missing(row.members, row.members - row.reaching),
        )
        for row in rows
    ]


def locks_out(session: DbSession, user: User, settings: Settings) -> bool:
    """Whether the user would no longer see what has these settings."""
    if not settings.is_restricted or access.sees_everything(user.role) or user.id in settings.user_ids:
        return False
    in_one = select(GroupMember.group_id).where(
        GroupMember.user_id == user.id, GroupMember.group_id.in_(settings.group_ids)
    )
    return session.scalar(in_one.limit(1)) is None


def exist(session: DbSession, settings: Settings) -> bool:
    """Whether all who are named exist. Nobody deletes them then until the transaction ends."""
    for model, ids in ((User, settings.user_ids), (UserGroup, settings.group_ids)):
        rows = select(model.id).where(model.id.in_(ids)).with_for_update(read=True, key_share=True)
        if ids and len(session.scalars(rows).all()) != len(ids):
            return False
    return True


def _warning(user: User, reaching: set[int]) -> str:
    if user.deactivated_at is not None:
        return "deactivated: cannot sign in"
    if access.sees_everything(user.role):
        return ""
    return "" if user.id in reaching else "has no access to this organization"


def _missing(members: int, missing: int) -> str:
    if not members:
        return "has no members"
    if missing == members:
        return "no member has access to this organization"
    return f"{missing} of them without access to this organization" if missing else ""


def _key(record: Record) -> dict[str, int]:
    return {"license_id" if isinstance(record, License) else "asset_id": record.id}


def _is_of(record: Record) -> ColumnElement[bool]:
    return and_(*(getattr(AssetAccess, column) == value for column, value in _key(record).items()))
