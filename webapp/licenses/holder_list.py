"""The contacts that hold a license, as its page and the export show them: searched and paged by the request."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import request, url_for
from flask_login import current_user
from sqlalchemy import Select
from werkzeug.wrappers import Response

from .. import access
from ..extensions import db
from ..models import Contact, utc_now
from ..paging import Page, count_rows, page_asked
from ..search import searchable
from ..spreadsheet import csv_answer
from .holders import contact_ids, contacts_of, holders, how

PER_PAGE = 25
COLUMNS = ("organization", "tenant_id", "product", "sku_part_number", "contact", "email", "assigned")


def contacts_shown(license: Any) -> dict[str, Any]:
    """What the list is made of, in three queries, and one more for a search; `license` is a row of `queries.find`."""
    q, known = _searched(), holders(db.session, license.id)
    found = contact_ids(license.id, license.organization_id, q)
    total = count_rows(db.session, found) if q else known.contacts
    page = Page(page_asked(request.args), PER_PAGE, total)
    rows = _rows(license.id, found.limit(PER_PAGE).offset(page.offset)) if page.total else []
    return {
        "holders": known,
        "contacts": [(row, how(row.is_direct, row.is_through_group)) for row in rows],
        "paging": page,
        "q": q,
        "address": partial(list_address, license.id, q),
    }


def _rows(license_id: int, found: Select[int]) -> Sequence[Any]:
    query = contacts_of(access.scope_of(current_user), license_id)
    return db.session.execute(query.where(Contact.id.in_(db.session.scalars(found).all()))).all()


def contacts_file(license: Any) -> Response:
    """All that is searched, as CSV."""
    about = (license.organization, license.tenant_id, license.product, license.sku_part_number)
    return csv_answer(
        f"license-{license.id}-contacts-{utc_now():%Y-%m-%d}.csv",
        COLUMNS,
        contacts_of(access.scope_of(current_user), license.id, _searched()),
        lambda row: [*about, row.name, row.email, how(row.is_direct, row.is_through_group)],
    )


def list_address(license_id: int, q: str, page: int = 1, file_format: str | None = None) -> str:
    return url_for("licenses.contacts", license_id=license_id, **_parameters(q, page), format=file_format)


def page_address(license_id: int, q: str, page: int) -> str:
    """The license's page with its list as it is searched and paged."""
    return url_for("licenses.show", license_id=license_id, **_parameters(q, page))


def _searched() -> str:
    return searchable(request.args.get("q", ""))


def _parameters(q: str, page: int) -> dict[str, Any]:
    return {"q": q or None, "page": page if page > 1 else None}
