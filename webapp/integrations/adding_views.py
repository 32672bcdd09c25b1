"""Adding tenants to a direct integration: the list to paste, and its answers as they come."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import Integration, LineState
from ..paging import page_asked
from ..templating import page_or_partial
from . import adding
from .blueprint import INTEGRATION, bp, get_or_404
from .forms import AddTenantsForm

# Enough for a list of 100,000, to be told that this is too many, with the list still there.
LARGEST_LIST = 16 * 1024 * 1024


@bp.url_value_preprocessor
def allow_large_list(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Take a large request from whoever may add tenants. It is decided before the form is read for its token."""
    if endpoint == "integrations.add_tenants" and request.method == "POST":
        if current_user.is_authenticated and access.may(current_user, Permission.MANAGE_INTEGRATIONS):
            request.max_content_length = request.max_form_memory_size = LARGEST_LIST
        # Who sends slowly keeps nobody from writing.
        db.session.rollback()


@bp.route(f"/{INTEGRATION}/tenants/add", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_INTEGRATIONS)
def add_tenants(integration_id: int) -> str | Response | tuple[str, int]:
    integration = get_or_404(integration_id)
    if not integration.takes_tenants:
        return _partners(integration)
    form = AddTenantsForm()
    if form.validate_on_submit():
        addition_id = adding.add(integration, form.lines, current_user.id, current_user.email)
        return _to(integration_id, addition_id)
    page = render_template(
        "integrations/add_tenants.html",
        integration=integration,
        form=form,
        recent=adding.recent(integration_id),
        most=adding.MOST,
    )
    return page, 422 if form.errors else 200


@bp.get(f"/{INTEGRATION}/tenants/add/<id:addition_id>")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def tenant_addition(integration_id: int, addition_id: int) -> str:
    return _answers(integration_id, addition_id)


@bp.post(f"/{INTEGRATION}/tenants/add/<id:addition_id>/retry")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def repeat_addition(integration_id: int, addition_id: int) -> Response:
    found = adding.detail(get_or_404(integration_id), addition_id, None, 1)
    if found is None:
        abort(404)
    if not adding.repeat(found.addition):
        flash("There is nothing to ask again, or it is being asked already.", "info")
    return _to(integration_id, addition_id)


def _answers(integration_id: int, addition_id: int) -> str:
    integration = get_or_404(integration_id)
    chosen = request.args.get("state", "")
    show = LineState(chosen) if chosen in set(LineState) else None
    found = adding.detail(integration, addition_id, show, page_asked(request.args))
    if found is None:
        abort(404)
    return page_or_partial(
        "integrations/addition.html",
        "integrations/_addition.html",
        integration=integration,
        detail=found,
        labels={state.value: state.label for state in LineState},
        seen=request.args.get("seen"),
    )


def _partners(integration: Integration) -> Response:
    flash(f"{integration.name} is a partner's: its customers are found by themselves, with each sync.", "info")
    return redirect(url_for(".tenants", integration_id=integration.id), 303)


def _to(integration_id: int, addition_id: int) -> Response:
    return redirect(url_for(".tenant_addition", integration_id=integration_id, addition_id=addition_id), 303)
