"""Waiting for what another process does: as long as it takes and no longer, with an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], seconds: float = 120) -> Found:
    """What `look` returns as soon as it is true. Fails where that does not come about in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"it did not come about within {seconds} s; the last look gave {found!r}"
        time.sleep(0.05)
    return found
