"""The page of a list that is searched by words: the search, its rows, and the pager."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import url_for
from htmx_flask import request
from sqlalchemy import Select
from werkzeug.wrappers import Response

from .extensions import db
from .paging import Page, count_rows, page_asked
from .search import searchable
from .templating import page_or_partial, with_address

PER_PAGE = 50


def searched_list(
    page_template: str,
    table_template: str,
    listing: Callable[[str], Select[Any]],
    shown: Callable[[Sequence[Any]], Mapping[str, Any]],
    **parameters: str | None,
) -> Response:
    """The page of the list at this address, or for HTMX its table.

    `listing` makes the query of what was searched for; `shown` makes of the page's rows what the templates
    take. `parameters` are those of the address that stay with every search and page.
    """
    q = searchable(request.args.get("q", ""))
    query = listing(q)
    page = Page(page_asked(request.args), PER_PAGE, count_rows(db.session, query))
    found = db.session.scalars(query.limit(PER_PAGE).offset(page.offset)).all()

    def address(page: int = 1) -> str:
        values: dict[str, Any] = {"q": q or None, **parameters, "page": page if page > 1 else None}
        return url_for(request.endpoint or "", **values)

    html = page_or_partial(page_template, table_template, **shown(found), paging=page, q=q, address=address)
    return with_address(html, address(page.number))
