"""A request that meets a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.faults import Fault
from sandbox.messages import Answer, Request
from sandbox.pace import Pace
from sandbox.route import Area
from sandbox.tenants import Tenant

Serve = Callable[[Request], Answer]


@dataclass(frozen=True)
class Struck:
    """A request that met a fault; `serve` would answer it as if there were none."""

    fault: Fault
    request: Request
    area: Area
    tenant: Tenant
    serve: Serve
    pace: Pace


# What a fault makes of it.
Effect = Callable[[Struck], Answer]
