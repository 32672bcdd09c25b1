"""The parts of sync runs, and the leases by which they are worked on.

A part is *waiting*, then *syncing* under a lease, then *ok*, *failed* or *cancelled*. A lease is a random token
with an end: a result is written only by whoever holds it. Work that was lost (a worker killed, a queue emptied)
is known by its lapsed lease and taken up again, and a job that runs twice changes nothing the second time.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, and_, func, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from . import clock
from .base import DbSession, Model, Named, Stored, UtcDateTime, primary_key
from .portions import in_portions
from .problem import LOST_TOO_OFTEN, Problem
from .tenant import Tenant

# Who works on parts renews their leases several times in this time (`jobs.crew`). A worker that was killed keeps its
# tenants from others for so long.
LEASE = timedelta(seconds=60)
# How often a part may be taken up, counting those put off because Microsoft asked for patience.
MAX_ATTEMPTS = 8
# A part is put off for a quarter of an hour at the most.
LONGEST_PUT_OFF = timedelta(minutes=15)


class PartState(Stored):
    WAITING = "waiting"
    SYNCING = "syncing"
    OK = "ok"
    FAILED = "failed"
    CANCELLED = "cancelled"


# What the session holds of these rows is not looked through: they are read anew.
_PLAIN: dict[str, Any] = {"execution_options": {"synchronize_session": False}}

OPEN_PARTS = (PartState.WAITING, PartState.SYNCING)


@dataclass(frozen=True)
class Claim:
    """The right to work on a part, for as long as its lease is renewed."""

    part_id: int
    run_id: int
    tenant_id: int
    lease: str
    # Counted from 1.
    attempt: int

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= MAX_ATTEMPTS


@dataclass(frozen=True)
class Outcome:
    """What syncing one tenant did: license rows by what became of them, and what was done for its users."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0
    users_read: int = 0
    contacts_created: int = 0
    contacts_changed: int = 0
    contacts_unlinked: int = 0
    # Rows beside those of licenses: of users, their contacts, and who holds which license.
    other_rows: int = 0

    @property
    def rows_written(self) -> int:
        return self.created + self.changed + self.gone + self.other_rows


