"""The fields of a type: adding, changing, ordering and archiving them. The caller holds the type (`types.hold`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from .. import audit
from ..models import AssetContact, AssetField, AuditArea, FieldKind, FlexibleAsset, FlexibleAssetType, fold
from ..models.base import DbSession
from . import indexing
from .limits import MOST_FIELDS
from .types import Refused

# Archived ones included, which nobody can delete.
_MOST_EVER = 10 * MOST_FIELDS


def active(held: FlexibleAssetType) -> list[AssetField]:
    """The fields that are in forms, in their order."""
    return [field for field in held.fields if field.archived_at is None]


def archived(held: FlexibleAssetType) -> list[AssetField]:
    return [field for field in held.fields if field.archived_at is not None]


def of_type(held: FlexibleAssetType, field_id: int) -> AssetField | None:
    """The field of that id, where it is one of this type's."""
    return next((field for field in held.fields if field.id == field_id), None)


def add(held: FlexibleAssetType, name: str, kind: FieldKind, is_required: bool, options: Sequence[str]) -> AssetField:
    """Add a field behind the others. Raises `Refused`."""
    _refuse_too_many(held)
    position = max((field.position for field in held.fields), default=-1) + 1
    field = AssetField(
        name=name, kind=kind, is_required=_may_be_required(kind, is_required), options=list(options), position=position
    )
    held.fields.append(field)
    audit.record(AuditArea.SETTINGS, f"Added the field {name} to the flexible asset type {held.name}", kind=kind.value)
    return field


def change(
    session: DbSession,
    held: FlexibleAssetType,
    field: AssetField,
    name: str,
    kind: FieldKind,
    is_required: bool,
    options: Sequence[str],
) -> None:
    """Change a field. What assets hold stays as it is, also an option that is no longer offered.

    Raises `Refused` where the kind would change of a field that has values.
    """
    if kind != field.kind and has_values(session, field):
        raise Refused(
            f"Assets have values in this field, so that it stays a field of the kind {field.kind.label}. "
            "Add another field for the new kind, and archive this one."
        )
    before = _told(field)
    field.name, field.kind = name, kind
    field.is_required, field.options = _may_be_required(kind, is_required), list(options)
    if before != _told(field):
        event = f"Changed the field {before['name']} of the flexible asset type {held.name}"
        audit.record(AuditArea.SETTINGS, event, before=before, after=_told(field))


def move(held: FlexibleAssetType, field: AssetField, by: int) -> None:
    """Move a field by one place up (-1) or down (1) among those that are in forms; at an end it stays."""
    ordered = active(held)
    if field not in ordered:
        return
    here = ordered.index(field)
    there = here + by
    if not 0 <= there < len(ordered):
        return
    ordered[here], ordered[there] = ordered[there], ordered[here]
    for position, moved in enumerate(ordered):
        moved.position = position
    audit.record(AuditArea.SETTINGS, f"Moved the field {field.name} of the flexible asset type {held.name}")


def archive(session: DbSession, held: FlexibleAssetType, field: AssetField, now: datetime) -> None:
    """Take a field out of forms and lists. What assets hold in it is kept."""
    if field.archived_at is None:
        field.archived_at = now
        indexing.rebuild(session, held)
        audit.record(AuditArea.SETTINGS, f"Archived the field {field.name} of the flexible asset type {held.name}")


def bring_back(session: DbSession, held: FlexibleAssetType, field: AssetField) -> None:
    """Put an archived field back, behind the others. Raises `Refused`."""
    if field.archived_at is None:
        return
    _refuse_too_many(held)
    if is_taken(held, field.name, besides=field.id):
        raise Refused(f"Another field is named {field.name} by now. Rename that one first.")
    field.position = max(other.position for other in held.fields) + 1
    field.archived_at = None
    indexing.rebuild(session, held)
    audit.record(AuditArea.SETTINGS, f"Brought back the field {field.name} of the flexible asset type {held.name}")


def is_taken(held: FlexibleAssetType, name: str, besides: int | None = None) -> bool:
    """Whether another field in the type's forms has this name already. The asset's own name is a field, too."""
    others = [field.name for field in active(held) if field.id != besides]
    return fold(name) in {fold(other) for other in ["Name", *others]}


def has_values(session: DbSession, field: AssetField) -> bool:
    """Whether any asset holds something in the field."""
    tagged = select(AssetContact.asset_id).where(AssetContact.field_id == field.id).limit(1)
    held = select(FlexibleAsset.id).where(
        FlexibleAsset.type_id == field.type_id, FlexibleAsset.content[str(field.id)].as_string().is_not(None)
    )
    return session.scalar(tagged) is not None or session.scalar(held.limit(1)) is not None


def _refuse_too_many(held: FlexibleAssetType) -> None:
    if len(active(held)) >= MOST_FIELDS or len(held.fields) >= _MOST_EVER:
        raise Refused(f"A type may have {MOST_FIELDS} fields, and this one has them. Archive a field first.")


def _may_be_required(kind: FieldKind, is_required: bool) -> bool:
    # A checkbox that is not ticked says no, which is an answer.
    return is_required and kind != FieldKind.CHECKBOX


def _told(field: AssetField) -> dict[str, object]:
    return {
        "name": field.name,
        "kind": field.kind.value,
        "required": field.is_required,
        "options": list(field.options),
    }
