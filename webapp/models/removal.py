"""Removing an integration: what it concerns, its first step, and the steps by which its data is deleted.

The first step does in one transaction what may not wait: the credentials are erased, the run is cancelled, and no
other can begin. With that, an integration whose data is kept is removed: `Integration.disconnected_at` tells it of all
its tenants and licenses. Where the data is deleted, it goes in batches, each a transaction that holds the
integration's row and counts what it deleted there. So it does not matter how many jobs work on a removal, how often,
or where one of them dies: whatever is left is found by the next.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update

from . import clock
from .asset import OFFICE_365_LICENSES, FlexibleAssetType
from .base import DbSession
from .contact import Contact
from .contact_turns import have_turns
from .directory import (
    INTEGRATION_REMOVED,
    NOT_MATCHED_ANY_MORE,
    Assignment,
    DirectoryUser,
    links_if_live,
    unlink_contacts,
)
from .integration import Integration, Removal
from .license import License
from .part import SyncPart
from .portions import in_portions
from .run import SyncRun
from .statements import UNSYNCHRONIZED
from .tenant import Tenant

# Rows that one transaction deletes: few enough that nobody waits long to write.
BATCH = 1000
# Users, whose contacts may be of as many organizations: PostgreSQL has room for some thousand turns.
USERS_BATCH = 500
# A removal of which nothing was heard for so long has lost its job.
SILENCE = timedelta(seconds=30)

_WHO_CANCELS = "the removal of the integration"


@dataclass(frozen=True)
class Concerned:
    """What a removal has to do with: what is kept or deleted; organizations and contacts stay in any case."""

    licenses: int
    tenants: int
    runs: int
    organizations: int
    # Those that are linked to users of its tenants.
    contacts: int
    # Whether deleting the data deletes the flexible asset type, too: nothing else uses it.
    type_goes: bool
    # The run that was cancelled, once the removal has begun.
    cancelled_run_id: int | None = None

    @classmethod
    def by(cls, session: DbSession, integration_id: int) -> Concerned:
        own = Tenant.integration_id == integration_id
        tenants, organizations = session.execute(
            select(func.count(Tenant.id), func.count(Tenant.organization_id.distinct())).where(own)
        ).one()
        licenses = select(func.count(License.id)).join(License.tenant).where(own)
        runs = select(func.count(SyncRun.id)).where(SyncRun.integration_id == integration_id)
        contacts = select(func.count(DirectoryUser.contact_id.distinct())).where(links_if_live(), own)
        return cls(
            licenses=session.scalars(licenses).one(),
            tenants=tenants,
            runs=session.scalars(runs).one(),
            organizations=organizations,
            contacts=session.scalars(contacts).one(),
            type_goes=not _type_is_used(session, besides=integration_id),
        )


def begin(session: DbSession, integration_id: int, removal: Removal, now: datetime) -> Concerned:
    """The first step, in the transaction that is open. Returns what is kept or deleted from now on.

    Raises `IntegrationRemoved` where somebody was first.
    """
    integration = Integration.live(session, integration_id, to_change=True)
    integration.disconnect(removal, now)
    # Before what follows: it is this row for which those queue who would begin a run.
    session.flush()
    run = SyncRun.active(session, integration_id)
    cancelled = run.id if run is not None and SyncRun.cancel(session, run.id, now, _WHO_CANCELS) else None
    concerned = replace(Concerned.by(session, integration_id), cancelled_run_id=cancelled)
    if removal == Removal.DELETE:
        integration.removal_total = concerned.licenses
        integration.removal_heard_at = now
    return concerned


def hold_left(session: DbSession, integration_id: int, tenant_ids: Collection[str]) -> set[str]:
    """Those of the tenants that `adopt` would find; mostly there is none. Until this transaction ends, they are held.

    Their integrations are held before them, each in the order of the ids, as by everybody who holds many: so nobody
    waits for one who waits for them, as a sync that writes several does.
    """
    query = select(Tenant.id, Tenant.integration_id, Tenant.tenant_id).join(Tenant.integration)
    left = [
        row
        for some in in_portions(list(tenant_ids))
        for row in session.execute(query.where(Tenant.tenant_id.in_(some), may_be_adopted(integration_id)))
    ]
    for column, ids in ((Integration.id, {row.integration_id for row in left}), (Tenant.id, {row.id for row in left})):
        for portion in in_portions(sorted(ids)):
            held = select(column).where(column.in_(portion)).order_by(column)
            session.execute(held.with_for_update(key_share=True)).all()
    return {row.tenant_id for row in left}


def adopt(session: DbSession, integration_id: int, tenant_id: str) -> Tenant | None:
    """Give the integration the tenant of this GUID that a removed one left, with its licenses and its organization.

    So it is with one that is gone from a live integration. The caller has it held (`hold_left`). Returns its row, or
    None where there is none. With the last tenant of a removed integration comes what was logged of its runs, and
    nothing is left of it.
    """
    kept = (
        select(Tenant)
        .join(Tenant.integration)
        .where(Tenant.tenant_id == tenant_id, may_be_adopted(integration_id))
        .order_by(Tenant.organization_id.is_(None), Tenant.id)
        .limit(1)
    )
    tenant = session.scalar(
        kept.with_for_update(key_share=True, of=Tenant), execution_options={"populate_existing": True}
    )
    if tenant is None:
        return None
    former, heir = tenant.integration, session.get_one(Integration, integration_id)
    if (former.client_id, former.cloud) != (heir.client_id, heir.cloud):
        tenant.not_before = None  # which another app was told
    former_id, tenant.integration_id, tenant.gone_at = former.id, integration_id, None
    session.flush()
    session.expire(tenant, ["integration"])
    former_is_kept = select(Integration.id).where(Integration.id == former_id, Integration.removal == Removal.KEEP)
    has_more = select(Tenant.id).where(Tenant.integration_id == former_id).exists()
    if session.scalar(former_is_kept.where(~has_more)) is not None:
        runs = update(SyncRun).where(SyncRun.integration_id == former_id)
        session.execute(runs.values(integration_id=integration_id))
        session.execute(delete(Integration).where(Integration.id == former_id))
    return tenant


def may_be_adopted(integration_id: int) -> ColumnElement[bool]:
    """The condition, beside the GUID, that this integration may take over a tenant from the one that it is with."""
    is_gone = and_(Integration.is_live, Integration.id != integration_id, Tenant.gone_at.is_not(None))
    return or_(Integration.removal == Removal.KEEP, is_gone)


class ContactsBusy(Exception):
    """A sync writes contacts of the same organizations. It may be long at it, so try again soon, with nothing held."""


def next_batch(session: DbSession, integration_id: int, now: datetime) -> bool:
    """Delete some of what is left, in the transaction that is open; the integration itself is last.

    Returns False where nothing is left, or nothing is to be deleted. Raises `ContactsBusy`.
    """
    # The type's row first, as who connects a tenant does, and only then the integration's.
    FlexibleAssetType.hold_licenses(session)
    deleted = select(Integration).where(Integration.id == integration_id, Integration.removal == Removal.DELETE)
    integration = session.scalar(deleted.with_for_update(), execution_options={"populate_existing": True})
    if integration is None:
        return False
    integration.removal_heard_at = now
    if _delete_users(session, integration_id):
        return True
    own_tenants = select(Tenant.id).where(Tenant.integration_id == integration_id)
    own_runs = select(SyncRun.id).where(SyncRun.integration_id == integration_id)
    licenses = _delete(session, License, License.tenant_id.in_(own_tenants))
    if licenses:
        integration.removal_done += licenses
        return True
    if (
        _delete(session, SyncPart, SyncPart.run_id.in_(own_runs))
        # A tenant that was adopted has parts in the runs of the integration that it came from.
        or _delete(session, SyncPart, SyncPart.tenant_id.in_(own_tenants))
        or _delete(session, SyncRun, SyncRun.integration_id == integration_id)
        or _delete(session, Tenant, Tenant.integration_id == integration_id)
    ):
        return True
    if not _type_is_used(session, besides=integration_id):
        session.execute(delete(FlexibleAssetType).where(FlexibleAssetType.slug == OFFICE_365_LICENSES))
    session.delete(integration)
    return False


def silent(session: DbSession, now: datetime) -> list[int]:
    """The ids of the integrations that are being deleted and of which nothing was heard for `SILENCE`.

    They count as heard of now, so that the next look does not find them again before a job could take them up.
    """
    lost = update(Integration).where(
        Integration.removal == Removal.DELETE, clock.is_silent(Integration.removal_heard_at, now, SILENCE)
    )
    return list(session.scalars(lost.values(removal_heard_at=now).returning(Integration.id)))


def _type_is_used(session: DbSession, besides: int) -> bool:
    """Whether another integration syncs licenses, or licenses are kept of one that did."""
    another: Select[int] = select(Integration.id).where(Integration.id != besides)
    has_licenses = select(License.id).join(License.tenant).where(Tenant.integration_id == Integration.id).exists()
    return session.scalar(another.where(or_(Integration.is_live, has_licenses)).limit(1)) is not None


def _delete_users(session: DbSession, integration_id: int) -> int:
    """Delete some of the users of its tenants with what they hold. Their contacts stay, and are linked no more."""
    own = select(DirectoryUser.id, DirectoryUser.contact_id, DirectoryUser.qualifies, Tenant.departed_from_id).join(
        Tenant, DirectoryUser.tenant_id == Tenant.id
    )
    users = session.execute(own.where(Tenant.integration_id == integration_id).limit(USERS_BATCH)).all()
    if users:
        lost = {
            user.contact_id: INTEGRATION_REMOVED if user.departed_from_id is None else NOT_MATCHED_ANY_MORE
            for user in users
            if user.qualifies and user.contact_id
        }
        # Before any contact is held: a sync of another tenant writes them in another order.
        organizations = session.scalars(select(Contact.organization_id).where(Contact.id.in_(lost)).distinct()).all()
        if not have_turns(session, organizations):
            raise ContactsBusy
        unlink_contacts(session, lost)
        ids = [user.id for user in users]
        session.execute(
            delete(Assignment).where(Assignment.directory_user_id.in_(ids)), execution_options=UNSYNCHRONIZED
        )
        session.execute(delete(DirectoryUser).where(DirectoryUser.id.in_(ids)), execution_options=UNSYNCHRONIZED)
    return len(users)


def _delete(session: DbSession, model: Any, condition: Any) -> int:
    """Delete some of the rows that meet the condition. Returns how many."""
    ids = session.scalars(select(model.id).where(condition).limit(BATCH)).all()
    if ids:
        session.execute(delete(model).where(model.id.in_(ids)), execution_options=UNSYNCHRONIZED)
    return len(ids)
