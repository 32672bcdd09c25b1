"""Whose data a user sees, by role, grants, groups and security settings."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.support.factories import Make
from webapp.access import scope_of
from webapp.extensions import db
from webapp.models import AssetAccess, FlexibleAsset, License, Organization, Role, User

ROLES_WITH_ALL = [Role.ADMINISTRATOR, Role.MANAGER]
ROLES_WITH_A_LIST = [Role.EDITOR, Role.CREATOR, Role.LITE, Role.READ_ONLY]


def seen(user: User) -> set[str]:
    return set(db.session.scalars(select(Organization.name).where(scope_of(user).includes())))


@pytest.fixture(autouse=True)
def organizations(make: Make) -> dict[str, Organization]:
    return {name: make.organization(name=name) for name in ("A", "B", "C")}


@pytest.mark.parametrize("role", ROLES_WITH_ALL)
def test_who_manages_integrations_has_every_organization(make: Make, role: Role) -> None:
    assert seen(make.reader(role=role)) == {"A", "B", "C"}


@pytest.mark.parametrize("role", ROLES_WITH_A_LIST)
def test_everyone_else_has_those_given_by_themselves_and_by_their_groups(
    make: Make, organizations: dict[str, Organization], role: Role
) -> None:
    user = make.reader(organizations["A"], role=role)
    make.grant(make.group(user), organizations["B"])
    make.grant(make.group(make.user()), organizations["C"])
    assert seen(user) == {"A", "B"}


def test_nothing_given_is_nothing_seen(make: Make) -> None:
    assert seen(make.reader()) == set()


@pytest.mark.parametrize("role", [Role.EDITOR, Role.CREATOR, Role.READ_ONLY])
def test_all_are_given_to_the_user_or_to_a_group(make: Make, role: Role) -> None:
    by_group = make.reader(role=role)
    make.group(by_group, all_organizations=True)
    assert seen(make.user(role=role, all_organizations=True)) == seen(by_group) == {"A", "B", "C"}


def test_lite_is_never_given_all_at_once(make: Make, organizations: dict[str, Organization]) -> None:
    user = make.user(role=Role.LITE, all_organizations=True)
    make.grant(make.group(user, all_organizations=True), organizations["C"])
    assert seen(user) == {"C"}


def test_a_role_that_is_not_known_sees_only_what_it_is_given(make: Make) -> None:
    user = make.reader()
    user.role = Role.of("owner")
    assert seen(user) == set()


def test_a_restricted_record_is_for_who_is_named_alone_or_by_a_group(
    make: Make, organizations: dict[str, Organization]
) -> None:
    license = make.license(organization=organizations["A"], is_restricted=True)
    asset = make.asset(organization=organizations["A"], is_restricted=True)
    open_license = make.license(organization=organizations["A"])
    other, named, member = (make.reader(organizations["A"], role=Role.EDITOR) for _ in range(3))
    group = make.group(member)
    for who in ({"user_id": named.id}, {"group_id": group.id}):
        db.session.add_all([AssetAccess(license_id=license.id, **who), AssetAccess(asset_id=asset.id, **who)])
    db.session.commit()

    def records(user: User) -> tuple[set[int], set[int]]:
        scope = scope_of(user)
        return (
            set(db.session.scalars(select(License.id).where(scope.includes_license()))),
            set(db.session.scalars(select(FlexibleAsset.id).where(scope.includes_asset()))),
        )

    everything = ({license.id, open_license.id}, {asset.id})
    assert records(other) == ({open_license.id}, set())
    assert records(named) == records(member) == records(make.user(role=Role.MANAGER)) == everything
