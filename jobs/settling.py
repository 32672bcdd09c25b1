"""Parts of which a sync found all as it is stored: many of them end in one transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from webapp.database import only_reading
from webapp.extensions import db
from webapp.models import Claim, Outcome, PartState, Problem, SyncPart, SyncRun, Tenant
from webapp.models.statements import UNSYNCHRONIZED

from . import queue, telling

# So many are written at once, or as many as there are after so long, or once nothing else is in hand.
_MOST = 50
_SECONDS = 0.5


@dataclass(frozen=True)
class Settled:
    """A part that ends OK and changes nothing but when its tenant was read."""

    claim: Claim
    # The tenant's GUID, and when the part was taken in hand by the monotonic clock: what the log tells.
    tenant: str
    began: float
    outcome: Outcome
    requests: int
    notice: Problem | None
    read_at: datetime
    read_licenses: bool
    read_users: bool
    # Called when it is written, or when it is given up and is taken up again.
    ended: Callable[[], None]


class _Desk:
    """What waits to be written, and since when."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Settled] = []
        self._since = 0.0

    def put(self, settled: Settled) -> None:
        with self._lock:
            if not self._waiting:
                self._since = time.monotonic()
            self._waiting.append(settled)

    def take(self, at_once: bool) -> list[Settled]:
        """All that waits, if it is enough or waited long enough."""
        with self._lock:
            if not (at_once or len(self._waiting) >= _MOST or time.monotonic() - self._since >= _SECONDS):
                return []
            taken, self._waiting = self._waiting, []
            return taken


_desk = _Desk()


def settle(settled: Settled) -> None:
    """Let it be written soon, with others."""
    _desk.put(settled)


def flush(at_once: bool = False) -> None:
    """Write what waits, if it waited long enough or is enough; each run that is done by it ends."""
    some = _desk.take(at_once)
    if not some:
        return
    try:
        _write(some)
    finally:
        for one in some:
            one.ended()
    for run_id in sorted({one.claim.run_id for one in some}):
        finish(run_id)


def finish(run_id: int) -> None:
    """End the run if this was its last part."""
    with only_reading():  # mostly some are open, and nobody who writes is waited for to see that
        is_done = not SyncPart.is_any_open(db.session, run_id)
    is_ended = is_done and SyncRun.finish_if_done(db.session, run_id, queue.shared_now())
    db.session.commit()
    if is_ended:
        telling.run_ended(run_id)


def _write(some: Collection[Settled]) -> None:
    now = queue.shared_now()
    in_order = sorted(some, key=lambda one: one.claim.part_id)
    SyncPart.succeed_all(db.session, [(one.claim, one.outcome, one.requests, one.notice) for one in in_order], now)
    # Whose lease was lost meanwhile is not among these.
    ids = [one.claim.part_id for one in some]
    ended = select(SyncPart.tenant_id).where(
        SyncPart.id.in_(ids), SyncPart.state == PartState.OK, SyncPart.finished_at == now
    )
    held = select(Tenant.id).where(Tenant.id.in_(ended)).order_by(Tenant.id).with_for_update(key_share=True)
    tenant_ids = set(db.session.scalars(held))
    read_at = min(one.read_at for one in some)
    _note(Tenant.last_synced_at, tenant_ids & _tenants(one for one in some if one.read_licenses), read_at)
    _note(Tenant.users_synced_at, tenant_ids & _tenants(one for one in some if one.read_users), read_at)
    db.session.commit()
    for one in some:
        if one.claim.tenant_id in tenant_ids:
            telling.part_ended(
                one.claim,
                PartState.OK,
                one.began,
                tenant=one.tenant,
                requests=one.requests,
                problem=one.notice,
            )


def _tenants(some: Iterable[Settled]) -> set[int]:
    return {one.claim.tenant_id for one in some}


def _note(column: InstrumentedAttribute[datetime | None], tenant_ids: Collection[int], read_at: datetime) -> None:
    if tenant_ids:
        noted = update(Tenant).where(Tenant.id.in_(tenant_ids)).values({column: read_at})
        db.session.execute(noted, execution_options=UNSYNCHRONIZED)
