"""What the rounds check by: each kind of wrong is seen, and what is right is none."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from flask import Flask

from jobs import license_history
from jobs.licenses import stored
from sandbox import Assigned, Sku, User
from sandbox import Tenant as Given
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import (
    Assignment,
    DirectoryUser,
    License,
    PartState,
    RunState,
    SyncPart,
    SyncRun,
    Tenant,
    utc_now,
)

from . import truth
from .customers import a_tenant, changed
from .disasters import DISASTERS
from .hurried import unknown_times
from .rounds import disaster_of
from .seed import dice_of

RULES = truth.Rules(guests=False, blocked=False, unlicensed=False)
E3 = Sku.of("SPE_E3", enabled=25, consumed=14)
ANNA = User("11111111-1111-1111-1111-111111111111", "Anna Berg", "anna@contoso.example", "Anna", "Berg")
GIVEN = Given("22222222-2222-2222-2222-222222222222", "Contoso", ("contoso.example",), "app", "secret", skus=(E3,))
HELD = replace(GIVEN, users=(replace(ANNA, mail="anna@contoso.example", licenses=(Assigned(E3.sku_id),)),))


@pytest.fixture
def tenant(app: Flask, make: Make) -> Tenant:
    """It is stored as it is in `HELD`."""
    row = make.tenant(organization=make.organization(), tenant_id=GIVEN.tenant_id)
    product = make.product(sku_id=E3.sku_id, part_number="SPE_E3")
    license = make.license(tenant=row, product=product)
    person = {"first_name": "Anna", "last_name": "Berg", "user_principal_name": "anna@contoso.example"}
    contact = make.contact(organization=row.organization, name="Anna Berg", email="anna@contoso.example", **person)
    make.assignment(license, make.directory_user(tenant=row, contact=contact, user_id=ANNA.user_id))
    return row


def part(tenant: Tenant, state: PartState, **values: str) -> SyncPart:
    return SyncPart(tenant_id=tenant.id, state=state, **{"reason": "", "fix": "", **values})


def wrongs(one: SyncPart, before: truth.Kept, *versions: Given) -> list[str]:
    return list(truth.wrongs_of_part(one, before, versions, RULES))


BEFORE = truth.Kept(truth.NOTHING, None)


def test_a_part_that_is_ok_is_like_some_state_of_its_tenant(tenant: Tenant) -> None:
    done = part(tenant, PartState.OK)
    assert wrongs(done, BEFORE, HELD) == []
    assert wrongs(done, BEFORE, GIVEN, HELD) == []
    assert wrongs(done, BEFORE, GIVEN) != []
    assert wrongs(done, BEFORE, replace(HELD, skus=(replace(E3, consumed=15),))) != []


@pytest.mark.parametrize("model", [Assignment, DirectoryUser, License])
def test_what_is_missing_is_seen(tenant: Tenant, model: type[Assignment | DirectoryUser | License]) -> None:
    db.session.execute(db.delete(model))
    db.session.commit()
    assert wrongs(part(tenant, PartState.OK), BEFORE, HELD) != []


def test_users_that_could_not_be_read_stay_as_they_were(tenant: Tenant) -> None:
    unread = part(tenant, PartState.OK, reason="The app lacks a permission.", fix="Grant it.")
    now = truth.kept(tenant.id)
    nobody = replace(GIVEN, users=())
    assert wrongs(unread, now, nobody) == []
    assert wrongs(unread, BEFORE, nobody) != []


def test_a_part_that_failed_changed_nothing_and_says_why(tenant: Tenant) -> None:
    now = truth.kept(tenant.id)
    assert wrongs(part(tenant, PartState.FAILED, reason="It failed.", fix="Wait."), now, GIVEN) == []
    assert wrongs(part(tenant, PartState.FAILED), now, GIVEN) != []
    assert wrongs(part(tenant, PartState.CANCELLED), BEFORE, GIVEN) != []


def test_a_history_leads_step_by_step_to_what_is_stored(tenant: Tenant) -> None:
    whose = tenant.integration_id
    assert list(truth.wrongs_of_history(whose)) != []
    license_history.record(tenant, {}, stored(tenant.id), utc_now(), None)
    assert list(truth.wrongs_of_history(whose)) == []
    license_history.record(tenant, {}, stored(tenant.id), utc_now(), None)
    assert list(truth.wrongs_of_history(whose)) != []


def test_two_users_of_one_contact_are_one_too_many(tenant: Tenant, make: Make) -> None:
    assert list(truth.doubles(tenant.integration_id)) == []
    linked = db.session.query(DirectoryUser).one()
    make.directory_user(tenant_id=tenant.id, contact_id=linked.contact_id, qualifies=True)
    assert list(truth.doubles(tenant.integration_id)) != []


def test_a_run_counts_its_parts() -> None:
    run = SyncRun(state=RunState.PARTIAL, tenants_total=2, tenants_ok=1, tenants_failed=1)
    assert list(truth.wrongs_of_counts(run, [PartState.OK, PartState.FAILED])) == []
    assert list(truth.wrongs_of_counts(run, [PartState.OK, PartState.OK])) != []
    assert list(truth.wrongs_of_counts(run, [PartState.OK, PartState.SYNCING])) != []


def test_what_is_hurried_is_still_called_so() -> None:
    assert unknown_times() == []


def test_a_round_follows_from_the_seed_and_its_number() -> None:
    assert dice_of(7).random() == dice_of(7).random() != dice_of(8).random()
    assert {disaster_of(number) for number in range(len(DISASTERS))} == set(DISASTERS)


def test_what_happens_in_a_tenant_is_seen_in_what_is_expected() -> None:
    dice = Random(1)
    for number in range(50):
        before = a_tenant(dice, number, "app", "secret")
        after = changed(dice, before)
        is_same = truth.expected(before, before, RULES) == truth.expected(after, after, RULES)
        if before.users == after.users:
            assert is_same == (before.skus == after.skus)
