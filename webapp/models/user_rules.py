"""Which users of Microsoft 365 become contacts: the rules of an integration, and those of one tenant."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Text, bindparam, false, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from .base import UNKNOWN, DbSession, Model, Named, Stored

if TYPE_CHECKING:
    from .tenant import Tenant


class UserSync(Stored):
    OFF = "off"
    ALL = "all"
    # Those who hold one of the checked licenses.
    LICENSED = "licensed"

    @property
    def label(self) -> str:
        return _LABELS.get(self, UNKNOWN)


_LABELS = {
    UserSync.OFF: "Off",
    UserSync.ALL: "All users",
    UserSync.LICENSED: "Only users who hold one of the checked licenses",
}


class HasUserRules:
    """The columns of the rules. Which licenses are checked is in a table beside."""

    sync_users: Mapped[UserSync] = mapped_column(Named(UserSync), default=UserSync.OFF, server_default=UserSync.OFF)
    include_guests: Mapped[bool] = mapped_column(default=False, server_default=false())
    include_blocked: Mapped[bool] = mapped_column(default=False, server_default=false())
    include_unlicensed: Mapped[bool] = mapped_column(default=False, server_default=false())


def rule_columns(model: type[HasUserRules]) -> list[InstrumentedAttribute[Any]]:
    """The columns of the rules of a model that has some."""
    return [getattr(model, name) for name in HasUserRules.__annotations__]


class CheckedLicense(Model):
    """A product whose holders become contacts, where an integration syncs only those."""

    __tablename__ = "checked_license"

    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"), primary_key=True)
    sku_id: Mapped[str] = mapped_column(Text, primary_key=True)


class TenantCheckedLicense(Model):
    """The same for a tenant that has user rules of its own."""

    __tablename__ = "tenant_checked_license"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    sku_id: Mapped[str] = mapped_column(Text, primary_key=True)


class Refusal(StrEnum):
    """Why a user does not become a contact, as people read it on a contact that was linked to it."""

    OFF = "Users are no longer synced"
    GUEST = "Is a guest, and guests are not synced"
    BLOCKED = "Blocked in Microsoft 365"
    UNLICENSED = "No longer has a license"
    UNCHECKED = "No longer has a checked license"


@dataclass(frozen=True)
class UserRules:
    """The rules that hold for one tenant: which of its users qualify to become contacts."""

    sync_users: UserSync
    include_guests: bool = False
    include_blocked: bool = False
    include_unlicensed: bool = False
    checked: frozenset[str] = frozenset()

    def refuse(self, *, is_guest: bool, is_blocked: bool, held: Collection[str]) -> Refusal | None:
        """Why the user who holds these of the tenant's licenses does not qualify; None where it does.

        Who holds a checked license is licensed: unlicensed users are a question only where all are synced. A mode that
        a newer version stored, and this one does not know, syncs nobody.
        """
        if self.sync_users not in {UserSync.ALL, UserSync.LICENSED}:
            return Refusal.OFF
        if is_blocked and not self.include_blocked:
            return Refusal.BLOCKED
        if is_guest and not self.include_guests:
            return Refusal.GUEST
        if self.sync_users == UserSync.LICENSED:
            return None if self.checked.intersection(held) else Refusal.UNCHECKED
        return None if held or self.include_unlicensed else Refusal.UNLICENSED

    def qualifies(self, *, is_guest: bool, is_blocked: bool, held: Collection[str]) -> bool:
        return self.refuse(is_guest=is_guest, is_blocked=is_blocked, held=held) is None


def source_of(tenant: Tenant) -> HasUserRules:
    """Whose rules hold for the tenant: its own, or those of its integration."""
    return tenant if tenant.has_own_user_rules else tenant.integration


def rules_of(session: DbSession, tenant: Tenant) -> UserRules:
    """The rules that hold for the tenant."""
    source = source_of(tenant)
    if source.sync_users != UserSync.LICENSED:
        checked: Iterable[str] = ()  # they make no difference
    elif source is tenant:
        checked = session.scalars(_CHECKED_OF_TENANT, {"tenant_id": tenant.id})
    else:
        checked = session.scalars(_CHECKED, {"integration_id": tenant.integration_id})
    return UserRules(
        source.sync_users,
        include_guests=source.include_guests,
        include_blocked=source.include_blocked,
        include_unlicensed=source.include_unlicensed,
        checked=frozenset(checked),
    )


_CHECKED = select(CheckedLicense.sku_id).where(CheckedLicense.integration_id == bindparam("integration_id"))
_CHECKED_OF_TENANT = select(TenantCheckedLicense.sku_id).where(TenantCheckedLicense.tenant_id == bindparam("tenant_id"))
