"""Saving and deleting assets, with their history, in the transaction that is open; the caller commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import insert, select

from .. import audit
from ..models import (
    AssetChange,
    AssetContact,
    AssetField,
    AuditArea,
    ChangeKind,
    Contact,
    FieldKind,
    FlexibleAsset,
    FlexibleAssetType,
    Organization,
)
from ..models.base import DbSession
from .values import searched, shown

NAME = "Name"


@dataclass(frozen=True)
class Entered:
    """What somebody entered: of the fields that are in forms, and no others. What is empty has no entry."""

    name: str
    content: Mapping[str, Any] = field(default_factory=dict)
    # The contacts' ids by field id.
    tags: Mapping[int, frozenset[int]] = field(default_factory=dict)


def find_to_change(session: DbSession, asset_id: int) -> FlexibleAsset | None:
    """The asset, which nobody else changes until the transaction ends, nor the fields of its type."""
    type_id = session.scalar(select(FlexibleAsset.type_id).where(FlexibleAsset.id == asset_id))
    if type_id is None or hold_template(session, type_id) is None:
        return None
    return session.get(FlexibleAsset, asset_id, with_for_update=True, populate_existing=True)


def hold_template(session: DbSession, type_id: int) -> FlexibleAssetType | None:
    """The type, whose fields nobody changes until the transaction ends; others may save assets of it, too."""
    return session.get(FlexibleAssetType, type_id, with_for_update={"read": True}, populate_existing=True)


def as_entered(session: DbSession, asset: FlexibleAsset, fields: Iterable[AssetField]) -> Entered:
    """What the asset holds in these fields."""
    keys = {str(each.id) for each in fields}
    tags: dict[int, set[int]] = {}
    for field_id, contact_id in session.execute(
        select(AssetContact.field_id, AssetContact.contact_id).where(AssetContact.asset_id == asset.id)
    ):
        tags.setdefault(field_id, set()).add(contact_id)
    return Entered(
        asset.name,
        {key: value for key, value in asset.content.items() if key in keys},
        {field_id: frozenset(ids) for field_id, ids in tags.items() if str(field_id) in keys},
    )


def create(
    session: DbSession,
    kind: FlexibleAssetType,
    organization: Organization,
    fields: Sequence[AssetField],
    entered: Entered,
    who: str,
    now: datetime,
) -> FlexibleAsset:
    asset = FlexibleAsset(
        type_id=kind.id,
        organization_id=organization.id,
        name=entered.name,
        content=dict(entered.content),
        search_folded=searched(entered.name, fields, entered.content),
        created_at=now,
        changed_at=now,
    )
    session.add(asset)
    session.flush()
    _tag(session, asset.id, {}, entered.tags)
    after = in_words(session, fields, entered)
    told = [{"field": name, "from": "", "to": value} for name, value in after if value]
    session.add(AssetChange(asset_id=asset.id, at=now, kind=ChangeKind.CREATED, who=who, fields=told))
    audit.record(AuditArea.RECORDS, f"Added the asset {asset.name} to {organization.name}", type=kind.name)
    return asset


def change(
    session: DbSession, asset: FlexibleAsset, fields: Sequence[AssetField], entered: Entered, who: str, now: datetime
) -> bool:
    """Store what was entered. Returns False, writing nothing, where it is what is stored. Archived fields stay."""
    stored = as_entered(session, asset, fields)
    before, after = in_words(session, fields, stored), in_words(session, fields, entered)
    if (stored.name, dict(stored.content), dict(stored.tags)) == (
        entered.name,
        dict(entered.content),
        {field_id: ids for field_id, ids in entered.tags.items() if ids},
    ):
        return False
    in_forms = {str(each.id) for each in fields}
    kept = {key: value for key, value in asset.content.items() if key not in in_forms}
    asset.name, asset.content = entered.name, kept | dict(entered.content)
    asset.search_folded = searched(entered.name, fields, entered.content)
    asset.changed_at = now
    _tag(session, asset.id, stored.tags, entered.tags)
    told = [
        {"field": name, "from": old, "to": new}
        for (name, old), (_, new) in zip(before, after, strict=True)
        if old != new
    ]
    if told:
        session.add(AssetChange(asset_id=asset.id, at=now, kind=ChangeKind.CHANGED, who=who, fields=told))
    event = f"Changed the asset {stored.name} of {asset.organization.name}"
    audit.record(AuditArea.RECORDS, event, type=asset.type.name, fields=[entry["field"] for entry in told])
    return True


def delete(session: DbSession, asset: FlexibleAsset, fields: Sequence[AssetField]) -> None:
    """Delete the asset with its history. What it held stands in the audit log."""
    held = dict(in_words(session, fields, as_entered(session, asset, fields)))
    audit.record(
        AuditArea.RECORDS,
        f"Deleted the asset {asset.name} of {asset.organization.name}",
        type=asset.type.name,
        fields={name: value for name, value in held.items() if value},
    )
    session.execute(delete_rows(FlexibleAsset).where(FlexibleAsset.id == asset.id))


def in_words(session: DbSession, fields: Sequence[AssetField], entered: Entered) -> list[tuple[str, str]]:
    """Each field's name with its value as people read it."""
    names = _names(session, {contact_id for ids in entered.tags.values() for contact_id in ids})
    words = [(NAME, entered.name)]
    for each in fields:
        if each.kind == FieldKind.CONTACTS:
            tagged = sorted(names[contact_id] for contact_id in entered.tags.get(each.id, ()) if contact_id in names)
            words.append((each.name, ", ".join(tagged)))
        else:
            words.append((each.name, shown(each, entered.content.get(str(each.id)))))
    return words


def _names(session: DbSession, contact_ids: set[int]) -> dict[int, str]:
    if not contact_ids:
        return {}
    rows = session.execute(select(Contact.id, Contact.name).where(Contact.id.in_(contact_ids)))
    return {row.id: row.name for row in rows}


def _tag(
    session: DbSession, asset_id: int, before: Mapping[int, frozenset[int]], after: Mapping[int, frozenset[int]]
) -> None:
    old = {(field_id, contact_id) for field_id, ids in before.items() for contact_id in ids}
    new = {(field_id, contact_id) for field_id, ids in after.items() for contact_id in ids}
    for field_id in {field_id for field_id, _ in old - new}:
        gone = [contact_id for other, contact_id in old - new if other == field_id]
        session.execute(
            delete_rows(AssetContact).where(
                AssetContact.asset_id == asset_id,
                AssetContact.field_id == field_id,
                AssetContact.contact_id.in_(gone),
            )
        )
    if new - old:
        session.execute(
            insert(AssetContact),
            [
                {"asset_id": asset_id, "field_id": field_id, "contact_id": contact_id}
                for field_id, contact_id in sorted(new - old)
            ],
        )
