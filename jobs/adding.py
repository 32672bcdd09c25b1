"""Adding tenants to an integration, a list of lines at a time. `webapp.models.addition` says what holds for a list.

A job asks Microsoft about some lines at the same time, stores each answer as it comes, works for a few seconds and
enqueues the rest, so that whoever else waits before the screen gets their turn.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, current_app
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError

from webapp.background import this_app
from webapp.extensions import UnreadableSecret, db
from webapp.models import (
    OWN_FAULT,
    UNREADABLE_SECRET,
    AdditionLine,
    AuditArea,
    AuditEntry,
    Integration,
    IntegrationRemoved,
    LineState,
    Problem,
    Tenant,
    TenantAddition,
    reaching,
)
from webapp.models.addition import Taken

from . import cut_off, queue, waits
from . import tenant as tenants
from .crew import stopping
from .job import job
from .microsoft.deadline import deadline
from .microsoft.errors import MicrosoftError, SignInRefused
from .microsoft.facts import guid_of
from .microsoft.patience import patiently
from .microsoft.signin import Credentials, SignIn

log = logging.getLogger(__name__)

SECONDS = 5.0
AT_ONCE = 8
_HEARD_SECONDS = 5.0
# As long as any answer is waited for before the screen: meanwhile the worker does nothing else that somebody waits for.
_LONGEST_SECONDS = 100.0

# Entra's codes for what is no tenant, or not in this cloud.
_NOT_A_TENANT = frozenset({"AADSTS90002", "AADSTS900023", "AADSTS50059", "AADSTS50128", "AADSTS90019"})
_TOOK_TOO_LONG = Problem(
    f"Reading this tenant took longer than {_LONGEST_SECONDS:.0f} seconds, so it was given up.",
    "Add it again. If it stays, the worker's log may tell what Microsoft answers slowly, or without end.",
    "took_too_long",
)
_ADOPTED = Problem("Its data is kept from when it was connected before.", "")


class _Stopped(Exception):
    """This worker was told to stop: what it has not asked about is left to others."""


@dataclass(frozen=True)
class _Answer:
    """What Microsoft said about one line: which tenant it is, and how it is, or why that could not be read."""

    tenant_id: str = ""
    snapshot: tenants.Snapshot | None = None
    problem: Problem | None = None
    # The credentials are at fault, so that all lines would be answered alike.
    is_about_all: bool = False
    # There was no connection here, and others may get one.
    may_be_left: bool = False


class _Own:
    """The list that this job works on, until another job does: as where this one was taken for lost and was not."""

    def __init__(self, addition_id: int) -> None:
        self.addition_id = addition_id
        self._heard_at: datetime | None = None

    def hear(self) -> int | None:
        """Note that it is worked on. Returns its integration's id; None where nothing is left to do for this job."""
        now = queue.shared_now()
        integration_id = TenantAddition.hear(db.session, self.addition_id, now, before=self._heard_at)
        if integration_id is not None:
            self._heard_at = now
        return integration_id


@job
def add(addition_id: int) -> None:
    """Answer the lines of the list, or some of them; others are left to the next job."""
    if not _work(addition_id):
        queue.add_tenants(addition_id)


@job
def add_here(addition_id: int) -> dict[str, Any]:
    """Answer all lines of the list, in this process."""
    while not _work(addition_id):
        pass
    return {"ok": True}


def _work(addition_id: int) -> bool:
    """Answer lines for `SECONDS`. Returns whether nothing is left to do, at least for whoever called."""
    began, own = time.monotonic(), _Own(addition_id)
    while True:
        integration_id = own.hear()
        taken = TenantAddition.take(db.session, addition_id, AT_ONCE) if integration_id is not None else []
        if integration_id is None or not taken:
            TenantAddition.finish_if_done(db.session, addition_id, queue.shared_now())
            db.session.commit()
            return True
        db.session.commit()
        is_all = _answer(own, integration_id, taken)
        if not is_all or stopping.is_set() or time.monotonic() - began >= SECONDS:
            is_over = own.hear() is None
            db.session.commit()
            return is_over