class SyncPart(Model):
    """What a run did, or has to do, for one tenant."""

    __tablename__ = "sync_part"
    __table_args__ = (
        UniqueConstraint("run_id", "tenant_id"),
        Index("ix_sync_part_tenant_id", "tenant_id"),
        Index(
            "ix_sync_part_open",
            "run_id",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[primary_key]
    run_id: Mapped[int] = mapped_column(ForeignKey("sync_run.id", ondelete="CASCADE"))
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    state: Mapped[PartState] = mapped_column(Named(PartState), default=PartState.WAITING)
    lease: Mapped[str | None] = mapped_column(Text)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Microsoft asked that nobody ask again before this moment.
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    requests: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    gone: Mapped[int] = mapped_column(default=0)
    users_read: Mapped[int] = mapped_column(default=0, server_default="0")
    contacts_created: Mapped[int] = mapped_column(default=0, server_default="0")
    contacts_changed: Mapped[int] = mapped_column(default=0, server_default="0")
    contacts_unlinked: Mapped[int] = mapped_column(default=0, server_default="0")
    rows_written: Mapped[int] = mapped_column(default=0)
    # Why it failed or was put off; on a part that is OK, what could not be read beside the licenses.
    code: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    fix: Mapped[str] = mapped_column(Text, default="")
    request_id: Mapped[str] = mapped_column(Text, default="")
    # When Microsoft gave the answer that the reason is about, by its own clock.
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Whether consenting to the app in the tenant puts it right.
    needs_consent: Mapped[bool] = mapped_column(default=False)

    tenant: Mapped[Tenant] = relationship()

    @classmethod
    def due(cls, session: DbSession, run_id: int, now: datetime) -> list[int]:
        """The ids of a run's parts that may be taken up now."""
        return list(session.scalars(select(cls.id).where(cls.run_id == run_id, cls._is_due(now)).order_by(cls.id)))

    @classmethod
    def resume(cls, session: DbSession, now: datetime) -> dict[int, list[int]]:
        """Let the parts wait no longer whose time has come; returns their ids by run.

        Those that somebody else holds are left to the next time: who locks many rows must not wait for another who
        does. Mostly there are none, and nothing is written.
        """
        is_overdue = and_(cls._is_open(), cls.state == PartState.WAITING, cls._has_come(now))
        if session.scalar(select(cls.id).where(is_overdue).limit(1)) is None:
            return {}
        free = select(cls.id).where(is_overdue).with_for_update(skip_locked=True)
        resumed = update(cls).where(cls.id.in_(free)).values(not_before=None).returning(cls.run_id, cls.id)
        return _by_run((run_id, part_id) for run_id, part_id in session.execute(resumed))

    @classmethod
    def lapsed(cls, session: DbSession, now: datetime) -> dict[int, list[int]]:
        """The ids of the parts whose lease ended before their work did, by run: whoever held it died."""
        lost = select(cls.run_id, cls.id).where(cls._is_open(), cls.state == PartState.SYNCING, cls._has_lapsed(now))
        return _by_run((run_id, part_id) for run_id, part_id in session.execute(lost))

    @classmethod
    def claim(cls, session: DbSession, part_id: int, now: datetime) -> Claim | None:
        """Take the lease of a part that is due, or return None where there is nothing to do.

        A part that was taken up too often already ends as failed instead.
        """
        lease = secrets.token_hex(16)
        row = session.execute(
            update(cls)
            .where(cls.id == part_id, cls.attempts < MAX_ATTEMPTS, cls._is_due(now))
            .values(
                state=PartState.SYNCING,
                lease=lease,
                lease_until=now + LEASE,
                attempts=cls.attempts + 1,
                started_at=func.coalesce(cls.started_at, now),
            )
            .returning(cls.run_id, cls.tenant_id, cls.attempts),
            **_PLAIN,
        ).first()
        if row is not None:
            return Claim(part_id, row.run_id, row.tenant_id, lease, row.attempts)
        session.execute(
            update(cls)
            .where(cls.id == part_id, cls.attempts >= MAX_ATTEMPTS, cls._is_due(now))
            .values(state=PartState.FAILED, finished_at=now, lease=None, lease_until=None, **LOST_TOO_OFTEN.columns())
        )
        return None

    @classmethod
    def renew(cls, session: DbSession, claim: Claim, now: datetime) -> bool:
        """Hold the lease longer. Returns False where it was lost: the work is somebody else's now."""
        return cls._write(session, claim, {"lease_until": now + LEASE})

    @classmethod
    def renew_all(cls, session: DbSession, claims: Collection[Claim], now: datetime) -> list[Claim]:
        """Hold these leases longer. Returns those that were lost.

        Parts that are being written at this moment are passed over: their rows are locked, and theirs is the last word.
        """
        by_id = {claim.part_id: claim for claim in claims}
        lost = []
        for some in in_portions(sorted(by_id)):
            rows = session.execute(select(cls.id, cls.lease).where(cls.id.in_(some)))
            held = {part_id: lease for part_id, lease in rows}  # noqa: C416
            lost += [by_id[part_id] for part_id in some if held.get(part_id) != by_id[part_id].lease]
            own = [part_id for part_id in some if held.get(part_id) == by_id[part_id].lease]
            leases = [by_id[part_id].lease for part_id in own]
            free = select(cls.id).where(cls.id.in_(own), cls.lease.in_(leases)).with_for_update(skip_locked=True)
            session.execute(update(cls).where(cls.id.in_(free)).values(lease_until=now + LEASE), **_PLAIN)
        return lost

    @classmethod
    def is_any_open(cls, session: DbSession, run_id: int) -> bool:
        """Whether one of the run's parts is not ended yet."""
        return session.scalar(select(cls.id).where(cls.run_id == run_id, cls._is_open()).limit(1)) is not None

    @classmethod
    def succeed(
        cls,
        session: DbSession,
        claim: Claim,
        now: datetime,
        outcome: Outcome,
        requests: int,
        notice: Problem | None = None,
    ) -> bool:
        """Record what was done. Returns False, writing nothing, where the lease was lost."""
        values = {
            "created": outcome.created,
            "changed": outcome.changed,
            "unchanged": outcome.unchanged,
            "gone": outcome.gone,
            "users_read": outcome.users_read,
            "contacts_created": outcome.contacts_created,
            "contacts_changed": outcome.contacts_changed,
            "contacts_unlinked": outcome.contacts_unlinked,
            "rows_written": outcome.rows_written,
        }
        return cls._settle(session, claim, requests, notice, state=PartState.OK, finished_at=now, **values)

    @classmethod
    def fail(cls, session: DbSession, claim: Claim, now: datetime, problem: Problem, requests: int) -> bool:
        """Record why nothing was done. Returns False, writing nothing, where the lease was lost."""
        return cls._settle(session, claim, requests, problem, state=PartState.FAILED, finished_at=now)

    @classmethod
    def put_off(
        cls, session: DbSession, claim: Claim, until: datetime, problem: Problem, requests: int, was_tried: bool = True
    ) -> bool:
        """Give the part back, to be taken up at `until` at the earliest; where nothing was asked, no attempt counts."""
        attempts = cls.attempts if was_tried else cls.attempts - 1
        return cls._settle(
            session, claim, requests, problem, state=PartState.WAITING, not_before=until, attempts=attempts
        )

    @classmethod
    def cancel_open(cls, session: DbSession, run_id: int, now: datetime) -> None:
        """End a run's open parts and withdraw their leases: whoever works on one writes nothing any more.

        The caller holds the run's row. A part that is being written at this moment is waited for, and stays as it ends.
        """
        session.execute(
            update(cls)
            .where(cls.run_id == run_id, cls.state.in_(OPEN_PARTS))
            .values(state=PartState.CANCELLED, finished_at=now, lease=None, lease_until=None, not_before=None)
        )

    @classmethod
    def _settle(cls, session: DbSession, claim: Claim, requests: int, problem: Problem | None, **values: Any) -> bool:
        explained = (problem or Problem("", "")).columns()
        released = {"lease": None, "lease_until": None, "requests": cls.requests + requests}
        return cls._write(session, claim, {**released, **explained, **values})

    @classmethod
    def _write(cls, session: DbSession, claim: Claim, values: dict[str, Any]) -> bool:
        written = session.execute(
            update(cls)
            .where(cls.id == claim.part_id, cls.lease == claim.lease, cls.state == PartState.SYNCING)
            .values(values)
            .returning(cls.id),
            **_PLAIN,
        )
        return written.scalar() is not None

    @classmethod
    def _is_open(cls) -> Any:
        # The words of the partial index, so that what is looked for among few is not looked for among all.
        return cls.finished_at.is_(None)

    @classmethod
    def _is_due(cls, now: datetime) -> Any:
        may_start = and_(cls.state == PartState.WAITING, or_(cls.not_before.is_(None), cls._has_come(now)))
        was_lost = and_(cls.state == PartState.SYNCING, cls._has_lapsed(now))
        return or_(may_start, was_lost)

    @classmethod
    def _has_come(cls, now: datetime) -> Any:
        return clock.is_over(cls.not_before, now, LONGEST_PUT_OFF)

    @classmethod
    def _has_lapsed(cls, now: datetime) -> Any:
        return clock.is_over(cls.lease_until, now, LEASE)


def _by_run(found: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    by_run: dict[int, list[int]] = {}
    for run_id, part_id in found:
        by_run.setdefault(run_id, []).append(part_id)
    return by_run
