"""What Microsoft's tenants are like, and what is stored of them, in a form in which the two can be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import func, select

from sandbox import Sku, User
from sandbox import Tenant as Given
from webapp.extensions import db
from webapp.models import (
    AssetChange,
    Assignment,
    Contact,
    DirectoryUser,
    Integration,
    License,
    LicenseStatus,
    PartState,
    RunState,
    SyncPart,
    SyncRun,
    Tenant,
)
from webapp.models.addition import AdditionLine, LineState
from webapp.models.asset_change import license_values

_FIGURES = ("active", "consumed", "warning", "suspended", "locked_out")
_PERSON = ("name", "first_name", "last_name", "title", "phone", "mobile", "email", "user_principal_name")


@dataclass(frozen=True)
class Rules:
    """Which users become contacts."""

    guests: bool
    blocked: bool
    unlicensed: bool

    def take(self, user: User, holds_some: bool) -> bool:
        is_welcome = (user.account_enabled or self.blocked) and (user.user_type != "Guest" or self.guests)
        return is_welcome and (holds_some or self.unlicensed)


@dataclass(frozen=True)
class State:
    """A tenant: its licenses by SKU, its users by id, and who holds what, directly and through groups."""

    licenses: Mapping[str, tuple[Any, ...]]
    # Whether it is a guest, is blocked, is a contact, and which.
    users: Mapping[str, tuple[Any, ...]]
    held: frozenset[tuple[str, str, bool, bool]]

    def differences(self, other: State) -> str:
        """Where this one, which is stored, is not like the other, in short."""
        told = []
        for name in ("licenses", "users"):
            own, others = getattr(self, name), getattr(other, name)
            differing = [key for key in sorted({*own, *others}) if own.get(key) != others.get(key)]
            told += [f"{name} {key}: {own.get(key)} is not {others.get(key)}" for key in differing]
        told += [f"{entry} should not be held" for entry in sorted(self.held - other.held)]
        told += [f"{entry} should be held" for entry in sorted(other.held - self.held)]
        return "; ".join(told[:6]) + (f"; and {len(told) - 6} more" if len(told) > 6 else "")


NOTHING = State({}, {}, frozenset())


@dataclass(frozen=True)
class Kept:
    """What was stored of a tenant at one moment, and how old it was."""

    state: State
    last_synced_at: datetime | None


def expected(licenses_of: Given, users_of: Given, rules: Rules) -> State:
    """What is to be stored where the licenses were read of one state of the tenant and the users of another."""
    licenses = {sku.sku_id: _license(sku) for sku in licenses_of.skus}
    held = frozenset(
        (user.user_id, assigned.sku_id, assigned.is_direct, bool(assigned.groups))
        for user in users_of.users
        for assigned in user.licenses
        if assigned.sku_id in licenses
    )
    holders = {user_id for user_id, *_ in held}
    users = {user.user_id: _user(user, rules.take(user, user.user_id in holders)) for user in users_of.users}
    return State(licenses, users, held)


def _license(sku: Sku) -> tuple[Any, ...]:
    active = sku.enabled if sku.capability_status in {"Enabled", "Warning"} else 0
    return (sku.part_number, sku.capability_status, active, sku.consumed, sku.warning, sku.suspended, sku.locked_out)


def _user(user: User, is_contact: bool) -> tuple[Any, ...]:
    phone = user.business_phones[0] if user.business_phones else ""
    fields = (user.display_name, user.given_name, user.surname, user.job_title, phone, user.mobile_phone, user.mail)
    person = (*(field or "" for field in fields), user.user_principal_name)
    return (user.user_type == "Guest", not user.account_enabled, is_contact, person if is_contact else None)


def kept(tenant_row_id: int) -> Kept:
    """What is stored of the tenant of this row."""
    own = License.tenant_id == tenant_row_id
    columns = [License.sku_part_number, License.status, *(getattr(License, name) for name in _FIGURES)]
    current = select(License.sku_id, *columns).where(own, License.status != LicenseStatus.GONE)
    licenses = {sku_id: tuple(values) for sku_id, *values in db.session.execute(current)}
    person = [getattr(Contact, name) for name in _PERSON]
    flags = [DirectoryUser.is_guest, DirectoryUser.is_blocked, DirectoryUser.qualifies]
    found = (
        select(DirectoryUser.user_id, *flags, Contact.id, *person)
        .outerjoin(Contact, Contact.id == DirectoryUser.contact_id)
        .where(DirectoryUser.tenant_id == tenant_row_id)
    )
    users = {
        user_id: (is_guest, is_blocked, qualifies, tuple(fields) if qualifies and contact_id else None)
        for user_id, is_guest, is_blocked, qualifies, contact_id, *fields in db.session.execute(found)
    }
    ways = (Assignment.is_direct, Assignment.is_through_group)
    holding = select(DirectoryUser.user_id, License.sku_id, *ways).where(
        own, Assignment.license_id == License.id, Assignment.directory_user_id == DirectoryUser.id
    )
    held = frozenset((user_id, sku_id, direct, group) for user_id, sku_id, direct, group in db.session.execute(holding))
    synced_at = db.session.scalar(select(Tenant.last_synced_at).where(Tenant.id == tenant_row_id))
    return Kept(State(licenses, users, held), synced_at)


def wrongs_of_part(part: SyncPart, before: Kept, versions: Sequence[Given], rules: Rules) -> Iterator[str]:
    """What is wrong with the tenant of a part that has ended: it is changed wholly, or not at all.

    `versions` are what the tenant was like between the beginning of the run and its end.
    """
    now = kept(part.tenant_id)
    if part.state != PartState.OK:
        if now != before:
            yield f"it is {part.state}, but was changed: {now.state.differences(before.state)}"
        if part.state == PartState.FAILED and not (part.reason and part.fix):
            yield "it failed and does not say why and what to do"
        return
    pairs = [expected(*pair, rules) for pair in product(versions, versions)]
    if part.reason:
        # Its users could not be read: they stay, and hold what they held as far as it is still there.
        pairs += [_with_users_of(before.state, one) for one in pairs]
    if now.state not in pairs:
        newest = expected(versions[-1], versions[-1], rules)
        yield f"it is OK, but is like no state of the tenant; compared with the last: {now.state.differences(newest)}"


def _with_users_of(before: State, now: State) -> State:
    held = frozenset(entry for entry in before.held if entry[1] in now.licenses)
    return replace(now, users=before.users, held=held)


def wrongs_of_counts(run: SyncRun, states: Sequence[PartState]) -> Iterator[str]:
    """Where a run that has ended counts other than its parts do."""
    ok, failed = (states.count(state) for state in (PartState.OK, PartState.FAILED))
    if run.state != RunState.CANCELLED and ok + failed != len(states):
        yield f"the run ended {run.state}, and its parts are {states}"
    if (run.tenants_total, run.tenants_ok, run.tenants_failed) != (len(states), ok, failed):
        yield f"the run counts {run.tenants_ok} and {run.tenants_failed} of {run.tenants_total}, its parts are {states}"


def doubles(integration_id: int) -> Iterator[str]:
    """What is stored twice."""
    tenants = select(Tenant.id).where(Tenant.integration_id == integration_id)
    organizations = select(Tenant.organization_id).where(Tenant.integration_id == integration_id)
    of_user = DirectoryUser.tenant_id.in_(tenants)
    of_contact = (Contact.organization_id.in_(organizations), Contact.microsoft_user_id != "")
    assigned = select(License.id).where(License.tenant_id.in_(tenants))
    for name, columns, conditions in (
        ("license", (License.tenant_id, License.sku_id), [License.tenant_id.in_(tenants)]),
        ("user", (DirectoryUser.tenant_id, DirectoryUser.user_id), [of_user]),
        ("link", (DirectoryUser.contact_id,), [of_user, DirectoryUser.qualifies]),
        ("contact", (Contact.organization_id, Contact.microsoft_user_id), list(of_contact)),
        ("assignment", (Assignment.license_id, Assignment.directory_user_id), [Assignment.license_id.in_(assigned)]),
    ):
        twice = select(*columns).where(*conditions).group_by(*columns).having(func.count() > 1)
        yield from (f"the {name} {tuple(row)} is there twice" for row in db.session.execute(twice))


def wrongs_of_addition(addition_id: int, known: Collection[str]) -> Iterator[str]:
    """Where an answer to a line of a list, which has ended, is not what became of its tenant.

    A line may be refused for whatever was wrong at Microsoft, or since its worker was lost too often.
    """
    lines = db.session.scalars(select(AdditionLine).where(AdditionLine.addition_id == addition_id)).all()
    for line in lines:
        row = db.session.scalar(select(Tenant).where(Tenant.tenant_id == line.text))
        is_new = row is not None and line.text not in known
        if line.state == LineState.ADDED and not is_new:
            yield f"{line.text} is said to be added, and was known before or is not there"
        if line.state != LineState.ADDED and is_new:
            yield f"{line.text} is there, and said to be {line.state}: {line.reason}"
        if line.state == LineState.WAITING:
            yield f"{line.text} waits in a list that has ended"
        if line.state == LineState.PRESENT and line.text not in known:
            yield f"{line.text} is said to be known before"
        if is_new and row is not None and row.organization_id is not None:
            yield f"{line.text} is matched, by nobody"


def wrongs_of_history(integration_id: int) -> Iterator[str]:
    """Where the history of a license does not lead, step by step, from nothing to what is stored."""
    own = License.tenant_id.in_(select(Tenant.id).where(Tenant.integration_id == integration_id))
    steps: dict[int, list[AssetChange]] = defaultdict(list)
    for change in db.session.scalars(select(AssetChange).join(License).where(own).order_by(AssetChange.id)):
        steps[change.license_id or 0].append(change)
    for one in db.session.scalars(select(License).where(own)):
        columns = {column.key: getattr(one, column.key) for column in License.__table__.columns}
        yield from _wrongs_of_steps(one.id, steps[one.id], license_values(columns))


def _wrongs_of_steps(license_id: int, steps: Iterable[AssetChange], values: Mapping[str, Any]) -> Iterator[str]:
    reached: dict[str, Any] = {}
    for step in steps:
        for field in step.fields:
            name, was, became = field["field"], field["from"], field["to"]
            if reached.get(name, "") != was:
                yield f"license {license_id}: {name} went from {was!r}, where it was {reached.get(name, '')!r}"
            reached[name] = became
    led_to = {name: reached.get(name, "") for name in values}
    if led_to != dict(values):
        yield f"license {license_id}: its history leads to {led_to}, and it is {dict(values)}"


def rows_left(integration_id: int) -> int:
    """How much there is still of an integration."""
    counts = (
        select(func.count()).select_from(Integration).where(Integration.id == integration_id),
        select(func.count()).select_from(Tenant).where(Tenant.integration_id == integration_id),
    )
    return sum(db.session.scalars(count).one() for count in counts)
