"""One part of a run: its tenant is read and written, and the part says what came of it."""

from __future__ import annotations

import logging
import random
import threading
from contextlib import nullcontext
from datetime import datetime, timedelta

from sqlalchemy.exc import InterfaceError, OperationalError

from webapp.database import only_reading
from webapp.extensions import UnreadableSecret, db
from webapp.models import UNREADABLE_SECRET, Claim, Problem, SyncPart, Tenant, utc_now

from . import tenant as tenants
from . import tracking
from .crew import STOPPED, Hold, stopping
from .microsoft.errors import MicrosoftError, Throttled, Transient
from .microsoft.signin import Credentials
from .microsoft.transport import Transport
from .microsoft.users import Wanted
from .people import WholeReadNeeded
from .settling import Settled, finish, settle
from .waits import note_wait

log = logging.getLogger(__name__)

# A run does not wait longer than this for a tenant: the next one takes it up.
LONGEST_PATIENCE = timedelta(minutes=15)
# The most that the first pause lasts before a tenant that failed for a passing reason is asked again; each further one
# doubles it.
_FIRST_PAUSE = timedelta(seconds=5)
# A passing fault that came this often has not passed.
_TRIES_AT_FAULTS = 3

# SQLite has one writer, and the threads of a process take turns better among themselves than at its file.
_turns = threading.Lock()


class LeaseLost(Exception):
    """Another worker took the part over, or it was cancelled or deleted: whatever was read is not written."""


class Stopped(Exception):
    """This worker was told to stop: the part is given back."""


class Waits(Exception):
    """Microsoft asked that nobody ask before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


def do(hold: Hold) -> bool:
    """Bring one tenant up to date and record on its part what came of it; returns whether that is only settled yet."""
    claim = hold.claim
    transport = tenants.transport(lambda: _go_on(hold))
    try:
        if _read_and_write(hold, transport):
            return True
    except LeaseLost:
        db.session.rollback()
        log.warning("part %s: another worker took it over, or it was cancelled or deleted", claim.part_id)
    except Stopped:
        db.session.rollback()
        _put_off(claim, utc_now(), STOPPED, transport.requests)
    except Waits as wait:
        db.session.rollback()
        _put_off_or_fail(claim, wait.until, tenants.asked_to_wait(wait.until), 0)
    except UnreadableSecret:
        db.session.rollback()
        _fail(claim, UNREADABLE_SECRET, 0)
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
    finish(claim.run_id)
    return False


def _go_on(hold: Hold) -> None:
    """Called before each request: ends the work where the part is somebody else's by now, or the worker stops."""
    if stopping.is_set():
        raise Stopped
    if hold.is_lost:
        raise LeaseLost


def _read_and_write(hold: Hold, transport: Transport) -> bool:
    """Returns whether all was found as it is stored, and the part is settled."""
    credentials, wanted = _prepared(hold.claim)
    try:
        return _synced(hold, transport, credentials, wanted)
    except WholeReadNeeded:
        db.session.rollback()
        return _synced(hold, transport, credentials, Wanted())


def _prepared(claim: Claim) -> tuple[Credentials, Wanted]:
    """What signs in to the tenant, and what to read of its users."""
    with only_reading():
        tenant = _tenant(claim)
        now = utc_now()
        for not_before in (tenant.not_before, tenant.integration.not_before):
            if not_before is not None and not_before > now:
                raise Waits(not_before)
        return tenants.credentials_of(tenant.integration, tenant.tenant_id), tracking.wanted(tenant, now)


def _synced(hold: Hold, transport: Transport, credentials: Credentials, wanted: Wanted) -> bool:
    # No transaction is open while Microsoft is asked.
    snapshot = tenants.read(credentials, transport, wanted)
    read_at = utc_now()
    with only_reading():
        tenant = _tenant(hold.claim)
        outcome = tenants.unchanged(tenant, snapshot)
        if outcome is not None:
            notice = tenants.notice_of(tenant, snapshot)
            reads_licenses = tenant.integration.sync_licenses
    if outcome is None:
        _write(hold.claim, transport, snapshot)
        return False
    settle(
        Settled(
            hold.claim,
            outcome,
            transport.requests,
            notice,
            read_at,
            reads_licenses,
            snapshot.users is not None,
            lambda: hold.crew.ended(hold),
        )
    )
    return True


def _write(claim: Claim, transport: Transport, snapshot: tenants.Snapshot) -> None:
    now = utc_now()
    with _turns if db.engine.dialect.name == "sqlite" else nullcontext():
        # The lease is renewed first: its row is locked until the commit, so that two who read the same tenant write
        # one after the other, and the second finds its lease gone.
        if not SyncPart.renew(db.session, claim, now):
            raise LeaseLost
        tenant = _tenant(claim)
        outcome = tenants.write(tenant, snapshot, now, claim.run_id)
        notice = tenants.notice_of(tenant, snapshot)
        if not SyncPart.succeed(db.session, claim, now, outcome, transport.requests, notice):
            raise LeaseLost
        db.session.commit()


def _tenant(claim: Claim) -> Tenant:
    tenant = db.session.get(Tenant, claim.tenant_id)
    if tenant is None:
        raise LeaseLost
    return tenant


def _record(claim: Claim, error: MicrosoftError, requests: int) -> None:
    """Put the part off where asking again later may help, else let it fail; what was stored before stays."""
    if isinstance(error, Throttled) and error.seconds is not None:
        until = note_wait(claim.tenant_id, error, utc_now())
        _put_off_or_fail(claim, until, error.problem, requests)
    elif isinstance(error, Transient) and claim.attempt < _TRIES_AT_FAULTS:
        pause = _FIRST_PAUSE * 2 ** (claim.attempt - 1) * random.uniform(0, 1)  # noqa: S311
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
