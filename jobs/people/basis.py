"""What decides, beside the users themselves, what is stored of them; and whether what is stored can be built upon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import Integer, bindparam, or_, select

from webapp.extensions import db
from webapp.models import Contact, DirectoryUser, Integration, Tenant
from webapp.models.directory import links
from webapp.models.user_rules import UserRules, rules_of

from ..licenses import Stored
from ..microsoft.user_facts import USER_FIELDS

# Raise it where what is stored of the same users changes: then everybody is compared and written anew.
VERSION = 1


@dataclass(frozen=True)
class Basis:
    """What decides of one tenant, as it was when it was read.

    Users are judged by it, and its digest is what is remembered: were it read once for each, somebody could change the
    rules between the two, and nobody would be judged by the new ones.
    """

    # What all that is remembered of the tenant's users depends on. While no integration held it, or another one does by
    # now, people could edit its contacts.
    generation: tuple[int, str, int]
    organization_id: int | None
    rules: UserRules
    # The rows of the licenses that the tenant has, and of those that are gone, by sku id.
    licenses: Mapping[str, int]
    gone: Mapping[str, int]
    # Else what is stored of them is old, and whoever holds one that came later is licensed all the same.
    syncs_licenses: bool

    @property
    def digest(self) -> str:
        """It differs where the users of the tenant must be looked at again though they are the same."""
        said = (
            *self.generation,
            self.organization_id,
            str(self.rules.sync_users),
            self.rules.include_guests,
            self.rules.include_blocked,
            self.rules.include_unlicensed,
            sorted(self.rules.checked),
            sorted(self.licenses.items()),
            *(() if self.syncs_licenses else ("licenses are not synced",)),
        )
        return blake2b(repr(said).encode(), digest_size=16).hexdigest()


def basis_of(tenant: Tenant, licenses: Stored) -> Basis:
    """What decides of the tenant now; `licenses` are those that are stored of it."""
    generation = VERSION, USER_FIELDS, tenant.integration_id
    rules, syncs_licenses = rules_of(db.session, tenant), tenant.integration.sync_licenses
    return Basis(generation, tenant.organization_id, rules, licenses.current, licenses.gone, syncs_licenses)


# A user who links the contact and of whom it has its fields.
_SOURCE = (
    select(DirectoryUser.id, Tenant.id, Integration.id)
    .where(
        DirectoryUser.contact_id == Contact.id,
        DirectoryUser.user_id == Contact.microsoft_user_id,
        links(),
        Tenant.is_synced(),
    )
    .correlate(Contact)
)
# The user's contact, as users have left it. Asked for by its key, one user after the other: joined, PostgreSQL may read
# all contacts there are for one tenant, where it does not know yet how many they have become.
_WELL = (
    select(Contact.id)
    .where(
        Contact.id == DirectoryUser.contact_id,
        Contact.organization_id == bindparam("organization_id", type_=Integer),
        Contact.unlinked_at.is_(None),
        or_(Contact.microsoft_user_id == DirectoryUser.user_id, _SOURCE.exists()),
    )
    .correlate(DirectoryUser)
    .scalar_subquery()
)
# Somebody of the tenant who qualifies and lacks its contact, or whose contact is not as users have left it: it was
# deleted, or had its fields of a user of another tenant who has left it to this one's since. None while all is settled.
UNSETTLED = (
    select(DirectoryUser.id)
    .where(DirectoryUser.tenant_id == bindparam("tenant_id"), DirectoryUser.qualifies, _WELL.is_(None))
    .limit(1)
)
