"""Who finds and makes contacts of an organization, and who unlinks very many of them: one after the other.

Two who made contacts of its users at once would make two of one person, and two who write the same ones in another
order would wait for each other. SQLite has one writer at a time by nature. On PostgreSQL this is no lock of the
organization's row, which whoever matches a tenant takes before the tenant's; it is taken after that, and before any
contact. Who takes the turns of several waits for them in the order of the organizations' ids, or for none.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text

from ..extensions import db
from .base import DbSession

# Of PostgreSQL's advisory locks, those that are about the contacts of an organization.
_KIND = 365
_IDS = "FROM unnest(CAST(:ids AS integer[])) AS id"
_WAIT = text(f"SELECT pg_advisory_xact_lock(:kind, id) {_IDS}")
_TRY = text(f"SELECT bool_and(pg_try_advisory_xact_lock(:kind, id)) {_IDS}")


def take_turn(session: DbSession, *organization_ids: int) -> None:
    """Wait for the turn of each of these organizations, which lasts until this transaction ends."""
    if db.engine.dialect.name == "postgresql" and organization_ids:
        session.execute(_WAIT, {"kind": _KIND, "ids": sorted(organization_ids)})


def have_turns(session: DbSession, organization_ids: Collection[int]) -> bool:
    """Take these turns where nobody else has them, without waiting. Returns whether all of them were taken."""
    if db.engine.dialect.name != "postgresql" or not organization_ids:
        return True
    return bool(session.scalar(_TRY, {"kind": _KIND, "ids": list(organization_ids)}))
