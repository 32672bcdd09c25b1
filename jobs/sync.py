"""A run: planned, its tenants synced in groups, ended by whoever finishes its last part.

A job takes ids, may run twice, also at the same time, and may die at any line. What it does to a tenant it does
in one transaction, and only while it holds the lease of that tenant's part.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import InterfaceError, OperationalError

from webapp.extensions import UnreadableSecret, db
from webapp.models import UNREADABLE_SECRET, Claim, Problem, SyncPart, SyncRun, Tenant, utc_now

from . import discovery, queue
from . import tenant as tenants
from .job import job
from .lanes import lanes
from .microsoft.errors import MicrosoftError, Throttled, Transient
from .microsoft.transport import Transport

log = logging.getLogger(__name__)

# A run does not wait longer than this for a tenant: the next one takes it up.
LONGEST_PATIENCE = timedelta(minutes=15)
# The first pause before a tenant that failed for a passing reason is asked again; each further one doubles it.
_FIRST_PAUSE = timedelta(seconds=5)
# A lease that is younger than this when a request is sent outlasts the request.
_RENEWAL_SECONDS = 10
# A passing fault that came this often has not passed.
_TRIES_AT_FAULTS = 3

# Set when this worker was told to stop: what is not begun is left to others.
stopping = threading.Event()


_STOPPED = Problem("The worker was stopped while it read this tenant.", "Nothing needs to be done: another goes on.")


class LeaseLost(Exception):
    """Another worker took the part over, or it was cancelled or deleted: whatever was read is not written."""


class Stopped(Exception):
    """This worker was told to stop: the part is given back."""


@job
def begin(run_id: int) -> None:
    """Plan the run, after a look for new tenants where it begins with that, or find what is left; enqueue that."""
    try:
        discovery.before_run(run_id, lambda: _hold(run_id))
    except discovery.Interrupted:
        db.session.rollback()
        if stopping.is_set():
            queue.sync(run_id, lane=lanes([run_id])[run_id])
        return
    part_ids = SyncRun.plan(db.session, run_id, utc_now())
    db.session.commit()
    if part_ids:
        queue.sync_parts(run_id, part_ids, lanes([run_id])[run_id])
    else:
        _finish(run_id)


@job
def work(run_id: int, part_ids: Sequence[int]) -> None:
    """Sync the tenants of these parts, one after another, and end the run where they were the last."""
    for number, part_id in enumerate(part_ids):
        if stopping.is_set():
            queue.sync_parts(run_id, part_ids[number:], lanes([run_id])[run_id])
            return
        # The run's row is locked before the part's, here and everywhere: so nobody waits for one who waits for them,
        # and a run is not cancelled between the two.
        is_active = SyncRun.hear(db.session, run_id, utc_now())
        claim = SyncPart.claim(db.session, part_id, utc_now()) if is_active else None
        db.session.commit()
        if not is_active:
            return
        if claim is not None:
            _sync(claim)
    _finish(run_id)


def _hold(run_id: int) -> None:
    """Show before a request that the run is worked on, or end the work."""
    is_active = SyncRun.hear(db.session, run_id, utc_now())
    db.session.commit()
    if stopping.is_set() or not is_active:
        raise discovery.Interrupted


def _finish(run_id: int) -> None:
    SyncRun.finish_if_done(db.session, run_id, utc_now())
    db.session.commit()


def _sync(claim: Claim) -> None:
    """Bring one tenant up to date and record on its part what came of it."""
    transport = tenants.transport(_Renewal(claim))
    try:
        _read_and_write(claim, transport)
    except LeaseLost:
        db.session.rollback()
        log.warning("part %s: another worker took it over, or it was cancelled or deleted", claim.part_id)
    except Stopped:
        db.session.rollback()
        _put_off(claim, utc_now(), _STOPPED, transport.requests)
    except MicrosoftError as error:
        db.session.rollback()
        _record(claim, error, transport.requests)
    except (OperationalError, InterfaceError):
        raise  # without a database nothing can be recorded: the lease lapses, and the sweep finds the part
    except Exception:
        # One tenant's trouble must not end the run of all others.
        log.exception("part %s: an error that nobody foresaw", claim.part_id)
        db.session.rollback()
        reason = "Something went wrong in Seatledger itself."
        problem = Problem(reason, "The worker's log has the cause; please report it.", f"part-{claim.part_id}")
        _fail(claim, problem, transport.requests)


def _read_and_write(claim: Claim, transport: Transport) -> None:
    tenant = db.session.get(Tenant, claim.tenant_id)
    if tenant is None:
        raise LeaseLost
    not_before = tenant.not_before
    if not_before is not None and not_before > utc_now():
        _put_off_or_fail(claim, not_before, tenants.asked_to_wait(not_before), 0)
        return
    try:
        credentials = tenants.credentials_of(tenant.integration, tenant.tenant_id)
    except UnreadableSecret:
        _fail(claim, UNREADABLE_SECRET, 0)
        return
    db.session.rollback()  # no transaction is held while Microsoft is asked
    snapshot = tenants.read(credentials, transport, with_users=True)
    now = utc_now()
    # The lease is renewed first: its row is locked until the commit, so that two who read the same tenant write
    # one after the other, and the second finds its lease gone.
    if not SyncPart.renew(db.session, claim, now):
        raise LeaseLost
    tenant = db.session.get_one(Tenant, claim.tenant_id)
    outcome = tenants.write(tenant, snapshot, now, claim.run_id)
    notice = tenants.notice_of(tenant, snapshot)
    if not SyncPart.succeed(db.session, claim, now, outcome, transport.requests, notice):
        raise LeaseLost
    db.session.commit()


class _Renewal:
    """Called before each request: holds on to the part, and ends the work where it is somebody else's by now."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._renewed_at = time.monotonic()

    def __call__(self) -> None:
        if stopping.is_set():
            raise Stopped
        if time.monotonic() - self._renewed_at < _RENEWAL_SECONDS:
            return
        now = utc_now()
        is_active = SyncRun.hear(db.session, self._claim.run_id, now)
        held = is_active and SyncPart.renew(db.session, self._claim, now)
        db.session.commit()
        if not held:
            raise LeaseLost
        self._renewed_at = time.monotonic()


