"""The queues, in the order in which a worker looks into them."""

from __future__ import annotations

# Somebody waits before the screen; the upkeep is short; what was started by hand goes ahead of what was scheduled.
INTERACTIVE, UPKEEP, SYNC, SCHEDULED = "interactive", "upkeep", "sync", "scheduled"
QUEUES = (INTERACTIVE, UPKEEP, SYNC, SCHEDULED)
