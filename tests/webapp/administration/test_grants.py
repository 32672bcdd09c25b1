"""What is given to one user or group, and taken from it, concerns no other."""

from __future__ import annotations

from tests.support.factories import Make
from webapp.administration import grants
from webapp.administration.grants import Change
from webapp.extensions import db
from webapp.models import GroupMember, OrganizationGrant


def test_an_organization_that_is_taken_from_one_stays_with_the_others(make: Make) -> None:
    organization = make.organization()
    users, groups = [make.reader(organization) for _ in range(2)], [make.group() for _ in range(2)]
    for group in groups:
        make.grant(group, organization)
    for holder in (users[0], groups[0]):
        done = grants.change_organizations(db.session, holder, Change(take=frozenset({organization.id})))
        assert done.taken == [organization.name]
    db.session.commit()
    left = {(grant.user_id, grant.group_id) for grant in db.session.query(OrganizationGrant)}
    assert left == {(users[1].id, None), (None, groups[1].id)}


def test_who_leaves_one_group_stays_in_the_others_and_others_stay_in_it(make: Make) -> None:
    ann, ben = make.user(), make.user()
    north, south = make.group(ann, ben), make.group(ann, ben)
    assert grants.change_groups(db.session, ann, Change(take=frozenset({north.id}))).taken == [north.name]
    assert grants.change_members(db.session, south, Change(take=frozenset({ben.id}))).taken == [ben.email]
    db.session.commit()
    left = {(member.group_id, member.user_id) for member in db.session.query(GroupMember)}
    assert left == {(north.id, ben.id), (south.id, ann.id)}
