"""The one query of contacts: filters become a SELECT that serves the page, the partial, the export and the command."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import contains_eager

from ..licenses.queries import organizations_chosen
from ..models import Contact, ContactEmail, Organization
from ..models.base import DbSession
from ..models.directory import is_linked
from ..scope import Scope
from ..search import every_word, row_id
from .filters import Filters, Origin


def listing(scope: Scope, filters: Filters, organization_id: int | None = None) -> Select[Contact]:
    """The contacts, sorted by name. Where an organization is given, only its own; else those of all that are in use."""
    return (
        select(Contact)
        .join(Contact.organization)
        .options(contains_eager(Contact.organization))
        .where(scope.includes(), _meets(scope, filters, organization_id))
        .order_by(Contact.name_folded, Contact.id)
    )


def with_emails(query: Select[Contact]) -> Select[Any]:
    """The contacts of a listing, each with its organization's name, its addresses in one text, whether it is linked."""
    in_order = (
        select(ContactEmail.address)
        .where(ContactEmail.contact_id == Contact.id)
        .order_by(ContactEmail.id)
        .correlate(Contact)
        .subquery()
    )
    emails = select(func.aggregate_strings(in_order.c.address, "; ")).scalar_subquery()
    return query.add_columns(
        Organization.name.label("organization"), emails.label("emails"), is_linked().label("is_linked")
    )


def find(session: DbSession, scope: Scope, contact_id: int, to_write: bool = False) -> Contact | None:
    """The contact, or None where there is none that the scope includes.

    Whoever writes it says `to_write`: a sync that links it then waits for the end of this transaction, or this query
    for the end of that one.
    """
    if row_id(contact_id) is None:
        return None
    query = select(Contact).join(Contact.organization).where(Contact.id == contact_id, scope.includes())
    if to_write:
        query = query.with_for_update(of=Contact).execution_options(populate_existing=True)
    return session.scalar(query)


def _meets(scope: Scope, filters: Filters, organization_id: int | None) -> ColumnElement[bool]:
    conditions = [every_word(filters.q, partial(_is_found, organization_id))]
    if organization_id is not None:
        conditions.append(Contact.organization_id == organization_id)
    else:
        conditions.append(~Organization.is_archived)
        if filters.organization:
            conditions.append(Contact.organization_id.in_(organizations_chosen(filters.organization, scope)))
    if filters.origin:
        conditions.append(or_(*(_comes_from(origin) for origin in filters.origin)))
    return and_(*conditions)


def _is_found(organization_id: int | None, word: str) -> ColumnElement[bool]:
    emails = select(ContactEmail.contact_id).where(ContactEmail.address_folded.contains(word, autoescape=True))
    if organization_id is not None:
        # Without this, the addresses of everybody would be looked through for the few of the organization.
        emails = emails.where(ContactEmail.organization_id == organization_id)
    return or_(Contact.search_folded.contains(word, autoescape=True), Contact.id.in_(emails.correlate(None)))


def _comes_from(origin: Origin) -> Any:
    if origin == Origin.LINKED:
        return is_linked()
    was_linked = Contact.unlinked_at.is_not(None)
    return and_(~is_linked(), was_linked if origin == Origin.UNLINKED else ~was_linked)
