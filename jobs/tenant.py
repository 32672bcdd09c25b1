"""One tenant: read from Microsoft, compare with what is stored, write what differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from flask import current_app
from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload, load_only

from webapp.extensions import db
from webapp.models import Integration, Outcome, Problem, Tenant, departed
from webapp.models.user_rules import rule_columns

from . import license_history, licenses, tracking, waits
from .microsoft.clouds import hosts
from .microsoft.errors import AccessDenied, BadAnswer, MicrosoftError, Throttled
from .microsoft.facts import (
    ORGANIZATION_FIELDS,
    SKU_FIELDS,
    LicenseFacts,
    TenantFacts,
    guid_of,
    license_facts,
    tenant_facts,
)
from .microsoft.graph import GraphClient
from .microsoft.pace import Pace
from .microsoft.page import Ask, Page
from .microsoft.patience import SOMEBODY_WAITS, Patience, patiently
from .microsoft.signin import Credentials, SignIn
from .microsoft.transport import Transport
from .microsoft.users import UsersRead, Wanted, read_users
from .notices import READ_ORGANIZATION, organization_unread, together, users_unread
from .people import WholeReadNeeded
from .people import writing as people
from .people.basis import basis_of
from .refresh_tokens import StoredRefreshTokens

READ_SKUS = "LicenseAssignment.Read.All or Organization.Read.All"

# It is a list of one; more pages may come with nothing on them.
_MOST_PAGES_OF_ORGANIZATION = 3

_SKUS = Ask(f"/subscribedSkus?$select={SKU_FIELDS}", READ_SKUS)
_ORGANIZATION = Ask(f"/organization?$select={ORGANIZATION_FIELDS}", READ_ORGANIZATION)


@dataclass(frozen=True)
class Snapshot:
    """What Microsoft said of one tenant. `tenant` is None where it could not be read; `notice` says why.

    So it is with `users` and `users_notice`; where they were not asked for, both are None. `users_wait` is the wait
    that Microsoft asked for instead of giving them. `licenses` is None where they were not asked for. `tenant_id` is
    the GUID that was signed in to: the token, and with it all that was read, is of that tenant.
    """

    tenant_id: str
    tenant: TenantFacts | None
    notice: Problem | None
    licenses: Mapping[str, LicenseFacts] | None
    users: UsersRead | None = None
    users_notice: Problem | None = None
    users_wait: Throttled | None = None


def client(
    credentials: Credentials, transport: Transport, patience: Patience = SOMEBODY_WAITS
) -> tuple[SignIn, GraphClient]:
    """The sign-in to a tenant, found, and what reads from it at the pace of all workers. Raises what `SignIn` does."""
    settings = current_app.config["SETTINGS"]

    def pace_in(tenant: str) -> Pace:
        return Pace(settings.redis_url, credentials.client_id, guid_of(tenant) or credentials.tenant, waits.stored)

    pace = pace_in(credentials.tenant)
    sign_in = patiently(lambda: SignIn(credentials, settings, transport, pace), patience=patience)
    # By its GUID also where a domain names it: whoever asks by the other one asks the same tenant.
    pace = pace_in(sign_in.tenant_id)
    url = hosts(credentials.cloud, settings).graph_url
    return sign_in, GraphClient(url, sign_in, transport, patience=patience, pace=pace)


def read(
    credentials: Credentials,
    transport: Transport,
    users: Wanted | None = None,
    patience: Patience = SOMEBODY_WAITS,
    *,
    with_licenses: bool = True,
) -> Snapshot:
    """Sign in to the tenant and read it. Raises the errors of `jobs.microsoft.errors`.

    An app that may read licenses but not the organization still gives its licenses: the tenant's name then stays. So
    it is with the users: who is known to hold a license stays. So it is also where reading them failed for a reason
    that may pass, and that their leniency forgives. Where licenses are not read, nothing is left without the users.
    """
    sign_in, graph = client(credentials, transport, patience)
    asks = [_ORGANIZATION, *([_SKUS] if with_licenses else []), *([users.ask] if users else [])]
    about, *others = graph.together(asks)
    found = _licenses(graph, others[0]) if with_licenses else None
    organization, notice = _organization(graph, about)
    read, unread = _users(graph, users, others[-1]) if users else (None, None)
    if unread is not None and not with_licenses:
        raise unread
    tenant_id = _signed_in_to(credentials, sign_in, organization)
    return Snapshot(
        tenant_id,
        organization,
        notice,
        found,
        read,
        users_notice=users_unread(unread) if unread else None,
        users_wait=unread if isinstance(unread, Throttled) else None,
    )


def _licenses(graph: GraphClient, found: Page | MicrosoftError) -> Mapping[str, LicenseFacts]:
    if isinstance(found, MicrosoftError):
        raise found
    return license_facts(item for page in graph.whole_list(found) for item in page.items)


def _organization(graph: GraphClient, found: Page | MicrosoftError) -> tuple[TenantFacts | None, Problem | None]:
    if isinstance(found, AccessDenied):
        return None, organization_unread(found)
    if isinstance(found, MicrosoftError):
        raise found
    pages = graph.whole_list(found, _MOST_PAGES_OF_ORGANIZATION)
    return tenant_facts([item for page in pages for item in page.items]), None


def _users(
    graph: GraphClient, wanted: Wanted, first: Page | MicrosoftError
) -> tuple[UsersRead | None, MicrosoftError | None]:
    """The users, or why they are not believed or not given. What may pass, and what concerns all, is raised."""
    try:
        return read_users(graph, wanted, first), None
    except MicrosoftError as error:
        if not wanted.does_without(error):
            raise
        return None, error


def _signed_in_to(credentials: Credentials, sign_in: SignIn, organization: TenantFacts | None = None) -> str:
    """The GUID of the tenant: as given, else as its sign-in address has it, else as it says of itself."""
    said = organization.tenant_id if organization else ""
    tenant_id = guid_of(credentials.tenant) or guid_of(sign_in.tenant_id) or said
    if not tenant_id:
        raise BadAnswer("it does not say which tenant it is; use the tenant's GUID instead of its domain")
    return tenant_id


def write(tenant: Tenant, snapshot: Snapshot, now: datetime, run_id: int | None = None) -> Outcome:
    """Store what was read, in the transaction that is open, whose caller has `held` the tenant, and commits.

    Rows that are right are left alone.

    The history of the licenses tells what a run changed; it is not among the rows that the outcome counts.

    Raises `BadAnswer` where the snapshot is of another tenant, and `WholeReadNeeded` where it has only the changes of
    the users, and they do not do.
    """
    refuse_another(tenant.tenant_id, snapshot)
    departed.settle(db.session, tenant)
    before = licenses.stored(tenant.id)
    # Somebody may have chosen, while the tenant was read, that they are synced: the next sync does so.
    syncs_licenses = tenant.integration.sync_licenses and snapshot.licenses is not None
    changes = license_changes(before.facts, snapshot, syncs_licenses)
    after = licenses.write(tenant.id, before, changes, now)
    license_history.record(tenant, before.facts, after, now, run_id)
    basis = basis_of(tenant, after)
    if snapshot.tenant is not None:
        rename(tenant, snapshot.tenant)
    if syncs_licenses:
        tenant.last_synced_at = now
    if snapshot.users is not None and not (snapshot.users.is_whole or tracking.holds(tenant, basis)):
        raise WholeReadNeeded
    outcome = people.write(tenant, snapshot.users, basis, changes.outcome, now)
    tracking.note(tenant, snapshot.users, basis, now)
    return outcome


def license_changes(stored: Mapping[str, LicenseFacts], snapshot: Snapshot, syncs_licenses: bool) -> licenses.Changes:
    """What is to be written of the stored licenses: nothing where the integration does not sync them, or did not when
    the tenant was read.
    """
    returned = snapshot.licenses if syncs_licenses else None
    return licenses.compare(stored, stored if returned is None else returned)


def notice_of(snapshot: Snapshot, syncs_users: bool) -> Problem | None:
    """What could not be read of the tenant beside its licenses, and what to do."""
    return together(snapshot.notice, snapshot.users_notice, syncs_users)


def found(tenant_row_id: int) -> Tenant | None:
    """The tenant of this row, with its integration."""
    return db.session.scalar(_TENANT, {"row_id": tenant_row_id})


def held(tenant_row_id: int) -> Tenant | None:
    """The same, read anew: until this transaction ends, nobody else changes what the tenant is matched to.

    None also where another integration took it over at this moment.
    """
    return db.session.scalar(_HELD, {"row_id": tenant_row_id})


# By an inner join: where another integration took the tenant over while its lock was waited for, PostgreSQL joins the
# new row of the one to the old row of the other, and finds nothing.
_TENANT = (
    select(Tenant)
    .options(
        # What a sync looks at. Anything else of the two rows would be asked for when it is looked at.
        load_only(
            Tenant.integration_id,
            Tenant.tenant_id,
            Tenant.organization_id,
            Tenant.departed_from_id,
            Tenant.not_before,
            Tenant.told_to_wait_at,
            Tenant.last_synced_at,
            Tenant.users_synced_at,
            *(getattr(Tenant, told.name) for told in fields(TenantFacts)),
            Tenant.has_own_user_rules,
            *rule_columns(Tenant),
        ),
        joinedload(Tenant.integration, innerjoin=True).load_only(
            Integration.name,
            Integration.cloud,
            Integration.client_id,
            Integration.client_secret_encrypted,
            Integration.certificate_encrypted,
            Integration.acts_for_user,
            Integration.signed_in_as,
            Integration.signed_in_at,
            Integration.not_before,
            Integration.told_to_wait_at,
            Integration.sync_licenses,
            *rule_columns(Integration),
        ),
    )
    .where(Tenant.id == bindparam("row_id"))
)
_HELD = _TENANT.with_for_update(key_share=True, of=Tenant).execution_options(populate_existing=True)


def refuse_another(tenant_id: str, snapshot: Snapshot) -> None:
    """Raise `BadAnswer` where the snapshot is of another tenant: by the sign-in, or by the id of one that is known."""
    said = snapshot.tenant.tenant_id if snapshot.tenant else ""
    for other in {snapshot.tenant_id, said} - {tenant_id, ""}:
        if other == snapshot.tenant_id or db.session.scalar(_KNOWN, {"tenant_id": said}) is not None:
            raise BadAnswer(f"it is of the tenant {other}, not of {tenant_id}")


_KNOWN = select(Tenant.id).where(Tenant.tenant_id == bindparam("tenant_id")).limit(1)


def rename(tenant: Tenant, facts: TenantFacts) -> None:
    """Give the tenant the name, domains, address and phone that it has in Microsoft 365.

    What is the same is not written.
    """
    for field, value in differing(tenant, facts).items():
        setattr(tenant, field, value)


def differing(stored: Tenant | TenantFacts, facts: TenantFacts) -> dict[str, str]:
    """What of the tenant is to be called otherwise than it is stored; without a name it is called by its GUID."""
    said = {**vars(facts), "name": facts.name or stored.tenant_id}
    del said["tenant_id"]
    return {field: value for field, value in said.items() if getattr(stored, field) != value}


def credentials_of(integration: Integration, tenant_id: str, *, on_trial: bool = False) -> Credentials:
    """What signs in to a tenant of the integration: as the app, or for a partner's user. Raises `UnreadableSecret`.

    With `on_trial` a token that somebody was given before proves nothing: whoever signs in really asks for one.
    """
    return Credentials(
        integration.cloud,
        tenant_id,
        integration.client_id,
        integration.client_secret,
        integration.certificate,
        StoredRefreshTokens(integration.id) if integration.acts_for_user else None,
        shared_as="" if on_trial else integration.sign_in_name,
    )


def transport(before_request: Callable[[], None] = lambda: None) -> Transport:
    """A transport with this app's settings."""
    return Transport(current_app.config["SETTINGS"].microsoft_ca_bundle, before_request)
