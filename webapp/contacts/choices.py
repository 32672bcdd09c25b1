"""The organizations that the Global list of contacts can be narrowed to: never more than the viewer may see."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import String, cast, select

from ..choices import Choice, Choices, Entries, first_found, offered
from ..licenses.conditions import organizations_chosen
from ..models import Contact, Organization
from ..models.base import DbSession
from ..scope import Scope
from ..search import every_word


def organizations(session: DbSession, scope: Scope, chosen: Sequence[str]) -> Choices:
    """The select of organizations that have contacts."""
    is_chosen = Organization.id.in_(organizations_chosen(chosen, scope))
    return offered(session, "organization", "Organization", _having_contacts(scope), is_chosen, chosen)


def found(session: DbSession, scope: Scope, q: str) -> list[Choice]:
    """The first organizations in whose name every word of `q` is found."""
    is_found = every_word(q, lambda word: Organization.name_folded.contains(word, autoescape=True))
    return first_found(session, _having_contacts(scope).where(is_found))


def _having_contacts(scope: Scope) -> Entries:
    has_contacts = select(Contact.id).where(Contact.organization_id == Organization.id).exists()
    value = cast(Organization.id, String)
    return (
        select(value, Organization.name, value)
        .where(scope.includes(), ~Organization.is_archived, has_contacts)
        .order_by(Organization.name_folded, Organization.id)
    )
