"""Giving a product a name of one's own, and taking it back."""

from __future__ import annotations

from sqlalchemy import select

from .. import audit
from ..models import AuditArea, Product
from ..models.base import DbSession
from ..models.product_edition import names_for
from ..text import name as as_name

LONGEST_OWN_NAME = 200


def own_name(text: str) -> str:
    """The name as it is kept, empty for none. Raises `ValueError` with a sentence that says what is wrong."""
    text = as_name(text, LONGEST_OWN_NAME)
    if text and not any(character.isalnum() for character in text):
        raise ValueError(
            "A name needs a letter or a digit. Leave it empty to use the name that the product has anyway."
        )
    return text


def held(session: DbSession, product: Product) -> Product | None:
    """The product as it is by now, which nobody else names until this transaction ends; None where it is gone.

    The imported names come first: an import holds them before it writes products, so that neither waits for the other.
    """
    names_for(session, {product.sku_id: product.part_number}, to_write=True)
    query = select(Product).where(Product.id == product.id).with_for_update(key_share=True)
    return session.scalar(query.execution_options(populate_existing=True))


def name(session: DbSession, product: Product, text: str) -> None:
    """Give the product the own name, or with none the one that it has without; the caller commits."""
    names = names_for(session, {product.sku_id: product.part_number}, to_write=True)
    before = product.name
    product.own_name = text
    product.name = text or names.name_and_source(product.sku_id, product.part_number)[0]
    if product.name != before:
        event = f"Named the product {product.part_number} {product.name}"
        audit.record(AuditArea.SETTINGS, event, before=before, after=product.name)
