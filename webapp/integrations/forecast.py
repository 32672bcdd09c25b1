"""What the next sync will do to contacts, as far as it can be known from what is stored of the users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, false, func, or_, select, true

from ..models import Assignment, Contact, DirectoryUser, Integration, License, Tenant, TenantCheckedLicense, UserSync
from ..models.base import DbSession
from ..models.directory import links_if_live
from ..models.user_rules import UserRules
from ..text import count_of

Counts = Select[int, int, int]

_MODES = (UserSync.ALL, UserSync.LICENSED)


@dataclass(frozen=True)
class Forecast:
    """How many contacts are created, linked, stay so, and are unlinked, and of how many tenants nothing is known yet.

    Whether a user has the address of a contact is not known before it is read, so fewer may be created.
    """

    tenants: int = 0
    unread: int = 0
    created: int = 0
    linked: int = 0
    kept: int = 0
    unlinked: int = 0
    is_left_out: bool = False

    @property
    def sentence(self) -> str:
        if self.is_left_out:
            return "The next sync passes it over: its licenses and contacts stay as they are."
        if not self.tenants:
            return "Nothing is matched to an organization yet, so the next sync makes no contacts."
        return " ".join(filter(None, (self._known(), self._unknown())))

    def _known(self) -> str:
        if self.tenants == self.unread:
            return ""
        counts = ((self.created, "created"), (self.linked, "linked"), (self.unlinked, "unlinked"))
        changes = [(number, what) for number, what in counts if number]
        stay = f"; {self.kept:,} {'stays' if self.kept == 1 else 'stay'} linked" if self.kept else ""
        if not changes:
            return f"No contact will be created or unlinked{stay}."
        (first, what), *others = changes
        rest = "".join(f", {number:,} {done}" for number, done in others)
        return f"About {count_of(first, 'contact')} will be {what}{rest}{stay}."

    def _unknown(self) -> str:
        if not self.unread:
            return ""
        tenants = count_of(self.unread, "tenant")
        more = (
            "so how many contacts will be created is not known" if self.unread == self.tenants else "so more may come"
        )
        return f"The users of {tenants} have not been read yet, {more}."


def of_integration(session: DbSession, integration_id: int, rules: UserRules) -> Forecast:
    """What the integration's next sync will do under these rules; tenants with rules of their own keep them."""
    synced = and_(Tenant.integration_id == integration_id, Tenant.is_synced())
    following, own = and_(synced, ~Tenant.has_own_user_rules), and_(synced, Tenant.has_own_user_rules)
    syncs_users = or_(
        and_(Tenant.has_own_user_rules, Tenant.sync_users.in_(_MODES)),
        and_(~Tenant.has_own_user_rules, _term(rules.sync_users in _MODES)),
    )
    known = _knows_licenses(session, Integration.id == integration_id)
    becoming = [_becoming(following, rules, known), _becoming(own, Tenant, known)]
    return _forecast(session, synced, syncs_users, becoming)


def of_tenant(session: DbSession, tenant_id: int, rules: UserRules) -> Forecast:
    """What a sync will do to the contacts of one tenant under these rules, were it not left out."""
    synced = and_(Tenant.id == tenant_id, Tenant.is_matched, Tenant.gone_at.is_(None))
    integration = select(Tenant.integration_id).where(Tenant.id == tenant_id).scalar_subquery()
    known = _knows_licenses(session, Integration.id == integration)
    return _forecast(session, synced, _term(rules.sync_users in _MODES), [_becoming(synced, rules, known)])


