"""Microsoft's wish that nobody ask before some moment, kept in the database: Redis may lose it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import literal, select, union_all, update

from webapp.database import only_reading
from webapp.extensions import db
from webapp.models import Integration, Problem, Tenant, clock
from webapp.models.statements import UNSYNCHRONIZED

from . import queue
from .microsoft.errors import HeldBack, Throttled
from .microsoft.pace import LATER, StoredWait, name_of


def _end_of(error: Throttled, now: datetime) -> datetime:
    """Until when to wait; now, where Microsoft did not say."""
    return now + min(timedelta(seconds=error.seconds or 0), clock.LONGEST_WAIT)


def note_wait(tenant_row_id: int, error: Throttled, now: datetime) -> datetime:
    """Keep it, and those that came with it, with the tenant, or with all integrations of its app. Commits.

    Returns until when it asks to wait. One that is kept already and ends later stays.

    Committed by itself: where two work on a part by mistake, nobody holds the tenant's row and waits for the part's.
    """
    for other in error.also:
        note_wait(tenant_row_id, other, now)
    if error.is_of_app:
        own = db.session.scalar(select(Tenant.integration_id).where(Tenant.id == tenant_row_id))
        return note_wait_of_app(own or 0, error, now)
    until = _end_of(error, now)
    ends_before = clock.ends_before(Tenant.not_before, Tenant.told_to_wait_at, until, now)
    change = update(Tenant).where(Tenant.id == tenant_row_id, ends_before)
    db.session.execute(change.values(not_before=until, told_to_wait_at=now), execution_options=UNSYNCHRONIZED)
    db.session.commit()
    return until


def note_wait_of_app(integration_id: int, error: Throttled, now: datetime) -> datetime:
    """Keep it with all integrations of the app of this one; returns until when to wait. Commits."""
    until = _end_of(error, now)
    app = select(Integration.client_id, Integration.cloud).where(Integration.id == integration_id)
    for client_id, cloud in db.session.execute(app).all():
        of_app = update(Integration).where(
            Integration.client_id == client_id,
            Integration.cloud == cloud,
            clock.ends_before(Integration.not_before, Integration.told_to_wait_at, until, now),
        )
        db.session.execute(of_app.values(not_before=until, told_to_wait_at=now), execution_options=UNSYNCHRONIZED)
    db.session.commit()
    return until


def obey(client_id: str, tenant_id: str) -> None:
    """Raise `HeldBack` where the app, or the app in this tenant, is not to ask now.

    It ends the session's transaction: none is held while Microsoft is asked.
    """
    concerned = {name_of(client_id), name_of(client_id, tenant_id)}
    told = [wait for wait in stored() if wait.name in concerned]
    if told:
        longest = max(told, key=lambda wait: wait.seconds)
        until = queue.shared_now() + timedelta(seconds=longest.seconds)
        raise HeldBack(asked_to_wait(until), longest.seconds, is_of_app=not longest.tenant)


def asked_to_wait(moment: datetime) -> Problem:
    """Why nothing is asked: Microsoft asked, in an earlier job, to wait until that moment."""
    return Problem(
        f"Microsoft asked not to be asked again before {moment:%Y-%m-%d %H:%M} UTC.",
        LATER,
        "HTTP 429",
    )


def stored() -> list[StoredWait]:
    """All waits that are not over. It ends the session's transaction, in which nothing may be left to write."""
    now = queue.shared_now()
    of_apps = select(Integration.client_id, literal(""), Integration.not_before, Integration.told_to_wait_at)
    of_tenants = select(Integration.client_id, Tenant.tenant_id, Tenant.not_before, Tenant.told_to_wait_at)
    of_tenants = of_tenants.join(Tenant.integration)
    with only_reading():
        rows = db.session.execute(
            union_all(of_apps.where(Integration.not_before > now), of_tenants.where(Tenant.not_before > now))
        ).all()
    return [
        StoredWait(client_id, tenant_id, (until - now).total_seconds())
        for client_id, tenant_id, until, told_at in rows
        if until is not None and clock.waits(until, told_at, now)
    ]
