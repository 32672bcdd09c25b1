"""Match Tenants: the list of them, of one integration and of all, and what can be done with one."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask_login import current_user
from htmx_flask import request
from werkzeug.wrappers import Response

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import Integration, MatchingAction, Organization, utc_now
from ..paging import page_asked
from ..search import row_id, searchable
from ..templating import page_or_partial, with_address
from . import changes, discovering, tenant_list, unlinking
from .blueprint import INTEGRATION, TENANT, bp, get_or_404, tenant_or_404
from .tenant_list import Filters
from .tenant_pages import answer, filters_given, list_address, notice, origin, refuse, state_address


@bp.get("/tenants")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def all_tenants() -> Response:
    return _list(Filters.of(request.args), None)


@bp.get(f"/{INTEGRATION}/tenants")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def tenants(integration_id: int) -> Response:
    integration = get_or_404(integration_id)
    return _list(Filters.of(request.args, integration_id), integration)


@bp.post(f"/{INTEGRATION}/tenants/find")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def find_tenants(integration_id: int) -> Response:
    get_or_404(integration_id)
    for said, category in discovering.find(integration_id):
        flash(said, category)
    return redirect(url_for(".tenants", integration_id=integration_id), 303)


@bp.get(f"/{INTEGRATION}/tenants/{TENANT}/choose")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def choose_organization(integration_id: int, tenant_id: int) -> str:
    """A search for the organization of a tenant: in its row, and without script on a page of its own."""
    tenant = tenant_or_404(integration_id, tenant_id)
    scope = access.scope_of(current_user)
    q = searchable(request.args.get("find", ""))
    found, has_more = tenant_list.organizations(db.session, scope, q)
    is_typed = request.htmx and request.htmx.trigger_name == "find"
    filters = filters_given(request.args)
    page = page_asked(request.args)
    return page_or_partial(
        "integrations/choose.html",
        "integrations/_found_organizations.html" if is_typed else "integrations/_choose.html",
        tenant=tenant,
        integration=tenant.integration,
        q=q,
        found=found,
        has_more=has_more,
        origin=origin(filters),
        page_number=page,
        list_url=list_address(filters, page),
    )


@bp.post(f"/{INTEGRATION}/tenants/{TENANT}/match")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def match_tenant(integration_id: int, tenant_id: int) -> Response | str:
    return _do(integration_id, tenant_id, MatchingAction.MATCH, _chosen_organization())


@bp.post(f"/{INTEGRATION}/tenants/{TENANT}/create-organization")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def create_organization(integration_id: int, tenant_id: int) -> Response | str:
    return _do(integration_id, tenant_id, MatchingAction.CREATE)


@bp.post(f"/{INTEGRATION}/tenants/{TENANT}/ignore")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def ignore_tenant(integration_id: int, tenant_id: int) -> Response | str:
    return _do(integration_id, tenant_id, MatchingAction.IGNORE)


@bp.post(f"/{INTEGRATION}/tenants/{TENANT}/unmatch")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def unmatch_tenant(integration_id: int, tenant_id: int) -> Response | str:
    return _do(integration_id, tenant_id, MatchingAction.UNMATCH)


def _list(filters: Filters, integration: Integration | None) -> Response:
    scope = access.scope_of(current_user)
    counts = tenant_list.counts(db.session, filters)
    total = counts[filters.state] if filters.state else sum(counts.values())
    page, rows = tenant_list.page(db.session, scope, filters, page_asked(request.args), total)
    html = page_or_partial(
        "integrations/tenants.html",
        "integrations/_tenants.html",
        integration=integration,
        integrations=tenant_list.integrations(db.session) if integration is None else [],
        filters=filters,
        origin=origin(filters),
        counts=counts,
        exact=tenant_list.exact_names(db.session, scope, filters) if counts[tenant_list.ListedAs.UNMATCHED] else 0,
        paging=page,
        page_number=page.number,
        rows=rows,
        address=lambda page=1: list_address(filters, page),
        state_address=state_address(filters),
        **notice(),
    )
    return with_address(html, list_address(filters, page.number))


def _do(
    integration_id: int, tenant_id: int, action: MatchingAction, organization: Organization | None = None
) -> Response | str:
    tenant_or_404(integration_id, tenant_id)
    filters, page = filters_given(request.form), page_asked(request.form)
    try:
        change = changes.do_one(db.session, current_user.id, action, tenant_id, utc_now(), organization)
    except changes.NotSo as error:
        refuse(str(error))
        return answer(filters, page, tenant_id)
    db.session.commit()
    unlinking.go_on()
    return answer(filters, page, tenant_id, change)


def _chosen_organization() -> Organization | None:
    """The organization in use that was chosen."""
    chosen = row_id(request.form.get("organization", ""))
    if chosen is None:
        return None
    return tenant_list.organization(db.session, access.scope_of(current_user), chosen)
