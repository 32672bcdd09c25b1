"""Cutting the links of tenants' users to the contacts of an organization that their tenants left.

A job works for a few seconds and enqueues the rest, so that what else waits gets its turn. It may die at any line:
`webapp.models.departed` says why that does no harm, and the sweep finds what is left.
"""

from __future__ import annotations

import time

from webapp.extensions import db
from webapp.models import departed

from . import queue
from .crew import stopping
from .job import job
from .turns import turn

SECONDS = 5.0


@job
def unlink() -> None:
    """Cut all that is to be cut, or some of it."""
    began = time.monotonic()
    after = departed.START
    while (reached := _cut_some(after)) is not None:
        after = reached
        if stopping.is_set() or time.monotonic() - began >= SECONDS:
            queue.unlink()
            return


def _cut_some(after: departed.Place) -> departed.Place | None:
    with turn():
        began = time.monotonic()
        reached = departed.cut_some(db.session, after)
        db.session.commit()
        if reached is not None and db.engine.dialect.name == "sqlite":
            # A page that wants to write sleeps and looks again: were it written all the time, it would come too late.
            stopping.wait(time.monotonic() - began)
    return reached
