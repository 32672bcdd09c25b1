"""Removing an integration: the page that says what will happen, and the choice."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..models import Removal
from ..models.removal import Concerned
from ..text import count_of
from .blueprint import INTEGRATION, bp, get_or_404
from .forms import RemoveForm
from .removing import NotConfirmed, concerned
from .removing import remove as remove_integration


@bp.route(f"/{INTEGRATION}/remove", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_INTEGRATIONS)
def remove(integration_id: int) -> str | Response | tuple[str, int]:
    integration = get_or_404(integration_id)
    name = integration.name
    form = RemoveForm()
    if form.validate_on_submit():
        what = Removal(form.what.data)
        try:
            affected = remove_integration(integration_id, what, form.name.data or "")
        except NotConfirmed as error:
            form.name.errors = [str(error)]
        else:
            flash(_notice(name, what, affected), "success")
            return redirect(url_for(".index"), 303)
    page = render_template(
        "integrations/remove.html", integration=integration, form=form, concerned=concerned(integration_id)
    )
    return page, 422 if form.errors else 200


def _notice(name: str, what: Removal, affected: Concerned) -> str:
    licenses = count_of(affected.licenses, "license")
    if what == Removal.KEEP:
        return f"{name} was removed. Its data is kept: {licenses}, marked as disconnected from now on."
    return f"{name} is being removed, with its {licenses}. This goes on by itself, also when you leave this page."
