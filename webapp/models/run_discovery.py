"""What a partner's run begins with: a look at which customers there are, and what came of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import DbSession
from .integration import Kind
from .problem import DISCOVERY_LOST, Problem

if TYPE_CHECKING:
    from .run import SyncRun

# How long a run may look for tenants before it goes on with those that are known.
LONGEST_DISCOVERY = timedelta(minutes=10)


class HasDiscovery:
    """The columns of a run about it: how many tenants are new or back, and how many are gone; the requests that it
    took; and the notice of what could not be read, or is not believed.
    """

    tenants_found: Mapped[int] = mapped_column(default=0, server_default="0")
    tenants_gone: Mapped[int] = mapped_column(default=0, server_default="0")
    discovery_requests: Mapped[int] = mapped_column(default=0, server_default="0")
    notice_code: Mapped[str] = mapped_column(Text, default="", server_default="")
    notice_reason: Mapped[str] = mapped_column(Text, default="", server_default="")
    notice_fix: Mapped[str] = mapped_column(Text, default="", server_default="")
    notice_request_id: Mapped[str] = mapped_column(Text, default="", server_default="")

    @property
    def looked_for_tenants(self) -> bool:
        """Whether anything is to be said of a look for tenants."""
        return bool(self.discovery_requests or self.notice_reason)

    @classmethod
    def begin_discovery(cls, session: DbSession, run_id: int, now: datetime) -> int | None:
        """Note that the run begins by looking for tenants, where it has to. Returns the integration's id then, or None.

        A partner's run looks, unless it is planned already or repeats what failed in another. One that was at it for
        `LONGEST_DISCOVERY`, because its jobs died, goes on without.
        """
        run = _waiting(cls, session, run_id)
        if run is None or run.tenants_total or run.integration.kind != Kind.PARTNER:
            return None
        run.heard_at, run.started_at = now, run.started_at or now
        if abs(now - run.started_at) > LONGEST_DISCOVERY:
            run.notice(DISCOVERY_LOST)
            return None
        return run.integration_id

    @classmethod
    def end_discovery(
        cls, session: DbSession, run_id: int, notice: Problem | None, found: int, gone: int, requests: int
    ) -> None:
        """Keep in the log what the look came to. Where another job looked, too, what both found is kept."""
        run = _waiting(cls, session, run_id)
        if run is None:
            return
        run.tenants_found, run.tenants_gone = run.tenants_found + found, run.tenants_gone + gone
        run.discovery_requests += requests
        run.requests = run.discovery_requests
        if notice is not None:
            run.notice(notice)

    def notice(self, problem: Problem) -> None:
        self.notice_code, self.notice_reason = problem.code, problem.reason
        self.notice_fix, self.notice_request_id = problem.fix, problem.request_id


def _waiting(model: type[HasDiscovery], session: DbSession, run_id: int) -> SyncRun | None:
    """The run, locked, while it is not planned yet."""
    run = cast("type[SyncRun]", model).locked(session, run_id)
    return run if run is not None and run.is_queued else None
