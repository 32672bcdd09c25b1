"""Matching an integration's tenants to organizations."""

from __future__ import annotations

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from jobs import queue

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import Organization, Problem, Tenant, utc_now
from ..search import row_id
from ..text import one_line
from . import matching, queries
from .blueprint import ASKING_ERRORS, INTEGRATION, TENANT, asking_problem, bp, get_or_404, in_one_line, tenant_or_404


@bp.get(f"/{INTEGRATION}/tenants")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def tenants(integration_id: int) -> str:
    integration = get_or_404(integration_id)
    page, rows = queries.tenant_page(integration_id, row_id(request.args.get("page", "")) or 1)
    organizations = queries.choices(limit=queries.CHOICES + 1)
    return render_template(
        "integrations/tenants.html",
        integration=integration,
        page=page,
        rows=rows,
        organizations=organizations[: queries.CHOICES],
        searched=len(organizations) > queries.CHOICES,
    )


@bp.post(f"/{INTEGRATION}/tenants/find")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def find_tenants(integration_id: int) -> Response:
    get_or_404(integration_id)
    db.session.rollback()  # nobody else waits while Microsoft is asked
    try:
        answer = queue.discover(integration_id)
    except ASKING_ERRORS as error:
        answer = {"ok": False, "problem": asking_problem(error).columns()}
    if answer["ok"]:
        found = len(answer["tenants"])
        flash(f"Microsoft names {found} tenant{'' if found == 1 else 's'} that this integration reaches.", "success")
        if answer.get("warning"):
            flash(in_one_line(Problem(**answer["warning"])), "warning")
    else:
        flash(in_one_line(Problem(**answer["problem"])), "danger")
    return _back(integration_id)


@bp.post(f"/{INTEGRATION}/tenants/{TENANT}/match")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def match_tenant(integration_id: int, tenant_id: int) -> Response:
    tenant = tenant_or_404(integration_id, tenant_id)
    organization = _chosen_organization()
    if organization is None:
        flash(f"Choose an organization for {tenant.name} first.", "danger")
        return _back(integration_id)
    tenant.match(organization)
    notice = f"{tenant.name} is matched to {organization.name}."
    db.session.commit()
    flash(notice, "success")
    return _back(integration_id)


@bp.post(f"/{INTEGRATION}/tenants/{TENANT}/create-organization")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def create_organization(integration_id: int, tenant_id: int) -> Response:
    tenant = tenant_or_404(integration_id, tenant_id)
    if tenant.is_matched:
        flash(f"{tenant.name} is matched already.", "info")
        return _back(integration_id)
    name = tenant.name
    existing = matching.create_organization(db.session, tenant)
    db.session.commit()
    if existing:
        flash(f"An organization named {name} exists already, so none was created. It is chosen below.", "warning")
    else:
        flash(f"The organization {name} was created, and the tenant is matched to it.", "success")
    return _back(integration_id)


@bp.post(f"/{INTEGRATION}/tenants/{TENANT}/ignore")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def ignore_tenant(integration_id: int, tenant_id: int) -> Response:
    return _change(integration_id, tenant_id, lambda tenant: tenant.ignore(utc_now()), "{} is ignored.")


@bp.post(f"/{INTEGRATION}/tenants/{TENANT}/unmatch")
@access.requires(Permission.MANAGE_INTEGRATIONS)
def unmatch_tenant(integration_id: int, tenant_id: int) -> Response:
    return _change(integration_id, tenant_id, lambda tenant: tenant.unmatch(), "{} is not matched any more.")


def _change(integration_id: int, tenant_id: int, change: Callable[[Tenant], None], notice: str) -> Response:
    tenant = tenant_or_404(integration_id, tenant_id)
    name = tenant.name
    change(tenant)
    db.session.commit()
    flash(notice.format(name), "success")
    return _back(integration_id)


def _chosen_organization() -> Organization | None:
    """The organization chosen from the list, or the one of the name typed where scripts are off and the list is cut."""
    chosen = row_id(request.form.get("organization", ""))
    if chosen is not None:
        return matching.organization_to_match(db.session, chosen)
    typed = one_line(request.form.get("organization_name", ""))
    named = next(iter(matching.organizations_named(db.session, [typed]).values()))
    return named[0] if len(named) == 1 else None


def _back(integration_id: int) -> Response:
    page = row_id(request.form.get("page", ""))
    return redirect(url_for(".tenants", integration_id=integration_id, page=page if page and page > 1 else None), 303)
