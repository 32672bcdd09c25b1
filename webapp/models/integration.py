"""Integrations: the connections to Microsoft 365."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Index, Text, and_, false, or_, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from . import schedule
from .base import (
    IDS_ONCE,
    UNKNOWN,
    DbSession,
    FoldedText,
    Model,
    Named,
    Stored,
    UtcDateTime,
    fold,
    only_where,
    primary_key,
    utc_now,
)
from .cloud import Cloud
from .credentials import HasCredentials
from .user_rules import HasUserRules, UserSync

if TYPE_CHECKING:
    from .tenant import Tenant


class Kind(Stored):
    """How an integration reaches tenants."""

    # Its app registration is in the tenant, or was consented to there; tenants are named by hand.
    DIRECT = "direct"
    # Its app registration is in the partner's tenant, which knows its customers (GDAP).
    PARTNER = "partner"

    @property
    def label(self) -> str:
        return _KIND_LABELS.get(self, UNKNOWN)


_KIND_LABELS = {Kind.DIRECT: "Direct", Kind.PARTNER: "Partner (GDAP)"}


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


class Integration(HasCredentials, HasUserRules, Model):
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
            **only_where("disconnected_at IS NULL"),
        ),
        Index("ix_integration_next_sync_at", "next_sync_at"),
        IDS_ONCE,
    )

    id: Mapped[primary_key]
    name: Mapped[str] = mapped_column(Text)
    name_folded: Mapped[str] = mapped_column(FoldedText)
    cloud: Mapped[Cloud] = mapped_column(Named(Cloud), default=Cloud.GLOBAL)
    # Where it signs in: the tenant's GUID, in lower case, also where a domain was typed.
    home_tenant_id: Mapped[str] = mapped_column(Text)
    kind: Mapped[Kind] = mapped_column(Named(Kind), default=Kind.DIRECT, server_default=Kind.DIRECT)
    # Of a partner: whether each of Microsoft's two lists of its customers ever named one. A list that did, and names
    # none any more, is not believed.
    contracts_named_some: Mapped[bool] = mapped_column(default=False, server_default=false())
    delegations_named_some: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Whether a new tenant is matched to the one organization of exactly its name, without asking.
    match_by_name: Mapped[bool] = mapped_column(default=False, server_default=false())
    sync_licenses: Mapped[bool] = mapped_column(default=True)
    # How often it syncs by itself: one of `schedule.EVERY_HOURS`, or `schedule.MANUAL_ONLY`.
    sync_every_hours: Mapped[int] = mapped_column(default=1)
    # Since when it does not sync by itself, until it is resumed.
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Empty where it does not sync by itself, and until its first sync is planned.
    next_sync_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Microsoft asked that nobody use its app, in whatever tenant, before this moment.
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told_to_wait_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
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
        return self.sync_licenses or self.sync_users != UserSync.OFF

    @syncs_something.inplace.expression
    @classmethod
    def _syncs_something_expression(cls) -> Any:
        return or_(cls.sync_licenses, cls.sync_users != UserSync.OFF)

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
    def takes_tenants(self) -> bool:
        """Whether tenants are added by hand; a partner's are its customers."""
        return self.kind == Kind.DIRECT

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
        self.forget_credentials()
        self.plan_next_sync(now)

    @classmethod
    def live(cls, session: DbSession, integration_id: int, *, to_change: bool = False) -> Integration:
        """The integration. Raises `IntegrationRemoved` where it is gone, or is being removed.

        Whoever changes it says `to_change`: it is read anew, and nobody else changes it until this transaction ends.
        """
        # No more strongly: who writes one of its tenants, which may be waited for next, has PostgreSQL look after it.
        lock = {"key_share": True} if to_change else None
        integration = session.get(cls, integration_id, with_for_update=lock, populate_existing=to_change)
        if integration is None or not integration.is_live:
            raise IntegrationRemoved
        return integration

    @classmethod
    def hold(cls, session: DbSession, integration_id: int) -> None:
        """Keep the integration from being removed until this transaction ends. Raises `IntegrationRemoved`."""
        query = select(cls.id).where(cls.id == integration_id, cls.is_live).with_for_update(read=True)
        if session.scalar(query) is None:
            raise IntegrationRemoved
