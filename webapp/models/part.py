"""The parts of sync runs, and the leases by which they are worked on.

A part is *waiting*, then *syncing* under a lease, then *ok*, *failed* or *cancelled*. A lease is a random token
with an end: a result is written only by whoever holds it. Work that was lost (a worker killed, a queue emptied)
is known by its lapsed lease and taken up again, and a job that runs twice changes nothing the second time.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, and_, func, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from . import leases
from .base import DbSession, Model, Named, UtcDateTime, only_where, primary_key
from .leases import OPEN_PARTS, Claim, Outcome, PartState, Try
from .part_statements import MORE_REQUESTS, UNTRIED, PartStatements, moments, parameters
from .portions import in_portions
from .problem import HasProblem, Problem
from .statements import UNSYNCHRONIZED, table_of
from .tenant import Tenant


class SyncPart(HasProblem, Model):
    """What a run did, or has to do, for one tenant.

    A problem is why it failed or was put off; on a part that is OK, what could not be read beside the licenses.
    """

    __tablename__ = "sync_part"
    __table_args__ = (
        UniqueConstraint("run_id", "tenant_id"),
        Index("ix_sync_part_tenant_id", "tenant_id"),
        Index(
            "ix_sync_part_open",
            "run_id",
            **only_where("finished_at IS NULL"),
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
    # How many of the attempts failed for a reason that may pass. All others were put off by a wait, or lost.
    faults: Mapped[int] = mapped_column(default=0, server_default="0")
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
    # When Microsoft gave the answer that the problem is about, by its own clock.
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Whether consenting to the app in the tenant puts it right.
    needs_consent: Mapped[bool] = mapped_column(default=False)

    tenant: Mapped[Tenant] = relationship()

    @classmethod
    def due(cls, session: DbSession, run_id: int, now: datetime) -> list[int]:
        """The ids of a run's parts that may be taken up now."""
        return list(session.scalars(_do().due, {"run_id": run_id, **moments(now)}))

    @classmethod
    def resume(cls, session: DbSession, now: datetime) -> dict[int, list[int]]:
        """Let the parts wait no longer whose time has come; returns their ids by run.

        Those that somebody else holds are left to the next time: who locks many rows must not wait for another who
        does. Mostly there are none, and nothing is written.
        """
        if session.scalar(_do().any_overdue, moments(now)) is None:
            return {}
        return _by_run(session.execute(_do().resume, moments(now)))

    @classmethod
    def lapsed(cls, session: DbSession, now: datetime) -> dict[int, list[int]]:
        """The ids of the parts whose lease ended before their work did, by run: whoever held it died."""
        return _by_run(session.execute(_do().lapsed, moments(now)))

    @classmethod
    def claim(cls, session: DbSession, part_ids: Collection[int], now: datetime) -> list[Claim]:
        """Take the leases of those of these parts that are due.

        Parts whose rows somebody has locked are passed over: they are being claimed or written at this moment. So are
        those that were taken up too often already (`give_up`).
        """
        lease = secrets.token_hex(16)
        known = {"part_ids": list(part_ids), **moments(now), "lease": lease, "until": now + leases.LEASE}
        return _claims(session.execute(_do().claim, known), lease, now)

    @classmethod
    def give_up(cls, session: DbSession, part_ids: Collection[int], now: datetime) -> list[Claim]:
        """End those of these parts as failed that are due and were taken up too often already.

        Returns them as they were claimed last; none has a lease any more.
        """
        return _claims(session.execute(_do().give_up, {"part_ids": list(part_ids), **moments(now)}), "", now)

    @classmethod
    def hold(cls, session: DbSession, claim: Claim) -> bool:
        """Let nobody take the part over until this transaction ends. Returns False where the lease was lost."""
        return session.scalar(_do().hold, parameters(claim, {})) is not None

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
            tokens = {by_id[part_id].lease for part_id in some}
            free = select(cls.id).where(cls.id.in_(some), cls.lease.in_(tokens)).with_for_update(skip_locked=True)
            session.execute(
                update(cls).where(cls.id.in_(free)).values(lease_until=now + leases.LEASE),
                execution_options=UNSYNCHRONIZED,
            )
        return lost

    @classmethod
    def is_any_open(cls, session: DbSession, run_id: int) -> bool:
        """Whether one of the run's parts is not ended yet."""
        return session.scalar(_do().any_open, {"run_id": run_id}) is not None

    @classmethod
    def all_put_off(cls, session: DbSession, run_ids: Sequence[int]) -> set[int]:
        """Those of the runs that have parts that are not ended, each of which was put off."""
        is_put_off = and_(cls.state == PartState.WAITING, cls.not_before.is_not(None))
        waits = func.count() == func.count().filter(is_put_off)
        found: set[int] = set()
        for some in in_portions(run_ids):
            are_open = cls.run_id.in_(some), cls.finished_at.is_(None)
            found.update(session.scalars(select(cls.run_id).where(*are_open).group_by(cls.run_id).having(waits)))
        return found

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
        return _settle(session, claim, requests, notice, **_succeeded(now, outcome))

    @classmethod
    def succeed_all(
        cls, session: DbSession, done: Iterable[tuple[Claim, Outcome, int, Problem | None]], now: datetime
    ) -> None:
        """The same for many parts, of which those whose leases were lost are left as they are."""
        values = [
            (claim, _settled(requests, notice, _succeeded(now, outcome))) for claim, outcome, requests, notice in done
        ]
        if values:
            keys = tuple(values[0][1])
            session.execute(_do().settle(keys), [parameters(claim, new) for claim, new in values])

    @classmethod
    def fail(cls, session: DbSession, claim: Claim, now: datetime, problem: Problem, requests: int) -> bool:
        """Record why nothing was done. Returns False, writing nothing, where the lease was lost."""
        return _settle(session, claim, requests, problem, state=PartState.FAILED, finished_at=now)

    @classmethod
    def put_off(
        cls,
        session: DbSession,
        claim: Claim,
        until: datetime,
        problem: Problem,
        requests: int,
        counts_as: Try = Try.ASKED,
    ) -> bool:
        """Give the part back, to be taken up at `until` at the earliest."""
        values = {"state": PartState.WAITING, "not_before": until, "faults": claim.faults + counts_as.faults}
        # When it was claimed, that was counted as an attempt.
        return _settle(session, claim, requests, problem, 1 - counts_as.attempts, **values)

    @classmethod
    def cancel_open(cls, session: DbSession, run_id: int, now: datetime) -> None:
        """End a run's open parts and withdraw their leases: whoever works on one writes nothing any more.

        The caller holds the run's row. A part that is being written at this moment is waited for, and stays as it ends.
        Why one was put off goes: nobody waits for it any more, and it will not be taken up again.
        """
        are_open = cls.run_id == run_id, cls.state.in_(OPEN_PARTS)
        # In the order in which others lock many, so that neither waits for what the other has.
        session.execute(select(cls.id).where(*are_open).order_by(cls.id).with_for_update(key_share=True))
        given_back = {"lease": None, "lease_until": None, "not_before": None, **_explained(None)}
        session.execute(update(cls).where(*are_open).values(state=PartState.CANCELLED, finished_at=now, **given_back))


