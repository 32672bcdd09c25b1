"""Having links cut that a change of matches left behind."""

from __future__ import annotations

from contextlib import suppress

from jobs import queue

from ..database import only_reading
from ..extensions import db
from ..models import departed


def go_on() -> None:
    """Enqueue the job that cuts links, where there are some to cut. Call it after the commit.

    Where the queue cannot be reached, the sweep finds them later.
    """
    with only_reading():  # in a request that writes, too, nobody is waited for to see that
        is_any_left = departed.is_any_left(db.session)
    if is_any_left:
        with suppress(queue.QueueUnavailable):
            queue.unlink()
