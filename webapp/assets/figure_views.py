"""Correcting the figures of a license that is no longer synced. What is synced is locked."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response
from wtforms import IntegerField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, NumberRange

from .. import access
from ..access import Permission
from ..extensions import db
from ..licenses.pages import license_or_404
from ..meanwhile import Meanwhile
from ..models import OFFICE_365_LICENSES, STATUS_LABELS, License, Tenant, utc_now
from ..organizations.pages import layout, organization_or_404
from ..page_form import PageForm
from . import figures
from .blueprints import assets as bp

LOCKED = (
    "This license is synced from Microsoft 365, so that its figures and status are locked: the next sync would undo "
    "what somebody types. Only its security settings can be edited."
)
# As large as what Microsoft tells: what was synced, and is left alone, can be saved.
_LARGEST = 2**31 - 1


class FiguresForm(PageForm):
    status = SelectField("Status")
    active = IntegerField("Active")
    consumed = IntegerField("Consumed")
    warning = IntegerField("In grace")
    suspended = IntegerField("Suspended")
    locked_out = IntegerField("Locked out")

    def __init__(self, license: License) -> None:
        super().__init__(obj=license)
        unknown = [] if license.status in STATUS_LABELS else [(license.status, license.status)]
        self.status.choices = [SelectChoice(*item) for item in [*STATUS_LABELS.items(), *unknown]]
        for field in self.numbers:
            field.validators = [InputRequired("Type a number."), NumberRange(0, _LARGEST, f"Type 0 to {_LARGEST:,}.")]
            field.render_kw = {"min": 0, "max": _LARGEST, "step": 1}

    @property
    def numbers(self) -> list[IntegerField]:
        return [self.active, self.consumed, self.warning, self.suspended, self.locked_out]


@bp.route("/licenses/<id:license_id>/figures", methods=["GET", "POST"])
@access.requires(Permission.EDIT_RECORDS)
def edit_figures(license_id: int) -> tuple[str, int] | Response:
    row = license_or_404(license_id)
    license = _unlocked(license_id, row.tenant_row_id)
    if request.method == "POST":
        row = license_or_404(license_id)  # who had it before may have hidden it
    form = FiguresForm(license)
    meanwhile = Meanwhile(form)
    if meanwhile.validate_on_submit():
        numbers = {field.name: field.data for field in form.numbers}
        figures.correct(db.session, license, form.status.data, numbers, current_user.email, utc_now())
        db.session.commit()
        flash("The figures were saved.", "success")
        return redirect(url_for("licenses.show", license_id=license_id), 303)
    organization = organization_or_404(row.organization_id)
    shown = layout(organization, OFFICE_365_LICENSES)
    html = render_template("assets/figures.html", form=form, meanwhile=meanwhile, license=row, **shown)
    return html, meanwhile.status


def _unlocked(license_id: int, tenant_row_id: int) -> License:
    """The license of an integration that was removed; 403 where it is synced. Where something is posted both are held.

    Who connects a tenant anew holds its row, too, so that it does not become synced meanwhile.
    """
    is_posted = request.method == "POST"
    tenant = db.session.get(Tenant, tenant_row_id, with_for_update=is_posted or None, populate_existing=True)
    if tenant is None:
        abort(404)
    if tenant.integration.disconnected_at is None:
        abort(403, LOCKED)
    return db.session.get(License, license_id, with_for_update=is_posted or None, populate_existing=True) or abort(404)
