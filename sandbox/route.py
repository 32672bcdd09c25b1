"""What a route is, and what its handler is given. Each file in `endpoints` lists its own routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from sandbox.messages import Answer, Request
from sandbox.tenants import Tenant
from sandbox.world import World

Area = Literal["login", "graph"]


@dataclass(frozen=True)
class Call:
    """A request with the tenant that it is about: named in a login path, or by the token of a Graph request."""

    world: World
    request: Request
    tenant: Tenant
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Route:
    """One method of one path. `{name}` in a path stands for one segment.

    `name` is what faults and the record call it. A Graph route needs one of `permissions` in the token's roles.
    """

    area: Area
    name: str
    method: str
    path: str
    handle: Callable[[Call], Answer]
    permissions: frozenset[str] = frozenset()

    def match(self, path: str) -> dict[str, str] | None:
        """The values of the path's parameters, or None where the path is another. Case does not matter."""
        ours, theirs = self.path.strip("/").split("/"), path.strip("/").split("/")
        if len(ours) != len(theirs):
            return None
        found: dict[str, str] = {}
        for mine, given in zip(ours, theirs, strict=True):
            if mine.startswith("{") and given:
                found[mine[1:-1]] = given
            elif mine.lower() != given.lower():
                return None
        return found
