"""Factories: one a model. Each makes a believable row and commits it; name only what the test is about."""

from __future__ import annotations

import itertools
import uuid
from functools import lru_cache
from typing import Any, TypeVar

from argon2 import PasswordHasher

from tests.support.turns import in_turn
from webapp.extensions import db
from webapp.models import (
    AssetField,
    Assignment,
    Contact,
    ContactEmail,
    DirectoryUser,
    FieldKind,
    FlexibleAsset,
    FlexibleAssetType,
    GroupMember,
    Integration,
    License,
    Organization,
    OrganizationGrant,
    Product,
    Role,
    SyncPart,
    SyncRun,
    Tenant,
    Trigger,
    User,
    UserGroup,
    fold,
)

Row = TypeVar("Row")

PASSWORD = "correct horse battery staple"
_numbers = itertools.count(1)


@lru_cache
def _cheap_hash(password: str) -> str:
    # Hashing at full cost would be most of the suite's time.
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)


class Make:
    """What the fixture `make` hands out."""

    @in_turn
    def user(self, password: str = PASSWORD, **values: Any) -> User:
        values.setdefault("email", f"user{next(_numbers)}@msp.example")
        values.setdefault("role", Role.ADMINISTRATOR)
        return _saved(User(password_hash=_cheap_hash(password), **values))

    @in_turn
    def invited_user(self, **values: Any) -> User:
        """A user who has not chosen a password yet."""
        values.setdefault("email", f"user{next(_numbers)}@msp.example")
        values.setdefault("role", Role.READ_ONLY)
        return _saved(User(password_hash="", **values))

    @in_turn
    def reader(self, *organizations: Organization, **values: Any) -> User:
        """A Read-only user, unless told otherwise, who is given these organizations and no others."""
        user = self.user(**{"role": Role.READ_ONLY, "all_organizations": False, **values})
        self.grant(user, *organizations)
        return user

    @in_turn
    def group(self, *members: User, **values: Any) -> UserGroup:
        values.setdefault("name", f"Group {next(_numbers)}")
        group = _saved(UserGroup(**values))
        for member in members:
            _saved(GroupMember(group_id=group.id, user_id=member.id))
        return group

    @in_turn
    def grant(self, holder: User | UserGroup, *organizations: Organization) -> None:
        """Give a user, or a group, these organizations."""
        column = "user_id" if isinstance(holder, User) else "group_id"
        for organization in organizations:
            _saved(OrganizationGrant(organization_id=organization.id, **{column: holder.id}))

    @in_turn
    def organization(self, **values: Any) -> Organization:
        values.setdefault("name", f"Organization {next(_numbers)}")
        return _saved(Organization(**values))

    @in_turn
    def integration(self, secret: str = "a client secret", **values: Any) -> Integration:
        number = next(_numbers)
        values.setdefault("name", f"Integration {number}")
        values.setdefault("home_tenant_id", str(uuid.UUID(int=number)))
        values.setdefault("client_id", str(uuid.UUID(int=number << 64)))
        integration = Integration(**values)
        integration.client_secret = secret
        FlexibleAssetType.ensure_licenses(db.session)
        return _saved(integration)

    @in_turn
    def tenant(self, **values: Any) -> Tenant:
        """A tenant; matched where an organization is given."""
        number = next(_numbers)
        if "integration" not in values and "integration_id" not in values:
            values["integration"] = self.integration()
        values.setdefault("tenant_id", str(uuid.UUID(int=number)))
        values.setdefault("name", f"Tenant {number}")
        values.setdefault("default_domain", f"tenant{number}.onmicrosoft.com")
        return _saved(Tenant(**values))

    @in_turn
    def product(self, **values: Any) -> Product:
        number = next(_numbers)
        values.setdefault("sku_id", str(uuid.UUID(int=number)))
        values.setdefault("part_number", f"PART_{number}")
        values.setdefault("name", f"Product {number}")
        return _saved(Product(**values))

    @in_turn
    def license(self, **values: Any) -> License:
        """A license of a matched tenant; unused and over follow from active and consumed."""
        if "tenant" not in values:
            values["tenant"] = self.tenant(organization=values.pop("organization", None) or self.organization())
        if "product" not in values:
            values["product"] = self.product()
        active, consumed = values.setdefault("active", 25), values.setdefault("consumed", 14)
        values.setdefault("unused", max(active - consumed, 0))
        values.setdefault("over", max(consumed - active, 0))
        values.setdefault("sku_id", values["product"].sku_id)
        values.setdefault("sku_part_number", values["product"].part_number)
        values.setdefault("status", "Enabled")
        return _saved(License(**values))

    @in_turn
    def contact(self, **values: Any) -> Contact:
        """A contact, with its e-mail address among those by which it is found."""
        number = next(_numbers)
        if "organization" not in values and "organization_id" not in values:
            values["organization"] = self.organization()
        values.setdefault("name", f"Contact {number}")
        values.setdefault("email", f"contact{number}@customer.example")
        contact = _saved(Contact(**values))
        if contact.email:
            _saved(ContactEmail(contact_id=contact.id, organization_id=contact.organization_id, address=contact.email))
        return contact

    @in_turn
    def directory_user(self, **values: Any) -> DirectoryUser:
        """A user of a tenant; linked where a contact is given."""
        if "contact" in values:
            values["contact_id"] = values.pop("contact").id
            values.setdefault("qualifies", True)
        if "tenant" in values:
            values["tenant_id"] = values.pop("tenant").id
        values.setdefault("user_id", str(uuid.UUID(int=next(_numbers))))
        return _saved(DirectoryUser(**values))

    @in_turn
    def assignment(self, license: License, user: DirectoryUser, **values: Any) -> Assignment:
        """The user holds the license: directly unless told otherwise."""
        values.setdefault("is_direct", not values.get("is_through_group", False))
        values.setdefault("is_through_group", False)
        return _saved(Assignment(license_id=license.id, directory_user_id=user.id, **values))

    @in_turn
    def asset_type(self, *fields: AssetField, **values: Any) -> FlexibleAssetType:
        """A custom type with these fields, in this order; `asset_field` makes them."""
        number = next(_numbers)
        values.setdefault("slug", f"type-{number}")
        values.setdefault("name", f"Type {number}")
        values.setdefault("icon", "box")
        values.setdefault("is_synced", False)
        for position, field in enumerate(fields):
            field.position = position
        return _saved(FlexibleAssetType(fields=list(fields), **values))

    @in_turn
    def asset(self, **values: Any) -> FlexibleAsset:
        number = next(_numbers)
        if "type" not in values:
            values["type"] = self.asset_type()
        if "organization" not in values:
            values["organization"] = self.organization()
        values.setdefault("name", f"Asset {number}")
        values.setdefault("search_folded", fold(values["name"]))
        return _saved(FlexibleAsset(**values))

    @in_turn
    def run(self, **values: Any) -> SyncRun:
        if "integration" not in values and "integration_id" not in values:
            values["integration"] = self.integration()
        values.setdefault("trigger", Trigger.MANUAL)
        return _saved(SyncRun(**values))

    @in_turn
    def part(self, **values: Any) -> SyncPart:
        return _saved(SyncPart(**values))


def asset_field(name: str, kind: FieldKind = FieldKind.TEXT, **values: Any) -> AssetField:
    """A field that is not stored yet, for a type to be made with."""
    return AssetField(name=name, kind=kind, **{"options": [], **values})


def _saved(row: Row) -> Row:
    db.session.add(row)
    db.session.commit()
    return row
