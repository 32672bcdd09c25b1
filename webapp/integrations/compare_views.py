"""Compare with Microsoft: what is stored of a tenant beside what Microsoft says of it now."""

from __future__ import annotations

from flask import render_template, request

from jobs import queue

from .. import access
from ..access import Permission
from ..extensions import db
from ..models import Problem
from .blueprint import ASKING_ERRORS, INTEGRATION, TENANT, asked, asking_problem, bp, get_or_404, tenant_or_404
from .comparing import Comparison, comparison, why_not_written
from .consent import admin_consent_url


@bp.route(f"/{INTEGRATION}/tenants/{TENANT}/compare", methods=["GET", "POST"])
@access.requires(Permission.MANAGE_INTEGRATIONS)
def compare(integration_id: int, tenant_id: int) -> str | tuple[str, int]:
    tenant_or_404(integration_id, tenant_id)
    if request.method != "POST":
        return _page(integration_id, tenant_id)
    db.session.rollback()  # nobody else waits while Microsoft is asked
    try:
        answer = asked(queue.compare)(tenant_id)
    except ASKING_ERRORS as error:
        return _page(integration_id, tenant_id, problem=asking_problem(error)), 503
    if not answer["ok"]:
        return _page(integration_id, tenant_id, problem=Problem(**answer["problem"]))
    return _page(integration_id, tenant_id, found=comparison(answer))


def _page(integration_id: int, tenant_id: int, found: Comparison | None = None, problem: Problem | None = None) -> str:
    # Read anew: asking Microsoft ended the transaction in which it was read before.
    integration, tenant = get_or_404(integration_id), tenant_or_404(integration_id, tenant_id)
    consent_url = None
    if problem is not None and problem.needs_consent:
        consent_url = admin_consent_url(integration.cloud, tenant.tenant_id, integration.client_id)
    return render_template(
        "integrations/compare.html",
        integration=integration,
        tenant=tenant,
        found=found,
        why_not_written=why_not_written(tenant),
        problem=problem,
        consent_url=consent_url,
    )
