"""Parts of which all was found as it is stored: when they are written, and what is noted of whom."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from jobs import settling, telling
from jobs.settling import flush, settle
from tests.support.claims import claims_of_a_run
from tests.support.factories import Make
from webapp.database import declare_writing
from webapp.extensions import db
from webapp.models import Claim, PartState, RunState, SyncPart, SyncRun, Tenant, utc_now

from .hands import settled, state_of


@pytest.fixture(autouse=True)
def _an_empty_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_desk", settling._Desk())


def noted(claim: Claim) -> tuple[PartState, datetime | None, datetime | None]:
    part, tenant = db.session.get_one(SyncPart, claim.part_id), db.session.get_one(Tenant, claim.tenant_id)
    return part.state, tenant.last_synced_at, tenant.users_synced_at


def test_of_each_tenant_is_noted_what_was_read_and_of_one_that_is_lost_nothing(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    claims = both, licenses_only, users_only, lost = claims_of_a_run(make, 4)
    db.session.execute(update(SyncPart).where(SyncPart.id == lost.part_id).values(lease="another's"))
    db.session.commit()
    ended: list[Claim] = []
    first = settled(both, lambda: ended.append(both))
    settle(first)
    settle(settled(licenses_only, lambda: ended.append(licenses_only), read_users=False))
    settle(settled(users_only, lambda: ended.append(users_only), read_licenses=False))
    settle(settled(lost, lambda: ended.append(lost)))
    declare_writing()
    with caplog.at_level(logging.DEBUG, telling.log.name):
        flush(at_once=True)
    at = first.read_at
    assert noted(both) == (PartState.OK, at, at)
    assert noted(licenses_only) == (PartState.OK, at, None)
    assert noted(users_only) == (PartState.OK, None, at)
    assert noted(lost) == (PartState.SYNCING, None, None)
    assert [record.message for record in caplog.records].count("The tenant is well") == 3
    assert ended == list(claims)


def test_what_another_read_and_ended_later_is_not_told_to_be_as_old_as_what_was_read_here(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    [lost] = claims_of_a_run(make, 1)
    settle(settled(lost))
    later = utc_now() + timedelta(seconds=30)
    db.session.execute(update(SyncPart).where(SyncPart.id == lost.part_id).values(state=PartState.OK, lease=None))
    db.session.execute(update(Tenant).where(Tenant.id == lost.tenant_id).values(last_synced_at=later))
    db.session.commit()
    declare_writing()
    with caplog.at_level(logging.DEBUG, telling.log.name):
        flush(at_once=True)
    assert noted(lost) == (PartState.OK, later, None)
    assert "The tenant is well" not in caplog.messages


def test_what_is_settled_waits_for_others_and_not_for_long_and_its_run_ends_with_it(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    [claim] = claims_of_a_run(make, 1)
    monkeypatch.setattr(settling, "_SECONDS", 3600.0)
    settle(settled(claim))
    declare_writing()
    flush()
    assert noted(claim)[0] == PartState.SYNCING
    monkeypatch.setattr(settling, "_SECONDS", 0.0)
    with caplog.at_level(logging.INFO, telling.log.name):
        flush()
    assert (noted(claim)[0], state_of(claim.run_id)) == (PartState.OK, RunState.OK)
    assert [record.message for record in caplog.records] == ["The sync ended: ok"]


def test_what_is_settled_does_not_wait_once_there_are_enough(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = claims_of_a_run(make, 2)
    monkeypatch.setattr(settling, "_SECONDS", 3600.0)
    monkeypatch.setattr(settling, "_MOST", 2)
    declare_writing()
    for claim, is_written in zip(claims, (False, True), strict=True):
        settle(settled(claim))
        flush()
        db.session.commit()
        assert (db.session.get_one(SyncRun, claim.run_id).state == RunState.OK) == is_written


def test_what_cannot_be_written_is_in_hand_no_more_so_that_its_lease_ends_and_it_is_taken_up_again(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("the database fell away"))

    claims = claims_of_a_run(make, 2)
    ended: list[Claim] = []
    for claim in claims:
        settle(settled(claim, lambda claim=claim: ended.append(claim)))  # type: ignore[misc]
    declare_writing()
    with monkeypatch.context() as patch:
        patch.setattr(SyncPart, "succeed_all", fail)
        with pytest.raises(OperationalError):
            flush(at_once=True)
    db.session.rollback()
    assert ended == claims
    assert [noted(claim)[0] for claim in claims] == [PartState.SYNCING] * 2
