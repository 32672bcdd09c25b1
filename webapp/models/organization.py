"""Organizations: the MSP's customers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from ..extensions import db
from .base import IDS_ONCE, DbSession, FoldedText, Model, UtcDateTime, fold, primary_key, utc_now

LONGEST_NAME = 200


class Organization(Model):
    """A customer of the MSP. It exists with or without an integration, and outlives one.

    One that is archived is out of every list but that of the archived ones, and its tenants are not synced.
    """

    __tablename__ = "organization"
    __table_args__ = (IDS_ONCE,)

    id: Mapped[primary_key]
    name: Mapped[str] = mapped_column(Text)
    name_folded: Mapped[str] = mapped_column(FoldedText, index=True)
    address: Mapped[str] = mapped_column(Text, default="", server_default="")
    phone: Mapped[str] = mapped_column(Text, default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    domains: Mapped[list[OrganizationDomain]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, order_by="OrganizationDomain.id"
    )

    @hybrid_property
    def is_archived(self) -> bool:
        return self.archived_at is not None

    @is_archived.inplace.expression
    @classmethod
    def _is_archived_expression(cls) -> Any:
        return cls.archived_at.is_not(None)

    @validates("name")
    def _fold_name(self, key: str, name: Any) -> Any:
        self.name_folded = fold(name)
        return name

    @classmethod
    def hold_names(cls, session: DbSession) -> None:
        """Until this transaction ends, nobody else adds or renames one. SQLite has one writer at a time by nature.

        Two of one name are a mistake, but no constraint forbids them: some MSPs have two customers of one name. Others
        go on reading, and matching tenants to the organizations that there are.
        """
        if db.engine.dialect.name == "postgresql":
            session.execute(text("LOCK TABLE organization IN SHARE ROW EXCLUSIVE MODE"))


class OrganizationDomain(Model):
    """A domain of an organization's web site and mail, in lower case; a tenant that has it is probably theirs."""

    __tablename__ = "organization_domain"
    __table_args__ = (UniqueConstraint("organization_id", "domain"), Index("ix_organization_domain_domain", "domain"))

    id: Mapped[primary_key]
    organization_id: Mapped[int] = mapped_column(ForeignKey("organization.id", ondelete="CASCADE"))
    domain: Mapped[str] = mapped_column(Text)
