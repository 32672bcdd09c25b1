"""Tenants that somebody asked to add to an integration: a list of lines, each with its own answer.

All of it is in the database. A job takes some *waiting* lines, asks Microsoft about each, and stores its answer
together with the tenant that it adds, in one transaction a line. A job may die at any line and run twice: a line that
has its answer keeps it, one that was taken up too often gets one that says so, and the sweep finds a list of which
nothing was heard. So no list waits for ever, and nothing of it is saved by half. Of two jobs the later one goes on, so
that a list does not keep two workers from all else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, ForeignKey, Index, Text, and_, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column, relationship

from . import clock
from .base import IDS_ONCE, UNKNOWN, DbSession, Model, Named, Stored, UtcDateTime, only_where, primary_key, utc_now
from .integration import Integration
from .problem import LOST_TOO_OFTEN, HasProblem, Problem

# A list of which nothing was heard for so long has lost its job.
SILENCE = timedelta(seconds=30)
# How often a line may be taken up.
MAX_ATTEMPTS = 3


class LineState(Stored):
    WAITING = "waiting"
    ADDED = "added"
    # The integration reached it before.
    PRESENT = "present"
    # Another integration reaches it.
    ELSEWHERE = "elsewhere"
    NOT_A_TENANT = "not_a_tenant"
    NO_CONSENT = "no_consent"
    # For any other reason of Microsoft's.
    REFUSED = "refused"

    @property
    def label(self) -> str:
        return _LABELS.get(self, UNKNOWN)


_LABELS = {
    LineState.WAITING: "Waiting",
    LineState.ADDED: "Added",
    LineState.PRESENT: "Already there",
    LineState.ELSEWHERE: "In another integration",
    LineState.NOT_A_TENANT: "Not a tenant",
    LineState.NO_CONSENT: "No consent",
    LineState.REFUSED: "Refused",
}
# What asking again may change, but for what cannot be a tenant's name and is never asked about.
_MAY_BE_REPEATED = (LineState.NO_CONSENT, LineState.REFUSED, LineState.NOT_A_TENANT, LineState.ELSEWHERE)
NO_TENANTS_NAME = "no_tenants_name"


@dataclass(frozen=True)
class Taken:
    """A line that a job works on."""

    id: int
    text: str
    # Counted from 1.
    attempt: int

    @property
    def is_last_attempt(self) -> bool:
        return self.attempt >= MAX_ATTEMPTS


class TenantAddition(Model):
    """A list of tenants to add to an integration. It is *finished* when each of its lines has an answer."""

    __tablename__ = "tenant_addition"
    __table_args__ = (
        Index("ix_tenant_addition_integration_id", "integration_id"),
        Index(
            "ix_tenant_addition_open",
            "heard_at",
            **only_where("finished_at IS NULL"),
        ),
        IDS_ONCE,
    )

    id: Mapped[primary_key]
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    # Who asked, as the audit log names them.
    actor: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    heard_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    integration: Mapped[Integration] = relationship()

    @classmethod
    def begin(
        cls,
        session: DbSession,
        integration_id: int,
        lines: Iterable[tuple[str, Problem | None]],
        actor: str,
        user_id: int | None = None,
    ) -> TenantAddition:
        """Record a list, in it each line with a problem as not a tenant. Raises `IntegrationRemoved`.

        Commit, then enqueue it. The code of such a problem is `NO_TENANTS_NAME`: nobody is asked about it.
        """
        Integration.hold(session, integration_id)
        addition = cls(integration_id=integration_id, actor=actor, user_id=user_id)
        session.add(addition)
        session.flush()
        rows = [
            {
                "addition_id": addition.id,
                "text": line,
                "state": LineState.WAITING if problem is None else LineState.NOT_A_TENANT,
                **(problem or Problem("", "")).texts(),
            }
            for line, problem in lines
        ]
        if rows:
            session.execute(insert(AdditionLine), rows)
        return addition

    @classmethod
    def hear(cls, session: DbSession, addition_id: int, now: datetime, before: datetime | None = None) -> int | None:
        """Note that the list is worked on. Returns its integration's id; None where there is nothing left to do.

        With `before`, when the caller noted it last, that is so, too, where another did since: the list is theirs.
        """
        heard = update(cls).where(cls.id == addition_id, cls.finished_at.is_(None)).values(heard_at=now)
        if before is not None:
            heard = heard.where(cls.heard_at == before)
        return session.execute(heard.returning(cls.integration_id)).scalar()

    @classmethod
    def take(cls, session: DbSession, addition_id: int, limit: int) -> list[Taken]:
        """The next lines to ask about, counted as taken up once more. Those taken up too often get their answer."""
        lines = AdditionLine
        is_waiting = (lines.addition_id == addition_id, lines.state == LineState.WAITING)
        lost = update(lines).where(*is_waiting, lines.attempts >= MAX_ATTEMPTS)
        session.execute(lost.values(state=LineState.REFUSED, **LOST_TOO_OFTEN.texts()))
        chosen = select(lines.id).where(*is_waiting).order_by(lines.attempts, lines.id).limit(limit)
        taken = update(lines).where(lines.id.in_(session.scalars(chosen).all())).values(attempts=lines.attempts + 1)
        found = session.execute(taken.returning(lines.id, lines.text, lines.attempts)).all()
        return sorted((Taken(*row) for row in found), key=lambda line: line.id)

    @classmethod
    def refuse_waiting(cls, session: DbSession, addition_id: int, problem: Problem) -> None:
        """Answer all lines that wait with the same problem."""
        waiting = update(AdditionLine).where(
            AdditionLine.addition_id == addition_id, AdditionLine.state == LineState.WAITING
        )
        session.execute(waiting.values(state=LineState.REFUSED, **problem.texts()))

    @classmethod
    def finish_if_done(cls, session: DbSession, addition_id: int, now: datetime) -> bool:
        """End the list when each line has its answer. Returns whether it has ended, by this call or before."""
        waiting = select(AdditionLine.id).where(
            AdditionLine.addition_id == addition_id, AdditionLine.state == LineState.WAITING
        )
        if session.scalar(waiting.limit(1)) is not None:
            return False
        session.execute(update(cls).where(cls.id == addition_id, cls.finished_at.is_(None)).values(finished_at=now))
        return True

    @classmethod
    def repeat(cls, session: DbSession, addition_id: int, now: datetime) -> int:
        """Let the lines wait again that were not added, in a list that has ended. Returns how many those are."""
        ended = select(cls.id).where(cls.id == addition_id, cls.finished_at.is_not(None)).with_for_update()
        if session.scalar(ended) is None:
            return 0
        again = update(AdditionLine).where(AdditionLine.addition_id == addition_id, AdditionLine.may_be_repeated())
        blank = {"state": LineState.WAITING, "attempts": 0, "held_by": "", **Problem("", "").texts()}
        count = len(session.execute(again.values(blank).returning(AdditionLine.id)).all())
        if count:
            session.execute(update(cls).where(cls.id == addition_id).values(finished_at=None, heard_at=now))
        return count

    @classmethod
    def silent(cls, session: DbSession, now: datetime) -> list[int]:
        """The lists of which nothing was heard for `SILENCE`. They count as heard of now, so as to be found once."""
        lost = update(cls).where(cls.finished_at.is_(None), clock.is_silent(cls.heard_at, now, SILENCE))
        return list(session.scalars(lost.values(heard_at=now).returning(cls.id)))

    @classmethod
    def counts(cls, session: DbSession, addition_ids: Sequence[int]) -> dict[int, dict[LineState, int]]:
        """How many lines of each list are in which state."""
        query = (
            select(AdditionLine.addition_id, AdditionLine.state, func.count())
            .where(AdditionLine.addition_id.in_(addition_ids))
            .group_by(AdditionLine.addition_id, AdditionLine.state)
        )
        found: dict[int, dict[LineState, int]] = {addition_id: {} for addition_id in addition_ids}
        for addition_id, state, count in session.execute(query):
            found[addition_id][state] = count
        return found

    @classmethod
    def is_any_expired(cls, session: DbSession, before: datetime) -> bool:
        """Whether a list ended before that moment."""
        return session.scalar(select(cls.id).where(cls.finished_at < before).limit(1)) is not None

    @classmethod
    def forget(cls, session: DbSession, before: datetime) -> None:
        """Delete the lists that ended before that moment: what they added is in the tenants and in the audit log."""
        session.execute(delete(cls).where(cls.finished_at < before))


class AdditionLine(HasProblem, Model):
    """One line of a list: what was typed, and the answer.

    A problem is why it was not added; of one that was, what could not be read.
    """

    __tablename__ = "tenant_addition_line"
    __table_args__ = (Index("ix_tenant_addition_line_addition_id", "addition_id", "state"),)

    id: Mapped[primary_key]
    addition_id: Mapped[int] = mapped_column(ForeignKey("tenant_addition.id", ondelete="CASCADE"))
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[LineState] = mapped_column(Named(LineState), default=LineState.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    # The tenant, where Microsoft told which it is.
    tenant_id: Mapped[str] = mapped_column(Text, default="")
    tenant_name: Mapped[str] = mapped_column(Text, default="")
    # The other integration that reaches it, as it was called then.
    held_by: Mapped[str] = mapped_column(Text, default="")

    @classmethod
    def waiting(cls, session: DbSession, line_id: int) -> AdditionLine | None:
        """The line, held until this transaction ends; None where it has its answer already, or is gone."""
        query = select(cls).where(cls.id == line_id, cls.state == LineState.WAITING).with_for_update()
        return session.scalar(query, execution_options={"populate_existing": True})

    @classmethod
    def give_back(cls, session: DbSession, line_id: int) -> None:
        """Count the line as not taken up: nothing is wrong with it, and others go on."""
        session.execute(update(cls).where(cls.id == line_id, cls.attempts > 0).values(attempts=cls.attempts - 1))

    @classmethod
    def may_be_repeated(cls) -> ColumnElement[bool]:
        """The condition that asking again may have another answer."""
        return and_(cls.state.in_(_MAY_BE_REPEATED), cls.code != NO_TENANTS_NAME)
