"""Fixtures for syncing users."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import Sandbox, User
from sandbox import Tenant as Given
from tests.support.factories import Make
from tests.support.microsoft import connected, sandbox_tenant
from webapp.models import Tenant, UserSync

from .helpers import SKUS, Start


@pytest.fixture
def start(sandbox: Sandbox, make: Make) -> Start:
    """A tenant with these users, connected and matched; by default all its users are synced."""

    def begin(*users: User, tenant_values: dict[str, Any] | None = None, **values: Any) -> tuple[Given, Tenant]:
        given = sandbox_tenant(sandbox, skus=SKUS, users=users, **(tenant_values or {}))
        values.setdefault("sync_users", UserSync.ALL)
        return given, connected(make, given, **values)

    return begin
