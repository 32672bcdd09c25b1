"""All that is looked at, in the order in which one thing needs another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import current_app

from jobs.queue import QueueUnavailable

from ..database import forget_transaction
from .database import check_database, check_secrets
from .finding import Finding, Health, ill
from .microsoft import check_microsoft
from .queues import (
    check_clocks,
    check_hindered,
    check_redis,
    check_schedule,
    check_signing,
    check_strangers,
    check_versions,
    check_work,
    check_workers,
)
from .settings import check_settings

# Each with the part that it is about nothing without: where that failed all is said, and to ask it again, where it does
# not answer at all, would take as long each time.
_CHECKS: tuple[tuple[Callable[[], Iterator[Finding]], str], ...] = (
    (check_settings, ""),
    (check_database, ""),
    (check_secrets, "database"),
    (check_redis, ""),
    (check_workers, "redis"),
    (check_hindered, "redis"),
    (check_strangers, "redis"),
    (check_signing, "redis"),
    (check_versions, "redis"),
    (check_schedule, "redis"),
    (check_clocks, "redis"),
    (check_work, "redis"),
    (check_microsoft, ""),
)


def every_check() -> Iterator[Finding]:
    """What each check finds. One that breaks is a finding of its own, and the others go on."""
    failed: set[str] = set()
    for check, needs in _CHECKS:
        if needs in failed:
            continue
        try:
            for finding in check():
                if finding.health is Health.FAILED:
                    failed.add(finding.part)
                yield finding
        except QueueUnavailable:
            continue  # it answered when it was looked at, and says so itself where it does not
        except Exception as error:
            current_app.logger.exception("%s broke", check.__name__)
            forget_transaction()
            part = check.__name__.removeprefix("check_")
            yield ill(
                part, f"Looking at it broke ({type(error).__name__}).", "The log has the cause; please report it."
            )
