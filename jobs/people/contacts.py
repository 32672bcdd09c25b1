"""Contacts made from users, and kept as their users are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Table, bindparam, func, insert, select

from webapp.extensions import db
from webapp.models import Contact, ContactEmail, DirectoryUser, Integration, Tenant, fold
from webapp.models.contact import SYNCED_FIELDS, folded_columns
from webapp.models.directory import links
from webapp.models.portions import in_portions

from ..microsoft.user_facts import UserFacts

_CONTACT, _EMAIL = cast(Table, Contact.__table__), cast(Table, ContactEmail.__table__)

# What a linked contact has besides its synced fields.
_LINKED: dict[str, Any] = {"unlinked_at": None, "unlinked_reason": ""}


def create(organization_id: int, users: Iterable[UserFacts], now: datetime) -> tuple[dict[str, int], int]:
    """Make a contact of each user. Returns their ids by user id, and how many rows were written."""
    created: dict[str, int] = {}
    rows = 0
    common = {"organization_id": organization_id, "location": "", "notes": "", "created_at": now, "changed_at": now}
    made = insert(Contact).returning(Contact.id, Contact.microsoft_user_id)
    for some in in_portions(sorted(users, key=lambda facts: facts.user_id)):
        columns = [{**common, **_LINKED, **_columns(facts)} for facts in some]
        ids = {user_id: contact_id for contact_id, user_id in db.session.execute(made, columns)}
        emails = [_email(ids[facts.user_id], organization_id, address) for facts in some for address in facts.addresses]
        _write(insert(_EMAIL), emails)
        created |= ids
        rows += len(ids) + len(emails)
    return created, rows


def refresh(organization_id: int, sources: Mapping[int, tuple[int, UserFacts]], now: datetime) -> tuple[int, int]:
    """Bring contacts up to their users where they differ. Returns how many contacts, and how many rows, were written.

    `sources` are, by the id of the contact, the row's id and the facts of the user that it is linked to. Where another
    user links it as well, its fields come from the one that was known first, so that two never take turns.
    """
    has_more = _another_tenant_has(organization_id)
    changed = rows = 0
    for some in in_portions(sorted(sources)):
        first = _first_links(some) if has_more else {}
        own = [contact_id for contact_id in some if first.get(contact_id, 0) in {0, sources[contact_id][0]}]
        wanted = {contact_id: sources[contact_id][1] for contact_id in own}
        differing = _differing_columns(wanted)
        missing, superfluous = _differing_emails(organization_id, wanted)
        written = {*differing, *(row["contact_id"] for row in (*missing, *superfluous))}
        linked = {**_LINKED, "changed_at": now}
        _write(
            _CONTACT.update().where(_CONTACT.c.id == bindparam("row_id")),
            [{**linked, **_columns(wanted[contact_id]), "row_id": contact_id} for contact_id in sorted(written)],
        )
        # First those that are too many: an address of one contact is stored once, however it is spelled.
        _write(
            _EMAIL.delete().where(_EMAIL.c.id == bindparam("row_id")),
            [{"row_id": row["id"]} for row in superfluous],
        )
        _write(insert(_EMAIL), missing)
        changed += len(written)
        rows += len(written) + len(missing) + len(superfluous)
    return changed, rows


def still_there(contact_ids: Sequence[int]) -> set[int]:
    """Those of these contacts that exist, kept from being deleted until this transaction ends."""
    found: set[int] = set()
    for some in in_portions(sorted(contact_ids)):
        kept = select(Contact.id).where(Contact.id.in_(some)).order_by(Contact.id)
        found.update(db.session.scalars(kept.with_for_update(read=True, key_share=True)))
    return found


def _synced(facts: UserFacts) -> dict[str, str]:
    """What a contact has from its user, and from nobody else."""
    return {
        "name": facts.name,
        "first_name": facts.first_name,
        "last_name": facts.last_name,
        "title": facts.title,
        "phone": facts.phone,
        "mobile": facts.mobile,
        "email": facts.email,
        "user_principal_name": facts.user_principal_name,
    }


def _columns(facts: UserFacts) -> dict[str, str]:
    synced = _synced(facts)
    return {**synced, **folded_columns(synced), "microsoft_user_id": facts.user_id}


def _differing_columns(wanted: Mapping[int, UserFacts]) -> set[int]:
    columns = [_CONTACT.c[name] for name in (*SYNCED_FIELDS, "microsoft_user_id", "unlinked_at")]
    stored = select(_CONTACT.c.id, *columns).where(_CONTACT.c.id.in_(list(wanted)))
    differing = set()
    for contact_id, *values, unlinked_at in db.session.execute(stored):
        facts = wanted[contact_id]
        if unlinked_at is not None or values != [*_synced(facts).values(), facts.user_id]:
            differing.add(contact_id)
    return differing


def _differing_emails(
    organization_id: int, wanted: Mapping[int, UserFacts]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows that are missing, and those that are too many. An address that is spelled anew is both."""
    missing = {(contact_id, address) for contact_id, facts in wanted.items() for address in facts.addresses}
    superfluous = []
    stored = select(_EMAIL.c.id, _EMAIL.c.contact_id, _EMAIL.c.address).where(_EMAIL.c.contact_id.in_(list(wanted)))
    for row_id, contact_id, address in db.session.execute(stored):
        if (contact_id, address) in missing:
            missing.remove((contact_id, address))
        else:
            superfluous.append({"id": row_id, "contact_id": contact_id})
    return [_email(contact_id, organization_id, address) for contact_id, address in sorted(missing)], superfluous


def _email(contact_id: int, organization_id: int, address: str) -> dict[str, Any]:
    return {
        "contact_id": contact_id,
        "organization_id": organization_id,
        "address": address,
        "address_folded": fold(address),
    }


def _another_tenant_has(organization_id: int) -> bool:
    """Whether users of two tenants may be linked to the organization's contacts."""
    matched = select(func.count()).select_from(Tenant).where(Tenant.organization_id == organization_id)
    return db.session.scalars(matched).one() > 1


def _first_links(contact_ids: Sequence[int]) -> dict[int, int]:
    """By contact, the row of the user that was known first among those from whom its fields may come."""
    first = (
        select(DirectoryUser.contact_id, func.min(DirectoryUser.id))
        .join_from(DirectoryUser, Tenant, DirectoryUser.tenant_id == Tenant.id)
        .join(Integration, Tenant.integration_id == Integration.id)
        .where(DirectoryUser.contact_id.in_(contact_ids), links(), Tenant.is_synced())
        .group_by(DirectoryUser.contact_id)
    )
    found = db.session.execute(first)
    return {contact_id: user_row for contact_id, user_row in found if contact_id is not None}


def _write(statement: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(statement, rows)
