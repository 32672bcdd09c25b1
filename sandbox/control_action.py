"""What an action of the control API is given, and how it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.messages import Answer, Request
from sandbox.tenants import Tenant
from sandbox.world import World


class RefusedError(Exception):
    """The status and the sentence that the caller gets."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Action:
    """A request with what its path names: a tenant or an app, and something of it."""

    world: World
    request: Request
    name: str
    item: str

    def tenant(self) -> Tenant:
        """The tenant named, with its users but for its crowd."""
        tenant = self.world.tenant(self.name)
        if tenant is None:
            raise RefusedError(404, f"There is no tenant {self.name}.")
        return self.world.with_users(tenant)

    def sent(self) -> object:
        """The body, read as JSON."""
        try:
            return json.loads(self.request.body)
        except ValueError as error:
            raise RefusedError(400, f"The body is not JSON: {error}.") from error


Do = Callable[[Action], Answer]
