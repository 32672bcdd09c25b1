"""What is to happen, or happened, to one tenant's match: plain values, kept from the preview to the undo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from ..models import Tenant


class Reason(StrEnum):
    """Why a tenant comes to an organization, or leaves one."""

    SAME_NAME = "same name"
    SAME_DOMAIN = "same domain"
    ALIKE_NAME = "alike name"
    NEW = "new organization"
    CHOSEN = "chosen"
    IGNORED = "ignored"
    UNMATCHED = "unmatched"
    NO_LONGER_IGNORED = "not ignored any more"


SUGGESTED = (Reason.SAME_NAME, Reason.SAME_DOMAIN, Reason.ALIKE_NAME)


class Kept(StrEnum):
    """Why a tenant stays as it is."""

    NO_SUGGESTION = "no suggestion"
    SEVERAL = "several organizations come into question"
    NAMESAKES = "several organizations have its name"
    ARCHIVED = "an archived organization has its name"
    SO_ALREADY = "it is so already"
    MATCHED_ALREADY = "it is matched already"
    IGNORED = "it is ignored"
    GONE = "its partner no longer names it among its customers"
    CHANGED = "it was changed meanwhile"
    ANOTHER = "what was shown for it does not hold any more"
    NOT_HERE = "it is not here any more, or its integration was removed"
    FORMER_GONE = "the organization that it was matched to is not in use any more"


@dataclass(frozen=True)
class Placement:
    """Where a tenant belongs: to an organization, to nobody as one that is ignored, or to nobody yet.

    `placed_at` tells one time from another at which it came to the same place.
    """

    organization_id: int | None = None
    ignored_at: datetime | None = None
    placed_at: datetime | None = None

    @classmethod
    def of(cls, tenant: Tenant) -> Self:
        return cls(tenant.organization_id, tenant.ignored_at, tenant.placed_at)

    @classmethod
    def from_plain(cls, plain: list[Any]) -> Self:
        return cls(plain[0], *(datetime.fromisoformat(text) if text else None for text in plain[1:]))

    def plain(self) -> list[Any]:
        moments = (self.ignored_at, self.placed_at)
        return [self.organization_id, *(moment.isoformat() if moment else None for moment in moments)]


@dataclass(frozen=True)
class Step:
    """What happens to one tenant. `after` is known once it has happened.

    The organization is named by its id; one that is yet to be made, by its name. `score` is that of an alike name.
    """

    tenant_id: int
    reason: Reason
    before: Placement
    organization_id: int | None = None
    new_name: str = ""
    score: int = 0
    after: Placement | None = None

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        after = plain["after"]
        return cls(
            tenant_id=plain["tenant"],
            reason=Reason(plain["reason"]),
            before=Placement.from_plain(plain["before"]),
            organization_id=plain["organization"],
            new_name=plain["new_name"],
            score=plain["score"],
            after=Placement.from_plain(after) if after else None,
        )

    def plain(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant_id,
            "reason": self.reason.value,
            "before": self.before.plain(),
            "organization": self.organization_id,
            "new_name": self.new_name,
            "score": self.score,
            "after": self.after.plain() if self.after else None,
        }

    def is_as_shown(self, shown: Step) -> bool:
        """Whether it is what somebody was shown: from the same place, to the same one, for the same reason."""
        return (self.before, self.reason, self.organization_id, self.new_name) == (
            shown.before,
            shown.reason,
            shown.organization_id,
            shown.new_name,
        )


@dataclass(frozen=True)
class Left:
    """A tenant that stays as it is, and why."""

    tenant_id: int
    why: Kept

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        return cls(plain["tenant"], Kept(plain["why"]))

    def plain(self) -> dict[str, Any]:
        return {"tenant": self.tenant_id, "why": self.why.value}


@dataclass(frozen=True)
class Plan:
    """What an action does to tenants, and which of them it leaves."""

    steps: tuple[Step, ...] = ()
    left: tuple[Left, ...] = ()