def _record(claim: Claim, error: MicrosoftError, requests: int) -> None:
    """Put the part off where asking again later may help, else let it fail; what was stored before stays."""
    if isinstance(error, Throttled) and error.seconds is not None:
        until = utc_now() + timedelta(seconds=min(error.seconds, timedelta(days=7).total_seconds()))
        # Kept with the tenant, so that the next run does not ask too early either. Committed by itself: where two
        # work on a part by mistake, nobody holds the tenant's row and waits for the part's.
        db.session.execute(update(Tenant).where(Tenant.id == claim.tenant_id).values(not_before=until))
        db.session.commit()
        _put_off_or_fail(claim, until, error.problem, requests)
    elif isinstance(error, Transient) and claim.attempt < _TRIES_AT_FAULTS:
        pause = _FIRST_PAUSE * 2 ** (claim.attempt - 1) * random.uniform(0.5, 1)  # noqa: S311
        _put_off(claim, utc_now() + pause, error.problem, requests)
    else:
        _fail(claim, error.problem, requests)


def _put_off_or_fail(claim: Claim, until: datetime, problem: Problem, requests: int) -> None:
    if claim.is_last_attempt or until > utc_now() + LONGEST_PATIENCE:
        _fail(claim, problem, requests)
    else:
        _put_off(claim, until, problem, requests)


def _put_off(claim: Claim, until: datetime, problem: Problem, requests: int) -> None:
    SyncPart.put_off(db.session, claim, until, problem, requests)
    db.session.commit()


def _fail(claim: Claim, problem: Problem, requests: int) -> None:
    SyncPart.fail(db.session, claim, utc_now(), problem, requests)
    db.session.commit()
