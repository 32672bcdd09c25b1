"""The table of everything that is served. A new endpoint is a file in `endpoints` and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.endpoints import authorize, openid, organization, partners, subscribed_skus, token, users
from sandbox.messages import Answer, Request
from sandbox.route import Area, Route

ROUTES: tuple[Route, ...] = (
    *openid.ROUTES,
    *authorize.ROUTES,
    *token.ROUTES,
    *organization.ROUTES,
    *partners.ROUTES,
    *subscribed_skus.ROUTES,
    *users.ROUTES,
)

ANONYMOUS: Mapping[str, Callable[[Request], Answer]] = {"/common/discovery/instance": openid.instance_discovery}
"""Paths that belong to no tenant."""


@dataclass(frozen=True)
class Found:
    """What a request's path leads to. `route` is None where there is none, or none for its method."""

    area: Area
    name: str
    route: Route | None
    parameters: Mapping[str, str]
    methods: tuple[str, ...]


def find(method: str, path: str) -> Found:
    """The route for a method and a path, and the methods that the path has."""
    area: Area = "graph" if path.lower().startswith(("/v1.0/", "/beta/")) else "login"
    matches = [(route, found) for route in ROUTES if route.area == area and (found := route.match(path)) is not None]
    for route, parameters in matches:
        if route.method == method:
            return Found(area, route.name, route, parameters, (method,))
    methods = tuple(route.method for route, _ in matches)
    return Found(area, matches[0][0].name if matches else "unknown", None, {}, methods)
