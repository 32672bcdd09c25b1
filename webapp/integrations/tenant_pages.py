"""What the views of matching share: where a list is, what is shown of a change, the answer after an action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from sqlalchemy import select
from werkzeug.wrappers import Response

from .. import access
from ..extensions import db
from ..models import Integration, MatchingChange, utc_now
from ..search import row_id
from . import tenant_list, undoing
from .tenant_list import Filters

# How many integrations a notice offers to sync; the others are on Active Integrations.
MOST_SYNCS = 3


def filters_given(given: Mapping[str, str]) -> Filters:
    """The filters of the list that a form came from."""
    within = row_id(given.get("within", ""))
    return Filters.of(given, within)


def list_address(filters: Filters, page: int = 1, **more: Any) -> str:
    """Where the list with these filters is."""
    given: dict[str, Any] = {**filters.parameters(), **more}
    if page > 1:
        given["page"] = page
    if filters.is_within:
        return url_for("integrations.tenants", integration_id=filters.integration_id, **given)
    return url_for("integrations.all_tenants", **given)


def origin(filters: Filters) -> dict[str, str]:
    """The filters as they are kept, and put into forms."""
    within = {"within": str(filters.integration_id)} if filters.is_within else {}
    return {**filters.parameters(), **within}


def syncs(change: MatchingChange | None) -> list[Integration]:
    """The integrations whose sync is to be offered after the change."""
    if change is None or not change.integrations:
        return []
    query = select(Integration).where(Integration.id.in_(change.integrations[:MOST_SYNCS]), Integration.is_live)
    return list(db.session.scalars(query.order_by(Integration.name_folded, Integration.id)))


def notice() -> dict[str, Any]:
    """What the list says of the user's last change, with its undo."""
    change = undoing.latest(db.session, current_user.id, utc_now())
    return {"latest": change, "syncs": syncs(change)}


def answer(
    filters: Filters, page: int, tenant_id: int | None = None, change: MatchingChange | None = None
) -> Response | str:
    """After an action on one tenant: its row, where HTMX swaps it, and what else changed; else the list again.

    `change` is what was just done, which the row offers to undo.
    """
    tenant = tenant_list.find(db.session, [tenant_id]).get(tenant_id) if tenant_id is not None else None
    if not request.htmx or tenant is None:
        return go_to(list_address(filters, page))
    scope = access.scope_of(current_user)
    [row] = tenant_list.rows(db.session, scope, [tenant])
    counts = tenant_list.counts(db.session, filters)
    return render_template(
        "integrations/_tenant_answer.html",
        row=row,
        change=change,
        is_answer=True,
        filters=filters,
        origin=origin(filters),
        page_number=page,
        counts=counts,
        exact=tenant_list.exact_names(db.session, scope, filters) if counts[tenant_list.ListedAs.UNMATCHED] else 0,
        state_address=state_address(filters),
        **notice(),
    )


def go_to(address: str) -> Response:
    """Send the browser there; HTMX, too, is to show the whole page and not swap it into a row."""
    if request.htmx:
        return Response("", headers={"HX-Redirect": address})
    return redirect(address, 303)


def state_address(filters: Filters) -> Any:
    """Makes the address of the list with another state."""

    def address(state: str) -> str:
        return list_address(Filters.of({**filters.parameters(), "state": state}, _within(filters)))

    return address


def refuse(sentence: str) -> None:
    """Say why nothing was done."""
    db.session.rollback()
    flash(sentence, "danger")


def _within(filters: Filters) -> int | None:
    return filters.integration_id if filters.is_within else None
