"""Small tenants made from dice, and what happens in them: licenses and users come, change and go."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from random import Random

from sandbox import Assigned, Sku, Tenant, User

_PRODUCTS = ("SPE_E3", "SPB", "O365_BUSINESS_PREMIUM", "EXCHANGESTANDARD", "SPE_F1", "STANDARDPACK")
_STATUSES = ("Enabled", "Enabled", "Enabled", "Warning", "Suspended")
_TITLES = (None, "Accountant", "Nurse", "Head of Operations")
_MOST_USERS = 40


def a_tenant(dice: Random, number: int, client_id: str, secret: str) -> Tenant:
    tenant_id = _guid(dice)
    skus = tuple(_sku(dice, part_number) for part_number in dice.sample(_PRODUCTS, dice.randint(1, 4)))
    tenant = Tenant(
        tenant_id=tenant_id,
        display_name=f"Customer {number}",
        domains=(f"c{tenant_id[:8]}.onmicrosoft.com",),
        client_id=client_id,
        secret=secret,
        skus=skus,
        # Lists of several pages, and of one.
        page_size=dice.choice((0, 0, 7)),
    )
    return replace(tenant, users=tuple(_user(dice, tenant) for _ in range(dice.randint(3, _MOST_USERS))))


def changed(dice: Random, tenant: Tenant) -> Tenant:
    """The tenant after a few things happened in it."""
    before = {user.user_id: user for user in tenant.users}
    for happen in dice.sample(_CHANGES, dice.randint(1, 3)):
        tenant = happen(dice, tenant)
    users = (_held_in_the_same_ways(user, before.get(user.user_id, user)) for user in tenant.users)
    return replace(tenant, users=tuple(users))


def _held_in_the_same_ways(user: User, before: User) -> User:
    """The user: where it holds the same licenses as before, in the same ways.

    Of other ways Graph's changes tell nothing; they are seen when all users are read, once a day.
    """
    is_same = {held.sku_id for held in user.licenses} == {held.sku_id for held in before.licenses}
    return replace(user, licenses=before.licenses) if is_same else user


def _seats(dice: Random, tenant: Tenant) -> Tenant:
    number = dice.randrange(len(tenant.skus))
    skus = list(tenant.skus)
    skus[number] = _sku(dice, skus[number].part_number)
    return replace(tenant, skus=tuple(skus))


def _sku_bought(dice: Random, tenant: Tenant) -> Tenant:
    owned = {sku.part_number for sku in tenant.skus}
    new = dice.choice([part_number for part_number in _PRODUCTS if part_number not in owned])
    return replace(tenant, skus=(*tenant.skus, _sku(dice, new)))


def _sku_ended(dice: Random, tenant: Tenant) -> Tenant:
    """The product goes, and with it what users held of it. One is always left."""
    if len(tenant.skus) == 1:
        return tenant
    ended = dice.choice(tenant.skus)
    users = tuple(
        replace(user, licenses=tuple(held for held in user.licenses if held.sku_id != ended.sku_id))
        for user in tenant.users
    )
    return replace(tenant, skus=tuple(sku for sku in tenant.skus if sku != ended), users=users)


def _renamed(dice: Random, tenant: Tenant) -> Tenant:
    return replace(tenant, display_name=f"{tenant.display_name.split(' (')[0]} ({dice.randrange(10**6)})")


def _user_came(dice: Random, tenant: Tenant) -> Tenant:
    return replace(tenant, users=(*tenant.users, _user(dice, tenant)))


def _user_left(dice: Random, tenant: Tenant) -> Tenant:
    gone = dice.randrange(len(tenant.users))
    return replace(tenant, users=(*tenant.users[:gone], *tenant.users[gone + 1 :]) or tenant.users)


def _user_changed(dice: Random, tenant: Tenant) -> Tenant:
    number = dice.randrange(len(tenant.users))
    users = list(tenant.users)
    users[number] = dice.choice(
        (
            replace(users[number], account_enabled=not users[number].account_enabled),
            replace(users[number], job_title=f"Job {dice.randrange(10**6)}"),
            replace(users[number], mobile_phone=f"+1 425 555 {dice.randrange(10**4):04}"),
            replace(users[number], licenses=_licenses(dice, tenant)),
        )
    )
    return replace(tenant, users=tuple(users))


_CHANGES: tuple[Callable[[Random, Tenant], Tenant], ...] = (
    _seats,
    _sku_ended,
    _renamed,
    _user_came,
    _user_left,
    _user_changed,
    _sku_bought,
)


def _sku(dice: Random, part_number: str) -> Sku:
    return Sku.of(
        part_number,
        enabled=dice.randint(0, 60),
        consumed=dice.randint(0, 60),
        warning=dice.choice((0, 0, 5)),
        suspended=dice.choice((0, 0, 3)),
        capability_status=dice.choice(_STATUSES),
    )


def _user(dice: Random, tenant: Tenant) -> User:
    # Nobody has another's name or address: who is whose contact is not what is tested here.
    number = dice.randrange(10**12)
    mail = f"user{number}@{tenant.domains[0]}"
    return User(
        user_id=_guid(dice),
        display_name=f"First{number} Last{number}",
        user_principal_name=mail,
        given_name=f"First{number}",
        surname=f"Last{number}",
        job_title=dice.choice(_TITLES),
        mail=mail,
        proxy_addresses=(f"SMTP:{mail}", f"smtp:alias{number}@{tenant.domains[0]}"),
        account_enabled=dice.random() > 0.1,
        user_type="Guest" if dice.random() < 0.1 else "Member",
        licenses=_licenses(dice, tenant),
    )


def _licenses(dice: Random, tenant: Tenant) -> tuple[Assigned, ...]:
    held = dice.sample(tenant.skus, dice.randint(0, len(tenant.skus)))
    return tuple(
        Assigned(sku.sku_id, is_direct=direct, groups=() if direct and dice.random() < 0.8 else (_guid(dice),))
        for sku in held
        for direct in [dice.random() < 0.5]
    )


def _guid(dice: Random) -> str:
    return str(uuid.UUID(int=dice.getrandbits(128), version=4))
