"""The pages of contacts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flask import Blueprint, Flask, abort, flash, redirect, render_template, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..choices import answered
from ..extensions import db
from ..licenses.holders import how
from ..licenses.queries import of_contact
from ..meanwhile import Meanwhile
from ..models import Contact, Organization, utc_now
from ..models.contact_lock import locked_by, locks_of, unlinked_of
from ..organizations.pages import layout, organization_or_404
from ..organizations.queries import CONTACTS
from ..search import searchable
from ..spreadsheet import csv_answer
from ..templating import page_or_partial, with_address
from . import choices, records
from .export import COLUMNS, record
from .filters import Filters, Origin
from .forms import ContactForm, OwnFieldsForm
from .queries import find, find_to_delete, listing, read_page, with_emails

PER_PAGE = 50

bp = Blueprint("contacts", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(bp)


@bp.get("/global/contacts")
@access.requires(Permission.READ)
def everyones() -> Response:
    return _list("contacts/everyones.html", Filters.of(request.args), None)


@bp.get("/global/contacts/organizations")
@access.requires(Permission.READ)
def choose() -> Response:
    """What the filter of organizations offers for what was typed, where there are very many."""
    q = searchable(request.args.get("q", ""))
    options = choices.found(db.session, access.scope_of(current_user), q)
    return answered((option.value, option.text) for option in options)


@bp.get("/organizations/<id:organization_id>/contacts")
@access.requires(Permission.READ)
def organizations(organization_id: int) -> Response:
    organization = organization_or_404(organization_id)
    filters = replace(Filters.of(request.args), organization=())
    return _list("contacts/organizations.html", filters, organization)


@bp.route("/organizations/<id:organization_id>/contacts/add", methods=["GET", "POST"])
@access.requires(Permission.EDIT_RECORDS)
def add(organization_id: int) -> tuple[str, int] | Response:
    organization = organization_or_404(organization_id, to_add=request.method == "POST")
    form = ContactForm()
    if form.validate_on_submit():
        contact = records.create(db.session, organization, form.details)
        db.session.commit()
        flash(f"{contact.name} was added.", "success")
        return redirect(url_for("contacts.show", contact_id=contact.id))
    html = render_template("contacts/form.html", form=form, contact=None, lock=None, **layout(organization, CONTACTS))
    return html, 422 if form.errors else 200


@bp.get("/contacts/<id:contact_id>")
@access.requires(Permission.READ)
def show(contact_id: int) -> str:
    contact = _contact_or_404(contact_id)
    licenses = of_contact(access.scope_of(current_user), contact_id)
    return render_template(
        "contacts/show.html",
        contact=contact,
        emails=records.stored(contact).emails,
        lock=locked_by(db.session, contact),
        unlinked=unlinked_of(db.session, [contact]).get(contact_id),
        licenses=[(row, how(row.is_direct, row.is_through_group)) for row in db.session.execute(licenses)],
        **layout(contact.organization, CONTACTS),
    )


@bp.route("/contacts/<id:contact_id>/edit", methods=["GET", "POST"])
@access.requires(Permission.EDIT_RECORDS)
def edit(contact_id: int) -> tuple[str, int] | Response:
    contact = _contact_or_404(contact_id, to_write=request.method == "POST")
    lock = locked_by(db.session, contact)
    form = OwnFieldsForm(contact) if lock else ContactForm(contact)
    meanwhile = Meanwhile(form)
    if meanwhile.validate_on_submit():
        records.change(db.session, contact, form.details)
        db.session.commit()
        if lock and "name" in request.form:
            flash("The location and the notes were saved. The other fields are locked: they are synced.", "warning")
        else:
            flash("The changes were saved.", "success")
        return redirect(url_for("contacts.show", contact_id=contact_id))
    html = render_template(
        "contacts/form.html",
        form=form,
        meanwhile=meanwhile,
        contact=contact,
        emails=records.stored(contact).emails,
        lock=lock,
        **layout(contact.organization, CONTACTS),
    )
    return html, meanwhile.status


@bp.route("/contacts/<id:contact_id>/delete", methods=["GET", "POST"])
@access.requires(Permission.DELETE_RECORDS)
def delete(contact_id: int) -> tuple[str, int] | Response:
    find_it = find_to_delete if request.method == "POST" else find
    contact = find_it(db.session, access.scope_of(current_user), contact_id) or abort(404)
    name, organization = contact.name, contact.organization
    code = 200
    if request.method == "POST":
        try:
            records.delete(db.session, contact)
        except records.Locked:
            code = 409
        else:
            db.session.commit()
            flash(f"{name} was deleted.", "success")
            return redirect(url_for("contacts.organizations", organization_id=organization.id))
    lock = locked_by(db.session, contact)
    return render_template("contacts/delete.html", contact=contact, lock=lock, **layout(organization, CONTACTS)), code


def _list(template: str, filters: Filters, organization: Organization | None) -> Response:
    scope = access.scope_of(current_user)
    organization_id = None if organization is None else organization.id
    if request.args.get("format") == "csv":
        exported = with_emails(listing(scope, filters, organization_id))
        return csv_answer(f"contacts-{utc_now():%Y-%m-%d}.csv", COLUMNS, exported, record)
    page, rows = read_page(db.session, scope, filters, PER_PAGE, organization_id)
    html = page_or_partial(
        template,
        "contacts/_table.html",
        rows=rows,
        locks=locks_of(db.session, [row.id for row in rows]),
        unlinked=unlinked_of(db.session, rows),
        paging=page,
        filters=filters,
        origins=list(Origin),
        address=filters.address,
        # It is asked for by the whole page, not each time that the table is swapped.
        choices=partial(choices.organizations, db.session, scope, filters.organization),
        **layout(organization, CONTACTS),
    )
    return with_address(html, filters.address(page=page.number))


def _contact_or_404(contact_id: int, to_write: bool = False) -> Contact:
    contact = find(db.session, access.scope_of(current_user), contact_id, to_write)
    if contact is None:
        abort(404)
    return contact
