"""One asset: its page, adding, editing and deleting it."""

from __future__ import annotations

from functools import cache, partial

from flask import abort, flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..choices import MOST_FOUND, answered
from ..extensions import db
from ..models import FlexibleAsset, FlexibleAssetType, Organization, utc_now
from ..organizations.pages import layout, organization_or_404
from ..search import row_id, searchable
from . import contacts, fields, history, queries, recording, security
from .asset_forms import AssetForm
from .blueprints import assets as bp
from .pages import asset_or_404, type_or_404
from .recording import Entered
from .security_forms import SecurityForm

NOT_BY_HAND = "Licenses are made by the sync with Microsoft 365. Nobody adds one by hand."


@bp.get("/assets/<id:asset_id>")
@access.requires(Permission.READ)
def show(asset_id: int) -> str:
    asset = asset_or_404(asset_id)
    return render_template(
        "assets/asset.html",
        asset=asset,
        fields=fields.active(asset.type),
        tags=queries.tags_of(db.session, [asset.id]),
        named=security.named(db.session, asset),
        history=history.of_asset(asset.id),
        **layout(asset.organization, asset.type.slug),
    )


@bp.route("/organizations/<id:organization_id>/assets/<slug>/add", methods=["GET", "POST"])
@access.requires(Permission.EDIT_RECORDS)
def add(organization_id: int, slug: str) -> tuple[str, int] | Response:
    organization = organization_or_404(organization_id, to_add=request.method == "POST")
    kind = _for_new_assets(slug)
    form = _form(kind, organization, Entered(""))
    if request.method == "POST" and not _is_looking() and form.form.validate():
        asset = recording.create(
            db.session, kind, organization, form.fields, form.entered(), current_user.email, utc_now()
        )
        db.session.commit()
        flash(f"{asset.name} was added.", "success")
        return redirect(url_for(".show", asset_id=asset.id))
    return _page(form, kind, organization, None)


@bp.route("/assets/<id:asset_id>/edit", methods=["GET", "POST"])
@access.requires(Permission.EDIT_RECORDS)
def edit(asset_id: int) -> tuple[str, int] | Response:
    asset = asset_or_404(asset_id)
    if request.method == "POST":
        asset = _held(asset_id)
    kind, organization = asset.type, asset.organization
    stored = recording.as_entered(db.session, asset, fields.active(kind))
    form = _form(kind, organization, stored)
    if request.method == "GET" or _is_looking():
        return _page(form, kind, organization, asset)
    told = cache(lambda: form.told([words for _, words in recording.in_words(db.session, form.fields, stored)]))
    if not form.meanwhile.validate_on_submit(lambda name: told()[name]):
        return _page(form, kind, organization, asset)
    recording.change(db.session, asset, form.fields, form.entered(), current_user.email, utc_now())
    db.session.commit()
    flash("The changes were saved.", "success")
    return redirect(url_for(".show", asset_id=asset_id))


@bp.route("/assets/<id:asset_id>/delete", methods=["GET", "POST"])
@access.requires(Permission.DELETE_RECORDS)
def delete(asset_id: int) -> str | Response:
    asset = asset_or_404(asset_id)
    if request.method == "GET":
        return render_template("assets/delete.html", asset=asset, **layout(asset.organization, asset.type.slug))
    asset = _held(asset_id)
    name, organization_id, slug = asset.name, asset.organization_id, asset.type.slug
    recording.delete(db.session, asset, fields.active(asset.type))
    db.session.commit()
    flash(f"{name} was deleted.", "success")
    return redirect(url_for(".organizations", organization_id=organization_id, slug=slug), 303)


@bp.get("/organizations/<id:organization_id>/assets/contacts")
@access.requires(Permission.EDIT_RECORDS)
def choose_contacts(organization_id: int) -> Response:
    """What a field that tags contacts offers for what was typed, in an organization with many."""
    organization = organization_or_404(organization_id)
    found = contacts.found(db.session, organization.id, searchable(request.args.get("q", "")))
    return answered((option.id, option.text) for option in found)


def _for_new_assets(slug: str) -> FlexibleAssetType:
    kind = type_or_404(slug)
    if kind.is_synced:
        abort(403, NOT_BY_HAND)
    if request.method == "POST":
        kind = recording.hold_template(db.session, kind.id) or abort(404)
    if kind.archived_at is not None:
        abort(409, f"{kind.name} is archived and takes no new assets.")
    return kind


def _held(asset_id: int) -> FlexibleAsset:
    """The asset, which nobody else changes until the transaction ends. Who had it before may have hidden it."""
    if recording.find_to_change(db.session, asset_id) is None:
        abort(404)
    return asset_or_404(asset_id)


def _form(kind: FlexibleAssetType, organization: Organization, stored: Entered) -> AssetForm:
    return AssetForm(fields.active(kind), stored, partial(contacts.held, db.session, organization.id))


def _is_looking() -> bool:
    """Whether the form was sent to find contacts for one of its fields, which is how it is done without script."""
    return request.method == "POST" and "find" in request.form


def _page(
    form: AssetForm, kind: FlexibleAssetType, organization: Organization, asset: FlexibleAsset | None
) -> tuple[str, int]:
    offered = contacts.offered(db.session, organization.id, form.chosen_contacts)
    field_id = row_id(request.form.get("find", ""))
    q = searchable(request.form.get(f"q_{field_id}", ""))
    found = contacts.found(db.session, organization.id, q) if field_id is not None else []
    form.offer(offered, found, field_id)
    html = render_template(
        "assets/asset_form.html",
        form=form,
        type=kind,
        asset=asset,
        is_searched=offered.is_searched,
        looked_for=(field_id, q, len(found)) if field_id is not None else None,
        most_found=MOST_FOUND,
        meanwhile=None if asset is None else form.meanwhile,
        latest=history.latest(asset.id) if asset is not None and form.meanwhile.clashes else None,
        security=SecurityForm(asset, is_sent=False)
        if asset is not None and access.may(current_user, Permission.SECURE_RECORDS)
        else None,
        **layout(organization, kind.slug),
    )
    return html, form.meanwhile.status
