"""What happens to tenants, their users and an MSP's contacts, one thing after the other, as the dice fall.

Names and addresses are few, so that users and contacts are taken for each other whenever they may be.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from jobs.microsoft.user_facts import UserFacts, user_facts
from jobs.people import WholeReadNeeded
from jobs.unlinking import unlink
from tests.support.factories import Make
from tests.support.matching import move
from tests.support.turns import in_turn
from webapp.contacts import records
from webapp.extensions import db
from webapp.integrations.sync_settings import Change, change
from webapp.models import Contact, Integration, Organization, Outcome, Tenant, UserSync
from webapp.models.user_rules import UserRules

from .storing import store, store_changes, store_licenses

_PRODUCTS = tuple(str(uuid.UUID(int=number)) for number in (3, 5, 7))
_FIRST_NAMES = ("Anna", "Ben", "Straße", "LI")
_LAST_NAMES = ("Berg", "Costa", "")
_LOCAL_PARTS = ("anna", "Anna", "ben", "info", "sales")
_DOMAINS = ("contoso.example", "Contoso.example", "fabrikam.example")
_USERS_OF_A_TENANT = 5


@dataclass
class Customer:
    """A tenant: its row, what it is like at Microsoft, and the users of whom a sync was told."""

    row_id: int
    user_ids: list[str]
    skus: list[str]
    users: dict[str, UserFacts] = field(default_factory=dict)
    told: dict[str, UserFacts] | None = None

    @property
    def row(self) -> Tenant:
        return db.session.get_one(Tenant, self.row_id)

    def sync_all(self) -> Outcome:
        """A sync that reads all users."""
        outcome = store(self.row, *self.users.values(), skus=self.skus)
        self.told = dict(self.users)
        return outcome

    def sync_changes(self) -> Outcome:
        """A sync that is told of the changes, where they will do."""
        if self.told is None:
            return self.sync_all()
        changed = [facts for user_id, facts in self.users.items() if self.told.get(user_id) != facts]
        removed = [facts for user_id, facts in self.told.items() if user_id not in self.users]
        try:
            outcome = store_changes(self.row, *changed, removed=removed, skus=self.skus)
        except WholeReadNeeded:
            return self.sync_all()
        self.told = dict(self.users)
        return outcome


@dataclass
class World:
    """What an MSP has, and the dice that decide what becomes of it."""

    dice: Random
    organization_ids: list[int]
    integration_ids: list[int]
    customers: list[Customer]

    @classmethod
    def of(cls, make: Make, seed: int, tenants: int) -> World:
        """Two organizations, two integrations, and so many tenants, without users so far."""
        dice = Random(seed)
        organizations = [make.organization() for _ in range(2)]
        integrations = [make.integration(sync_users=UserSync.ALL, include_unlicensed=True) for _ in range(2)]
        customers = []
        for number in range(tenants):
            row = make.tenant(integration=integrations[number % 2], organization=dice.choice(organizations))
            user_ids = [str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(_USERS_OF_A_TENANT)]
            customers.append(Customer(row.id, user_ids, _some_products(dice)))
        return cls(dice, [one.id for one in organizations], [one.id for one in integrations], customers)

    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.dice.choice(_EVENTS)(self, self.dice.choice(self.customers))

    def settle(self) -> None:
        """Cut what is to be cut, and tell each tenant's changes to a sync: twice where there are several.

        One may give a contact up that another takes, or that is another's no more.
        """
        db.session.commit()
        unlink()
        for _ in range(1 if len(self.customers) == 1 else 2):
            for customer in self.customers:
                customer.sync_changes()

    def sync_all(self) -> list[int]:
        """Read all users of each tenant. Returns how many rows that wrote of each."""
        return [customer.sync_all().rows_written for customer in self.customers]


def _user_comes_or_changes(world: World, customer: Customer) -> None:
    user_id = world.dice.choice(customer.user_ids)
    before = customer.users.get(user_id)
    user = _user(world.dice, user_id)
    if before is not None and world.dice.random() < 0.5:
        name = world.dice.choice(("is_blocked", "is_guest", "title", "mobile", "held"))
        user = before._replace(**{name: getattr(user, name)})
    customer.users[user_id] = user


def _user_goes(world: World, customer: Customer) -> None:
    if customer.users:
        del customer.users[world.dice.choice(sorted(customer.users))]


def _products_change(world: World, customer: Customer) -> None:
    customer.skus = _some_products(world.dice)


def _all_is_synced(world: World, customer: Customer) -> None:
    customer.sync_all()


def _changes_are_synced(world: World, customer: Customer) -> None:
    customer.sync_changes()


def _licenses_alone_are_synced(world: World, customer: Customer) -> None:
    store_licenses(customer.row, customer.skus)


def _tenant_is_matched_anew(world: World, customer: Customer) -> None:
    organization_id = world.dice.choice((None, *world.organization_ids))
    move(customer.row, None if organization_id is None else db.session.get_one(Organization, organization_id))


def _links_are_cut(world: World, customer: Customer) -> None:
    db.session.commit()
    unlink()


@in_turn
def _rules_change(world: World, customer: Customer) -> None:
    mode = world.dice.choice((UserSync.ALL, UserSync.ALL, UserSync.LICENSED, UserSync.OFF))
    guests, blocked, unlicensed = (world.dice.random() < 0.5 for _ in range(3))
    rules = UserRules(mode, guests, blocked, unlicensed, frozenset(world.dice.sample(_PRODUCTS, 1)))
    integration = db.session.get_one(Integration, world.dice.choice(world.integration_ids))
    change(db.session, integration, Change(users=rules))
    db.session.commit()


@in_turn
def _contact_is_made(world: World, customer: Customer) -> None:
    organization = db.session.get_one(Organization, world.dice.choice(world.organization_ids))
    records.create(db.session, organization, _details(world.dice))
    db.session.commit()


@in_turn
def _contact_is_edited(world: World, customer: Customer) -> None:
    details = _details(world.dice)
    if (contact := _any_contact(world.dice)) is not None:
        records.change(db.session, contact, details)
    db.session.commit()


@in_turn
def _contact_is_deleted(world: World, customer: Customer) -> None:
    if (contact := _any_contact(world.dice)) is not None:
        try:
            records.delete(db.session, contact)
        except records.Locked:
            db.session.rollback()
    db.session.commit()


# The more often one stands here, the more often it happens.
_EVENTS: tuple[Callable[[World, Customer], None], ...] = (
    *(_user_comes_or_changes,) * 4,
    _user_goes,
    _products_change,
    _all_is_synced,
    *(_changes_are_synced,) * 3,
    _licenses_alone_are_synced,
    *(_tenant_is_matched_anew,) * 2,
    _links_are_cut,
    _rules_change,
    _contact_is_made,
    _contact_is_edited,
    _contact_is_deleted,
)


def _some_products(dice: Random) -> list[str]:
    return dice.sample(_PRODUCTS, dice.randint(0, len(_PRODUCTS)))


def _user(dice: Random, user_id: str) -> UserFacts:
    first, last = dice.choice(_FIRST_NAMES), dice.choice(_LAST_NAMES)
    user: dict[str, Any] = {
        "id": user_id,
        "displayName": dice.choice((f"{first} {last}", f"{first} {last}", "", None)),
        "givenName": first,
        "surname": last,
        "jobTitle": dice.choice((None, "Chef")),
        "mobilePhone": dice.choice((None, "+1 425 555 0100")),
        "userPrincipalName": _address(dice),
        "mail": dice.choice((None, _address(dice), _address(dice))),
        "proxyAddresses": [dice.choice(("SMTP:", "smtp:", "sip:")) + _address(dice) for _ in range(dice.randint(0, 3))],
        "accountEnabled": dice.random() > 0.15,
        "userType": "Guest" if dice.random() < 0.15 else "Member",
        "assignedLicenses": [{"skuId": sku_id} for sku_id in dice.sample(_PRODUCTS, dice.randint(0, 2))],
    }
    return user_facts(user)


def _details(dice: Random) -> records.Details:
    first, last = dice.choice(_FIRST_NAMES), dice.choice(_LAST_NAMES)
    emails = records.each_once([_address(dice) for _ in range(dice.randint(0, 2))])
    return records.Details(name=f"{first} {last}".strip(), first_name=first, last_name=last, emails=emails)


def _address(dice: Random) -> str:
    return f"{dice.choice(_LOCAL_PARTS)}@{dice.choice(_DOMAINS)}"


def _any_contact(dice: Random) -> Contact | None:
    """One that does not depend on how a database numbers its rows."""
    contacts = db.session.query(Contact).order_by(Contact.organization_id, Contact.name_folded, Contact.id).all()
    return dice.choice(contacts) if contacts else None
