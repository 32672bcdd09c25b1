"""From a request to its answer: who is asked about, what goes wrong on purpose, and what is noted down."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from sandbox import control_api, graph_errors, login_errors, routes
from sandbox.fault_answers import Struck, faulty_answer
from sandbox.journal import Entry, timestamp
from sandbox.login_errors import login_error
from sandbox.messages import Answer, Drop, Request
from sandbox.route import Call
from sandbox.routes import Found
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


class Application:
    """Answers every request to the sandbox. Called from many threads."""

    def __init__(self, world: World, control_token: str) -> None:
        self._world = world
        self._control_token = control_token

    def answer(self, request: Request) -> Answer:
        """The answer to a request; for a dropped connection one whose delivery says so."""
        if request.path.startswith(control_api.PREFIX):
            return control_api.answer(self._world, self._control_token, request)
        time.sleep(self._world.latency)
        found = routes.find(request.method, request.path)
        tenant: Tenant | None = None
        try:
            tenant, claims = self._identify(request, found)
            answer = self._meet_fault(request, found, tenant, claims)
        except _RefusedError as refused:
            answer = refused.answer
        answer = _with_common_headers(request, found, answer)
        self._note(request, found, tenant, answer)
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

    def _meet_fault(self, request: Request, found: Found, tenant: Tenant, claims: dict[str, Any]) -> Answer:
        def serve(asked: Request) -> Answer:
            return self._serve(asked, found, tenant, claims)

        fault = self._world.take_fault(tenant.tenant_id, found.name, found.area)
        if fault is None:
            return serve(request)
        return faulty_answer(Struck(fault, request, found.area, tenant, serve))

    def _serve(self, request: Request, found: Found, tenant: Tenant, claims: dict[str, Any]) -> Answer:
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
        return route.handle(Call(self._world, request, tenant, found.parameters))

    def _note(self, request: Request, found: Found, tenant: Tenant | None, answer: Answer) -> None:
        journal = self._world.journal
        early = tenant is not None and journal.is_early(tenant.tenant_id, found.area, request.received_at)
        if tenant is not None and "Retry-After" in answer.headers:
            now = time.time()
            until = _end_of_pause(now, answer.headers["Retry-After"])
            journal.pause(tenant.tenant_id, found.area, now, until)
        journal.add(
            Entry(
                time=timestamp(request.received_at),
                tenant=tenant.tenant_id if tenant else None,
                route=found.name,
                method=request.method,
                path=request.path,
                query=request.target.partition("?")[2],
                status=None if isinstance(answer.delivery, Drop) else answer.status,
                early=early,
            )
        )


def _granted(claims: dict[str, Any]) -> set[str]:
    """What the token allows: the app by itself, or on behalf of a user."""
    return set(claims.get("roles") or claims.get("scp", "").split())


def _could_be_tenant(name: str) -> bool:
    """Whether a tenant could be called so: by a GUID or a domain name."""
    try:
        return bool(UUID(name))
    except ValueError:
        return "." in name


def _end_of_pause(now: float, retry_after: str) -> float:
    """When a Retry-After that is sent now will have passed."""
    if retry_after.isdigit():
        return now + int(retry_after)
    return parsedate_to_datetime(retry_after).timestamp()


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
