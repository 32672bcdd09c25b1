"""Adding an integration and editing its connection: both try the credentials with Microsoft before they save."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from jobs import queue

from .. import access
from ..access import Permission
from ..choices import MOST_FOUND, answered
from ..extensions import UnreadableSecret, db
from ..meanwhile import Meanwhile
from ..models import UNREADABLE_SECRET, Cloud, Integration, Kind, Problem, Tenant, utc_now
from . import creating, discovering, matching, queries
from .blueprint import ASKING_ERRORS, INTEGRATION, asked, asking_problem, bp, get_or_404, in_one_line
from .connecting import ADOPTED, Connected, Overtaken, connect, update
from .forms import CREATE, EXISTING, AddForm, EditForm
from .partner_views import redirect_uri, takes_redirect
from .proof import SECRET, kind_of, mark_of
from .trying import Credentials, Refused


@bp.route("/add", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_INTEGRATIONS)
def add() -> str | Response | tuple[str, int]:
    form = AddForm()
    form.offer(queries.choices())
    if not form.validate_on_submit() or not _organization_is_chosen(form):
        return _add_page(form, 422 if form.errors else 200)
    try:
        credentials, kind = _typed_credentials(form), Kind(form.kind.data)
        connected = connect(asked(queue.check_connection), form.name.data, credentials, _placing(form), kind)
    except Refused as refused:
        form.point_at(refused)
        return _add_page(form, 422, refused.problem)
    except ASKING_ERRORS as error:
        return _add_page(form, 503, asking_problem(error))
    return _connected(form, connected)


@bp.get("/organizations")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def organization_choices() -> Response:
    """What a list of organizations offers for the text typed into it, where there are too many to send them all."""
    found = queries.choices(request.args.get("q", ""))
    return answered((organization.id, organization.name) for organization in found)


@bp.route(f"/{INTEGRATION}/connection", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_INTEGRATIONS)
def connection(integration_id: int) -> str | Response | tuple[str, int]:
    integration = get_or_404(integration_id)
    form, meanwhile = _edit_form(integration)
    if not form.is_submitted() or not _merged(integration, form, meanwhile) or not form.validate():
        problem = None if form.is_submitted() or integration.has_readable_credentials else UNREADABLE_SECRET
        return _edit_page(integration_id, form, meanwhile, meanwhile.status, problem)
    try:
        warning = update(
            asked(queue.check_connection),
            integration_id,
            name=form.name.data,
            client_id=form.client_id.data,
            cloud=Cloud(form.cloud.data),
            proof=form.proof,
        )
    except Overtaken as overtaken:
        # What the others saved stands in the fields that were left alone, and is told beside the others.
        integration = get_or_404(integration_id)
        form, meanwhile = _edit_form(integration)
        _merged(integration, form, meanwhile)
        return _edit_page(integration_id, form, meanwhile, 409, overtaken.problem)
    except Refused as refused:
        form.point_at(refused)
        return _edit_page(integration_id, form, meanwhile, 422, refused.problem)
    except UnreadableSecret:
        return _edit_page(integration_id, form, meanwhile, 422, UNREADABLE_SECRET)
    except ASKING_ERRORS as error:
        return _edit_page(integration_id, form, meanwhile, 503, asking_problem(error))
    flash("Saved.", "success")
    if warning is not None:
        flash(in_one_line(warning), "warning")
    return redirect(url_for(".index"), 303)


def _add_page(form: AddForm, status: int, problem: Problem | None = None) -> tuple[str, int]:
    chosen = form.organization_id
    organization = matching.organization_to_match(db.session, chosen) if chosen is not None else None
    if organization is not None:
        form.offer_also(organization)
    return render_template("integrations/add.html", form=form, problem=problem, limit=MOST_FOUND), status


def _edit_form(integration: Integration) -> tuple[EditForm, Meanwhile]:
    form = EditForm(
        name=integration.name,
        client_id=integration.client_id,
        cloud=integration.cloud.value,
        sign_in_with=kind_of(integration) or SECRET,
        secret_ends_on=None if integration.has_certificate else integration.credentials_end_on,
        credentials=mark_of(integration),
    )
    form.stored_with = kind_of(integration)
    return form, Meanwhile(form)


def _merged(integration: Integration, form: EditForm, meanwhile: Meanwhile) -> bool:
    """Whether nobody else changed what was changed here, as far as it is read by now; the save looks again."""
    kind = f"a {kind_of(integration) or SECRET}"
    return meanwhile.merge(lambda name: kind if name == form.credentials.name else None, form.DECIDES)


def _edit_page(
    integration_id: int, form: EditForm, meanwhile: Meanwhile, status: int, problem: Problem | None
) -> tuple[str, int]:
    # Read anew: asking Microsoft ended the transaction in which it was read before.
    integration = get_or_404(integration_id)
    page = render_template(
        "integrations/connection.html",
        integration=integration,
        form=form,
        meanwhile=meanwhile,
        problem=problem,
        redirect_uri=redirect_uri(),
        takes_redirect=takes_redirect(redirect_uri()),
    )
    return page, status


def _organization_is_chosen(form: AddForm) -> bool:
    if form.placement.data != EXISTING:
        return True
    chosen = form.organization_id
    if chosen is not None and matching.organization_to_match(db.session, chosen) is not None:
        return True
    form.organization.errors = ["Choose one of the organizations, or another way to match the tenant."]
    return False


def _typed_credentials(form: AddForm) -> Credentials:
    return Credentials(
        Cloud(form.cloud.data),
        form.tenant.data,
        form.client_id.data,
        form.proof.client_secret,
        form.proof.certificate,
        form.proof.secret_ends_on,
    )


def _placing(form: AddForm) -> matching.Place:
    """What the form says is to become of the new tenant."""
    placement, chosen = form.placement.data, form.organization_id

    def place(tenant: Tenant) -> None:
        if placement == CREATE:
            creating.create_organization(db.session, tenant)
        elif placement == EXISTING and chosen is not None:
            organization = matching.organization_to_match(db.session, chosen)
            if organization is not None:
                matching.place(db.session, [matching.Move(tenant, organization)], utc_now())

    return place


def _connected(form: AddForm, connected: Connected) -> Response:
    """Say what was connected, and go on: to the sync settings, or to matching where that could not be done."""
    tenant = db.session.get_one(Tenant, connected.tenant_row_id)
    domain = f" ({tenant.default_domain})" if tenant.default_domain else ""
    matched = f" and matched to {tenant.organization.name}" if tenant.organization else ""
    flash(f"Connected to {tenant.name}{domain}{matched}.", "success")
    if connected.is_adopted:
        flash(ADOPTED, "info")
    if connected.directory.warning is not None:
        flash(in_one_line(connected.directory.warning), "warning")
    if form.placement.data == CREATE and not tenant.is_matched:
        flash(_why_not_created(tenant), "warning")
    unmatched = form.placement.data in {CREATE, EXISTING} and not tenant.is_matched
    if form.kind.data == Kind.PARTNER:
        for said, category in discovering.find(connected.integration_id):
            flash(said, category)
        return redirect(url_for(".tenants", integration_id=connected.integration_id), 303)
    return redirect(url_for(".tenants" if unmatched else ".settings", integration_id=connected.integration_id), 303)


def _why_not_created(tenant: Tenant) -> str:
    """Of organizations that have the tenant's name, only one in use can be matched here."""
    if all(organization.is_archived for organization in matching.namesakes(db.session, [tenant])[tenant.id]):
        return (
            f"An archived organization is named {tenant.name}, so none was created. Bring it back on its page if it is "
            "the same customer, then match the tenant to it here."
        )
    return (
        f"An organization named {tenant.name} exists already, so none was created. Match the tenant to it here if it "
        "is the same customer."
    )
