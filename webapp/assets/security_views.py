"""The pages where security settings are edited: of licenses, whose other fields are locked, and of custom assets."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from sqlalchemy import select
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..licenses.pages import license_or_404
from ..models import OFFICE_365_LICENSES, FlexibleAsset, License, Organization, utc_now
from ..organizations.pages import layout, organization_or_404
from . import security
from .blueprints import assets as bp
from .pages import asset_or_404
from .security import Record
from .security_forms import SecurityForm


@bp.route("/licenses/<id:license_id>/edit", methods=["GET", "POST"])
@access.requires(Permission.SECURE_RECORDS)
def edit_license(license_id: int) -> tuple[str, int] | Response:
    """Of what is posted here only the security settings are read: what was synced stays as Microsoft told it."""
    row = license_or_404(license_id)
    record = _held(License, license_id)
    if request.method == "POST":
        row = license_or_404(license_id)  # who had it before may have hidden it
    organization = organization_or_404(row.organization_id)
    return _edited(
        record,
        f"the license {row.product} of {organization.name}",
        organization,
        template="assets/license_edit.html",
        back=url_for("licenses.show", license_id=license_id),
        list_url=url_for("licenses.organizations", organization_id=organization.id),
        slug=OFFICE_365_LICENSES,
        license=row,
    )


@bp.route("/assets/<id:asset_id>/security", methods=["GET", "POST"])
@access.requires(Permission.SECURE_RECORDS)
def edit_security(asset_id: int) -> tuple[str, int] | Response:
    asset = asset_or_404(asset_id)
    record = _held(FlexibleAsset, asset_id)
    if request.method == "POST":
        asset = asset_or_404(asset_id)  # who had it before may have hidden it
    organization, slug = asset.organization, asset.type.slug
    return _edited(
        record,
        f"the asset {asset.name} of {organization.name}",
        organization,
        template="assets/security.html",
        back=url_for(".show", asset_id=asset_id),
        list_url=url_for(".organizations", organization_id=organization.id, slug=slug),
        slug=slug,
        asset=asset,
    )


def _edited(
    record: Record,
    what: str,
    organization: Organization,
    *,
    template: str,
    back: str,
    list_url: str,
    slug: str,
    **values: Any,
) -> tuple[str, int] | Response:
    form = SecurityForm(record, is_sent=request.method == "POST")
    if form.is_to_be_saved():
        settings = form.settings
        sees_it_still = not security.locks_out(db.session, current_user, settings)
        security.change(db.session, record, what, settings, current_user.email, utc_now())
        db.session.commit()
        flash("The security settings were saved.", "success")
        return redirect(back if sees_it_still else list_url, 303)
    html = render_template(template, security=form, back=back, **values, **layout(organization, slug))
    return html, form.meanwhile.status


def _held(model: type[License] | type[FlexibleAsset], record_id: int) -> Record:
    """The row, which where something is posted nobody else changes until the transaction ends."""
    query = select(model).where(model.id == record_id)
    if request.method == "POST":
        query = query.with_for_update().execution_options(populate_existing=True)
    record: Record = db.session.scalar(query) or abort(404)
    return record
