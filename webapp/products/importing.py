"""What an edition would change, and making it so. The page's dry run, the page's import and the command share it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from .. import audit
from ..extensions import db
from ..models import AuditArea, ImportKind, PendingImport, Product, ProductName
from ..models.base import DbSession
from ..models.product_edition import ListedName, Names, hold_names
from ..models.product_names import shipped_name
from ..models.statements import insert_or
from ..uploads import waiting
from .edition import Edition


@dataclass(frozen=True)
class Change:
    """A product that gets another name. `own_name` is what goes on being shown where it was given one."""

    sku_id: str
    part_number: str
    before: str
    after: str
    is_seen: bool
    own_name: str


@dataclass(frozen=True)
class Plan:
    """What an import changes; each list is sorted by name.

    Names of products that the file lacks are `kept`: a tenant may have a product long after Microsoft dropped it.
    """

    total: int
    new: tuple[ListedName, ...]
    changed: tuple[Change, ...]
    unchanged: int
    kept: int

    @property
    def shown_anew(self) -> int:
        """How many products of the tenants are shown by another name afterwards."""
        return sum(change.is_seen and not change.own_name for change in self.changed)


def plan(session: DbSession, edition: Edition) -> Plan:
    """What importing the edition would change. Nothing is written."""
    return _prepare(session, edition)[0]


def apply(session: DbSession, edition: Edition, now: datetime) -> Plan:
    """Import the edition, in the transaction that is open; the caller commits. Doing it again changes nothing more."""
    hold_names(session)
    planned, renamed = _prepare(session, edition)
    rows = [{**vars(product), "imported_at": now} for product in edition.products]
    insert = insert_or(ProductName, db.engine.dialect.name)
    values = {column: insert.excluded[column] for column in ("part_number", "name", "imported_at")}
    session.execute(insert.on_conflict_do_update(index_elements=["sku_id"], set_=values), rows)
    for product, name in renamed:
        product.name = name
    audit.record(
        AuditArea.SETTINGS,
        f"Imported the names of {planned.total:,} products",
        new=len(planned.new),
        changed=len(planned.changed),
    )
    return planned


def keep(session: DbSession, user_id: int, file_name: str, edition: Edition) -> PendingImport:
    """Keep an upload until its user imports it, instead of their last one."""
    return waiting.keep(session, user_id, ImportKind.PRODUCTS, file_name, edition.plain())


def pending(session: DbSession, user_id: int, pending_id: int) -> PendingImport | None:
    """The user's upload of this id, where it is still there and not too old."""
    return waiting.find(session, user_id, ImportKind.PRODUCTS, pending_id)


def take(session: DbSession, user_id: int, pending_id: int) -> Edition | None:
    """The edition of the user's upload, which is then no longer kept; None for all but the first who asks."""
    kept = waiting.take(session, user_id, ImportKind.PRODUCTS, pending_id)
    return None if kept is None else Edition.from_plain(kept.content)


def _prepare(session: DbSession, edition: Edition) -> tuple[Plan, list[tuple[Product, str]]]:
    """The plan, and the products whose shown name changes, each with its new one."""
    known = {
        sku_id: ListedName(sku_id, part_number, name)
        for sku_id, part_number, name in session.execute(
            select(ProductName.sku_id, ProductName.part_number, ProductName.name)
        )
    }
    listed = {product.sku_id: product for product in edition.products}
    before, after = Names(known.values()), Names((known | listed).values())
    products = session.scalars(select(Product).order_by(Product.id)).all()
    seen = {product.sku_id: product for product in products}

    new: list[ListedName] = []
    changed: list[Change] = []
    for sku_id in dict.fromkeys((*listed, *seen)):
        product = seen.get(sku_id)
        part_number = product.part_number if product else listed[sku_id].part_number
        name = after.find(sku_id, part_number)
        if name is None:
            continue
        if product is not None and not product.own_name:
            old: str | None = product.name
        else:
            found = before.find(sku_id, part_number) or shipped_name(sku_id, part_number)
            old = found or (part_number if product else None)
        if old is None:
            new.append(listed[sku_id])
        elif old != name:
            own_name = product.own_name if product else ""
            changed.append(Change(sku_id, part_number, old, name, product is not None, own_name))
    in_file = sum(change.sku_id in listed for change in changed)
    planned = Plan(
        total=len(listed),
        new=tuple(sorted(new, key=lambda product: (product.name.casefold(), product.sku_id))),
        changed=tuple(sorted(changed, key=lambda change: (not change.is_seen, change.after.casefold(), change.sku_id))),
        unchanged=len(listed) - len(new) - in_file,
        kept=len(known.keys() - listed.keys()),
    )
    renamed = [(seen[change.sku_id], change.after) for change in changed if change.is_seen and not change.own_name]
    return planned, renamed
