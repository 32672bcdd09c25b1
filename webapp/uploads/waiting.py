"""Keeping what was read of an upload between its dry run and its import, on the server and for its user alone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from ..models import ImportKind, PendingImport, utc_now
from ..models.base import DbSession
from ..models.pending_import import PENDING_LIFETIME
from ..models.statements import UNSYNCHRONIZED
from ..text import one_line

LONGEST_FILE_NAME = 200


def keep(session: DbSession, user_id: int, kind: ImportKind, file_name: str, content: dict[str, Any]) -> PendingImport:
    """Keep an upload until its user imports it, instead of their last one of the kind; all forgotten ones go."""
    is_theirs = (PendingImport.user_id == user_id) & (PendingImport.kind == kind)
    session.execute(delete(PendingImport).where(is_theirs | (PendingImport.created_at < utc_now() - PENDING_LIFETIME)))
    name = one_line(file_name)[:LONGEST_FILE_NAME]
    pending = PendingImport(user_id=user_id, kind=kind, file_name=name, content=content)
    session.add(pending)
    return pending


def find(session: DbSession, user_id: int, kind: ImportKind, pending_id: int) -> PendingImport | None:
    """The user's upload of this id, where it is still there and not too old."""
    return session.scalar(
        select(PendingImport).where(
            PendingImport.id == pending_id,
            PendingImport.user_id == user_id,
            PendingImport.kind == kind,
            PendingImport.created_at >= utc_now() - PENDING_LIFETIME,
        )
    )


def take(session: DbSession, user_id: int, kind: ImportKind, pending_id: int) -> PendingImport | None:
    """The user's upload, which is then no longer kept; None for all but the first who asks."""
    kept = find(session, user_id, kind, pending_id)
    if kept is None:
        return None
    session.expunge(kept)
    removed = session.execute(
        delete(PendingImport).where(PendingImport.id == pending_id).returning(PendingImport.id),
        execution_options=UNSYNCHRONIZED,
    )
    return kept if removed.first() is not None else None
