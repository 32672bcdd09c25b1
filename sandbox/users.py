"""A user as the sandbox holds it, with the licenses that it is assigned."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sandbox import products

_AS_WRITTEN = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ASSIGNMENT_STATES = ("Active", "ActiveWithError", "Disabled", "Error")


@dataclass(frozen=True)
class Assigned:
    """A license that a user is assigned: directly, through groups (their ids), or both.

    `state` and `error` are those of Graph's licenseAssignmentState. In the state Error the user does not get it.
    """

    sku_id: str
    is_direct: bool = True
    groups: tuple[str, ...] = ()
    state: str = "Active"
    error: str = "None"

    def __post_init__(self) -> None:
        if self.state not in ASSIGNMENT_STATES:
            raise ValueError(f"state is one of {', '.join(ASSIGNMENT_STATES)}")

    @classmethod
    def of(cls, part_number: str, **values: Any) -> Assigned:
        """One of a product in `sandbox.products`."""
        return cls(products.BY_PART_NUMBER[part_number].sku_id, **values)


@dataclass(frozen=True)
class User:
    """Graph's user (resources/user.md), of which the properties that people use are here.

    `properties` overrides any property of the resource by its Graph name, with what JSON can hold.
    """

    user_id: str
    display_name: str | None
    user_principal_name: str
    given_name: str | None = None
    surname: str | None = None
    job_title: str | None = None
    mail: str | None = None
    mobile_phone: str | None = None
    business_phones: tuple[str, ...] = ()
    proxy_addresses: tuple[str, ...] = ()
    other_mails: tuple[str, ...] = ()
    account_enabled: bool = True
    user_type: str | None = "Member"
    licenses: tuple[Assigned, ...] = ()
    properties: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # To parse each of very many would be most of the time that making them takes.
        if _AS_WRITTEN.fullmatch(self.user_id):
            return
        try:
            object.__setattr__(self, "user_id", str(UUID(self.user_id)))
        except ValueError as error:
            raise ValueError(f"user_id {self.user_id!r} is not a GUID") from error
