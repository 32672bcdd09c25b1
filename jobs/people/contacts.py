"""Contacts made from users, and kept as their users are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import bindparam, func, select

from webapp.extensions import db
from webapp.models import Contact, ContactEmail, DirectoryUser, Integration, Tenant, fold
from webapp.models.contact import SYNCED_FIELDS
from webapp.models.directory import links
from webapp.models.portions import in_portions
from webapp.models.statements import table_of

from ..bulk import insert_rows
from ..microsoft.user_facts import UserFacts

CONTACT, _EMAIL = table_of(Contact), table_of(ContactEmail)

# What a linked contact has besides its synced fields.
_LINKED: dict[str, Any] = {"unlinked_at": None, "unlinked_reason": ""}
# What it has from its user.
_COLUMNS = (*SYNCED_FIELDS, "name_folded", "search_folded", "microsoft_user_id")
# Of a user's facts, the values of `SYNCED_FIELDS`.
_synced = itemgetter(*map(UserFacts._fields.index, SYNCED_FIELDS))


def create(organization_id: int, users: Sequence[tuple[int, UserFacts]], now: datetime) -> int:
    """Make a contact of each of these users, with the id that is given. Returns how many rows were written."""
    same = {
        "organization_id": organization_id,
        "location": "",
        "notes": "",
        "created_at": now,
        "changed_at": now,
        **_LINKED,
    }
    insert_rows(CONTACT, ("id", *_COLUMNS), [(contact_id, *_values(facts)) for contact_id, facts in users], same)
    emails = [(contact_id, address) for contact_id, facts in users for address in facts.addresses]
    _add_emails(organization_id, emails)
    return len(users) + len(emails)


def refresh(
    organization_id: int, sources: Mapping[int, tuple[int, UserFacts]], now: datetime, has_more: bool
) -> tuple[int, int]:
    """Bring contacts up to their users where they differ. Returns how many contacts, and how many rows, were written.

    `sources` are, by the id of the contact, the row's id and the facts of the user that it is linked to. Where another
    user links it as well, its fields come from the one that was known first, so that two never take turns: where the
    organization `has_more` tenants than this.
    """
    first = _first_links(list(sources)) if has_more else {}
    wanted = {
        contact_id: facts for contact_id, (row_id, facts) in sources.items() if first.get(contact_id, 0) in {0, row_id}
    }
    if not wanted:
        return 0, 0
    _hold_unlinked(list(wanted))
    differing = _differing_columns(wanted)
    missing, superfluous = _differing_emails(wanted)
    written = {*differing, *(contact_id for contact_id, _ in missing), *superfluous.values()}
    linked = {**_LINKED, "changed_at": now}
    _write(
        CONTACT.update().where(CONTACT.c.id == bindparam("row_id")),
        [{**linked, **_columns(wanted[contact_id]), "row_id": contact_id} for contact_id in sorted(written)],
    )
    # First those that are too many: an address of one contact is stored once, however it is spelled.
    _write(_EMAIL.delete().where(_EMAIL.c.id == bindparam("row_id")), [{"row_id": row_id} for row_id in superfluous])
    _add_emails(organization_id, missing)
    return len(written), len(written) + len(missing) + len(superfluous)


def still_there(contact_ids: Sequence[int]) -> set[int]:
    """Those of these contacts that exist, kept from being deleted until this transaction ends."""
    found: set[int] = set()
    for some in in_portions(sorted(contact_ids)):
        kept = select(Contact.id).where(Contact.id.in_(some)).order_by(Contact.id)
        found.update(db.session.scalars(kept.with_for_update(read=True, key_share=True)))
    return found


def _hold_unlinked(contact_ids: Sequence[int]) -> None:
    """Keep those of these contacts as they are that people may edit until this transaction links them again."""
    open_ones = select(Contact.id).where(Contact.id.in_(contact_ids), Contact.unlinked_at.is_not(None))
    db.session.execute(open_ones.order_by(Contact.id).with_for_update(key_share=True))


def _values(facts: UserFacts) -> tuple[str, ...]:
    """What a contact has from its user and from nobody else, in the order of `_COLUMNS`."""
    # As `folded_columns` makes it, which is asked in tests: this is done for very many.
    searched = f"{facts.name} {facts.title} {facts.email} {facts.user_principal_name}"
    return (*_synced(facts), fold(facts.name), fold(searched), facts.user_id)


def _columns(facts: UserFacts) -> dict[str, str]:
    return dict(zip(_COLUMNS, _values(facts), strict=True))


def _differing_columns(wanted: Mapping[int, UserFacts]) -> set[int]:
    columns = [CONTACT.c[name] for name in (*SYNCED_FIELDS, "microsoft_user_id", "unlinked_at")]
    stored = select(CONTACT.c.id, *columns).where(CONTACT.c.id.in_(list(wanted)))
    differing = set()
    for contact_id, *values, unlinked_at in db.session.execute(stored):
        facts = wanted[contact_id]
        if unlinked_at is not None or values != [*_synced(facts), facts.user_id]:
            differing.add(contact_id)
    return differing


def _differing_emails(wanted: Mapping[int, UserFacts]) -> tuple[list[tuple[int, str]], dict[int, int]]:
    """The addresses that are missing, each with its contact, and the rows that are too many, with theirs.

    An address that is spelled anew is both.
    """
    missing = {(contact_id, address) for contact_id, facts in wanted.items() for address in facts.addresses}
    superfluous: dict[int, int] = {}
    stored = select(_EMAIL.c.id, _EMAIL.c.contact_id, _EMAIL.c.address).where(_EMAIL.c.contact_id.in_(list(wanted)))
    for row_id, contact_id, address in db.session.execute(stored):
        if (contact_id, address) in missing:
            missing.remove((contact_id, address))
        else:
            superfluous[row_id] = contact_id
    return sorted(missing), superfluous


def _add_emails(organization_id: int, emails: Iterable[tuple[int, str]]) -> None:
    rows = [(contact_id, address, fold(address)) for contact_id, address in emails]
    insert_rows(_EMAIL, ("contact_id", "address", "address_folded"), rows, {"organization_id": organization_id})


def another_tenant_has(organization_id: int | None) -> bool:
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
