"""Connecting to Microsoft 365: the credentials are tried before anything is saved. The page and the command share it.

Trying takes seconds and happens between transactions: none is open while Microsoft is asked, so that nobody else waits
for this one, and what was checked before is checked again at the save.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ..extensions import db, vault
from ..models import (
    Cloud,
    FlexibleAssetType,
    Integration,
    IntegrationRemoved,
    Problem,
    Tenant,
    fold,
    removal,
    utc_now,
)
from . import fields
from .matching import Place, take_turns

# What tries sealed credentials with Microsoft: `jobs.queue.check_connection`, or the same job in this process.
Ask = Callable[[str], dict[str, Any]]


ADOPTED = "Its data is kept from when it was connected before. The next sync brings its licenses up to date."


class Refused(Exception):
    """A connection that was not saved: why, and which field of the form it is about, where it is about one."""

    def __init__(self, problem: Problem, field: str | None = None) -> None:
        super().__init__(problem.reason)
        self.problem = problem
        self.field = field


@dataclass(frozen=True)
class Credentials:
    """What signs in to Microsoft; as `fields` returned it."""

    cloud: Cloud
    tenant: str
    client_id: str
    client_secret: str = field(repr=False)

    def sealed(self) -> str:
        """The credentials as a job's argument, which Redis keeps: encrypted."""
        values = {"cloud": self.cloud.value, "tenant": self.tenant}
        return vault.encrypt(json.dumps({**values, "client_id": self.client_id, "client_secret": self.client_secret}))


@dataclass(frozen=True)
class Directory:
    """The tenant that the credentials reach, and what could not be read of it."""

    tenant_id: str
    name: str
    default_domain: str
    warning: Problem | None


@dataclass(frozen=True)
class Connected:
    """What was saved: the integration's id and its first tenant's, and the tenant as Microsoft described it."""

    integration_id: int
    tenant_row_id: int
    directory: Directory
    # Whether the tenant was here before, with licenses that a removed integration left.
    is_adopted: bool = False


def connect(ask: Ask, name: str, credentials: Credentials, place: Place = lambda tenant: None) -> Connected:
    """Try the credentials and save the integration with the tenant that they reach. Raises `Refused`, saving nothing.

    A tenant that a removed integration left is adopted, with its licenses. `place` may match the tenant to an
    organization where it is not matched already.
    """
    _refuse_taken_name(name)
    if fields.is_guid(credentials.tenant):
        _refuse_taken_tenant(credentials.tenant)
    directory = _try(ask, credentials)
    try:
        return _save(name, credentials, directory, place)
    except IntegrityError as error:
        raise _name_taken(name) from error
    finally:
        # After a commit this ends nothing; after anything else, nothing stays half-saved.
        db.session.rollback()


def update(
    ask: Ask, integration_id: int, name: str, client_id: str, client_secret: str, cloud: Cloud
) -> Problem | None:
    """Change an integration's name and credentials; an empty secret keeps the one stored.

    New credentials are tried first and must reach the same tenant. Returns what could not be read with them. Raises
    `Refused`, saving nothing, and `UnreadableSecret` where the stored secret is needed and its key is gone.
    """
    integration = db.session.get_one(Integration, integration_id)
    _refuse_taken_name(name, except_id=integration_id)
    warning = None
    if client_secret or client_id != integration.client_id or cloud != integration.cloud:
        secret = client_secret or integration.client_secret
        home = integration.home_tenant_id
        directory = _try(ask, Credentials(cloud, home, client_id, secret))
        if directory.tenant_id != home:
            raise Refused(_other_tenant(directory, home), "client_id")
        warning = directory.warning
    try:
        # It may have been removed while Microsoft was asked, and no secret is stored after that.
        Integration.hold(db.session, integration_id)
        integration = db.session.get_one(Integration, integration_id)
        integration.name, integration.client_id, integration.cloud = name, client_id, cloud
        if client_secret:
            integration.client_secret = client_secret
        db.session.commit()
    except IntegrityError as error:
        raise _name_taken(name) from error
    except IntegrationRemoved as error:
        raise Refused(Problem("This integration was removed meanwhile.", "Nothing was saved.")) from error
    finally:
        db.session.rollback()
    return warning


