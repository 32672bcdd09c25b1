"""What a search for assets looks in, made anew where the fields of a type change."""

from __future__ import annotations

from sqlalchemy import select, update

from ..models import FlexibleAsset, FlexibleAssetType
from ..models.base import DbSession
from .values import searched

_CHUNK = 500


def rebuild(session: DbSession, held: FlexibleAssetType) -> None:
    """Let searches find by the fields that are in forms now, and no longer by those that were archived."""
    fields = [field for field in held.fields if field.archived_at is None]
    last_id = 0
    while rows := session.execute(
        select(FlexibleAsset.id, FlexibleAsset.name, FlexibleAsset.content)
        .where(FlexibleAsset.type_id == held.id, FlexibleAsset.id > last_id)
        .order_by(FlexibleAsset.id)
        .limit(_CHUNK)
    ).all():
        session.execute(
            update(FlexibleAsset),
            [{"id": row.id, "search_folded": searched(row.name, fields, row.content)} for row in rows],
        )
        last_id = rows[-1].id
