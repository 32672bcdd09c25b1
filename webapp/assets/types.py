"""Making and changing flexible asset types: the one place where their templates change.

Every function that changes a type begins with `hold`, which refuses a synced one whoever asks, and until the
transaction ends keeps others from changing it, and assets of it from being saved.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from flask import current_app
from sqlalchemy import func, select

from .. import audit
from ..models import OFFICE_365_LICENSES, AuditArea, FlexibleAssetType, fold
from ..models.base import DbSession
from ..search import row_id
from .limits import MOST_TYPES

LOCKED = (
    "This type is made by the integration with Microsoft 365. Its template is locked: nobody can edit it, "
    "whatever their role."
)

_LONGEST_SLUG = 60


class TypeLocked(Exception):
    """The type is synced: nobody changes it."""


class Refused(Exception):
    """A change that cannot be made. The message says why, and what to do."""


def find(session: DbSession, type_id: int) -> FlexibleAssetType | None:
    return session.get(FlexibleAssetType, type_id) if row_id(type_id) is not None else None


def hold(session: DbSession, type_id: int) -> FlexibleAssetType | None:
    """The type, which nobody else changes until this transaction ends. Raises `TypeLocked` where it is synced."""
    held = session.get(FlexibleAssetType, type_id, with_for_update=True, populate_existing=True)
    if held is not None and held.is_synced:
        raise TypeLocked
    return held


def create(session: DbSession, name: str, icon: str, description: str) -> FlexibleAssetType:
    """Make a type. The caller holds the names (`FlexibleAssetType.hold_names`). Raises `Refused`."""
    _refuse_too_many(session)
    made = FlexibleAssetType(
        slug=_free_slug(session, name), name=name, icon=icon, description=description, is_synced=False
    )
    session.add(made)
    audit.record(AuditArea.SETTINGS, f"Created the flexible asset type {name}")
    return made


def change(held: FlexibleAssetType, name: str, icon: str, description: str) -> None:
    """Rename the type and the like. Its address stays, so that saved views of its assets do."""
    values = {"name": name, "icon": icon, "description": description}
    before = {key: getattr(held, key) for key in values}
    if before == values:
        return
    held.name, held.icon, held.description = name, icon, description
    audit.record(AuditArea.SETTINGS, f"Changed the flexible asset type {before['name']}", before=before, after=values)


def archive(held: FlexibleAssetType, now: datetime) -> None:
    if held.archived_at is None:
        held.archived_at = now
        audit.record(AuditArea.SETTINGS, f"Archived the flexible asset type {held.name}")


def bring_back(session: DbSession, held: FlexibleAssetType) -> None:
    """Raises `Refused` where there are as many as there may be."""
    if held.archived_at is not None:
        _refuse_too_many(session)
        held.archived_at = None
        audit.record(AuditArea.SETTINGS, f"Brought back the flexible asset type {held.name}")


def is_taken(session: DbSession, name: str, besides: int | None = None) -> bool:
    """Whether another type, archived ones included, has this name already, told apart by neither case nor spaces."""
    names = session.execute(select(FlexibleAssetType.id, FlexibleAssetType.name))
    # "Office 365 Licenses" is taken also before the first integration makes it.
    return fold(name) == fold("Office 365 Licenses") or any(
        fold(row.name) == fold(name) and row.id != besides for row in names
    )


def _refuse_too_many(session: DbSession) -> None:
    own = select(func.count(FlexibleAssetType.id)).where(
        FlexibleAssetType.archived_at.is_(None), FlexibleAssetType.is_synced.is_(False)
    )
    if (session.scalar(own) or 0) >= MOST_TYPES:
        raise Refused(f"There are {MOST_TYPES} types already, which is as many as there may be. Archive one first.")


def _free_slug(session: DbSession, name: str) -> str:
    """The name as a part of an address: one that no other type has, and that is no word of another address."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST_SLUG].strip("-") or "type"
    taken = set(session.scalars(select(FlexibleAssetType.slug))) | _words_of_addresses() | {OFFICE_365_LICENSES}
    number, slug = 1, base
    while slug in taken:
        number += 1
        slug = f"{base}-{number}"
    return slug


def _words_of_addresses() -> set[str]:
    return {word for rule in current_app.url_map.iter_rules() for word in rule.rule.split("/")}
