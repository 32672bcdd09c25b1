"""The blueprint that all views of this area hang on, and what they share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

from flask import Blueprint, abort, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from werkzeug.exceptions import Conflict

from jobs.queue import JobFailed, NoWorker, QueueUnavailable, WorkersBusy

from .. import access
from ..extensions import db
from ..models import Integration, IntegrationRemoved, Problem, Tenant, utc_now
from .proof import expiry_of

Asked = ParamSpec("Asked")

bp = Blueprint("integrations", __name__, url_prefix="/account/integrations")

# An id in an address: no larger than the databases' integers, beyond which there is no such row.
INTEGRATION = "<id:integration_id>"
TENANT = "<id:tenant_id>"
RUN = "<id:run_id>"

# What goes wrong between a page and the worker that it asks.
ASKING_ERRORS = (QueueUnavailable, NoWorker, WorkersBusy, JobFailed)


def get_or_404(integration_id: int) -> Integration:
    """The live integration; what is asked of one that is being removed is answered with a sentence."""
    integration = db.session.get(Integration, integration_id)
    if integration is None or not integration.is_listed:
        abort(404)
    if not integration.is_live:
        abort(409, f"{integration.name} is being removed, so nothing can be done with it any more.")
    return integration


def tenant_or_404(integration_id: int, tenant_id: int) -> Tenant:
    """The tenant of the live integration."""
    get_or_404(integration_id)
    tenant = db.session.scalar(select(Tenant).where(Tenant.id == tenant_id, Tenant.integration_id == integration_id))
    if tenant is None:
        abort(404)
    return tenant


def asked(question: Callable[Asked, dict[str, Any]]) -> Callable[Asked, dict[str, Any]]:
    """The question to a worker, whose answer only who still manages integrations gets: it may take a minute to come."""

    @wraps(question)
    def ask(*args: Asked.args, **kwargs: Asked.kwargs) -> dict[str, Any]:
        answer = question(*args, **kwargs)
        access.require_still(access.Permission.MANAGE_INTEGRATIONS)
        return answer

    return ask


@bp.context_processor
def _what_templates_call() -> dict[str, Any]:
    return {"expiry_of": lambda integration: expiry_of(integration, utc_now().date())}


@bp.errorhandler(IntegrationRemoved)
def _removed_meanwhile(error: IntegrationRemoved) -> ResponseReturnValue:
    return current_app.handle_http_exception(Conflict(str(error)))


def asking_problem(error: Exception) -> Problem:
    """Why the worker did not answer, as a reason and its fix."""
    if isinstance(error, JobFailed):
        return Problem("The worker could not finish this.", "Look into the worker's log for the cause, then try again.")
    # The messages are written for the terminal, where backticks set commands apart.
    reason, _, fix = str(error).replace("`", "").partition(". ")
    return Problem(f"{reason}.", fix)


def in_one_line(problem: Problem) -> str:
    """The problem as a notice that stands alone."""
    code = f" (code {problem.code})" if problem.code else ""
    return f"{problem.text}{code}".strip()
