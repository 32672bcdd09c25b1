"""One run: its page, which lives while the run does, cancelling it, and trying again what failed."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..models import Trigger
from ..paging import page_asked
from ..templating import page_or_partial
from . import queries, running
from .blueprint import INTEGRATION, RUN, bp, get_or_404
from .run_queries import RunDetail, Show, run_detail


@bp.get(f"/{INTEGRATION}/runs/{RUN}")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def run(integration_id: int, run_id: int) -> str:
    integration = get_or_404(integration_id)
    chosen = request.args.get("state", "")
    show = Show(chosen) if chosen in set(Show) else Show.ALL
    detail = _detail(integration_id, run_id, show, page_asked(request.args))
    return page_or_partial(
        "integrations/run.html",
        "integrations/_run.html",
        integration=integration,
        detail=detail,
        seen=request.args.get("seen"),
    )


@bp.post(f"/{INTEGRATION}/runs/{RUN}/cancel")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def cancel_run(integration_id: int, run_id: int) -> str | Response:
    get_or_404(integration_id)
    if queries.run_row(run_id, integration_id) is None:
        abort(404)
    cancelled = running.cancel(run_id, current_user.email)
    if request.htmx:
        [row] = queries.integration_rows(integration_id)
        return render_template("integrations/_status.html", row=row, seen=None)
    if cancelled:
        flash("The sync is cancelled.", "success")
    else:
        flash("The sync had ended already, so there was nothing to cancel.", "info")
    return _to(integration_id, run_id)


@bp.post(f"/{INTEGRATION}/runs/{RUN}/retry")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def retry_run(integration_id: int, run_id: int) -> Response:
    get_or_404(integration_id)
    if queries.run_row(run_id, integration_id) is None:
        abort(404)
    try:
        retried_id, is_new = running.retry(run_id, Trigger.MANUAL, current_user.id)
    except running.NothingToRetry as error:
        flash(str(error), "warning")
        return _to(integration_id, run_id)
    if is_new:
        flash("The tenants that failed are synced again.", "success")
    else:
        flash("A sync of this integration is under way already: this is it. Try again when it has ended.", "info")
    return _to(integration_id, retried_id)


def _detail(integration_id: int, run_id: int, show: Show, page: int) -> RunDetail:
    detail = run_detail(integration_id, run_id, show, page)
    if detail is None:
        abort(404)
    return detail


def _to(integration_id: int, run_id: int) -> Response:
    return redirect(url_for(".run", integration_id=integration_id, run_id=run_id), 303)
