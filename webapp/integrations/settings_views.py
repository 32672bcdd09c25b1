"""Sync your data with Office 365: what an integration syncs, and what the next sync will do, before it is saved."""

from __future__ import annotations

from functools import partial

from flask import flash, redirect, render_template, url_for
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..database import declare_reading
from ..extensions import db
from ..meanwhile import Meanwhile
from ..models import Integration, utc_now
from . import forecast, offered_licenses, sync_settings
from .blueprint import INTEGRATION, bp, get_or_404
from .forecast import Forecast
from .forms import SettingsForm
from .offered_licenses import OfferedLicense
from .user_choice import chosen_for_integration


@bp.route(f"/{INTEGRATION}/settings", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_INTEGRATIONS)
def settings(integration_id: int) -> str | Response | tuple[str, int]:
    integration = get_or_404(integration_id)
    if request.method == "POST":
        sync_settings.hold(db.session, integration)
    form, offered = _form(integration)
    meanwhile = Meanwhile(form)
    is_valid = meanwhile.validate_on_submit(partial(form.told, offered=offered), form.DECIDES)
    users = form.rules(offered) if is_valid else None
    if users is None:
        return _page(integration, form, offered, meanwhile), meanwhile.status
    wanted = sync_settings.Change(form.sync_licenses.data, form.sync_every_hours.data, users, form.match_by_name.data)
    sync_settings.change(db.session, integration, wanted)
    expected = forecast.of_integration(db.session, integration_id, users)
    nothing = not integration.syncs_something
    db.session.commit()
    if nothing:
        flash("Saved. Nothing is chosen, so a sync of this integration has nothing to do.", "warning")
    else:
        flash(f"Saved. {expected.sentence} Next, start a manual sync from the integration's menu.", "success")
    return redirect(url_for(".index"), 303)


@bp.post(f"/{INTEGRATION}/settings/preview")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def preview_settings(integration_id: int) -> str | tuple[str, int]:
    """What the next sync will do were the form saved as it is: beside the form, and without script on its page."""
    declare_reading()
    integration = get_or_404(integration_id)
    form, offered = _form(integration)
    users = form.rules(offered) if form.validate() else None
    expected = forecast.of_integration(db.session, integration_id, users) if users else None
    if request.htmx:
        return render_template("integrations/_forecast.html", expected=expected, errors=form.errors)
    meanwhile = Meanwhile(form)
    return _page(integration, form, offered, meanwhile, expected), meanwhile.status


def _form(integration: Integration) -> tuple[SettingsForm, list[OfferedLicense]]:
    chosen = chosen_for_integration(db.session, integration)
    form = SettingsForm(
        chosen,
        sync_licenses=integration.sync_licenses,
        match_by_name=integration.match_by_name,
        sync_every_hours=integration.sync_every_hours,
    )
    tenants = offered_licenses.of_integration(integration.id)
    return form, offered_licenses.offered(db.session, tenants, chosen.checked)


def _page(
    integration: Integration,
    form: SettingsForm,
    offered: list[OfferedLicense],
    meanwhile: Meanwhile,
    expected: Forecast | None = None,
) -> str:
    return render_template(
        "integrations/settings.html",
        integration=integration,
        form=form,
        offered=offered,
        meanwhile=meanwhile,
        expected=expected,
        errors=form.errors if form.is_submitted() else {},
        now=utc_now(),
    )
