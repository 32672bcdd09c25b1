"""Whose data somebody sees: the conditions on which every query of customer data is built."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select, true
from sqlalchemy.orm import aliased

from .models import (
    ApiKey,
    ApiKeyGrant,
    AssetAccess,
    FlexibleAsset,
    GroupMember,
    License,
    Organization,
    OrganizationGrant,
    User,
    UserGroup,
)


class Scope:
    """What somebody may see; as it stands, everything."""

    def includes(self) -> ColumnElement[bool]:
        """The condition on `Organization` that keeps a query within this scope."""
        return true()

    def includes_license(self) -> ColumnElement[bool]:
        """The condition on `License` that its security settings let it be seen, beside that on its organization."""
        return true()

    def includes_asset(self) -> ColumnElement[bool]:
        """The same condition on `FlexibleAsset`."""
        return true()


@dataclass(frozen=True)
class UserScope(Scope):
    """What a user sees: the organizations that they, or their groups, are given, and in them what is for everyone.

    A restricted asset they see where they, or their groups, are named. Without `takes_all` only organizations that are
    given one by one count.
    """

    user_id: int
    takes_all: bool = True

    def includes(self) -> ColumnElement[bool]:
        is_given = or_(OrganizationGrant.user_id == self.user_id, OrganizationGrant.group_id.in_(self._groups()))
        given = Organization.id.in_(select(OrganizationGrant.organization_id).where(is_given))
        return or_(given, self._has_all()) if self.takes_all else given

    def includes_license(self) -> ColumnElement[bool]:
        return self._may_see(License, AssetAccess.license_id)

    def includes_asset(self) -> ColumnElement[bool]:
        return self._may_see(FlexibleAsset, AssetAccess.asset_id)

    def _may_see(self, asset: Any, named: Any) -> ColumnElement[bool]:
        is_named = or_(AssetAccess.user_id == self.user_id, AssetAccess.group_id.in_(self._groups()))
        return or_(asset.is_restricted.is_(False), asset.id.in_(select(named).where(named.is_not(None), is_named)))

    def _groups(self) -> Select[int]:
        return select(GroupMember.group_id).where(GroupMember.user_id == self.user_id)

    def _has_all(self) -> ColumnElement[bool]:
        user, group = _under_names_of_their_own()
        own = select(user.id).where(user.id == self.user_id, user.all_organizations.is_(True))
        groups = select(group.id).where(group.id.in_(self._groups()), group.all_organizations.is_(True))
        return or_(own.exists(), groups.exists())


@cache
def _under_names_of_their_own() -> tuple[type[User], type[UserGroup]]:
    """The two tables for a condition, whatever tables the query around it is of.

    Made once: they take longer to make than all else of a condition, of which a page needs half a dozen.
    """
    return aliased(User), aliased(UserGroup)


@dataclass(frozen=True)
class KeyScope(Scope):
    """What an API key reads: the organizations that it is given, and in them what is for everyone."""

    key_id: int

    def includes(self) -> ColumnElement[bool]:
        given = select(ApiKeyGrant.organization_id).where(ApiKeyGrant.api_key_id == self.key_id)
        has_all = select(ApiKey.id).where(ApiKey.id == self.key_id, ApiKey.all_organizations.is_(True))
        return or_(Organization.id.in_(given), has_all.exists())

    def includes_license(self) -> ColumnElement[bool]:
        return License.is_restricted.is_(False)

    def includes_asset(self) -> ColumnElement[bool]:
        return FlexibleAsset.is_restricted.is_(False)
