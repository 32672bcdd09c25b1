"""Which users of Microsoft 365 become contacts: the rules of an integration, and those of one tenant."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from .base import UNKNOWN, Model, Named, Stored


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
