"""Users made from a seed: believable people, with all that makes matching them hard.

Of many there are two with one name, some without a surname or without mail, some who share an alias; there are guests,
blocked leavers who still hold a license, rooms without any, licenses through groups and assignments that failed.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sandbox.products import VIRAL_UNITS
from sandbox.tenants import Sku, Tenant
from sandbox.users import Assigned, User


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST_NAMES = _words(
    "Anna Ben Carla David Elif Fatima Grégoire Hana Ibrahim Jürgen Katarzyna Luca Mei Nils Olivia Pedro "
    "Quentin Rosa Søren Tomás Uma Viktor Wei Ximena Yusuf Zoë Aoife Bartłomiej Chiara Dmitri"
)
LAST_NAMES = _words(
    "Berg Costa Dubois Eriksen Fischer García Haddad Ivanova Jansen Kowalski Lefèvre Müller Nakamura "
    "O'Brien Petrov Quist Rossi Šimić Tanaka Ueda Vargas Weiß Xu Yıldız Zhang Åkesson Brandt Chen Duarte "
    "Ferreira"
)
TITLES = (
    "Accountant",
    "Account Manager",
    "Head of Operations",
    "Office Manager",
    "Software Engineer",
    "Nurse",
    "Warehouse Lead",
    "Partner",
    None,
)
# Enough for every person to be met; a tenant may be asked for fewer.
_MOST = 500


def populated(tenant: Tenant, seed: int = 1, most: int = _MOST) -> Tenant:
    """The tenant with users who hold its licenses, as many as are consumed where they are no more than `most`."""
    dice = random.Random(f"{seed}/{tenant.tenant_id}")
    used = {sku.sku_id: min(sku.consumed, most) for sku in tenant.skus if is_for_people(sku)}
    people = [_person(dice, tenant.domains, number) for number in range(max(used.values(), default=0))]
    people = _holding(dice, people, used)
    return replace(tenant, users=(*_made_hard(dice, people, tenant), *_others(dice, tenant)))


def is_for_people(sku: Sku) -> bool:
    """Whether a user is given one of the SKU's units."""
    return sku.applies_to == "User" and sku.part_number not in VIRAL_UNITS


def _person(dice: random.Random, domains: Sequence[str], number: int) -> User:
    first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
    # The number keeps addresses apart where two have one name, as an administrator would.
    local = f"{ascii_of(first)}.{ascii_of(last)}{number or ''}"
    mail = f"{local}@{domains[-1]}"
    phone = f"+1 425 555 {dice.randrange(10_000):04}"
    return User(
        user_id=random_guid(dice),
        display_name=f"{first} {last}",
        user_principal_name=mail,
        given_name=first,
        surname=last,
        job_title=dice.choice(TITLES),
        mail=mail,
        mobile_phone=dice.choice((phone, None, None)),
        business_phones=dice.choice(((phone,), (), ())),
        proxy_addresses=(f"SMTP:{mail}", f"smtp:{local}@{domains[0]}", f"X500:/o=ExchangeLabs/cn={local}"),
    )


def _holding(dice: random.Random, people: Sequence[User], used: dict[str, int]) -> list[User]:
    """The people with licenses: what more than ten hold, most have through a group."""
    held: dict[int, list[Assigned]] = {}
    for sku_id, count in used.items():
        group = random_guid(dice)
        for number in sorted(dice.sample(range(len(people)), count)) if count < len(people) else range(count):
            through_group = count > 10 and dice.random() < 0.8
            is_direct = not through_group or dice.random() < 0.05
            assigned = Assigned(sku_id, is_direct=is_direct, groups=(group,) if through_group else ())
            held.setdefault(number, []).append(assigned)
    return [replace(user, licenses=tuple(held.get(number, ()))) for number, user in enumerate(people)]


def _made_hard(dice: random.Random, people: list[User], tenant: Tenant) -> list[User]:
    """Some of the people as directories have them: left, nameless, doubled."""
    for number in range(len(people)):
        user, fate = people[number], dice.random()
        if fate < 0.04:
            people[number] = replace(user, account_enabled=False)
        elif fate < 0.06:
            people[number] = replace(user, surname=None, display_name=user.given_name)
        elif fate < 0.08:
            people[number] = replace(user, mail=None, proxy_addresses=())
        elif fate < 0.10 and number:
            twin = people[number - 1]
            people[number] = replace(
                user, given_name=twin.given_name, surname=twin.surname, display_name=twin.display_name
            )
        elif fate < 0.11:
            shared = f"smtp:team@{tenant.domains[-1]}"
            people[number] = replace(user, proxy_addresses=(*user.proxy_addresses, shared))
    return people


def _others(dice: random.Random, tenant: Tenant) -> list[User]:
    """A guest, a room, and somebody whose license did not arrive."""
    initial, domain = tenant.domains[0], tenant.domains[-1]
    first, last = dice.choice(FIRST_NAMES), dice.choice(LAST_NAMES)
    outside = f"{ascii_of(first)}.{ascii_of(last)}@supplier.example"
    guest = User(
        user_id=random_guid(dice),
        display_name=f"{first} {last}",
        user_principal_name=f"{outside.replace('@', '_')}#EXT#@{initial}",
        mail=outside,
        other_mails=(outside,),
        user_type="Guest",
    )
    room = User(
        user_id=random_guid(dice),
        display_name="Meeting room",
        user_principal_name=f"room@{domain}",
        mail=f"room@{domain}",
        proxy_addresses=(f"SMTP:room@{domain}",),
        account_enabled=False,
    )
    failed = tuple(
        Assigned(sku.sku_id, is_direct=False, groups=(random_guid(dice),), state="Error", error="CountViolation")
        for sku in tenant.skus[:1]
    )
    waiting = replace(_person(dice, tenant.domains, 99_999), licenses=failed)
    return [guest, room, waiting]


def random_guid(dice: random.Random) -> str:
    """A GUID of version 4 that the dice decide: the same dice, the same GUID."""
    return str(UUID(int=dice.getrandbits(128), version=4))


def ascii_of(name: str) -> str:
    """The letters and digits of a name that an address holds."""
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("ø", "o").replace("ß", "ss"))
    return "".join(character for character in plain.encode("ascii", "ignore").decode().lower() if character.isalnum())
