"""From a request to its answer: who is asked about, what goes wrong on purpose, and what is noted down."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

from sandbox import control_api, graph_errors, login_errors, routes
from sandbox.fault_answers import faulty_answer
from sandbox.journal import Entry
from sandbox.login_errors import login_error
from sandbox.messages import Answer, Drop, Request, Whole
from sandbox.pace import cost_of
from sandbox.route import Call
from sandbox.routes import Found
from sandbox.struck import Struck
from sandbox.tenants import Tenant
from sandbox.tokens import TokenError
from sandbox.world import World

_DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"West Europe","Slice":"E","Ring":"5","ScaleUnit":"001","RoleInstance":"SANDBOX01"}}'
)


class _RefusedError(Exception):
    """The request is answered before it reaches a tenant's routes."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class _Noted(NamedTuple):
    request: Request
    found: Found
    tenant: Tenant | None
    answer: Answer


class Application:
    """Answers every request to the sandbox. Called from many threads."""

    def __init__(self, world: World, control_token: str) -> None:
        self._world = world
        self._control_token = control_token

    def become_process(self, number: int) -> None:
        """This is one of several processes now, which number from 0."""
        self._world.counters.take_row(number)

    def answer(self, request: Request) -> Answer:
        """The answer to a request; for a dropped connection one whose delivery says so."""
        if request.path.startswith(control_api.PREFIX):
            return control_api.answer(self._world, self._control_token, request)
        if self._world.latency:
            time.sleep(self._world.latency)
        noted: list[_Noted] = []
        answer = self._handle(request, noted)
        self._note(noted)
        return answer

    def _handle(self, request: Request, noted: list[_Noted]) -> Answer:
        """Answers a request, and those inside it where it is a batch, and notes each with what it got."""
        found = routes.find(request.method, request.path)
        tenant: Tenant | None = None
        try:
            tenant, claims = self._identify(request, found)
            if found.area == "graph":
                self._check_pace(request, found, tenant)
            answer = self._meet_fault(request, found, tenant, claims, noted)
        except _RefusedError as refused:
            answer = refused.answer
        answer = _with_common_headers(request, found, answer)
        noted.append(_Noted(request, found, tenant, answer))
        return answer

    def _identify(self, request: Request, found: Found) -> tuple[Tenant, dict[str, Any]]:
        """The tenant that a request is about, and on the Graph side the token's claims. Raises _RefusedError."""
        if found.area == "graph":
            try:
                claims = self._world.tokens.read(request.bearer)
            except TokenError as refused:
                raise _RefusedError(graph_errors.unauthorized(request, str(refused))) from refused
            tenant = self._world.tenant(claims["tid"])
            if tenant is None:
                raise _RefusedError(
                    graph_errors.unauthorized(request, "Access token validation failure. Invalid tenant.")
                )
            return tenant, claims
        anonymous = routes.ANONYMOUS.get(request.path.lower())
        if anonymous:
            raise _RefusedError(anonymous(request))
        if not found.methods:
            raise _RefusedError(Answer(404, content_type="text/html"))
        name = request.path.split("/")[1]
        tenant = self._world.tenant(name)
        if tenant is None:
            which = login_errors.TENANT_NOT_FOUND if _could_be_tenant(name) else login_errors.TENANT_NOT_VALID
            raise _RefusedError(login_error(request, which, tenant=name))
        return tenant, {}

    def _check_pace(self, request: Request, found: Found, tenant: Tenant) -> None:
        """Raises _RefusedError where the app asks for more than it may."""
        now, cost = time.time(), cost_of(found.name, "$select" in request.target)
        refusal = self._world.pace.refusal(tenant.client_id, tenant.tenant_id, cost, now)
        if refusal is not None:
            answer = graph_errors.throttled(request, refusal.scope, tenant.client_id, tenant.tenant_id)
            raise _RefusedError(
                graph_errors.with_retry_after(answer, refusal.scope, refusal.until, as_date=refusal.as_date)
            )

    def _meet_fault(
        self, request: Request, found: Found, tenant: Tenant, claims: dict[str, Any], noted: list[_Noted]
    ) -> Answer:
        def serve(asked: Request) -> Answer:
            return self._serve(asked, found, tenant, claims, noted)

        fault = self._world.take_fault(tenant.tenant_id, found.name, found.area, _has_state_token(request, found))
        if fault is None:
            return serve(request)
        return faulty_answer(Struck(fault, request, found.area, tenant, serve, self._world.pace))

    def _serve(
        self, request: Request, found: Found, tenant: Tenant, claims: dict[str, Any], noted: list[_Noted]
    ) -> Answer:
        route = found.route
        if route is None and found.area == "login":
            return login_error(
                request, login_errors.METHOD_NOT_ALLOWED, method=request.method, allowed=found.methods[0]
            )
        if route is None and found.methods:
            return graph_errors.method_not_allowed(request, ", ".join(found.methods))
        if route is None:
            return graph_errors.segment_not_found(request)
        if route.permissions and not route.permissions & _granted(claims):
            return graph_errors.forbidden(request)
        return route.handle(
            Call(self._world, request, tenant, found.parameters, lambda inner: self._handle(inner, noted))
        )

    def _note(self, noted: Sequence[_Noted]) -> None:
        """Takes down a request and those that were in it, once they are answered: only then does the caller know."""
        journal, now, entries = self._world.journal, time.time(), []
        early = [self._is_early(one) for one in noted]
        for (request, found, tenant, answer), is_early in zip(noted, early, strict=True):
            # A batch is noted after what is in it.
            if tenant is not None and answer.pause is not None and _is_told(request, noted[-1]):
                is_apps = answer.pause.scope == "app"
                key = tenant.client_id if is_apps else f"{found.area}/{tenant.tenant_id}"
                # What holds for an app is news to whoever else is using the connection next.
                journal.pause(key, "" if is_apps else request.peer, now, answer.pause.until)
            status = None if isinstance(answer.delivery, Drop) else answer.status
            self._world.counters.add(found.name, status, in_batch=request.in_batch, early=is_early)
            if journal.keeps_entries:
                entries.append(
                    Entry(
                        received_at=request.received_at,
                        tenant=tenant.tenant_id if tenant else None,
                        route=found.name,
                        method=request.method,
                        path=request.path,
                        query=request.target.partition("?")[2],
                        status=status,
                        early=is_early,
                        in_batch=request.in_batch,
                    )
                )
        journal.add(*entries)

    def _is_early(self, one: _Noted) -> bool:
        """Whether it came before a Retry-After had passed; a batch does so as a whole, not each request in it."""
        request, found, tenant, _ = one
        if tenant is None or request.in_batch:
            return False
        keys = [f"{found.area}/{tenant.tenant_id}", *([tenant.client_id] if found.area == "graph" else [])]
        return any(self._world.journal.is_early(key, request.peer, request.received_at) for key in keys)


