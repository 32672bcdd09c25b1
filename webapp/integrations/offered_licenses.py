"""The licenses that may be checked for users: those seen in the tenants, and those that are checked already."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, false, func, or_, select

from ..models import License, LicenseStatus, Product, ProductName, Tenant, fold
from ..models.base import DbSession
from ..models.product_edition import names_for
from ..models.product_names import known_products
from ..text import one_line
from . import fields
from .user_choice import RefusedChoice


@dataclass(frozen=True)
class OfferedLicense:
    """A product to check. One that is seen in no tenant is offered only where it is checked."""

    sku_id: str
    name: str
    part_number: str
    consumed: int = 0
    tenants: int = 0
    is_checked: bool = False

    @property
    def is_seen(self) -> bool:
        return self.tenants > 0


# The condition on `Tenant` for what is checked alone.
NONE = false()


def of_integration(integration_id: int) -> ColumnElement[bool]:
    """The condition on `Tenant` for the licenses that an integration offers."""
    return (Tenant.integration_id == integration_id) & Tenant.is_matched


def of_tenant(tenant_id: int) -> ColumnElement[bool]:
    return Tenant.id == tenant_id


def offered(session: DbSession, tenants: ColumnElement[bool], checked: Collection[str]) -> list[OfferedLicense]:
    """What may be checked, by friendly name, checked ones first: two queries, and one more for what is not seen."""
    seen = _seen(session, tenants, checked)
    unseen = [sku_id for sku_id in checked if sku_id not in {license.sku_id for license in seen}]
    both = [*seen, *_unseen(session, unseen)]
    return sorted(both, key=lambda license: (not license.is_checked, fold(license.name), license.sku_id))


def only_offered(sent: Iterable[str], offered: Iterable[OfferedLicense]) -> frozenset[str]:
    """The SKU ids that a form sent, in lower case. Raises `RefusedChoice` where one is not among those offered."""
    sku_ids = {sku_id.strip().lower() for sku_id in sent}
    strange = sku_ids - {license.sku_id for license in offered}
    if strange:
        few = len(strange) == 1
        raise RefusedChoice(
            f"{len(strange):,} of the checked licenses {'is' if few else 'are'} not offered here, or not any more. "
            "Check the list below, then save again."
        )
    return frozenset(sku_ids)


def named(session: DbSession, tenants: ColumnElement[bool], texts: Iterable[str]) -> frozenset[str]:
    """The SKU ids that somebody's words name: by GUID, part number or friendly name. Raises `RefusedChoice`.

    A license may be named before the first sync has seen it.
    """
    seen = {license.sku_id for license in _seen(session, tenants, ())}
    return frozenset(_named(session, seen, text) for text in texts)


def _seen(session: DbSession, tenants: ColumnElement[bool], checked: Collection[str]) -> list[OfferedLicense]:
    query = (
        select(Product.sku_id, Product.name, Product.part_number, func.sum(License.consumed), func.count(License.id))
        .join(License, License.product_id == Product.id)
        .join(Tenant, License.tenant_id == Tenant.id)
        .where(tenants, License.status != LicenseStatus.GONE)
        .group_by(Product.id)
    )
    return [
        OfferedLicense(sku_id, name, part_number, int(consumed), count, sku_id in checked)
        for sku_id, name, part_number, consumed, count in session.execute(query)
    ]


def _unseen(session: DbSession, sku_ids: Collection[str]) -> list[OfferedLicense]:
    if not sku_ids:
        return []
    query = select(Product.sku_id, Product.name, Product.part_number).where(Product.sku_id.in_(sku_ids))
    known = {row.sku_id: (row.name, row.part_number) for row in session.execute(query)}
    names = names_for(session, {sku_id: "" for sku_id in sku_ids if sku_id not in known})
    offered = []
    for sku_id in sku_ids:
        name, part_number = known.get(sku_id) or (names.name_and_source(sku_id, "")[0] or sku_id, "")
        offered.append(OfferedLicense(sku_id, name, part_number, is_checked=True))
    return offered


def _named(session: DbSession, seen: Collection[str], text: str) -> str:
    if fields.is_guid(text):
        return text.strip().lower()
    called = one_line(text)
    candidates = _candidates(session, called)
    found = (candidates & set(seen)) or candidates
    if len(found) == 1:
        return found.pop()
    if found:
        raise RefusedChoice(
            f"{len(found)} licenses are called {called}. Name the one by its SKU id: {', '.join(sorted(found))}."
        )
    raise RefusedChoice(
        f"There is no license called {called or repr(text)}. Name it by its part number, such as SPE_E3, by its SKU "
        "id, or by its friendly name; `flask products list` shows those that were seen."
    )


def _candidates(session: DbSession, called: str) -> set[str]:
    folded, lower = fold(called), called.lower()
    if not folded:
        return set()
    is_called = or_(Product.name_folded == folded, func.lower(Product.part_number) == lower)
    found = set(session.scalars(select(Product.sku_id).where(is_called)))
    if found:
        return found
    listed = or_(func.lower(ProductName.name) == lower, func.lower(ProductName.part_number) == lower)
    found = set(session.scalars(select(ProductName.sku_id).where(listed)))
    shipped = {sku_id for sku_id, part_number, name in known_products() if folded in {fold(part_number), fold(name)}}
    return found or shipped
