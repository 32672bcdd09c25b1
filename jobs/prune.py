"""Deleting logs of runs that are older than they are kept, lists of tenants that were added, and old names in Redis."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select

from webapp.extensions import db
from webapp.models import Cloud, Integration, TenantAddition, run_log, utc_now

from . import queue
from .job import job
from .reach import reach

log = logging.getLogger(__name__)

# Nobody waits for this, and others wait for the worker: what is left after so long comes with the next call.
_SECONDS = 20
# Much less than logs are kept.
_DIFFERENCE = timedelta(hours=6)


@job
def prune() -> None:
    """Delete the logs of runs that ended more than `RUN_LOG_DAYS` ago, in small transactions; so with lists of tenants.

    An integration's latest run is kept, and every active one. Several who do this at once delete the same. Nothing is
    deleted where Microsoft's hosts do not confirm the clock.
    """
    queue.forget_expired()
    before = utc_now() - timedelta(days=current_app.config["SETTINGS"].run_log_days)
    run_id = run_log.oldest_expired(db.session, before)
    if run_id is None and not TenantAddition.is_any_expired(db.session, before):
        return
    clouds = db.session.scalars(select(Integration.cloud).distinct()).all() or [Cloud.GLOBAL]
    db.session.commit()
    if not any(map(_is_about_now, clouds)):
        log.warning("no logs are deleted: Microsoft does not confirm that it is %s", f"{utc_now():%Y-%m-%d}")
        return
    TenantAddition.forget(db.session, before)
    db.session.commit()
    deadline, runs = time.monotonic() + _SECONDS, 0
    while run_id is not None and time.monotonic() < deadline:
        while run_log.delete_some(db.session, run_id):
            db.session.commit()
        db.session.commit()
        runs += 1
        run_id = run_log.oldest_expired(db.session, before)
    if runs:
        log.info("deleted the logs of %d runs that ended before %s", runs, before)


def _is_about_now(cloud: Cloud) -> bool:
    """Whether one of the cloud's hosts tells about the time that the clock here tells.

    A clock that is ahead for a moment, as after a battery ran empty, would have all logs deleted for good. Redis and
    the database may be on the same machine.
    """
    told = [datetime.fromisoformat(host["at"]) for host in reach(cloud)["hosts"] if host.get("at")]
    return any(abs(utc_now() - moment) < _DIFFERENCE for moment in told)