def _try(ask: Ask, credentials: Credentials) -> Directory:
    """Ask Microsoft with no transaction open; return the tenant, or raise `Refused` with Microsoft's reason."""
    sealed = credentials.sealed()
    db.session.rollback()
    answer = ask(sealed)
    if not answer["ok"]:
        problem, about = Problem(**answer["problem"]), answer["field"]
        if about == "client_secret" and fields.is_guid(credentials.client_secret):
            hint = "That looks like the Secret ID; use the secret's Value."
            problem = Problem(problem.reason, f"{hint} {problem.fix}", problem.code, problem.request_id)
        raise Refused(problem, about)
    tenant_id, name = answer["tenant_id"], answer["name"]
    if name == tenant_id and not fields.is_guid(credentials.tenant):
        name = credentials.tenant  # Microsoft did not tell the name: the domain that was typed says more than a GUID
    warning = answer["warning"]
    return Directory(tenant_id, name, answer["default_domain"], Problem(**warning) if warning else None)


def _save(name: str, credentials: Credentials, directory: Directory, place: Place) -> Connected:
    take_turns(db.session)  # before the type is made: who waits for their turn holds nothing that others wait for
    FlexibleAssetType.ensure_licenses(db.session)
    while not take_turns(db.session):
        FlexibleAssetType.ensure_licenses(db.session)  # the last integration's removal took it away meanwhile
    _refuse_taken_name(name)
    _refuse_taken_tenant(directory.tenant_id)
    integration = Integration(
        name=name, cloud=credentials.cloud, home_tenant_id=directory.tenant_id, client_id=credentials.client_id
    )
    integration.client_secret = credentials.client_secret
    db.session.add(integration)
    db.session.flush()
    integration.plan_next_sync(utc_now())
    adopted = removal.adopt(db.session, integration.id, directory.tenant_id)
    tenant = adopted or Tenant(integration=integration, tenant_id=directory.tenant_id)
    if adopted is None or directory.default_domain:
        tenant.name, tenant.default_domain = directory.name, directory.default_domain
    db.session.add(tenant)
    db.session.flush()
    if not tenant.is_matched:
        place(tenant)
    connected = Connected(integration.id, tenant.id, directory, is_adopted=adopted is not None)
    db.session.commit()
    return connected


def _refuse_taken_name(name: str, except_id: int | None = None) -> None:
    taken = select(Integration.id).where(
        Integration.name_folded == fold(name), Integration.is_live, Integration.id != (except_id or 0)
    )
    if db.session.scalar(taken) is not None:
        raise _name_taken(name)


def _refuse_taken_tenant(tenant_id: str) -> None:
    """A tenant reached by two integrations would have each of its licenses twice in the lists."""
    query = select(Integration).join(Tenant).where(Tenant.tenant_id == tenant_id, Integration.is_listed).limit(1)
    integration = db.session.scalar(query)
    if integration is not None and not integration.is_live:
        raise Refused(
            Problem(
                f"The data of this tenant is being deleted, with the integration {integration.name}.",
                "Connect it when that integration is gone from Active Integrations.",
            ),
            "tenant",
        )
    if integration is not None:
        holder = integration.name
        raise Refused(
            Problem(
                f"This tenant is connected already, by the integration {holder}.",
                f"Use {holder}: its Actions menu changes the credentials under Edit Connection.",
            ),
            "tenant",
        )


def _name_taken(name: str) -> Refused:
    return Refused(Problem(f"An integration named {name} exists already.", "Choose another name."), "name")


def _other_tenant(directory: Directory, home: str) -> Problem:
    return Problem(
        f"These credentials reach another tenant: {directory.name} ({directory.tenant_id}) instead of {home}.",
        "Use an app registered in this integration's tenant; for another tenant, add an integration.",
    )