def qualifies(rules: Any, is_licensed: ColumnElement[bool], holds_checked: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition on `DirectoryUser` that it becomes a contact: the twin in SQL of `UserRules.qualifies`.

    The rules are `UserRules`, or the columns of `Tenant`.
    """
    licensed = or_(_term(rules.include_unlicensed), is_licensed)
    mode = rules.sync_users
    if isinstance(mode, UserSync):
        # Bare, as PostgreSQL joins a set that stands in a condition by itself, and looks through one beside an OR.
        by_license = {UserSync.ALL: licensed, UserSync.LICENSED: holds_checked}.get(mode, false())
    else:
        is_all, is_licensed_only = mode == UserSync.ALL, mode == UserSync.LICENSED
        by_license = or_(and_(is_all, licensed), and_(is_licensed_only, holds_checked))
    return and_(
        or_(_term(rules.include_guests), ~DirectoryUser.is_guest),
        or_(_term(rules.include_blocked), ~DirectoryUser.is_blocked),
        by_license,
    )


def becomes_contact(tenants: ColumnElement[bool], rules: Any, knows_licenses: bool) -> ColumnElement[bool]:
    """The condition on `DirectoryUser` of these tenants that it becomes a contact, by what it holds.

    Where licenses are not synced, what users hold of those that came later is not stored: who qualified is then taken
    to hold what it must.
    """
    holding = _holding(tenants, rules)
    if not knows_licenses:
        holding = or_(holding[0], DirectoryUser.qualifies), or_(holding[1], DirectoryUser.qualifies)
    return qualifies(rules, *holding)


def _knows_licenses(session: DbSession, is_it: ColumnElement[bool]) -> bool:
    return session.scalar(select(Integration.sync_licenses).where(is_it)) is not False


def _term(value: Any) -> ColumnElement[bool]:
    """The value as SQL. What is known beforehand drops out of the condition."""
    if isinstance(value, bool):
        return true() if value else false()
    term: ColumnElement[bool] = value
    return term


def _forecast(
    session: DbSession, synced: ColumnElement[bool], syncs_users: ColumnElement[bool], becoming: list[Counts]
) -> Forecast:
    """A few queries over sets, however many users there are. Who is linked and becomes no contact is unlinked."""
    unread = func.count().filter(Tenant.users_synced_at.is_(None), syncs_users)
    tenants, unread_tenants = session.execute(select(func.count(), unread).select_from(Tenant).where(synced)).one()
    linked_so_far = select(func.count()).select_from(DirectoryUser).where(synced, links_if_live())
    counted = [session.execute(query).one() for query in becoming]
    created, linked, kept = map(sum, zip(*counted, strict=True))
    unlinked = (session.scalar(linked_so_far) or 0) - kept
    return Forecast(tenants, unread_tenants, created, linked, kept, unlinked)


def _becoming(tenants: ColumnElement[bool], rules: Any, knows_licenses: bool) -> Counts:
    """Of the users who become contacts: how many new ones, how many that exist already, how many stay linked."""
    # What a tenant has left behind in another organization is no contact of its users any more.
    has_contact = and_(DirectoryUser.contact_id.is_not(None), Tenant.departed_from_id.is_(None))
    known = _known_users(tenants)
    is_known = known.c.microsoft_user_id.is_not(None)
    is_same = and_(
        known.c.organization_id == Tenant.organization_id, known.c.microsoft_user_id == DirectoryUser.user_id
    )
    return (
        select(
            func.count().filter(~has_contact, ~is_known),
            func.count().filter(~links_if_live(), or_(has_contact, is_known)),
            func.count().filter(links_if_live()),
        )
        .select_from(DirectoryUser)
        .join(Tenant, is_of_tenant())
        .outerjoin(known, is_same)
        .where(tenants, becomes_contact(tenants, rules, knows_licenses))
    )


def _holding(tenants: ColumnElement[bool], rules: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The conditions on `DirectoryUser` that it holds a license, and a checked one.

    Where the rules are the same for all the tenants, the holders are one set, which the primary key of the
    assignments gives. Where each has its own, their users are looked for one by one, by the index of theirs.
    """
    if isinstance(rules, UserRules):
        licenses = select(License.id).join(Tenant, License.tenant_id == Tenant.id).where(tenants)
        checked = licenses.where(License.sku_id.in_(sorted(rules.checked)))
        return _is_holder_of(licenses), _is_holder_of(checked)
    held = select(Assignment.license_id).where(Assignment.directory_user_id == DirectoryUser.id)
    is_checked = (TenantCheckedLicense.tenant_id == License.tenant_id) & (TenantCheckedLicense.sku_id == License.sku_id)
    held_checked = held.join(License, License.id == Assignment.license_id).join(TenantCheckedLicense, is_checked)
    return held.correlate(DirectoryUser).exists(), held_checked.correlate(DirectoryUser).exists()


def _is_holder_of(licenses: Select[int]) -> ColumnElement[bool]:
    holders = select(Assignment.directory_user_id).where(Assignment.license_id.in_(licenses.correlate(None)))
    return DirectoryUser.id.in_(holders.correlate(None))


def _known_users(tenants: ColumnElement[bool]) -> Subquery:
    """The users to whom a contact of their organization was linked before: it is linked again, and none is created."""
    organizations = select(Tenant.organization_id).where(tenants)
    return (
        select(Contact.organization_id, Contact.microsoft_user_id)
        .where(Contact.unlinked_at.is_not(None), Contact.organization_id.in_(organizations))
        .distinct()
        .subquery()
    )


def is_of_tenant() -> ColumnElement[bool]:
    return DirectoryUser.tenant_id == Tenant.id
