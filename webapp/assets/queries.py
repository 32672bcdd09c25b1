"""Flexible assets and their types as the pages and the command need them, within somebody's scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from werkzeug.datastructures import MultiDict

from ..extensions import db
from ..models import AssetContact, Contact, FlexibleAsset, FlexibleAssetType, License, Organization, fold
from ..models.base import DbSession
from ..paging import page_asked
from ..saved_view import SavedView
from ..scope import Scope
from ..search import every_word, row_id, searchable
from .limits import MOST_TYPES

SORTS = ("name", "organization", "changed")

_SORT_COLUMNS: dict[str, Any] = {
    "name": FlexibleAsset.name_folded,
    "organization": Organization.name_folded,
    "changed": FlexibleAsset.changed_at,
}


@dataclass(frozen=True)
class View(SavedView):
    """A view of a list of assets, as an address holds it; whatever was asked for, it is valid."""

    q: str = ""
    sort: str = "name"
    page: int = 1

    @classmethod
    def of(cls, args: MultiDict[str, str]) -> View:
        sort = args.get("sort", "")
        is_known = sort.removeprefix("-") in SORTS and not sort.startswith("--")
        return cls(searchable(args.get("q", "")), sort if is_known else "name", page_asked(args))

    @property
    def sort_field(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.sort.startswith("-")


def listing(scope: Scope, kind: FlexibleAssetType, view: View, organization_id: int | None = None) -> Select[Any]:
    """The assets of a type with their organizations; of one organization where it is given."""
    query = visible(scope, FlexibleAsset, Organization).where(
        FlexibleAsset.type_id == kind.id, every_word(view.q, lambda word: _is_found(word, organization_id is None))
    )
    if organization_id is None:
        query = query.where(~Organization.is_archived)
    else:
        query = query.where(FlexibleAsset.organization_id == organization_id)
    column = _SORT_COLUMNS[view.sort_field]
    first = column.desc() if view.is_descending else column.asc()
    return query.order_by(first, FlexibleAsset.name_folded, FlexibleAsset.id)


def find(session: DbSession, scope: Scope, asset_id: int) -> FlexibleAsset | None:
    """The asset, or None where there is none that the scope includes."""
    if row_id(asset_id) is None:
        return None
    found: FlexibleAsset | None = session.scalar(visible(scope, FlexibleAsset).where(FlexibleAsset.id == asset_id))
    return found


def visible(scope: Scope, *columns: Any) -> Select[Any]:
    """Columns of the assets that somebody may see: every query of assets begins here."""
    return (
        select(*columns)
        .select_from(FlexibleAsset)
        .join(Organization, FlexibleAsset.organization_id == Organization.id)
        .where(scope.includes(), scope.includes_asset())
    )


def type_called(session: DbSession, slug: str) -> FlexibleAssetType | None:
    # No slug has a NUL, which PostgreSQL would not take.
    return session.scalar(select(FlexibleAssetType).where(FlexibleAssetType.slug == slug.replace("\0", "")))


def tags_of(session: DbSession, asset_ids: Iterable[int] | Select[int]) -> dict[tuple[int, int], list[Contact]]:
    """The contacts that are tagged on the assets, by asset and field, sorted by name; in one query."""
    tags: dict[tuple[int, int], list[Contact]] = {}
    rows = session.execute(
        select(AssetContact.asset_id, AssetContact.field_id, Contact)
        .join(Contact, AssetContact.contact_id == Contact.id)
        .where(AssetContact.asset_id.in_(asset_ids if isinstance(asset_ids, Select) else list(asset_ids)))
        .order_by(Contact.name_folded, Contact.id)
    )
    for asset_id, field_id, contact in rows:
        tags.setdefault((asset_id, field_id), []).append(contact)
    return tags


def types_of_account(session: DbSession, is_archived: bool) -> list[Any]:
    """The types, the synced one first and the others by name, each with the number of its custom assets."""
    assets = select(func.count(FlexibleAsset.id)).where(FlexibleAsset.type_id == FlexibleAssetType.id)
    is_shown = FlexibleAssetType.archived_at.is_not(None) if is_archived else FlexibleAssetType.archived_at.is_(None)
    counted = assets.correlate(FlexibleAssetType).scalar_subquery().label("assets")
    rows = session.execute(select(FlexibleAssetType, counted).where(is_shown)).all()

    def place(row: Any) -> tuple[bool, str, int]:
        kind = row.FlexibleAssetType
        return not kind.is_synced, fold(kind.name), kind.id

    return sorted(rows, key=place)


def archived_types(session: DbSession) -> int:
    query = select(func.count(FlexibleAssetType.id)).where(FlexibleAssetType.archived_at.is_not(None))
    return session.scalar(query) or 0


def count_of_type(session: DbSession, kind: FlexibleAssetType) -> int:
    """How many records of the type there are: who manages types sees everything."""
    if kind.is_synced:
        return count_of_licenses(session)
    return session.scalar(select(func.count(FlexibleAsset.id)).where(FlexibleAsset.type_id == kind.id)) or 0


def count_of_licenses(session: DbSession) -> int:
    return session.scalar(select(func.count(License.id))) or 0


def types_in_menu() -> Sequence[Any]:
    """The custom types in use, as the menu Global lists them."""
    query = select(FlexibleAssetType.slug, FlexibleAssetType.name, FlexibleAssetType.icon).where(
        FlexibleAssetType.archived_at.is_(None), FlexibleAssetType.is_synced.is_(False)
    )
    return sorted(db.session.execute(query.limit(MOST_TYPES)), key=lambda row: fold(row.name))


def _is_found(word: str, by_organization: bool) -> ColumnElement[bool]:
    tagged = (
        select(AssetContact.asset_id)
        .join(Contact, AssetContact.contact_id == Contact.id)
        .where(Contact.name_folded.contains(word, autoescape=True))
    )
    found = or_(FlexibleAsset.search_folded.contains(word, autoescape=True), FlexibleAsset.id.in_(tagged))
    if not by_organization:
        return found
    return or_(found, Organization.name_folded.contains(word, autoescape=True))
