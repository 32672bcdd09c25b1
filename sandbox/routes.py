"""The table of everything that is served. A new endpoint is a file in `endpoints` and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.endpoints import (
    authorize,
    batch,
    openid,
    organization,
    partners,
    subscribed_skus,
    token,
    users,
    users_delta,
)
from sandbox.messages import Answer, Request
from sandbox.route import Area, Route, split

ROUTES: tuple[Route, ...] = (
    *openid.ROUTES,
    *authorize.ROUTES,
    *token.ROUTES,
    *organization.ROUTES,
    *partners.ROUTES,
    *subscribed_skus.ROUTES,
    # Before the users, of whom one could be called delta.
    *users_delta.ROUTES,
    *users.ROUTES,
    *batch.ROUTES,
)

ANONYMOUS: Mapping[str, Callable[[Request], Answer]] = {"/common/discovery/instance": openid.instance_discovery}
"""Paths that belong to no tenant."""

# What is asked for most is found without comparing it with everything.
_LITERAL = {(route.method, route.path.lower()): route for route in ROUTES if "{" not in route.path}
_BY_LENGTH: dict[tuple[Area, int], list[Route]] = {}
for _route in ROUTES:
    _BY_LENGTH.setdefault((_route.area, len(_route.segments)), []).append(_route)


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
    literal = _LITERAL.get((method, path.lower()))
    if literal is not None:
        return Found(literal.area, literal.name, literal, {}, (method,))
    area: Area = "graph" if path.lower().startswith(("/v1.0/", "/beta/")) else "login"
    given = split(path)
    candidates = _BY_LENGTH.get((area, len(given)), ())
    matches = [(route, found) for route in candidates if (found := route.match(given)) is not None]
    for route, parameters in matches:
        if route.method == method:
            return Found(area, route.name, route, parameters, (method,))
    methods = tuple(route.method for route, _ in matches)
    return Found(area, matches[0][0].name if matches else "unknown", None, {}, methods)
