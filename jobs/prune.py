"""Deleting the logs of runs that ended longer ago than they are kept, and lists of tenants that were added."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from flask import current_app

from webapp.extensions import db
from webapp.models import TenantAddition, run_log, utc_now

from .job import job

log = logging.getLogger(__name__)

# Nobody waits for this, and others wait for the worker: what is left after so long comes with the next call.
_SECONDS = 20


@job
def prune() -> None:
    """Delete the logs of runs that ended more than `RUN_LOG_DAYS` ago, in small transactions; so with lists of tenants.

    An integration's latest run is kept, and every active one. Several who do this at once delete the same.
    """
    before = utc_now() - timedelta(days=current_app.config["SETTINGS"].run_log_days)
    TenantAddition.forget(db.session, before)
    db.session.commit()
    deadline, runs = time.monotonic() + _SECONDS, 0
    while time.monotonic() < deadline:
        run_id = run_log.oldest_expired(db.session, before)
        if run_id is None:
            break
        while run_log.delete_some(db.session, run_id):
            db.session.commit()
        db.session.commit()
        runs += 1
    if runs:
        log.info("deleted the logs of %d runs that ended before %s", runs, before)
