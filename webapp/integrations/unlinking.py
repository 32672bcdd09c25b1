"""Having links cut that a change of matches left behind."""

from __future__ import annotations

from contextlib import suppress

from jobs import queue

from ..extensions import db
from ..models import departed


def go_on() -> None:
    """Enqueue the job that cuts links, where there are some to cut. Call it after the commit.

    Where the queue cannot be reached, the sweep finds them later.
    """
    if departed.is_any_left(db.session):
        with suppress(queue.QueueUnavailable):
            queue.unlink()
