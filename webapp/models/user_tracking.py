"""Where a tenant's users were last read to, so that the next sync asks only for what changed since."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Text, bindparam
from sqlalchemy.orm import Mapped, mapped_column

from .base import DbSession, Model, UtcDateTime
from .statements import table_of


class UserTracking(Model):
    """The link at which Microsoft tells what changed among a tenant's users since they were read.

    It may be deleted at any time: then the users are read whole. `link` is empty where the tenant's changes cannot be
    tracked. `basis` is a digest of all that decides what is stored of the users, beside themselves: where it differs,
    they are read whole as well.
    """

    __tablename__ = "user_tracking"

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    link: Mapped[str] = mapped_column(Text)
    basis: Mapped[str] = mapped_column(Text)
    # When the users were last read whole.
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)

    @classmethod
    def forget(cls, session: DbSession, *tenant_ids: int) -> None:
        """Let the users of the tenants of these rows be read whole the next time."""
        session.execute(_FORGET, {"of": tenant_ids})


_TABLE = table_of(UserTracking)
_FORGET = _TABLE.delete().where(_TABLE.c.tenant_id.in_(bindparam("of", expanding=True)))
