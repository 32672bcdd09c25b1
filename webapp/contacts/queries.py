"""The contacts that filters ask for: all of them by one SELECT, for the export and the command, or a page of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import contains_eager

from ..licenses.conditions import organizations_chosen
from ..models import Contact, ContactEmail, Organization
from ..models.base import DbSession
from ..models.contact_turns import take_turn
from ..models.directory import is_linked, unlinked_since, was_linked
from ..paging import Page, count_rows
from ..scope import Scope
from ..search import every_word, row_id
from .filters import Filters, Origin


def listing(scope: Scope, filters: Filters, organization_id: int | None = None) -> Select[Contact]:
    """The contacts, sorted by name. Where an organization is given, only its own; else those of all that are in use."""
    return _in_order().where(scope.includes(), _meets(scope, filters, organization_id))


def read_page(
    session: DbSession, scope: Scope, filters: Filters, per_page: int, organization_id: int | None = None
) -> tuple[Page, Sequence[Contact]]:
    """The page of `listing` that the filters ask for, and what is on it, however that is found soonest."""
    if filters.q:
        return _searched_page(session, scope, filters, per_page, organization_id)
    query = listing(scope, filters, organization_id)
    page = Page(filters.page, per_page, count_rows(session, query))
    if not page.total:
        return page, []
    if page.offset <= page.total // 2:
        return page, session.scalars(query.limit(per_page).offset(page.offset)).all()
    # From the end: what is passed over is read, so the last page would be the slowest, and every pager leads to it.
    backwards = query.order_by(None).order_by(Contact.name_folded.desc(), Contact.id.desc())
    rows = session.scalars(backwards.limit(page.last_row - page.offset).offset(page.total - page.last_row))
    return page, rows.all()[::-1]


def with_emails(query: Select[Contact]) -> Select[Any]:
    """The contacts of a listing, each with its organization's name, its addresses in one text, whether it is linked.

    `since` is `unlinked_since`.
    """
    in_order = (
        select(ContactEmail.address)
        .where(ContactEmail.contact_id == Contact.id)
        .order_by(ContactEmail.id)
        .correlate(Contact)
        .subquery()
    )
    emails = select(func.aggregate_strings(in_order.c.address, "; ")).scalar_subquery()
    return query.add_columns(
        Organization.name.label("organization"),
        emails.label("emails"),
        is_linked().label("is_linked"),
        unlinked_since().label("since"),
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


def find_to_delete(session: DbSession, scope: Scope, contact_id: int) -> Contact | None:
    """The same for whoever deletes it, which takes it from its users, too: no sync writes these until the end.

    A sync holds a user before the user's contact, so who held the contact first and then its users would wait for one
    who waits for them.
    """
    contact = find(session, scope, contact_id)
    if contact is None:
        return None
    take_turn(session, contact.organization_id)
    return find(session, scope, contact_id, to_write=True)


def _searched_page(
    session: DbSession, scope: Scope, filters: Filters, per_page: int, organization_id: int | None
) -> tuple[Page, Sequence[Contact]]:
    """All that is found is looked for once, then counted and sorted; again only where the page is beyond the last.

    Beside a limit, PostgreSQL would read all contacts in the order of their names until it has a page of those found:
    of a million, of which few are found, that takes several times as long.
    """
    columns = select(Contact.id, Contact.name_folded).join(Contact.organization)
    searched = columns.where(scope.includes(), _meets(scope, filters, organization_id))
    found = searched.cte("found").prefix_with("MATERIALIZED")
    total = select(func.count()).select_from(found).scalar_subquery()
    ids = select(found.c.id, total).order_by(found.c.name_folded, found.c.id).limit(per_page)
    rows = session.execute(ids.offset((max(filters.page, 1) - 1) * per_page)).all()
    if not rows and filters.page > 1:
        last = Page(filters.page, per_page, session.scalar(select(total)) or 0)
        rows = session.execute(ids.offset(last.offset)).all()
    page = Page(filters.page, per_page, rows[0][1] if rows else 0)
    contacts = _in_order().where(Contact.id.in_([row.id for row in rows]))
    return page, session.scalars(contacts).all() if rows else []


def _in_order() -> Select[Contact]:
    """Contacts, each with its organization, sorted by name."""
    with_organization = select(Contact).join(Contact.organization).options(contains_eager(Contact.organization))
    return with_organization.order_by(Contact.name_folded, Contact.id)


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
    return and_(~is_linked(), was_linked() if origin == Origin.UNLINKED else ~was_linked())
