"""Active Integrations: the list, its rows' status, starting a sync, pausing it."""

from __future__ import annotations

from contextlib import suppress

from flask import abort, flash, make_response, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from jobs import queue

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import RunState, SyncRun, Trigger, utc_now
from ..paging import page_asked
from ..templating import page_or_partial
from . import pausing, queries, tenant_list
from .blueprint import INTEGRATION, bp, get_or_404
from .status import REMOVALS


@bp.get("")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def index() -> str:
    page, rows = queries.integrations_page(page_asked(request.args))
    return render_template(
        "integrations/index.html", page=page, rows=rows, now=utc_now(), unmatched=tenant_list.unmatched(db.session)
    )


@bp.get(f"/{INTEGRATION}/status")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def status(integration_id: int) -> str | Response:
    return _status(integration_id, seen=request.args.get("seen"))


@bp.post(f"/{INTEGRATION}/sync")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def sync(integration_id: int) -> str | Response:
    get_or_404(integration_id)
    run, _ = SyncRun.begin(db.session, integration_id, Trigger.MANUAL, current_user.id)
    run_id, waits = run.id, run.state == RunState.QUEUED
    db.session.commit()
    if waits:
        # Also for a run that was there already: the queue may have been down when it began. Where it still is, the
        # run stays queued, the next sweep finds it, and the row says so.
        with suppress(queue.QueueUnavailable):
            queue.sync(run_id)
    if not request.htmx:
        return redirect(url_for(".index"), 303)
    return _status(integration_id)


def _status(integration_id: int, seen: str | None = None) -> str | Response:
    rows = queries.integration_rows(integration_id)
    if not rows and seen in REMOVALS:
        flash("The integration is removed, with all its data.", "success")
        return make_response("", {"HX-Refresh": "true"})
    if not rows:
        abort(404)
    return render_template("integrations/_status.html", row=rows[0], seen=seen)


@bp.post(f"/{INTEGRATION}/pause")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def pause(integration_id: int) -> Response:
    integration = get_or_404(integration_id)
    pausing.pause(integration)
    name = integration.name
    db.session.commit()
    flash(f"{name} is paused: until it is resumed, it syncs only when somebody starts a manual sync.", "success")
    return redirect(url_for(".index"), 303)


@bp.post(f"/{INTEGRATION}/resume")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def resume(integration_id: int) -> Response:
    integration = get_or_404(integration_id)
    pausing.resume(integration)
    name = integration.name
    db.session.commit()
    flash(f"{name} is resumed: it syncs by itself again.", "success")
    return redirect(url_for(".index"), 303)


@bp.get(f"/{INTEGRATION}/runs")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def runs(integration_id: int) -> str:
    integration = get_or_404(integration_id)
    page, rows = queries.run_page(integration_id, page_asked(request.args))
    return page_or_partial(
        "integrations/runs.html",
        "integrations/_runs.html",
        integration=integration,
        page=page,
        rows=rows,
        active=queries.active_of(rows),
        seen=request.args.get("seen", type=int),
    )
