"""Products as the pages and the command need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, or_, select

from ..models import License, LicenseStatus, NameSource, Organization, Product, Tenant
from ..models.base import DbSession
from ..models.product_edition import names_for
from ..scope import Scope
from ..search import every_word


@dataclass(frozen=True)
class Row:
    """A product, where its name comes from, what it is called without an own name, and how many licenses it has."""

    product: Product
    source: NameSource
    given_name: str
    given_source: NameSource
    licenses: int


def listing(q: str = "") -> Select[Product]:
    """The products in whose name, part number or SKU id every word is found; sorted by name."""

    def is_found(word: str) -> ColumnElement[bool]:
        return or_(
            Product.search_folded.contains(word, autoescape=True), Product.sku_id.contains(word, autoescape=True)
        )

    return select(Product).where(every_word(q, is_found)).order_by(Product.name_folded, Product.id)


def rows(session: DbSession, scope: Scope, products: Sequence[Product]) -> list[Row]:
    """The products with what belongs to them, in two queries. Licenses that are gone or in no list do not count."""
    names = names_for(session, {product.sku_id: product.part_number for product in products})
    licenses = _licenses(session, scope, [product.id for product in products])
    made = []
    for product in products:
        given_name, given_source = names.name_and_source(product.sku_id, product.part_number)
        source = NameSource.OWN if product.own_name else given_source
        made.append(Row(product, source, given_name, given_source, licenses.get(product.id, 0)))
    return made


def _licenses(session: DbSession, scope: Scope, product_ids: Sequence[int]) -> dict[int, int]:
    counted = (
        select(License.product_id, func.count(License.id))
        .join(Tenant, License.tenant_id == Tenant.id)
        .join(Organization, Tenant.organization_id == Organization.id)
        .where(
            scope.includes(),
            scope.includes_license(),
            ~Organization.is_archived,
            License.product_id.in_(product_ids),
            License.status != LicenseStatus.GONE,
        )
        .group_by(License.product_id)
    )
    return dict(session.execute(counted).all())
