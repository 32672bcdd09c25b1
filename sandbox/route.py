"""What a route is, and what its handler is given. Each file in `endpoints` lists its own routes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sandbox.directory import Directory
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
    # Answers another request as if it had come by itself, but without a wait.
    ask: Callable[[Request], Answer]

    @property
    def directory(self) -> Directory:
        """The tenant's users."""
        return self.world.directory(self.tenant.tenant_id)


@dataclass(frozen=True)
class Route:
    """One method of one path. `{name}` in a path stands for one segment.

    `name` is what faults and the record call it. A Graph route needs one of `permissions` in the token's roles.
    """

    area: Area
    name: str
    method: str
    path: str
    handle: Handler
    permissions: frozenset[str] = frozenset()

    @cached_property
    def segments(self) -> tuple[str, ...]:
        return tuple(segment if segment.startswith("{") else segment.lower() for segment in split(self.path))

    def match(self, given: Sequence[str]) -> dict[str, str] | None:
        """The values of the path's parameters, or None where its segments are others. Case does not matter."""
        if len(self.segments) != len(given):
            return None
        found: dict[str, str] = {}
        for ours, theirs in zip(self.segments, given, strict=True):
            if ours.startswith("{") and theirs:
                found[ours[1:-1]] = theirs
            elif ours != theirs.lower():
                return None
        return found


Handler = Callable[[Call], Answer]

# Some tens of megabytes.
_MOST_REMEMBERED = 20_000


def remembered(handle: Handler) -> Handler:
    """The handler of what depends on tenant and request alone: it is not asked again while both are the same."""
    known: dict[tuple[str, str, str], tuple[Tenant, Answer]] = {}

    def answer(call: Call) -> Answer:
        key = (call.tenant.tenant_id, call.request.base_url, call.request.target)
        tenant, given = known.get(key, (None, None))
        if given is not None and tenant is call.tenant:
            return given
        given = handle(call)
        # An error tells of its own request.
        if given.status == 200:
            if len(known) >= _MOST_REMEMBERED:
                known.clear()
            known[key] = (call.tenant, given)
        return given

    return answer


def split(path: str) -> list[str]:
    """The segments of a path."""
    return path.strip("/").split("/")
