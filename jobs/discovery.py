"""Finding the tenants that an integration reaches: its own, and of a partner those of its customers.

A page, a command or a run asks for it; `jobs.discovered` says what becomes of the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError

from webapp.extensions import UnreadableSecret, db
from webapp.models import (
    OWN_FAULT,
    UNREADABLE_SECRET,
    Integration,
    IntegrationRemoved,
    Kind,
    Problem,
    SyncRun,
    Tenant,
)
from webapp.models.run_discovery import LONGEST_DISCOVERY

from . import cut_off, queue, waits
from . import tenant as tenants
from .answers import answering_why
from .discovered import Found, store_customers, store_own
from .job import job
from .microsoft.deadline import deadline
from .microsoft.errors import AccessDenied, HeldBack, MicrosoftError, Throttled, has_no_connection
from .microsoft.facts import ORGANIZATION_FIELDS, TenantFacts, tenant_facts
from .microsoft.graph import GraphClient
from .microsoft.partner import read_customers
from .microsoft.patience import patiently
from .microsoft.signin import Credentials
from .microsoft.transport import Transport
from .notices import READ_ORGANIZATION

log = logging.getLogger(__name__)


_TOOK_TOO_LONG = Problem(
    f"Looking for new tenants took longer than {LONGEST_DISCOVERY.seconds // 60} minutes, so it was given up.",
    "The next sync looks again. If it stays, the worker's log may tell what Microsoft answers slowly, or without end.",
    "took_too_long",
)


class Interrupted(Exception):
    """The look is not for this worker, or not now: it was told to stop, or gets no connection, or the run has ended."""


@job
@answering_why
def discover(integration_id: int) -> dict[str, Any]:
    """Find the tenants that the integration reaches and store those that are new, unmatched.

    Returns `ok` with `tenants`, the ids of the rows of all that it reaches; `new`, `back` and `gone`, those of them
    that are new, that are back, and those that it does not reach any more; `left`, names of customers with the
    integration that reaches them; and `warning`, a problem or None. Or not `ok` with `problem`.
    """
    found = find(integration_id, tenants.transport())
    return {
        "ok": True,
        "tenants": list(found.reached),
        "new": list(found.new),
        "back": list(found.back),
        "gone": list(found.gone),
        "left": [list(pair) for pair in found.left],
        "warning": found.notice.columns() if found.notice else None,
    }


def before_run(run_id: int, hold: Callable[[], None]) -> None:
    """Look for tenants where the run begins with that, and keep in its log what came of it. It never fails the run.

    `hold` is called before each request, and may raise `Interrupted`. After `LONGEST_DISCOVERY` nothing more is asked,
    as where Microsoft answers slowly: a worker takes no other job meanwhile.
    """
    integration_id = SyncRun.begin_discovery(db.session, run_id, queue.shared_now())
    db.session.commit()
    if integration_id is None:
        return
    hurry = deadline(LONGEST_DISCOVERY.total_seconds(), _TOOK_TOO_LONG)

    def go_on() -> None:
        hold()
        hurry()

    transport = tenants.transport(go_on)
    notice, found, gone = None, 0, 0
    try:
        result = find(integration_id, transport)
        notice, found, gone = result.notice, len(result.new) + len(result.back), len(result.gone)
    except IntegrationRemoved:
        return
    except UnreadableSecret:
        notice = UNREADABLE_SECRET
    except MicrosoftError as error:
        if has_no_connection(error) and (cut_off.is_cut_off() or _is_new(run_id)):
            raise Interrupted from error
        notice = _went_on_without(error.problem)
    except (Interrupted, OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("run %s: an error that nobody foresaw, while it looked for tenants", run_id)
        notice = _went_on_without(OWN_FAULT)
    db.session.rollback()
    SyncRun.end_discovery(db.session, run_id, notice, found, gone, transport.requests)
    db.session.commit()


def _is_new(run_id: int) -> bool:
    """Whether the run looks for tenants since so lately that an outage may yet turn out to be brief."""
    began = db.session.scalar(select(SyncRun.started_at).where(SyncRun.id == run_id))
    return began is not None and abs(queue.shared_now() - began) < cut_off.BRIEF_OUTAGE


def find(integration_id: int, transport: Transport) -> Found:
    """Look for tenants and store what is found. Raises `IntegrationRemoved`, `UnreadableSecret`, `MicrosoftError`."""
    integration = Integration.live(db.session, integration_id)
    home_id, kind = integration.home_tenant_id, integration.kind
    credentials = tenants.credentials_of(integration, home_id)
    home = select(Tenant.id).where(Tenant.integration_id == integration_id, Tenant.tenant_id == home_id)
    home_row_id = db.session.scalar(home)
    # It ends the transaction, too: none is held while Microsoft is asked.
    waits.obey(credentials.client_id, home_id)
    try:
        if kind != Kind.PARTNER:
            return store_own(integration_id, tenants.read(credentials, transport))
        graph = _graph(credentials, transport)
        customers = read_customers(graph)
        own = _own_facts(graph) if home_row_id is None and customers.throttled is None else None
    except Throttled as error:
        _note_wait(integration_id, home_row_id, error)
        raise
    if customers.throttled is not None:
        _note_wait(integration_id, home_row_id, customers.throttled)
    return store_customers(integration_id, home_id, customers, own)


def _graph(credentials: Credentials, transport: Transport) -> GraphClient:
    sign_in, graph = tenants.client(credentials, transport)
    patiently(sign_in.token)  # a refused sign-in is no list's problem
    return graph


def _own_facts(graph: GraphClient) -> TenantFacts | None:
    try:
        return tenant_facts(graph.all("/organization", ORGANIZATION_FIELDS, READ_ORGANIZATION))
    except AccessDenied:
        return None  # its first sync says so


def _note_wait(integration_id: int, home_row_id: int | None, error: Throttled) -> None:
    """Keep with the home tenant, or the app, until when it is not to be asked, so that no run asks too early."""
    if error.seconds is None or isinstance(error, HeldBack):
        return
    if error.is_of_app:
        for other in error.also:
            _note_wait(integration_id, home_row_id, other)
        waits.note_wait_of_app(integration_id, error, queue.shared_now())
    elif home_row_id is not None:
        waits.note_wait(home_row_id, error, queue.shared_now())


def _went_on_without(problem: Problem) -> Problem:
    reason = f"Tenants could not be looked for, so this sync went on with those that are known. {problem.reason}"
    return replace(problem, reason=reason)
