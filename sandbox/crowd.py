"""Very many users who take no memory: each is made from its place when it is asked for, and always the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from uuid import NAMESPACE_OID, uuid5

from sandbox.people import FIRST_NAMES, LAST_NAMES, TITLES, ascii_of, is_for_people
from sandbox.tenants import Sku, Tenant
from sandbox.users import Assigned, User

_GROUP_FROM = 10
_PLACE_DIGITS = 12


@dataclass(frozen=True)
class Crowd:
    """The first users of a tenant, so many that a list of them would not do.

    Each product is held by the first of them, as many as it has units consumed; what more than ten hold, they have
    through a group.
    """

    tenant_id: str
    domains: tuple[str, ...]
    skus: tuple[Sku, ...]
    size: int

    @classmethod
    def of(cls, tenant: Tenant) -> Crowd | None:
        """The tenant's, if it has one."""
        if not tenant.crowd:
            return None
        held = tuple(sku for sku in tenant.skus if is_for_people(sku) and sku.consumed)
        return cls(tenant.tenant_id, tenant.domains, held, tenant.crowd)

    def user(self, place: int) -> User:
        first = _FIRST[place % len(_FIRST)]
        last = _LAST[place // len(_FIRST) % len(_LAST)]
        local = f"{first[1]}.{last[1]}{place}"
        mail = f"{local}@{self.domains[-1]}"
        phones = (f"+1 425 555 {place % 10_000:04}",) if place % 3 == 0 else ()
        return User(
            user_id=f"{self._id_prefix}{place:0{_PLACE_DIGITS}x}",
            display_name=f"{first[0]} {last[0]}",
            user_principal_name=mail,
            given_name=first[0],
            surname=last[0],
            job_title=TITLES[place % len(TITLES)],
            mail=mail,
            business_phones=phones,
            proxy_addresses=(f"SMTP:{mail}", f"smtp:{local}@{self.domains[0]}"),
            account_enabled=place % 29 != 0,
            licenses=tuple(assigned for holders, assigned in self._held if place < holders),
        )

    def place(self, user_id: str) -> int | None:
        """Where the user with this id stands, if it is one of them."""
        if not user_id.startswith(self._id_prefix) or len(user_id) != len(self._id_prefix) + _PLACE_DIGITS:
            return None
        try:
            place = int(user_id[-_PLACE_DIGITS:], 16)
        except ValueError:
            return None
        return place if place < self.size else None

    @cached_property
    def _id_prefix(self) -> str:
        return str(uuid5(NAMESPACE_OID, f"{self.tenant_id}/crowd"))[:-_PLACE_DIGITS]

    @cached_property
    def _held(self) -> tuple[tuple[int, Assigned], ...]:
        return tuple((sku.consumed, self._assigned(sku)) for sku in self.skus)

    def _assigned(self, sku: Sku) -> Assigned:
        if sku.consumed <= _GROUP_FROM:
            return Assigned(sku.sku_id)
        group = str(uuid5(NAMESPACE_OID, f"{self.tenant_id}/{sku.sku_id}/group"))
        return Assigned(sku.sku_id, is_direct=False, groups=(group,))


_FIRST = tuple((name, ascii_of(name)) for name in FIRST_NAMES)
_LAST = tuple((name, ascii_of(name)) for name in LAST_NAMES)
