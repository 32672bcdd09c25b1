"""All that is looked at, in the order in which one thing needs another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flask import current_app

from ..database import forget_transaction
from .database import check_database, check_secrets
from .finding import Finding, ill
from .microsoft import check_microsoft
from .queues import check_redis, check_schedule, check_versions, check_work, check_workers
from .settings import check_settings

_CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    check_settings,
    check_database,
    check_secrets,
    check_redis,
    check_workers,
    check_versions,
    check_schedule,
    check_work,
    check_microsoft,
)


def every_check() -> Iterator[Finding]:
    """What each check finds. One that breaks is a finding of its own, and the others go on."""
    for check in _CHECKS:
        try:
            yield from check()
        except Exception as error:
            current_app.logger.exception("%s broke", check.__name__)
            forget_transaction()
            part = check.__name__.removeprefix("check_")
            yield ill(
                part, f"Looking at it broke ({type(error).__name__}).", "The log has the cause; please report it."
            )