def _answer(own: _Own, integration_id: int, taken: list[Taken]) -> bool:
    """Ask about these lines at the same time, and store each answer. Returns whether none was left to others."""
    addition_id = own.addition_id
    try:
        integration = Integration.live(db.session, integration_id)
        credentials = {line.id: tenants.credentials_of(integration, line.text, on_trial=True) for line in taken}
    except UnreadableSecret:
        _refuse_all(addition_id, UNREADABLE_SECRET)
        return True
    except IntegrationRemoved as removed:
        _refuse_all(addition_id, Problem(str(removed), "Nothing was added."))
        return True
    db.session.rollback()  # no transaction is held while Microsoft is asked
    app = this_app()
    is_all = True
    with ThreadPoolExecutor(AT_ONCE) as threads:
        asked = {threads.submit(_in_context, app, credentials[line.id]): line for line in taken}
        while asked:
            done, _ = wait(asked, timeout=_HEARD_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                is_all &= _conclude(addition_id, asked.pop(future), future)
            own.hear()
            db.session.commit()
    return is_all


def _in_context(app: Flask, credentials: Credentials) -> _Answer:
    with app.app_context():
        return _ask(credentials)


def _ask(credentials: Credentials) -> _Answer:
    """Read the tenant as a sync would; where it is known already, its sign-in address tells which it is."""
    tenant_id = guid_of(credentials.tenant)
    hurry = deadline(_LONGEST_SECONDS, _TOOK_TOO_LONG)
    transport = tenants.transport(lambda: _go_on(hurry))
    try:
        if not tenant_id:
            waits.obey(credentials.client_id, tenant_id)
            settings = current_app.config["SETTINGS"]
            tenant_id = guid_of(patiently(lambda: SignIn(credentials, settings, transport)).tenant_id)
        if tenant_id and _is_held(tenant_id):
            return _Answer(tenant_id)
        waits.obey(credentials.client_id, tenant_id)
        snapshot = tenants.read(credentials, transport)
        return _Answer(snapshot.tenant_id, snapshot)
    except MicrosoftError as error:
        about_all = isinstance(error, SignInRefused) and error.field == "client_secret"
        may_be_left = cut_off.lets_leave(error)
        return _Answer(tenant_id, problem=error.problem, is_about_all=about_all, may_be_left=may_be_left)


def _go_on(hurry: Callable[[], None]) -> None:
    if stopping.is_set():
        raise _Stopped
    hurry()


def _is_held(tenant_id: str) -> bool:
    """Whether an integration has the tenant, so that nothing has to be read of it."""
    is_held = bool(reaching.held_by_others(db.session, None, [tenant_id]))
    db.session.rollback()
    return is_held


def _conclude(addition_id: int, line: Taken, future: Future[_Answer]) -> bool:
    """Store what became of a line, in a transaction of its own. Returns whether something did, and it is not left."""
    try:
        answer = future.result()
    except _Stopped:
        _give_back(line)
        return False
    except (OperationalError, InterfaceError):
        raise  # without a database nothing can be recorded: the sweep finds the list
    except Exception:
        log.exception("line %s: an error that nobody foresaw", line.id)
        answer = _Answer(problem=OWN_FAULT)
    if answer.may_be_left and _is_left(line):
        return False
    try:
        _store(addition_id, line, answer)
    except IntegrationRemoved as removed:
        db.session.rollback()
        _refuse_all(addition_id, Problem(str(removed), "Nothing was added."))
    if answer.is_about_all and answer.problem is not None:
        _refuse_all(addition_id, answer.problem)
    return True


def _is_left(line: Taken) -> bool:
    """Let a line wait for others that may get a connection. Whether they do is seen by its end, or known before."""
    if cut_off.is_cut_off(cut_off.AWAITED):
        _give_back(line)
        return True
    return not line.is_last_attempt


def _give_back(line: Taken) -> None:
    AdditionLine.give_back(db.session, line.id)
    db.session.commit()


def _store(addition_id: int, line: Taken, answer: _Answer) -> None:
    addition = db.session.get_one(TenantAddition, addition_id)
    # Whoever gives an integration a tenant takes their turn before anything else is locked.
    integration = None if answer.problem else reaching.take_turn(db.session, addition.integration_id)
    row = AdditionLine.waiting(db.session, line.id)
    if row is not None:
        row.tenant_id = answer.tenant_id
        if answer.problem is not None:
            row.state = _state_of(answer.problem)
            row.explain(answer.problem)
        elif integration is not None:
            _place(row, addition, integration, answer)
    db.session.commit()


def _state_of(problem: Problem) -> LineState:
    if problem.needs_consent:
        return LineState.NO_CONSENT
    return LineState.NOT_A_TENANT if problem.code in _NOT_A_TENANT else LineState.REFUSED


def _place(row: AdditionLine, addition: TenantAddition, integration: Integration, answer: _Answer) -> None:
    """Give the integration the tenant, unless it has it already or another one has."""
    own = select(Tenant).where(Tenant.integration_id == integration.id, Tenant.tenant_id == answer.tenant_id)
    present = db.session.scalar(own)
    holder = reaching.held_by_others(db.session, integration.id, [answer.tenant_id]).get(answer.tenant_id)
    if present is not None:
        row.state, row.tenant_name = LineState.PRESENT, present.name
    elif holder is not None:
        row.state, row.held_by = LineState.ELSEWHERE, holder.name
    elif answer.snapshot is not None:
        _add(row, addition, integration, answer.snapshot)
    # Else it was let go by whoever had it when this was asked: the line still waits, and is asked about again.


def _add(row: AdditionLine, addition: TenantAddition, integration: Integration, snapshot: tenants.Snapshot) -> None:
    reached = reaching.reach(db.session, integration, [snapshot.tenant_id])[snapshot.tenant_id]
    tenant = reached.tenant
    if snapshot.tenant is not None:
        tenants.rename(tenant, snapshot.tenant)
    elif tenant.name == tenant.tenant_id and not guid_of(row.text):
        tenant.name = row.text  # what was typed says more than a GUID
    if reached.is_new and integration.match_by_name:
        reaching.match_by_name(db.session, [tenant])
    row.state, row.tenant_name = LineState.ADDED, tenant.name
    row.explain(snapshot.notice or (Problem("", "") if reached.is_new else _ADOPTED))
    db.session.add(
        AuditEntry(
            area=AuditArea.INTEGRATIONS,
            actor=addition.actor,
            user_id=addition.user_id,
            event=f"Added the tenant {tenant.name} to {integration.name}",
            details={"integration_id": integration.id, "tenant_id": tenant.tenant_id},
        )
    )


def _refuse_all(addition_id: int, problem: Problem) -> None:
    """Answer all lines that wait with the same problem."""
    TenantAddition.refuse_waiting(db.session, addition_id, problem)
    db.session.commit()
