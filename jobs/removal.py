"""Deleting the data of an integration that is being removed.

A job works for a few seconds and enqueues the rest, so that what else waits gets its turn. It may die at any line:
`webapp.models.removal` says why that does no harm, and the sweep finds what is left.
"""

from __future__ import annotations

import time

from webapp.extensions import db
from webapp.models import removal

from . import queue
from .crew import stopping
from .job import job

SECONDS = 5.0
# So long a sync that writes the same organizations' contacts is left alone.
_BUSY_SECONDS = 1.0


@job
def remove(integration_id: int) -> None:
    """Delete what is left of the integration, or some of it."""
    began = time.monotonic()
    while _delete_some(integration_id):
        if stopping.is_set() or time.monotonic() - began >= SECONDS:
            queue.remove(integration_id)
            return


def _delete_some(integration_id: int) -> bool:
    """Returns whether there is more."""
    try:
        has_more = removal.next_batch(db.session, integration_id, queue.shared_now())
        db.session.commit()
    except removal.ContactsBusy:
        db.session.rollback()
        stopping.wait(_BUSY_SECONDS)
        return True
    return has_more
