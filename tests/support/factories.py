"""Factories: one a model. Each makes a believable row and commits it; name only what the test is about."""

from __future__ import annotations

import itertools
import uuid
from functools import lru_cache
from typing import Any, TypeVar

from argon2 import PasswordHasher

from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import (
    FlexibleAssetType,
    Integration,
    License,
    Organization,
    Product,
    Role,
    SyncPart,
    SyncRun,
    Tenant,
    Trigger,
    User,
)

Row = TypeVar("Row")

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


@lru_cache
def _cheap_hash(password: str) -> str:
    # Hashing at full cost would be most of the suite's time.
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


class Make:
    """What the fixture `make` hands out."""

    @in_turn
    def user(self, password: str = PASSWORD, **values: Any) -> User:
        values.setdefault("email", f"user{next(_numbers)}@msp.example")
        values.setdefault("role", Role.ADMINISTRATOR)
        return _saved(User(password_hash=_cheap_hash(password), **values))

    @in_turn
    def organization(self, **values: Any) -> Organization:
        values.setdefault("name", f"Organization {next(_numbers)}")
        return _saved(Organization(**values))

    @in_turn
    def integration(self, secret: str = "a client secret", **values: Any) -> Integration:
        number = next(_numbers)
        values.setdefault("name", f"Integration {number}")
        values.setdefault("home_tenant_id", str(uuid.UUID(int=number)))
        values.setdefault("client_id", str(uuid.UUID(int=number << 64)))
        integration = Integration(**values)
        integration.client_secret = secret
        FlexibleAssetType.ensure_licenses(db.session)
        return _saved(integration)

    @in_turn
    def tenant(self, **values: Any) -> Tenant:
        """A tenant; matched where an organization is given."""
        number = next(_numbers)
        if "integration" not in values and "integration_id" not in values:
            values["integration"] = self.integration()
        values.setdefault("tenant_id", str(uuid.UUID(int=number)))
        values.setdefault("name", f"Tenant {number}")
        values.setdefault("default_domain", f"tenant{number}.onmicrosoft.com")
        return _saved(Tenant(**values))

    @in_turn
    def product(self, **values: Any) -> Product:
        number = next(_numbers)
        values.setdefault("sku_id", str(uuid.UUID(int=number)))
        values.setdefault("part_number", f"PART_{number}")
        values.setdefault("name", f"Product {number}")
        return _saved(Product(**values))

    @in_turn
    def license(self, **values: Any) -> License:
        """A license of a matched tenant; unused and over follow from active and consumed."""
        if "tenant" not in values:
            values["tenant"] = self.tenant(organization=values.pop("organization", None) or self.organization())
        if "product" not in values:
            values["product"] = self.product()
        active, consumed = values.setdefault("active", 25), values.setdefault("consumed", 14)
        values.setdefault("unused", max(active - consumed, 0))
        values.setdefault("over", max(consumed - active, 0))
        values.setdefault("sku_id", values["product"].sku_id)
        values.setdefault("sku_part_number", values["product"].part_number)
        values.setdefault("status", "Enabled")
        return _saved(License(**values))

    @in_turn
    def run(self, **values: Any) -> SyncRun:
        if "integration" not in values and "integration_id" not in values:
            values["integration"] = self.integration()
        values.setdefault("trigger", Trigger.MANUAL)
        return _saved(SyncRun(**values))

    @in_turn
    def part(self, **values: Any) -> SyncPart:
        return _saved(SyncPart(**values))


def _saved(row: Row) -> Row:
    db.session.add(row)
    db.session.commit()
    return row
