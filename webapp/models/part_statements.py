"""The statements by which parts are found and written, each made once: a worker executes them for every tenant.

SQLAlchemy takes longer to make such a statement than SQLite takes to execute it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, bindparam, func, or_, select

from . import clock, leases
from .base import UtcDateTime
from .leases import LONGEST_PUT_OFF, MAX_ATTEMPTS, Claim, PartState
from .problem import LOST_TOO_OFTEN

# Among what is written of a part that is settled: how many requests are added, and how many attempts are taken off.
MORE_REQUESTS, UNTRIED = "more_requests", "untried"


def moments(now: datetime) -> dict[str, datetime]:
    """The parameters of conditions on whether a time has come."""
    return {
        "now": now,
        "no_right_put_off": clock.latest_end(now, LONGEST_PUT_OFF),
        "no_right_lease": clock.latest_end(now, leases.LEASE),
    }


def parameters(claim: Claim, values: dict[str, Any]) -> dict[str, Any]:
    """What to execute a statement with that writes these values."""
    return {"part_id": claim.part_id, "held": claim.lease, **{_new(name): value for name, value in values.items()}}


class PartStatements:
    """The statements for the table of parts."""

    def __init__(self, table: Table) -> None:
        self._table = table
        columns = table.c
        now = bindparam("now", type_=UtcDateTime())
        # The words of the partial index, so that what is looked for among few is not looked for among all.
        is_open = columns.finished_at.is_(None)
        has_come = clock.is_over(columns.not_before, now, bindparam("no_right_put_off"))
        has_lapsed = clock.is_over(columns.lease_until, now, bindparam("no_right_lease"))
        may_start = and_(columns.state == PartState.WAITING, or_(columns.not_before.is_(None), has_come))
        is_lost = and_(columns.state == PartState.SYNCING, has_lapsed)
        is_due = or_(may_start, is_lost)
        is_overdue = and_(is_open, columns.state == PartState.WAITING, has_come)
        told = columns.id, columns.run_id, columns.tenant_id, columns.attempts, columns.faults, columns.started_at
        is_among = and_(columns.id.in_(bindparam("part_ids", expanding=True)), is_due)

        self.due = select(columns.id).where(columns.run_id == bindparam("run_id"), is_due).order_by(columns.id)
        self.any_open = select(columns.id).where(columns.run_id == bindparam("run_id"), is_open).limit(1)
        self.any_overdue = select(columns.id).where(is_overdue).limit(1)
        self.lapsed = select(columns.run_id, columns.id).where(is_open, is_lost)
        self.resume = (
            table.update()
            .where(columns.id.in_(self._free(is_overdue)))
            .values(not_before=None)
            .returning(columns.run_id, columns.id)
        )
        self.claim = (
            table.update()
            .where(columns.id.in_(self._free(is_among, columns.attempts < MAX_ATTEMPTS)))
            .values(
                state=PartState.SYNCING,
                lease=bindparam("lease"),
                lease_until=bindparam("until"),
                attempts=columns.attempts + 1,
                started_at=func.coalesce(columns.started_at, now),
            )
            .returning(*told)
        )
        self.give_up = (
            table.update()
            .where(columns.id.in_(self._free(is_among, columns.attempts >= MAX_ATTEMPTS)))
            .values(
                state=PartState.FAILED,
                finished_at=now,
                lease=None,
                lease_until=None,
                **LOST_TOO_OFTEN.columns(),
            )
            .returning(*told)
        )
        self.hold = select(columns.id).where(*self._is_held()).with_for_update(key_share=True)
        self.settle = cache(self._settle)

    def _free(self, *conditions: ColumnElement[bool]) -> Select[tuple[int]]:
        """The rows of which these hold and which nobody holds: who locks many must not wait for another who does."""
        return select(self._table.c.id).where(*conditions).with_for_update(skip_locked=True)

    def _settle(self, names: tuple[str, ...], *, returns: bool = False) -> Any:
        """Give a part that is held by a lease these values, and let the lease go.

        The part's id is returned, but where many are written at once.
        """
        columns = self._table.c
        values = {
            **_values(name for name in names if name not in {MORE_REQUESTS, UNTRIED}),
            "lease": None,
            "lease_until": None,
            "requests": columns.requests + bindparam(_new(MORE_REQUESTS)),
            "attempts": columns.attempts - bindparam(_new(UNTRIED)),
        }
        settled = self._table.update().where(*self._is_held()).values(values)
        return settled.returning(columns.id) if returns else settled

    def _is_held(self) -> tuple[ColumnElement[bool], ...]:
        """The conditions that a part is held by a claim."""
        columns = self._table.c
        return (
            columns.id == bindparam("part_id"),
            columns.lease == bindparam("held"),
            columns.state == PartState.SYNCING,
        )


def _values(names: Iterable[str]) -> dict[str, Any]:
    return {name: bindparam(_new(name)) for name in names}


def _new(name: str) -> str:
    """The parameter with a column's new value; the column's name is taken by SQLAlchemy itself."""
    return f"new_{name}"
