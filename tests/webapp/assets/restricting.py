"""Letting only some see a license or an asset, and the address of the form by which people do."""

from __future__ import annotations

from webapp.extensions import db
from webapp.models import (
    AssetAccess,
    FlexibleAsset,
    GroupMember,
    License,
    User,
    UserGroup,
)


def a_group(*members: User, name: str = "Sales") -> UserGroup:
    group = UserGroup(name=name)
    db.session.add(group)
    db.session.flush()
    db.session.add_all(GroupMember(group_id=group.id, user_id=member.id) for member in members)
    db.session.commit()
    return group


def restrict(record: License | FlexibleAsset, *named: User | UserGroup) -> None:
    record.is_restricted = True
    key = "license_id" if isinstance(record, License) else "asset_id"
    for one in named:
        column = "user_id" if isinstance(one, User) else "group_id"
        db.session.add(AssetAccess(**{key: record.id, column: one.id}))
    db.session.commit()


def address_of(record: License | FlexibleAsset) -> str:
    return f"/licenses/{record.id}/edit" if isinstance(record, License) else f"/assets/{record.id}/security"
