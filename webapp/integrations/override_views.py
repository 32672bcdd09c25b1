"""How one tenant is synced: as its integration, with rules of its own for users, or not at all."""

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
from ..models import Tenant, UserSync, utc_now
from ..models.user_rules import UserRules
from ..text import at_the_end
from . import offered_licenses, sync_settings
from .blueprint import INTEGRATION, TENANT, bp, tenant_or_404
from .forecast import Forecast
from .forms import TenantSettingsForm
from .offered_licenses import OfferedLicense
from .sync_settings import Override
from .user_choice import rules_to_start_from


@bp.route(f"/{INTEGRATION}/tenants/{TENANT}/settings", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_INTEGRATIONS)
def tenant_settings(integration_id: int, tenant_id: int) -> str | Response | tuple[str, int]:
    tenant = tenant_or_404(integration_id, tenant_id)
    if request.method == "POST":
        sync_settings.hold_tenant(db.session, tenant)
    form, offered = _form(tenant)
    meanwhile = Meanwhile(form)
    is_valid = meanwhile.validate_on_submit(partial(form.told, offered=offered), form.DECIDES)
    own = _own(form, offered) if is_valid else None
    if own is None:
        return _page(tenant, form, offered, meanwhile), meanwhile.status
    how = Override(form.how.data)
    expected = sync_settings.forecast_of(db.session, tenant, how, own)
    sync_settings.override(db.session, tenant, how, own if how == Override.OWN_RULES else None, utc_now())
    name = tenant.name
    db.session.commit()
    flash(f"Saved for {at_the_end(name)} {expected.sentence}", "success")
    return redirect(url_for(".tenants", integration_id=integration_id), 303)


@bp.post(f"/{INTEGRATION}/tenants/{TENANT}/settings/preview")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def preview_tenant_settings(integration_id: int, tenant_id: int) -> str | tuple[str, int]:
    """What the next sync will do were the form saved as it is: beside the form, and without script on its page."""
    declare_reading()
    tenant = tenant_or_404(integration_id, tenant_id)
    form, offered = _form(tenant)
    own = _own(form, offered) if form.validate() else None
    expected = sync_settings.forecast_of(db.session, tenant, Override(form.how.data), own) if own else None
    if request.htmx:
        return render_template("integrations/_forecast.html", expected=expected, errors=form.errors)
    meanwhile = Meanwhile(form)
    return _page(tenant, form, offered, meanwhile, expected), meanwhile.status


def _form(tenant: Tenant) -> tuple[TenantSettingsForm, list[OfferedLicense]]:
    rules = rules_to_start_from(db.session, tenant)
    form = TenantSettingsForm(rules, how=Override.of(tenant).value)
    return form, offered_licenses.offered(db.session, offered_licenses.of_tenant(tenant.id), rules.checked)


def _own(form: TenantSettingsForm, offered: list[OfferedLicense]) -> UserRules | None:
    """The tenant's own rules. What stands in their fields while they do not hold is not looked at."""
    return form.rules(offered) if form.how.data == Override.OWN_RULES else UserRules(UserSync.OFF)


def _page(
    tenant: Tenant,
    form: TenantSettingsForm,
    offered: list[OfferedLicense],
    meanwhile: Meanwhile,
    expected: Forecast | None = None,
) -> str:
    return render_template(
        "integrations/tenant_settings.html",
        integration=tenant.integration,
        tenant=tenant,
        form=form,
        offered=offered,
        meanwhile=meanwhile,
        expected=expected,
        errors=form.errors if form.is_submitted() else {},
    )