@cache
def _do() -> PartStatements:
    return PartStatements(table_of(SyncPart))


def _claims(found: Iterable[Any], lease: str, now: datetime) -> list[Claim]:
    claims = [
        Claim(part, run, tenant, attempt, lease, faults, leases.patience_left(started_at, now))
        for part, run, tenant, attempt, faults, started_at in found
    ]
    return sorted(claims, key=lambda claim: claim.part_id)


def _settle(
    session: DbSession, claim: Claim, requests: int, problem: Problem | None, untried: int = 0, **values: Any
) -> bool:
    new = _settled(requests, problem, values, untried)
    written = session.execute(_do().settle(tuple(new), returns=True), parameters(claim, new))
    return written.scalar() is not None


def _settled(requests: int, problem: Problem | None, values: Mapping[str, Any], untried: int = 0) -> dict[str, Any]:
    """What is written of a part that is worked on no more, and by how much its figures change."""
    return {**_explained(problem), **values, MORE_REQUESTS: requests, UNTRIED: untried}


def _explained(problem: Problem | None) -> dict[str, Any]:
    return (problem or Problem("", "")).columns()


def _succeeded(now: datetime, outcome: Outcome) -> dict[str, Any]:
    return {
        "state": PartState.OK,
        "finished_at": now,
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


def _by_run(found: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    by_run: dict[int, list[int]] = {}
    for run_id, part_id in found:
        by_run.setdefault(run_id, []).append(part_id)
    return by_run
