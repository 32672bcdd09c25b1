"""Signing in as a partner's user: away to Microsoft, and back."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import abort, flash, redirect, render_template, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from jobs import queue

from .. import access
from ..access import Permission
from ..auth.links import base_address
from ..database import declare_writing
from ..extensions import UnreadableSecret, db
from ..models import UNREADABLE_SECRET, Integration, Kind, Problem, utc_now
from . import partner_sign_in
from .blueprint import ASKING_ERRORS, INTEGRATION, asked, asking_problem, bp, get_or_404, in_one_line
from .partner_sign_in import Begun, SignInFailed

_KEPT = "partner_sign_in"


@bp.post(f"/{INTEGRATION}/sign-in")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def sign_in(integration_id: int) -> str | Response:
    _partner_or_404(integration_id)
    try:
        address, begun = partner_sign_in.begin(
            asked(queue.begin_sign_in), integration_id, current_user.id, redirect_uri(), utc_now()
        )
    except SignInFailed as failed:
        return _back_to(integration_id, failed.problem)
    except ASKING_ERRORS as error:
        return _back_to(integration_id, asking_problem(error))
    session[_KEPT] = begun.as_kept()
    # A page that leads on, and no redirect: browsers keep what a form of this site sends from leading to another.
    integration = get_or_404(integration_id)
    return render_template("integrations/sign_in.html", integration=integration, address=address)


@bp.get("/sign-in/callback")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def sign_in_callback() -> Response:
    kept = session.pop(_KEPT, None)
    user_id = current_user.id
    db.session.rollback()
    declare_writing()
    integration_id = None
    try:
        begun = Begun.kept(kept)
        integration_id = begun.integration_id
        integration = partner_sign_in.finish(asked(queue.finish_sign_in), begun, user_id, request.args, utc_now())
    except SignInFailed as failed:
        return _back_to(integration_id, failed.problem)
    except UnreadableSecret:
        return _back_to(integration_id, UNREADABLE_SECRET)
    except ASKING_ERRORS as error:
        return _back_to(integration_id, asking_problem(error))
    flash(f"{integration.name} acts for {integration.signed_in_as} from now on.", "success")
    return redirect(url_for(".connection", integration_id=integration_id), 303)


@bp.post(f"/{INTEGRATION}/sign-in/forget")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def forget_sign_in(integration_id: int) -> Response:
    integration = _partner_or_404(integration_id)
    partner_sign_in.forget(integration)
    flash("The partner user's sign-in is forgotten. The integration signs in as the app itself again.", "success")
    return redirect(url_for(".connection", integration_id=integration_id), 303)


def redirect_uri() -> str:
    """Where Microsoft sends the browser back to: this app's address, as `PUBLIC_URL` or the browser has it."""
    return base_address() + url_for("integrations.sign_in_callback")


def takes_redirect(address: str) -> bool:
    """Whether Microsoft lets an app registration have it: https, or http on localhost by that name."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname == "localhost"


def _partner_or_404(integration_id: int) -> Integration:
    integration = get_or_404(integration_id)
    if integration.kind != Kind.PARTNER:
        abort(404)
    return integration


def _back_to(integration_id: int | None, problem: Problem) -> Response:
    """Say what went wrong on the connection's page, or on the list where the connection is not known or gone."""
    db.session.rollback()
    flash(in_one_line(problem), "danger")
    integration = db.session.get(Integration, integration_id) if integration_id is not None else None
    if integration is None or not integration.is_live:
        return redirect(url_for(".index"), 303)
    return redirect(url_for(".connection", integration_id=integration_id), 303)
