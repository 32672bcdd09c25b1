"""Parts and their leases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.claims import claim_one
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Claim, Outcome, PartState, Problem, SyncPart, SyncRun, utc_now
from webapp.models.leases import LEASE, LONGEST_PUT_OFF, MAX_ATTEMPTS

PROBLEM = Problem("It did not work.", "Do something.", "E1", "r-1")


@pytest.fixture
def part(make: Make) -> SyncPart:
    tenant = make.tenant(organization=make.organization())
    run = make.run(integration=tenant.integration, state="syncing")
    return make.part(run_id=run.id, tenant_id=tenant.id)


def claim_of(part: SyncPart) -> Claim:
    claim = claim_one(part.id, utc_now())
    assert claim is not None
    return claim


def test_a_part_that_waits_can_be_claimed_once(part: SyncPart) -> None:
    claim = claim_of(part)
    assert (claim.run_id, claim.tenant_id, claim.attempt) == (part.run_id, part.tenant_id, 1)
    assert claim_one(part.id, utc_now()) is None
    db.session.refresh(part)
    assert part.state == PartState.SYNCING


def test_a_part_put_off_can_be_claimed_when_its_time_has_come(part: SyncPart) -> None:
    later = utc_now() + timedelta(minutes=5)
    assert SyncPart.put_off(db.session, claim_of(part), later, PROBLEM, requests=2)
    assert claim_one(part.id, later - timedelta(seconds=1)) is None
    assert SyncPart.due(db.session, part.run_id, later - timedelta(seconds=1)) == []
    assert SyncPart.due(db.session, part.run_id, later) == [part.id]
    again = claim_one(part.id, later)
    assert again is not None
    assert again.attempt == 2


def test_a_lapsed_lease_can_be_taken_over_and_the_first_holder_writes_nothing(part: SyncPart) -> None:
    first = claim_of(part)
    after = utc_now() + LEASE + timedelta(seconds=1)
    second = claim_one(part.id, after)
    assert second is not None
    db.session.refresh(part)
    until = part.lease_until
    assert SyncPart.renew_all(db.session, [first], after + timedelta(seconds=5)) == [first]
    db.session.refresh(part)
    assert part.lease_until == until, "another's lease is not renewed"
    assert not SyncPart.hold(db.session, first)
    assert not SyncPart.succeed(db.session, first, after, Outcome(created=9), requests=9)
    assert not SyncPart.fail(db.session, first, after, PROBLEM, requests=9)
    assert not SyncPart.put_off(db.session, first, after, PROBLEM, requests=9)
    assert SyncPart.succeed(db.session, second, after, Outcome(created=1, unchanged=2), requests=4)
    db.session.refresh(part)
    assert (part.state, part.rows_written, part.requests) == (PartState.OK, 1, 4)


def test_a_renewed_lease_cannot_be_taken_over(part: SyncPart) -> None:
    claim = claim_of(part)
    soon = utc_now() + LEASE - timedelta(seconds=5)
    assert SyncPart.renew_all(db.session, [claim], soon) == []
    assert claim_one(part.id, soon + timedelta(seconds=10)) is None


@pytest.mark.parametrize("state", [PartState.OK, PartState.FAILED, PartState.CANCELLED])
def test_a_part_that_has_ended_is_not_taken_up_again(state: PartState, part: SyncPart) -> None:
    part.state = state
    db.session.commit()
    assert claim_one(part.id, utc_now() + timedelta(days=1)) is None
    assert SyncPart.due(db.session, part.run_id, utc_now() + timedelta(days=1)) == []


def test_an_end_is_not_written_twice(part: SyncPart) -> None:
    claim = claim_of(part)
    assert SyncPart.fail(db.session, claim, utc_now(), PROBLEM, requests=1)
    assert not SyncPart.succeed(db.session, claim, utc_now(), Outcome(created=1), requests=1)
    db.session.refresh(part)
    assert (part.state, part.reason, part.fix, part.code, part.request_id) == (
        PartState.FAILED,
        "It did not work.",
        "Do something.",
        "E1",
        "r-1",
    )


def test_the_reason_of_an_earlier_attempt_goes_when_a_later_one_succeeds(part: SyncPart) -> None:
    now = utc_now()
    SyncPart.put_off(db.session, claim_of(part), now, PROBLEM, requests=3)
    claim = claim_one(part.id, now)
    assert claim is not None
    SyncPart.succeed(db.session, claim, now, Outcome(), requests=4)
    db.session.refresh(part)
    assert (part.reason, part.code, part.requests) == ("", "", 7)


def test_work_that_is_lost_again_and_again_ends_as_failed(part: SyncPart) -> None:
    now = utc_now()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        claim = claim_one(part.id, now)
        assert claim is not None
        assert claim.is_last_attempt == (attempt == MAX_ATTEMPTS)
        now += LEASE + timedelta(seconds=1)
    assert claim_one(part.id, now) is None
    db.session.refresh(part)
    assert part.state == PartState.FAILED
    assert "lost several times" in part.reason
    assert part.lease is None


def test_of_many_parts_those_that_are_due_are_claimed_and_those_tried_too_often_fail(make: Make) -> None:
    run, now = make.run(state="syncing"), utc_now()
    given: list[dict[str, object]] = [
        {},
        {"attempts": MAX_ATTEMPTS},
        {"not_before": now + timedelta(minutes=5)},
        {"not_before": now + timedelta(minutes=5), "attempts": MAX_ATTEMPTS},
        {"state": PartState.OK, "finished_at": now},
        {"state": PartState.SYNCING, "lease": "another's", "lease_until": now + LEASE, "attempts": MAX_ATTEMPTS},
        {"attempts": MAX_ATTEMPTS - 1},
    ]
    tenants = [make.tenant(integration=run.integration, organization=make.organization()) for _ in given]
    parts = [
        make.part(run_id=run.id, tenant_id=tenant.id, **values) for tenant, values in zip(tenants, given, strict=True)
    ]
    claims = SyncPart.claim(db.session, [part.id for part in parts], now)
    given_up = SyncPart.give_up(db.session, [part.id for part in parts], now)
    db.session.commit()
    assert [(claim.part_id, claim.attempt) for claim in given_up] == [(parts[1].id, MAX_ATTEMPTS)]
    assert [(claim.part_id, claim.attempt) for claim in claims] == [(parts[0].id, 1), (parts[6].id, MAX_ATTEMPTS)]
    assert [(part.state, part.attempts) for part in parts] == [
        (PartState.SYNCING, 1),
        (PartState.FAILED, MAX_ATTEMPTS),
        (PartState.WAITING, 0),
        (PartState.WAITING, MAX_ATTEMPTS),
        (PartState.OK, 0),
        (PartState.SYNCING, MAX_ATTEMPTS),
        (PartState.SYNCING, MAX_ATTEMPTS),
    ]
    assert parts[5].lease == "another's"


def test_what_is_done_to_the_parts_of_one_run_concerns_those_of_no_other(make: Make) -> None:
    def a_part(**values: object) -> SyncPart:
        tenant = make.tenant(organization=make.organization())
        run = make.run(integration=tenant.integration, state="syncing")
        return make.part(run_id=run.id, tenant_id=tenant.id, **values)

    now, part, other, spent = utc_now(), a_part(), a_part(), a_part(attempts=MAX_ATTEMPTS)
    assert SyncPart.due(db.session, part.run_id, now) == [part.id]
    assert SyncPart.give_up(db.session, [part.id], now) == []
    [claim] = SyncPart.claim(db.session, [part.id], now)
    SyncPart.succeed(db.session, claim, now, Outcome(), requests=1)
    db.session.commit()
    assert [each.state for each in (part, other, spent)] == [PartState.OK, PartState.WAITING, PartState.WAITING]
    assert not SyncPart.is_any_open(db.session, part.run_id), "so that its run ends, whatever others do"
    assert SyncPart.is_any_open(db.session, other.run_id)


def test_parts_whose_time_has_come_are_resumed_once_and_by_run(make: Make) -> None:
    tenant = make.tenant(organization=make.organization())
    other = make.tenant(organization=make.organization())
    run = make.run(integration=tenant.integration)
    other_run = make.run(integration=other.integration)
    now = utc_now()
    due = make.part(run_id=run.id, tenant_id=tenant.id, not_before=now - timedelta(seconds=1))
    also = make.part(run_id=other_run.id, tenant_id=other.id, not_before=now)
    early = make.part(run_id=other_run.id, tenant_id=tenant.id, not_before=now + timedelta(seconds=9))
    assert SyncPart.resume(db.session, now) == {run.id: [due.id], other_run.id: [also.id]}
    assert SyncPart.resume(db.session, now) == {}
    db.session.refresh(early)
    assert early.not_before is not None


def test_a_lease_written_by_a_clock_that_was_ahead_is_taken_over(part: SyncPart) -> None:
    now = utc_now()
    ahead = claim_one(part.id, now + timedelta(hours=5))
    assert ahead is not None
    assert SyncPart.lapsed(db.session, now) == {part.run_id: [part.id]}
    claim = claim_one(part.id, now)
    assert claim is not None
    assert not SyncPart.hold(db.session, ahead)


def test_a_lease_of_a_machine_whose_clock_is_a_little_ahead_holds(part: SyncPart) -> None:
    now = utc_now()
    assert claim_one(part.id, now + LEASE / 2)
    assert SyncPart.lapsed(db.session, now) == {}
    assert claim_one(part.id, now) is None


def test_a_part_put_off_by_a_clock_that_was_ahead_is_taken_up(part: SyncPart) -> None:
    now = utc_now()
    assert SyncPart.put_off(db.session, claim_of(part), now + timedelta(days=2), PROBLEM, requests=1)
    assert SyncPart.due(db.session, part.run_id, now) == [part.id]
    assert SyncPart.resume(db.session, now) == {part.run_id: [part.id]}
    assert claim_one(part.id, now) is not None


def test_a_part_put_off_for_as_long_as_may_be_waits(part: SyncPart) -> None:
    now = utc_now()
    assert SyncPart.put_off(db.session, claim_of(part), now + LONGEST_PUT_OFF, PROBLEM, requests=1)
    assert SyncPart.due(db.session, part.run_id, now) == []
    assert SyncPart.resume(db.session, now) == {}


def test_a_run_that_is_deleted_takes_its_parts_along(part: SyncPart) -> None:
    claim = claim_of(part)
    db.session.delete(db.session.get_one(SyncRun, part.run_id))
    db.session.commit()
    assert not SyncPart.hold(db.session, claim)
    assert claim_one(claim.part_id, utc_now()) is None


def test_a_reason_with_what_no_database_takes_is_kept_without_that(part: SyncPart) -> None:
    said = Problem("No\x00 way\ud800\nat all", "Wait.\u2028", "E\x00\n1", "r\ud8001")
    assert SyncPart.fail(db.session, claim_of(part), utc_now(), said, 1)
    db.session.commit()
    db.session.refresh(part)
    assert (part.reason, part.fix, part.code, part.request_id) == ("No way at all", "Wait.", "E 1", "r 1")
