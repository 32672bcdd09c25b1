"""Integrations and the tenants that they reach."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, and_, or_, select, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from ..extensions import vault
from . import schedule
from .base import UNKNOWN, DbSession, FoldedText, Model, Named, Stored, UtcDateTime, fold, primary_key, utc_now
from .organization import Organization


class Cloud(Stored):
    """Microsoft's national clouds; each has hosts of its own (Graph: "National cloud deployments")."""

    GLOBAL = "global"
    USGOV = "usgov"
    DOD = "dod"
    CHINA = "china"

    @property
    def label(self) -> str:
        return _CLOUD_LABELS.get(self, UNKNOWN)

    @property
    def login_url(self) -> str:
        """Where people and programs sign in to it, without a closing slash (Entra: "National clouds")."""
        return _LOGIN_URLS[self]


_CLOUD_LABELS = {
    Cloud.GLOBAL: "Global (also GCC)",
    Cloud.USGOV: "US government (GCC High)",
    Cloud.DOD: "US Department of Defense",
    Cloud.CHINA: "China (operated by 21Vianet)",
}
_LOGIN_URLS = {
    Cloud.GLOBAL: "https://login.microsoftonline.com",
    Cloud.USGOV: "https://login.microsoftonline.us",
    Cloud.DOD: "https://login.microsoftonline.us",
    Cloud.CHINA: "https://login.partner.microsoftonline.cn",
}


class Removal(Stored):
    """What becomes of an integration's data when it is removed."""

    KEEP = "keep"
    DELETE = "delete"

    @property
    def label(self) -> str:
        return _REMOVAL_LABELS.get(self, UNKNOWN)


_REMOVAL_LABELS = {
    Removal.KEEP: "Permanently disconnect records from Office 365 but keep all data",
    Removal.DELETE: "Permanently delete all data including all related/child records",
}


class IntegrationRemoved(Exception):
    """The integration is gone, or is being removed: nothing is done with it any more."""

    def __init__(self) -> None:
        super().__init__("The integration was removed, or is being removed, so nothing can be done with it any more.")


class Integration(Model):
    """A connection to Microsoft 365, "Office 365" in the interface: credentials, cloud, sync settings.

    It is *live*, until it is removed. Then `disconnected_at` says since when nothing is synced and no credentials are
    kept: the one place that tells it of all its tenants and licenses. Where they are kept, the row stays for their
    sake, and is no integration to anybody; where they are deleted, it is the last to go.
    """

    __tablename__ = "integration"
    __table_args__ = (
        # One that was removed has given its name free.
        Index(
            "uq_integration_name",
            "name_folded",
            unique=True,
            sqlite_where=text("disconnected_at IS NULL"),
            postgresql_where=text("disconnected_at IS NULL"),
        ),
        Index("ix_integration_next_sync_at", "next_sync_at"),
    )

    id: Mapped[primary_key]
    name: Mapped[str] = mapped_column(Text)
    name_folded: Mapped[str] = mapped_column(FoldedText)
    cloud: Mapped[Cloud] = mapped_column(Named(Cloud), default=Cloud.GLOBAL)
    # Where it signs in: the tenant's GUID, in lower case, also where a domain was typed.
    home_tenant_id: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    client_secret_encrypted: Mapped[str] = mapped_column(Text)
    sync_licenses: Mapped[bool] = mapped_column(default=True)
    # How often it syncs by itself: one of `schedule.EVERY_HOURS`, or `schedule.MANUAL_ONLY`.
    sync_every_hours: Mapped[int] = mapped_column(default=1)
    # Since when it does not sync by itself, until it is resumed.
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Empty where it does not sync by itself, and until its first sync is planned.
    next_sync_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    disconnected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    removal: Mapped[Removal | None] = mapped_column(Named(Removal))
    # Of a removal that deletes: how many licenses there were, and are deleted, and when a job last worked on it.
    removal_total: Mapped[int] = mapped_column(default=0, server_default="0")
    removal_done: Mapped[int] = mapped_column(default=0, server_default="0")
    removal_heard_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    tenants: Mapped[list[Tenant]] = relationship(back_populates="integration", passive_deletes=True)

    @validates("name")
    def _fold_name(self, key: str, name: Any) -> Any:
        self.name_folded = fold(name)
        return name

    @validates("sync_every_hours")
    def _check_interval(self, key: str, hours: int) -> int:
        if hours not in {schedule.MANUAL_ONLY, *schedule.EVERY_HOURS}:
            raise ValueError(f"an integration does not sync every {hours} hours")
        return hours

    @hybrid_property
    def syncs_something(self) -> bool:
        """Whether anything is chosen to be synced."""
        return self.sync_licenses

    @hybrid_property
    def syncs_by_itself(self) -> bool:
        return self.sync_every_hours != schedule.MANUAL_ONLY and self.paused_at is None and self.disconnected_at is None

    @syncs_by_itself.inplace.expression
    @classmethod
    def _syncs_by_itself_expression(cls) -> Any:
        return and_(
            cls.sync_every_hours != schedule.MANUAL_ONLY, cls.paused_at.is_(None), cls.disconnected_at.is_(None)
        )

    def sync_every(self, hours: int, now: datetime) -> None:
        """Let it sync by itself every so many hours, or by hand only; it begins with the next slot."""
        if hours != self.sync_every_hours:
            self.sync_every_hours = hours
            self.plan_next_sync(now)

    def pause(self, now: datetime) -> None:
        """Let it not sync by itself until it is resumed. A run that is under way goes on."""
        if self.paused_at is None:
            self.paused_at = now
            self.plan_next_sync(now)

    def resume(self, now: datetime) -> None:
        if self.paused_at is not None:
            self.paused_at = None
            self.plan_next_sync(now)

    def plan_next_sync(self, now: datetime) -> None:
        """Wait for the next slot after now. Slots depend on the id, so a new integration is flushed before."""
        self.next_sync_at = self._next_slot(now) if self.syncs_by_itself else None

    def next_sync(self, now: datetime) -> datetime | None:
        """When it syncs by itself next; None where it does not. A moment in the past: as soon as may be."""
        if not self.syncs_by_itself:
            return None
        return self.next_sync_at or self._next_slot(now)

    def _next_slot(self, now: datetime) -> datetime:
        return schedule.next_slot(self.id, self.sync_every_hours, now)

    @property
    def client_secret(self) -> str:
        """The secret itself. Raises `UnreadableSecret` where its encryption key is gone."""
        return vault.decrypt(self.client_secret_encrypted)

    @client_secret.setter
    def client_secret(self, secret: str) -> None:
        self.client_secret_encrypted = vault.encrypt(secret)

    @hybrid_property
    def is_live(self) -> bool:
        return self.disconnected_at is None

    @is_live.inplace.expression
    @classmethod
    def _is_live_expression(cls) -> Any:
        return cls.disconnected_at.is_(None)

    @hybrid_property
    def is_listed(self) -> bool:
        """Whether it is among the active integrations: live, or still being deleted."""
        return self.removal != Removal.KEEP

    @is_listed.inplace.expression
    @classmethod
    def _is_listed_expression(cls) -> Any:
        return or_(cls.removal.is_(None), cls.removal != Removal.KEEP)

    def disconnect(self, removal: Removal, now: datetime) -> None:
        """Sync nothing from now on, and forget what signs in to Microsoft."""
        self.disconnected_at, self.removal = now, removal
        self.client_secret_encrypted = ""
        self.plan_next_sync(now)

    @classmethod
    def hold(cls, session: DbSession, integration_id: int) -> None:
        """Keep the integration from being removed until this transaction ends. Raises `IntegrationRemoved`."""
        query = select(cls.id).where(cls.id == integration_id, cls.is_live).with_for_update(read=True)
        if session.scalar(query) is None:
            raise IntegrationRemoved


