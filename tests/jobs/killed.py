"""`python -m tests.jobs.killed`: a worker that is killed before the fourth portion of what it deletes, or unlinks.

Whoever watched for that moment from another process would miss it on a busy machine.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from itertools import count
from typing import Any

from jobs import worker
from webapp.models import departed, removal

PORTIONS = 3


def _killed_after(portions: int, function: Callable[..., Any]) -> Callable[..., Any]:
    calls = count(1)

    def call(*args: Any) -> Any:
        if next(calls) > portions:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args)

    return call


if __name__ == "__main__":
    for module, name in ((removal, "_delete"), (departed, "unlink_users")):
        setattr(module, name, _killed_after(PORTIONS, getattr(module, name)))
    worker.main()
