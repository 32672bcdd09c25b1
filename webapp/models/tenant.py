"""Tenants: the Microsoft 365 directories that integrations reach."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    and_,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from .base import IDS_ONCE, DbSession, FoldedText, Model, UtcDateTime, fold, only_where, primary_key, utc_now
from .integration import Integration
from .organization import Organization
from .portions import in_portions
from .user_rules import HasUserRules


class TenantState(StrEnum):
    UNMATCHED = "unmatched"
    MATCHED = "matched"
    IGNORED = "ignored"


class Tenant(HasUserRules, Model):
    """A Microsoft 365 directory that an integration reaches, matched to one organization, or not yet, or ignored.

    The user rules are its own where `has_own_user_rules`; else those of the integration hold.
    """

    __tablename__ = "tenant"
    __table_args__ = (
        UniqueConstraint("integration_id", "tenant_id"),
        CheckConstraint("organization_id IS NULL OR ignored_at IS NULL", name="matched_or_ignored"),
        Index("ix_tenant_organization_id", "organization_id"),
        # Mostly there is none.
        Index(
            "ix_tenant_departed_from_id",
            "departed_from_id",
            **only_where("departed_from_id IS NOT NULL"),
        ),
        IDS_ONCE,
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
    # The organization that it left, and to whose contacts its users are still linked: none of these links counts any
    # more, and a job cuts them (`departed`).
    departed_from_id: Mapped[int | None] = mapped_column(ForeignKey("organization.id", ondelete="SET NULL"))
    ignored_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When it was last matched, unmatched or ignored: an undo sees by it whether anybody did so since.
    placed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    # When its licenses were last read whole; what could not be read since leaves this as it is.
    last_synced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Microsoft asked that nobody ask this tenant again before this moment.
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    told_to_wait_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # Its verified domains, one a line, in lower case; its postal address, one line; its phone. As Microsoft tells them.
    domains: Mapped[str] = mapped_column(Text, default="", server_default="")
    address: Mapped[str] = mapped_column(Text, default="", server_default="")
    phone: Mapped[str] = mapped_column(Text, default="", server_default="")
    # Since when the partner's tenant no longer names it among its customers: its data is kept, and not synced.
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Since when somebody leaves it out of syncs.
    left_out_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    has_own_user_rules: Mapped[bool] = mapped_column(default=False, server_default=false())
    # When its users were last read, and who holds which license is known since.
    users_synced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    integration: Mapped[Integration] = relationship(back_populates="tenants")
    organization: Mapped[Organization | None] = relationship(foreign_keys=organization_id)

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

    @classmethod
    def is_synced(cls) -> ColumnElement[bool]:
        """The condition that a run syncs it: matched to an organization in use, neither gone nor left out."""
        archived = select(Organization.id).where(Organization.is_archived)
        return and_(
            cls.is_matched, cls.gone_at.is_(None), cls.left_out_at.is_(None), cls.organization_id.not_in(archived)
        )

    @classmethod
    def has_domain(cls, domain: str) -> ColumnElement[bool]:
        """The condition that this is one of its verified domains, the default one or any other, whatever its case."""
        listed = "\n" + cls.domains + "\n"
        is_default = func.lower(cls.default_domain) == domain.lower()  # kept in the case that it was typed in
        return or_(is_default, listed.contains(f"\n{domain.lower()}\n", autoescape=True))

    @classmethod
    def forget_waits(cls, session: DbSession, integration_id: int) -> None:
        """Forget what Microsoft asked the integration's app to wait for in its tenants."""
        waiting = select(cls.id).where(cls.integration_id == integration_id, cls.not_before.is_not(None))
        held = session.scalars(waiting.order_by(cls.id).with_for_update(key_share=True)).all()
        for some in in_portions(held):
            session.execute(update(cls).where(cls.id.in_(some)).values(not_before=None))

    @property
    def state(self) -> TenantState:
        if self.organization_id is not None:
            return TenantState.MATCHED
        return TenantState.IGNORED if self.ignored_at is not None else TenantState.UNMATCHED

    def match(self, organization: Organization) -> None:
        self.organization = organization
        self.ignored_at, self.placed_at = None, utc_now()

    def unmatch(self) -> None:
        """Take its licenses out of view; they are kept, and come back with the next match."""
        self.organization = None
        self.ignored_at, self.placed_at = None, utc_now()

    def ignore(self, now: datetime) -> None:
        self.organization = None
        self.ignored_at, self.placed_at = now, utc_now()