class TenantState(StrEnum):
    UNMATCHED = "unmatched"
    MATCHED = "matched"
    IGNORED = "ignored"


class Tenant(Model):
    """A Microsoft 365 directory that an integration reaches, matched to one organization, or not yet, or ignored."""

    __tablename__ = "tenant"
    __table_args__ = (
        UniqueConstraint("integration_id", "tenant_id"),
        CheckConstraint("organization_id IS NULL OR ignored_at IS NULL", name="matched_or_ignored"),
        Index("ix_tenant_organization_id", "organization_id"),
    )

    id: Mapped[primary_key]
    integration_id: Mapped[int] = mapped_column(ForeignKey("integration.id", ondelete="CASCADE"))
    tenant_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    name_folded: Mapped[str] = mapped_column(FoldedText)
    default_domain: Mapped[str] = mapped_column(Text, default="")
    # The name and the domain, since people search for either.
    search_folded: Mapped[str] = mapped_column(FoldedText)
    organization_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id", ondelete="SET NULL"))
    ignored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    # When its licenses were last read whole; what could not be read since leaves this as it is.
    last_synced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Microsoft asked that nobody ask this tenant again before this moment.
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)

    integration: Mapped[Integration] = relationship(back_populates="tenants")
    organization: Mapped[Organization | None] = relationship()

    @validates("name", "default_domain")
    def _fold_name(self, key: str, value: Any) -> Any:
        name = value if key == "name" else self.name or ""
        domain = value if key == "default_domain" else self.default_domain or ""
        self.name_folded = fold(name)
        self.search_folded = fold(f"{name} {domain}")
        return value

    @hybrid_property
    def is_matched(self) -> bool:
        return self.organization_id is not None

    @is_matched.inplace.expression
    @classmethod
    def _is_matched_expression(cls) -> Any:
        return cls.organization_id.is_not(None)

    @property
    def state(self) -> TenantState:
        if self.organization_id is not None:
            return TenantState.MATCHED
        return TenantState.IGNORED if self.ignored_at is not None else TenantState.UNMATCHED

    def match(self, organization: Organization) -> None:
        self.organization = organization
        self.ignored_at = None

    def unmatch(self) -> None:
        """Take its licenses out of view; they are kept, and come back with the next match."""
        self.organization = None
        self.ignored_at = None

    def ignore(self, now: datetime) -> None:
        self.organization = None
        self.ignored_at = now