def _is_told(request: Request, outer: _Noted) -> bool:
    """Whether the caller learns how this request was answered, which was by itself or in the outer one.

    One who has left does not; and within a batch an answer may be lost or unreadable.
    """
    if outer.request.has_left():
        return False
    if not request.in_batch:
        return True
    if not isinstance(outer.answer.delivery, Whole):
        return False
    try:
        items = json.loads(outer.answer.body)["responses"]
        own = next(item for item in items if item["headers"]["request-id"] == request.request_id)
        return "id" in own and isinstance(own["status"], int)
    except (ValueError, KeyError, TypeError, StopIteration):
        return False


def _granted(claims: dict[str, Any]) -> set[str]:
    """What the token allows: the app by itself, or on behalf of a user."""
    return set(claims.get("roles") or claims.get("scp", "").split())


def _could_be_tenant(name: str) -> bool:
    """Whether a tenant could be called so: by a GUID or a domain name."""
    try:
        return bool(UUID(name))
    except ValueError:
        return "." in name


def _has_state_token(request: Request, found: Found) -> bool:
    """Whether it goes on with a delta query rather than begins one."""
    if found.name != "usersDelta":
        return False
    query = {name.lower(): value for name, value in request.query.items()}
    return bool(query.get("$skiptoken")) or query.get("$deltatoken", "").lower() not in ("", "latest")


def _with_common_headers(request: Request, found: Found, answer: Answer) -> Answer:
    """Each side's own headers for tracing a request (concepts/best-practices-concept.md)."""
    if found.area == "login":
        return replace(answer, headers={"x-ms-request-id": request.request_id, **answer.headers})
    traced = {
        "request-id": request.request_id,
        "client-request-id": graph_errors.client_request_id(request),
        "x-ms-ags-diagnostic": _DIAGNOSTIC,
    }
    return replace(answer, headers={**traced, **answer.headers})
