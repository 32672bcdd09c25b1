"""Matching many tenants at once: what would happen, doing it, what came of it, and taking it back."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import MatchingAction, MatchingChange, utc_now
from ..paging import page_asked
from ..search import row_id
from ..text import count_of
from . import change_page, changes, undoing, unlinking
from .blueprint import INTEGRATION, bp, get_or_404
from .selection import selected
from .steps import SUGGESTED, Reason
from .tenant_list import Filters
from .tenant_pages import answer, filters_given, go_to, list_address, origin, refuse, syncs

CHANGE = "<id:change_id>"

_BULK = {action.value: action for action in MatchingAction if action != MatchingAction.MATCH}


@bp.post("/tenants/changes")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def prepare_change() -> Response:
    return _prepare(Filters.of(request.form))


@bp.post(f"/{INTEGRATION}/tenants/changes")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def prepare_change_within(integration_id: int) -> Response:
    get_or_404(integration_id)
    return _prepare(Filters.of(request.form, integration_id))


@bp.get(f"/tenants/changes/{CHANGE}")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def change(change_id: int) -> str | Response:
    found = db.session.get(MatchingChange, change_id)
    if found is None or found.user_id != current_user.id:
        abort(404)
    return _page(found)


@bp.post(f"/tenants/changes/{CHANGE}/apply")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def apply_change(change_id: int) -> Response | tuple[str, int]:
    found, now = _held(change_id), utc_now()
    if found.applied_at is not None:
        flash("This was done already. Nothing was done a second time.", "info")
        return redirect(url_for(".change", change_id=change_id), 303)
    if not found.is_recent(now):
        refuse("This was shown too long ago to be done now. Choose the tenants again.")
        return redirect(list_address(filters_given(found.origin)), 303)
    reasons = _reasons_chosen(found)
    if not reasons:
        flash("Choose at least one kind of suggestion to accept.", "danger")
        return _page(found), 422
    changes.apply(db.session, found, reasons, now)
    db.session.commit()
    unlinking.go_on()
    return redirect(url_for(".change", change_id=change_id), 303)


@bp.post(f"/tenants/changes/{CHANGE}/leave-out")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def leave_tenant_out(change_id: int) -> Response:
    found, tenant_id = _held(change_id), row_id(request.form.get("tenant", ""))
    if found.applied_at is None and tenant_id is not None:
        changes.leave_out(found, tenant_id)
        db.session.commit()
    page = page_asked(request.form)
    return redirect(url_for(".change", change_id=change_id, page=page if page > 1 else None), 303)


@bp.post(f"/tenants/changes/{CHANGE}/discard")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def discard_change(change_id: int) -> Response:
    found = _held(change_id)
    address = list_address(filters_given(found.origin))
    if found.applied_at is None:
        db.session.delete(found)
        db.session.commit()
        flash("Nothing was changed.", "info")
    return redirect(address, 303)


@bp.post(f"/tenants/changes/{CHANGE}/undo")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def undo_change(change_id: int) -> Response | str:
    found, row = _held(change_id), row_id(request.form.get("tenant", ""))
    filters = filters_given(request.form) if "from_list" in request.form else filters_given(found.origin)
    page = page_asked(request.form)
    address = list_address(filters, page)
    try:
        undone = undoing.undo(db.session, found, utc_now())
    except changes.NotSo as error:
        refuse(str(error))
        return answer(filters, page, row)
    db.session.commit()
    unlinking.go_on()
    if request.htmx and row is not None and not undone.left:
        return answer(filters, page, row)
    flash(_undone(undone), "warning" if undone.left or undone.stayed else "success")
    return go_to(url_for(".change", change_id=change_id) if undone.left else address)


def _prepare(filters: Filters) -> Response:
    action = _BULK.get(request.form.get("action", ""))
    if action is None:
        abort(400)
    scope = access.scope_of(current_user)
    selection = selected(db.session, scope, request.form, filters, action)
    if not selection.tenants and not selection.missing:
        flash("Select the tenants first.", "danger")
        return redirect(list_address(filters), 303)
    prepared = changes.prepare(
        db.session,
        current_user.id,
        action,
        selection.tenants,
        utc_now(),
        missing=selection.missing,
        origin=origin(filters) | ({"by_hand": "1"} if selection.is_by_hand else {}),
        scope=scope,
    )
    db.session.commit()
    return redirect(url_for(".change", change_id=prepared.id), 303)


def _page(found: MatchingChange) -> str:
    asked = page_asked(request.args)
    shown: dict[str, Any] = change_page.shown(db.session, access.scope_of(current_user), found, asked)
    return render_template(
        "integrations/change.html",
        change=found,
        now=utc_now(),
        syncs=syncs(found),
        list_url=list_address(filters_given(found.origin)),
        **shown,
    )


def _held(change_id: int) -> MatchingChange:
    found = changes.held(db.session, current_user.id, change_id)
    if found is None:
        abort(404)
    return found


def _reasons_chosen(found: MatchingChange) -> set[Reason]:
    """What is to be done: of suggestions those kinds that are ticked, of everything else all."""
    if found.action != MatchingAction.ACCEPT:
        return set(Reason)
    ticked = set(request.form.getlist("reason"))
    return {reason for reason in SUGGESTED if reason.value in ticked}


def _undone(undone: undoing.Undone) -> str:
    words = [f"Undone: {count_of(undone.restored, 'tenant')} {'is' if undone.restored == 1 else 'are'} as before."]
    if undone.removed:
        words.append(
            f"{count_of(undone.removed, 'new organization')} {'was' if undone.removed == 1 else 'were'} removed."
        )
    if undone.stayed:
        stay = "stays" if undone.stayed == 1 else "stay"
        words.append(f"{count_of(undone.stayed, 'new organization')} {stay}, being in use or changed since.")
    if undone.left:
        words.append(
            f"{count_of(len(undone.left), 'tenant')} changed since, and stay{'s' if len(undone.left) == 1 else ''} so."
        )
    return " ".join(words)
