"""Connecting to Microsoft 365: the credentials are tried before anything is saved. The page and the command share it.

Nobody is held up while Microsoft is asked, so what was checked before is checked again at the save.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from .. import audit
from ..extensions import db
from ..models import (
    REMOVED_MEANWHILE,
    AuditArea,
    Cloud,
    FlexibleAssetType,
    Integration,
    IntegrationRemoved,
    Kind,
    Problem,
    Tenant,
    fold,
    reaching,
    removal,
    utc_now,
)
from . import fields
from .matching import Place, take_turns
from .proof import Proof, mark_of, told
from .trying import FACTS, Ask, Credentials, Directory, Refused, tried

ADOPTED = "Its data is kept from when it was connected before. The next sync brings its licenses up to date."


_CHECK = "Nothing was saved. Look at what is stored by now, then save again."


class Overtaken(Refused):
    """Somebody else saved the connection while Microsoft was asked."""


@dataclass(frozen=True)
class Connected:
    """What was saved: the integration's id and its first tenant's, and the tenant as Microsoft described it."""

    integration_id: int
    tenant_row_id: int
    directory: Directory
    # Whether the tenant was here before, with licenses that a removed integration left.
    is_adopted: bool = False


def connect(
    ask: Ask,
    name: str,
    credentials: Credentials,
    place: Place = lambda tenant: None,
    kind: Kind = Kind.DIRECT,
) -> Connected:
    """Try the credentials and save the integration with the tenant that they reach. Raises `Refused`, saving nothing.

    A tenant that a removed integration left is adopted, with its licenses. `place` may match the tenant to an
    organization where it is not matched already. A partner's customers are found later, by `jobs.discovery`.
    """
    _refuse_taken_name(name)
    if fields.is_guid(credentials.tenant):
        _refuse_taken_tenant(credentials.tenant)
    directory = tried(ask, replace(credentials, is_partners=kind == Kind.PARTNER))
    try:
        return _save(name, credentials, directory, place, kind)
    except IntegrityError as error:
        raise _name_taken(name) from error
    finally:
        # After a commit this ends nothing; after anything else, nothing stays half-saved.
        db.session.rollback()


def update(ask: Ask, integration_id: int, name: str, client_id: str, cloud: Cloud, proof: Proof) -> Problem | None:
    """Change an integration's name and credentials; where no new ones are given, those stored are kept.

    New credentials are tried first and must reach the same tenant. Returns what could not be read with them. Raises
    `Refused`, saving nothing, which is `Overtaken` where somebody else changed the connection since the transaction
    began, and `UnreadableSecret` where stored credentials are needed and their key is gone.
    """
    integration = db.session.get_one(Integration, integration_id)
    before = _version(integration)
    _refuse_taken_name(name, except_id=integration_id)
    warning = None
    if proof.is_given or client_id != integration.client_id or cloud != integration.cloud:
        used = proof if proof.is_given else Proof.stored(integration)
        home, acts_for_user = integration.home_tenant_id, integration.acts_for_user
        is_partners = integration.kind == Kind.PARTNER
        app = Credentials(cloud, home, client_id, used.client_secret, used.certificate, is_partners=is_partners)
        directory = tried(ask, app)
        if directory.tenant_id != home:
            raise Refused(_other_tenant(directory, home), "client_id")
        # What the app may not read, the user may whom it acts for.
        warning = None if acts_for_user else directory.warning
    try:
        # No credentials are stored of one that was removed while Microsoft was asked.
        integration = Integration.live(db.session, integration_id, to_change=True)
        if _version(integration) != before:
            raise Overtaken(Problem("Somebody else changed this connection while Microsoft was asked.", _CHECK))
        _change(integration, name, client_id, cloud, proof)
        db.session.commit()
    except IntegrityError as error:
        raise _name_taken(name) from error
    except IntegrationRemoved as error:
        raise Refused(REMOVED_MEANWHILE) from error
    finally:
        db.session.rollback()
    return warning


def _version(integration: Integration) -> tuple[Any, ...]:
    return (*_told(integration).values(), mark_of(integration))


def _change(integration: Integration, name: str, client_id: str, cloud: Cloud, proof: Proof) -> None:
    """Store it and write it down, in the transaction that is open."""
    before = _told(integration)
    if (client_id, cloud) != (integration.client_id, integration.cloud):
        # What Microsoft asked the former app to wait for is nothing to another one.
        integration.not_before = None
        Tenant.forget_waits(db.session, integration.id)
        if integration.acts_for_user:
            integration.lapse_sign_in(utc_now())  # the user let another app act for them
    integration.name, integration.client_id, integration.cloud = name, client_id, cloud
    proof.keep_in(integration)
    after = _told(integration)
    changes = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
    if proof.client_secret:
        changes["client_secret"] = ["(not shown)", "(a new one)"]
    if changes:
        audit.record(
            AuditArea.INTEGRATIONS,
            f"Changed the connection of {integration.name}",
            integration_id=integration.id,
            changes=changes,
        )


def _told(integration: Integration) -> dict[str, Any]:
    return {
        "name": integration.name,
        "client_id": integration.client_id,
        "cloud": integration.cloud.value,
        "kind": integration.kind.value,
        **told(integration),
    }


def _save(name: str, credentials: Credentials, directory: Directory, place: Place, kind: Kind) -> Connected:
    take_turns(db.session)  # before the type is made: who waits for their turn holds nothing that others wait for
    FlexibleAssetType.ensure_licenses(db.session)
    while not take_turns(db.session):
        FlexibleAssetType.ensure_licenses(db.session)  # the last integration's removal took it away meanwhile
    _refuse_taken_name(name)
    _refuse_taken_tenant(directory.tenant_id)
    integration = Integration(
        name=name,
        cloud=credentials.cloud,
        home_tenant_id=directory.tenant_id,
        client_id=credentials.client_id,
        kind=kind,
    )
    integration.client_secret_encrypted = ""
    credentials.proof.keep_in(integration)
    db.session.add(integration)
    db.session.flush()
    audit.record(
        AuditArea.INTEGRATIONS,
        f"Connected {name}",
        integration_id=integration.id,
        tenant_id=directory.tenant_id,
        connection=_told(integration),
    )
    integration.plan_next_sync(utc_now())
    removal.hold_left(db.session, integration.id, [directory.tenant_id])
    adopted = removal.adopt(db.session, integration.id, directory.tenant_id)
    tenant = adopted or Tenant(integration=integration, tenant_id=directory.tenant_id)
    if adopted is None or directory.default_domain:
        tenant.name, tenant.default_domain = directory.name, directory.default_domain
        for fact in FACTS:
            setattr(tenant, fact, getattr(directory, fact))
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
    integration = reaching.held_by_others(db.session, None, [tenant_id]).get(tenant_id)
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
                f"Use {holder}: its menu has the tenants under Match Tenants, the credentials under Edit Connection.",
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
