"""Which of the jobs that it meets a worker leaves in their queue, for others to do."""

from __future__ import annotations

import logging
import time

from redis import Redis
from rq import Queue
from rq.exceptions import DeserializationError
from rq.job import Job

from . import cut_off, queue
from .crew import stopping
from .queue.belonging import SHARED_REDIS, is_ours_to_do, marks_of

log = logging.getLogger(__name__)

# A worker that left a job to others takes none for so long, so that they get it.
_STAND_BACK_SECONDS = 0.5
# And tells again of another installation's after so long.
_TELL_AGAIN_SECONDS = 600.0
# Of what somebody waits for, these alone ask nothing of Microsoft.
_MAILS = "jobs.mail."


class Leaving:
    """What one worker leaves to others."""

    def __init__(self, connection: Redis) -> None:
        self._connection = connection
        # When it was last told of that this Redis has another installation's jobs, too.
        self._told_at = -_TELL_AGAIN_SECONDS

    def is_left(self, job: Job, of: Queue) -> bool:
        """Leave the job to others where it is theirs, or they can do it better. Returns whether it is not to be done.

        Where another installation enqueued it, what its ids name here is something else. What somebody waits for, and
        may fail here alone, since this machine gets no connection to Microsoft, is for those who may.
        """
        if not is_ours_to_do(job.meta):
            self._leave_to_its_own(job, of)
            return True
        if of.name == queue.INTERACTIVE and cut_off.may_leave() and _asks_microsoft(job):
            self._leave(job, of)
            return True
        return False

    def _leave_to_its_own(self, job: Job, of: Queue) -> None:
        """Leave it to those whose it is.

        Where none of them is there, as after all keys were replaced, it is thrown away: it would go round for ever.
        Should they come back, they find in their database what there is to do, but for mails; whoever waits asks anew.
        """
        if not _is_its_own_there(job):
            log.warning("%s is thrown away: whoever enqueued it had other ENCRYPTION_KEYS, and is not there", job.id)
            job.delete()
            return
        if time.monotonic() - self._told_at >= _TELL_AGAIN_SECONDS:
            self._told_at = time.monotonic()
            log.warning("%s was enqueued by another installation, and is left to its workers: %s", job.id, SHARED_REDIS)
        self._leave(job, of)

    def _leave(self, job: Job, of: Queue) -> None:
        with self._connection.pipeline() as pipeline:
            of.push_job_id(job.id, pipeline=pipeline)
            pipeline.lrem(of.intermediate_queue_key, 1, job.id)
            pipeline.execute()
        stopping.wait(_STAND_BACK_SECONDS)


def _asks_microsoft(job: Job) -> bool:
    try:
        return not str(job.func_name).startswith(_MAILS)
    except DeserializationError:
        return False  # whoever does it counts it as failed


def _is_its_own_there(job: Job) -> bool:
    try:
        return queue.is_any_there_of(marks_of(job.meta))
    except queue.QueueUnavailable:
        return True  # nothing is thrown away for want of an answer
