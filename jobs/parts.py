"""One part of a run: its tenant is read and written, and the part says what came of it."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.exc import InterfaceError, OperationalError

from logs import log_context
from webapp.database import only_reading
from webapp.extensions import UnreadableSecret, db
from webapp.models import OWN_FAULT, UNREADABLE_SECRET, Claim, PartState, Problem, SyncPart, Try, clock, leases, utc_now
from webapp.refusals import end_of, refusal_of

from . import cut_off, queue, telling
from . import tenant as tenants
from .analyze import note_written
from .baseline import Baseline, baseline_of, unchanged
from .crew import stopping
from .hold import TOOK_TOO_LONG, Hold, give_back, put_off
from .microsoft.errors import HeldBack, MicrosoftError, Throttled, Transient, Unreachable
from .microsoft.pace import spread
from .microsoft.page import Leniency
from .microsoft.patience import SYNC, back_off
from .microsoft.shortage import shortage_in
from .microsoft.signin import Credentials
from .microsoft.transport import Transport
from .people import WholeReadNeeded
from .settling import Settled, settle
from .turns import turn
from .waits import asked_to_wait, note_wait

log = logging.getLogger(__name__)

# The most that the first pause lasts before a tenant that failed for a passing reason is asked again; each further one
# may be twice as long.
_FIRST_PAUSE_SECONDS = 5.0
# A passing fault that came this often has not passed.
_TRIES_AT_FAULTS = 3
# After how long at least, and up to twice that, an outage that may be brief is tried again.
_OUTAGE_PAUSE_SECONDS = 10.0


class LeaseLost(Exception):
    """Another worker took the part over, or it was cancelled or deleted: whatever was read is not written."""


class Stopped(Exception):
    """This worker was told to stop: the part is given back."""


class Waits(Exception):
    """Microsoft asked that nobody ask before `until`: of the tenant, or of all that the app reads."""

    def __init__(self, until: datetime, *, is_of_app: bool) -> None:
        super().__init__()
        self.until = until
        self.is_of_app = is_of_app


class TookTooLong(Exception):
    """The tenant was read for so long that the run of all others is not kept waiting for it."""


def do(hold: Hold) -> bool:
    """Bring one tenant up to date and record on its part what came of it; returns whether that is only settled yet."""
    claim = hold.claim
    transport = tenants.transport(lambda: _go_on(hold))
    with log_context(run=claim.run_id, part=claim.part_id):
        try:
            if _read_and_write(hold, transport):
                return True
        except LeaseLost:
            db.session.rollback()
            log.warning("part %s: another worker took it over, or it was cancelled or deleted", claim.part_id)
        except Exception as error:
            if isinstance(error, OperationalError | InterfaceError) and refusal_of(error) is None:
                raise  # without a database nothing can be recorded: the lease lapses, and the sweep finds the part
            # One tenant's trouble must not end the run of all others.
            db.session.rollback()
            _record(hold, error)
        return False


def _go_on(hold: Hold) -> None:
    """Called before each request: ends the work where the part is somebody else's by now, or takes too long, or the
    worker stops.
    """
    if stopping.is_set():
        raise Stopped
    if hold.is_lost:
        raise LeaseLost
    if not hold.is_kept:
        raise TookTooLong
    hold.requests += 1


def _read_and_write(hold: Hold, transport: Transport) -> bool:
    """Returns whether all was found as it is stored, and the part is settled."""
    credentials, baseline = _prepared(hold.claim)
    with log_context(tenant=credentials.tenant):
        try:
            return _synced(hold, transport, credentials, baseline)
        except WholeReadNeeded:
            db.session.rollback()
            return _synced(hold, transport, credentials, replace(baseline, wanted=baseline.wanted.whole))


def _prepared(claim: Claim) -> tuple[Credentials, Baseline]:
    """What signs in to the tenant, and what is stored of it."""
    with only_reading():
        tenant, now = tenants.found(claim.tenant_id), queue.shared_now()
        if tenant is None:
            raise LeaseLost
        of_tenant, of_app = tenant.not_before, tenant.integration.not_before
        if of_tenant is not None and clock.waits(of_tenant, tenant.told_to_wait_at, now):
            raise Waits(of_tenant, is_of_app=False)
        if of_app is not None and clock.waits(of_app, tenant.integration.told_to_wait_at, now):
            raise Waits(of_app + timedelta(seconds=spread()), is_of_app=True)
        # Where nothing would be tried again, the licenses are not left to wait for users who alone fail.
        too_long = 0.0 if claim.is_last_attempt else claim.patience.total_seconds()
        baseline = baseline_of(tenant, now, Leniency(_is_last_try(claim), too_long))
        return tenants.credentials_of(tenant.integration, tenant.tenant_id), baseline


def _synced(hold: Hold, transport: Transport, credentials: Credentials, baseline: Baseline) -> bool:
    # No transaction is open while Microsoft is asked.
    with hold.crew.asking():
        snapshot = tenants.read(credentials, transport, baseline.wanted, SYNC, with_licenses=baseline.syncs_licenses)
    read_at = utc_now()
    match snapshot.users_wait:
        case Throttled(seconds=int() | float()) as wait if not isinstance(wait, HeldBack):
            note_wait(hold.claim.tenant_id, wait, queue.shared_now())
    notice = tenants.notice_of(snapshot, baseline.syncs_users)
    with only_reading():
        outcome = unchanged(baseline, snapshot)
    if outcome is None:
        _write(hold, snapshot, notice)
        return False
    settle(
        Settled(
            claim=hold.claim,
            tenant=credentials.tenant,
            began=hold.began,
            outcome=outcome,
            requests=hold.requests,
            notice=notice,
            read_at=read_at,
            read_licenses=baseline.syncs_licenses,
            read_users=snapshot.users is not None,
            ended=lambda: hold.crew.ended(hold),
        )
    )
    return True


def _write(hold: Hold, snapshot: tenants.Snapshot, notice: Problem | None) -> None:
    claim = hold.claim
    with turn():
        now = utc_now()
        hold.is_written = True
        # The part comes first: its row is locked until the commit, so that two who read the same tenant write one after
        # the other, and the second finds its lease gone.
        if not SyncPart.hold(db.session, claim):
            raise LeaseLost
        tenant = tenants.held(claim.tenant_id)
        if tenant is None:
            raise LeaseLost
        outcome = tenants.write(tenant, snapshot, now, claim.run_id)
        if not SyncPart.succeed(db.session, claim, queue.shared_now(), outcome, hold.requests, notice):
            raise LeaseLost
        db.session.commit()
    rows = outcome.rows_written
    telling.part_ended(claim, PartState.OK, hold.began, requests=hold.requests, rows=rows, problem=notice)
    note_written(rows)


def _record(hold: Hold, error: Exception) -> None:
    """Put the part off where asking again later may help, else let it fail; what was stored before stays."""
    claim = hold.claim
    error = _understood(claim, error)
    match error:
        case Stopped():
            give_back(hold)
        case Waits():
            _wait_or_fail(hold, error.until, asked_to_wait(error.until), Try.NONE, is_of_app=error.is_of_app)
        case HeldBack(seconds=int() | float() as seconds):
            until = queue.shared_now() + timedelta(seconds=seconds)
            _wait_or_fail(hold, until, error.problem, Try.NONE, is_of_app=error.is_of_app)
        case Throttled(seconds=int() | float()):
            until = note_wait(claim.tenant_id, error, queue.shared_now())
            if error.is_of_app:
                until += timedelta(seconds=spread())
            _wait_or_fail(hold, until, error.problem, Try.ASKED, is_of_app=error.is_of_app)
        case Unreachable(has_no_connection=True) if (
            not claim.is_last_attempt and (pause := _outage_pause(claim)) is not None
        ):
            put_off(hold, queue.shared_now() + timedelta(seconds=pause), error.problem)
        case Transient() if not _is_last_try(claim):
            pause = back_off(claim.faults + 1, _FIRST_PAUSE_SECONDS)
            put_off(hold, queue.shared_now() + timedelta(seconds=pause), error.problem, Try.FAULT)
        case MicrosoftError():
            _fail(hold, error.problem)
        case OperationalError() | InterfaceError() if problem := refusal_of(error):
            # A transaction that was ended is tried again soon. A disk may have room for this and not for a tenant; if
            # not even this is taken, the part waits as long by its lease.
            longest = leases.LEASE.total_seconds()
            pause = back_off(claim.attempt, _FIRST_PAUSE_SECONDS, longest) if end_of(error) else longest
            _put_off_or_fail(hold, queue.shared_now() + timedelta(seconds=pause), problem)
        case TookTooLong():
            _fail(hold, TOOK_TOO_LONG)
        case UnreadableSecret():
            _fail(hold, UNREADABLE_SECRET)
        case _:
            log.error("part %s: an error that nobody foresaw", claim.part_id, exc_info=error)
            _fail(hold, replace(OWN_FAULT, code=f"part-{claim.part_id}"))


def _understood(claim: Claim, error: Exception) -> Exception:
    """The error, or in its place what this worker itself lacked."""
    shortage = None if isinstance(error, MicrosoftError) else shortage_in(error)
    if shortage is None:
        return error
    log.warning("part %s: %s (%s)", claim.part_id, shortage.problem.reason, error)
    return shortage


def _wait_or_fail(hold: Hold, until: datetime, problem: Problem, counts_as: Try, *, is_of_app: bool) -> None:
    """Put it off for a wait that Microsoft asked for. What concerns this tenant alone keeps no run for long."""
    _put_off_or_fail(hold, until, problem, counts_as, leases.LONGEST_PUT_OFF if is_of_app else hold.claim.patience)


def _put_off_or_fail(
    hold: Hold,
    until: datetime,
    problem: Problem,
    counts_as: Try = Try.ASKED,
    longest: timedelta = leases.LONGEST_PUT_OFF,
) -> None:
    if hold.claim.is_last_attempt or until > queue.shared_now() + longest:
        _fail(hold, problem)
    else:
        put_off(hold, until, problem, counts_as)


def _outage_pause(claim: Claim) -> float | None:
    """How long to wait for a connection that is missing through no fault of the tenant; None where it counts as one."""
    if cut_off.is_cut_off():
        # Others get answers. By the time that it is due they have taken it up.
        return back_off(1, _FIRST_PAUSE_SECONDS)
    if claim.open_for < cut_off.BRIEF_OUTAGE:
        return _OUTAGE_PAUSE_SECONDS + back_off(1, _OUTAGE_PAUSE_SECONDS)
    return None


def _is_last_try(claim: Claim) -> bool:
    """Whether a fault that may pass is put off for no more. How often a wait was asked for has no part in it."""
    return claim.faults + 1 >= _TRIES_AT_FAULTS or claim.is_last_attempt


def _fail(hold: Hold, problem: Problem) -> None:
    is_written = SyncPart.fail(db.session, hold.claim, queue.shared_now(), problem, hold.requests)
    db.session.commit()
    if is_written:
        telling.part_ended(hold.claim, PartState.FAILED, hold.began, requests=hold.requests, problem=problem)
