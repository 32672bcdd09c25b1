"""The contacts that a field may tag: all of a small organization, of a large one those that are found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, select

from ..choices import MOST_FOUND, MOST_LISTED
from ..models import Contact
from ..models.base import DbSession
from ..search import every_word
from ..text import label


@dataclass(frozen=True)
class Option:
    id: int
    text: str


@dataclass(frozen=True)
class Offered:
    """What the contact fields of a form offer: `listed` each of them, beside the contacts that it tags.

    `is_searched` where there are too many to list them all; `known` has those that were chosen and exist.
    """

    listed: tuple[Option, ...]
    known: dict[int, Option]
    is_searched: bool

    def for_field(self, chosen: Iterable[int], found: Iterable[Option] = ()) -> list[Option]:
        tagged = [self.known[contact_id] for contact_id in chosen if contact_id in self.known]
        options = [*tagged, *self.listed, *found]
        return list({option.id: option for option in options}.values())


def offered(session: DbSession, organization_id: int, chosen: Iterable[int]) -> Offered:
    """What to offer in a form where these contacts are chosen, in all its fields together."""
    everyone = _options(session, _of(organization_id).limit(MOST_LISTED + 1))
    is_searched = len(everyone) > MOST_LISTED
    # Also where all are listed: who is chosen may have been deleted meanwhile, or be another organization's.
    known = {option.id: option for option in everyone}
    if is_searched:
        known |= {option.id: option for option in of_ids(session, organization_id, chosen)}
    return Offered(() if is_searched else tuple(everyone), known, is_searched)


def of_ids(session: DbSession, organization_id: int, ids: Iterable[int]) -> list[Option]:
    """Those of the ids that are contacts of the organization."""
    return _options(session, _of(organization_id).where(Contact.id.in_(list(ids))))


def held(session: DbSession, organization_id: int, ids: Iterable[int]) -> set[int]:
    """Those of the ids that are contacts of the organization, which nobody deletes until the transaction ends."""
    query = select(Contact.id).where(Contact.organization_id == organization_id, Contact.id.in_(list(ids)))
    return set(session.scalars(query.with_for_update(read=True, key_share=True)))


def found(session: DbSession, organization_id: int, q: str) -> list[Option]:
    """The first contacts of the organization in whose name, title or address every word is found."""
    is_found = every_word(q, lambda word: Contact.search_folded.contains(word, autoescape=True))
    return _options(session, _of(organization_id).where(is_found).limit(MOST_FOUND))


def _of(organization_id: int) -> Select[int, str, str]:
    return (
        select(Contact.id, Contact.name, Contact.email)
        .where(Contact.organization_id == organization_id)
        .order_by(Contact.name_folded, Contact.id)
    )


def _options(session: DbSession, query: Select[int, str, str]) -> list[Option]:
    return [
        Option(contact_id, label(f"{name} ({email})" if email and email != name else name))
        for contact_id, name, email in session.execute(query)
    ]
