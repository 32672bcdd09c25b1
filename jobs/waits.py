"""Microsoft's wish that nobody ask before some moment, kept in the database: Redis may lose it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from webapp.extensions import db
from webapp.models import Integration, Tenant, clock

from .microsoft.errors import Throttled


def end_of(error: Throttled, now: datetime) -> datetime:
    """Until when to wait; now, where Microsoft did not say."""
    return now + min(timedelta(seconds=error.seconds or 0), clock.LONGEST_WAIT)


def note_wait(tenant_row_id: int, error: Throttled, now: datetime) -> datetime:
    """Keep it with the tenant, or with all integrations of its app; returns until when to wait. Commits.

    Committed by itself: where two work on a part by mistake, nobody holds the tenant's row and waits for the part's.
    """
    if error.is_of_app:
        own = db.session.scalar(select(Tenant.integration_id).where(Tenant.id == tenant_row_id))
        return note_wait_of_app(own or 0, error, now)
    until = end_of(error, now)
    db.session.execute(update(Tenant).where(Tenant.id == tenant_row_id).values(not_before=until))
    db.session.commit()
    return until


def note_wait_of_app(integration_id: int, error: Throttled, now: datetime) -> datetime:
    """Keep it with all integrations of the app of this one; returns until when to wait. Commits."""
    until = end_of(error, now)
    app = select(Integration.client_id, Integration.cloud).where(Integration.id == integration_id)
    for client_id, cloud in db.session.execute(app).all():
        of_app = update(Integration).where(Integration.client_id == client_id, Integration.cloud == cloud)
        db.session.execute(of_app.values(not_before=until), execution_options={"synchronize_session": False})
    db.session.commit()
    return until
