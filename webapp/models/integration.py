"""Integrations and the tenants that they reach."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from ..extensions import vault
from .base import FoldedText, Model, Named, UtcDateTime, fold, primary_key, utc_now
from .organization import Organization


class Cloud(StrEnum):
    """Microsoft's national clouds; each has hosts of its own (Graph: "National cloud deployments")."""

    GLOBAL = "global"
    USGOV = "usgov"
    DOD = "dod"
    CHINA = "china"

    @property
    def label(self) -> str:
        return _CLOUD_LABELS[self]


_CLOUD_LABELS = {
    Cloud.GLOBAL: "Global (also GCC)",
    Cloud.USGOV: "US government (GCC High)",
    Cloud.DOD: "US Department of Defense",
    Cloud.CHINA: "China (operated by 21Vianet)",
}


class Integration(Model):
    """A connection to Microsoft 365, "Office 365" in the interface: credentials, cloud, sync settings."""

    __tablename__ = "integration"

    id: Mapped[primary_key]
    name: Mapped[str] = mapped_column(Text)
    name_folded: Mapped[str] = mapped_column(FoldedText, unique=True)
    cloud: Mapped[Cloud] = mapped_column(Named(Cloud), default=Cloud.GLOBAL)
    # Where it signs in: the tenant's GUID, in lower case, also where a domain was typed.
    home_tenant_id: Mapped[str] = mapped_column(Text)
    client_id: Mapped[str] = mapped_column(Text)
    client_secret_encrypted: Mapped[str] = mapped_column(Text)
    sync_licenses: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    tenants: Mapped[list[Tenant]] = relationship(back_populates="integration", passive_deletes=True)

    @validates("name")
    def _fold_name(self, key: str, name: Any) -> Any:
        self.name_folded = fold(name)
        return name

    @property
    def client_secret(self) -> str:
        """The secret itself. Raises `UnreadableSecret` where its encryption key is gone."""
        return vault.decrypt(self.client_secret_encrypted)

    @client_secret.setter
    def client_secret(self, secret: str) -> None:
        self.client_secret_encrypted = vault.encrypt(secret)


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
