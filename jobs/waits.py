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
    until = end_of(error, now)
    if error.is_of_app:
        app = select(Integration.client_id, Integration.cloud).join(Tenant).where(Tenant.id == tenant_row_id)
        for client_id, cloud in db.session.execute(app).all():
            of_app = update(Integration).where(Integration.client_id == client_id, Integration.cloud == cloud)
            db.session.execute(of_app.values(not_before=until), execution_options={"synchronize_session": False})
    else:
        db.session.execute(update(Tenant).where(Tenant.id == tenant_row_id).values(not_before=until))
    db.session.commit()
    return until
