"""Users stored as a sync stores them, without a worker and without Microsoft."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from typing import Any

from jobs import tenant as tenants
from jobs.microsoft.facts import license_facts
from jobs.microsoft.user_facts import UserFacts, user_facts
from jobs.microsoft.users import UsersRead
from tests.support.factories import Make
from webapp.extensions import db
from webapp.models import Outcome, Tenant, UserSync, utc_now

E3, VISIO = str(uuid.UUID(int=3)), str(uuid.UUID(int=5))


def a_tenant(make: Make, **values: Any) -> Tenant:
    """A tenant that is matched, of which all users are synced."""
    values.setdefault("organization", make.organization())
    return make.tenant(integration=make.integration(sync_users=UserSync.ALL, include_unlicensed=True), **values)


def facts_of(name: str = "Anna Berg", *held: str, **values: Any) -> UserFacts:
    """A user whose id, names and address follow from its name."""
    first, _, last = name.partition(" ")
    address = f"{name.lower().replace(' ', '.')}@contoso.example"
    user = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "displayName": name,
        "givenName": first,
        "surname": last,
        "userPrincipalName": address,
        "mail": address,
        "assignedLicenses": [{"skuId": sku_id} for sku_id in held],
    }
    return user_facts({**user, **values})


def store(tenant: Tenant, *users: UserFacts, skus: Collection[str] = (E3, VISIO)) -> Outcome:
    """What comes of a sync that reads all users."""
    return _store(tenant, _read(users, link="later"), skus)


def store_changes(
    tenant: Tenant, *users: UserFacts, removed: Iterable[UserFacts] = (), skus: Collection[str] = (E3, VISIO)
) -> Outcome:
    """What comes of a sync that reads only these changes."""
    gone = frozenset(facts.user_id for facts in removed)
    return _store(tenant, _read(users, removed=gone, is_whole=False, link="later"), skus)


def store_licenses(tenant: Tenant, skus: Collection[str]) -> Outcome:
    """What comes of a sync that cannot read the users."""
    return _store(tenant, None, skus)


def _read(users: Iterable[UserFacts], **values: Any) -> UsersRead:
    return UsersRead({facts.user_id: facts for facts in users}, **values)


def _store(tenant: Tenant, read: UsersRead | None, skus: Collection[str]) -> Outcome:
    licenses = license_facts(
        {
            "skuId": sku_id,
            "skuPartNumber": f"PART{sku_id[-1]}",
            "capabilityStatus": "Enabled",
            "consumedUnits": 1,
            "prepaidUnits": {"enabled": 9},
        }
        for sku_id in skus
    )
    try:
        snapshot = tenants.Snapshot(tenant.tenant_id, None, None, licenses, read)
        outcome = tenants.write(tenant, snapshot, utc_now())
        db.session.commit()
    finally:
        db.session.rollback()
    return outcome
