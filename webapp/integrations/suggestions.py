"""Which organization a tenant probably belongs to, and why.

Organizations and their domains are read in two queries, whatever the number of tenants.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select

from ..access import EVERYTHING
from ..models import Organization, OrganizationDomain, Tenant, fold
from ..models.base import DbSession
from ..scope import Scope
from .likeness import MOST, Names
from .public_domains import own_domains
from .steps import Reason

# So many of several organizations are offered at once; others are found by typing.
MOST_OFFERED = 5


@dataclass(frozen=True)
class Candidate:
    """An organization that a tenant may belong to."""

    id: int
    name: str


@dataclass(frozen=True)
class Suggestion:
    """The one organization that a tenant probably belongs to, and why; `score` in per cent is that of an alike name."""

    organization: Candidate
    reason: Reason
    score: int = 0

    @property
    def words(self) -> str:
        return f"{self.reason.value}, {self.score} %" if self.reason == Reason.ALIKE_NAME else self.reason.value


@dataclass(frozen=True)
class Tie:
    """Several organizations to which one reason points alike: none of them is suggested, all are offered."""

    organizations: tuple[Candidate, ...]
    reason: Reason
    score: int = 0

    @property
    def words(self) -> str:
        number = len(self.organizations)
        if self.reason == Reason.SAME_NAME:
            return f"{number} organizations have this name"
        if self.reason == Reason.SAME_DOMAIN:
            return f"{number} organizations have its domains"
        said = f"{number} or more" if number >= MOST else f"{number}"
        return f"{said} organizations have names as alike as each other, {self.score} %"


class Suggestions:
    """The organizations in use, as they are now, to be looked through for any number of tenants."""

    def __init__(self, session: DbSession, scope: Scope = EVERYTHING) -> None:
        every = session.execute(
            select(Organization.id, Organization.name, Organization.name_folded, Organization.is_archived)
            .where(scope.includes())
            .order_by(Organization.id)
        ).all()
        rows = [row for row in every if not row.is_archived]
        self._archived = {row.name_folded for row in every if row.is_archived}
        self._all = [Candidate(row.id, row.name) for row in rows]
        self._by_id = {candidate.id: candidate for candidate in self._all}
        self._by_name: dict[str, list[Candidate]] = defaultdict(list)
        for candidate, row in zip(self._all, rows, strict=True):
            self._by_name[row.name_folded].append(candidate)
        self._by_domain: dict[str, list[Candidate]] = defaultdict(list)
        for organization_id, domain in session.execute(
            select(OrganizationDomain.organization_id, OrganizationDomain.domain)
            .join(Organization, Organization.id == OrganizationDomain.organization_id)
            .where(scope.includes(), ~Organization.is_archived)
            .order_by(OrganizationDomain.organization_id)
        ):
            self._by_domain[domain.lower()].append(self._by_id[organization_id])

    def of(self, tenant: Tenant) -> Suggestion | Tie | None:
        """Its organization of the same name, else of the same domain, else of an alike name."""
        named = self._by_name.get(tenant.name_folded, []) if tenant.name_folded else []
        if len(named) == 1:
            return Suggestion(named[0], Reason.SAME_NAME)
        domains = self._with_domain_of(tenant)
        if named:
            # Of those with its name, its domain may tell the one.
            both = [candidate for candidate in named if candidate in domains]
            return Suggestion(both[0], Reason.SAME_DOMAIN) if len(both) == 1 else Tie(tuple(named), Reason.SAME_NAME)
        if domains:
            return _one_of(domains, Reason.SAME_DOMAIN)
        return self.alike(tenant.name)

    def namesakes(self, name: str) -> Sequence[Candidate]:
        """The organizations of exactly this name, told apart by neither case nor width nor spaces."""
        return self._by_name.get(fold(name), ())

    def is_archived(self, name: str) -> bool:
        """Whether an archived organization has this name."""
        return fold(name) in self._archived

    def alike(self, name: str) -> Suggestion | Tie | None:
        """The organization of an alike name."""
        found = self._names.most_alike(name)
        return _one_of([self._all[alike.index] for alike in found], Reason.ALIKE_NAME, found[0].score if found else 0)

    def _with_domain_of(self, tenant: Tenant) -> list[Candidate]:
        found = (candidate for domain in own_domains(tenant) for candidate in self._by_domain.get(domain, ()))
        return list(dict.fromkeys(found))

    @cached_property
    def _names(self) -> Names:
        return Names(candidate.name for candidate in self._all)


def _one_of(candidates: Iterable[Candidate], reason: Reason, score: int = 0) -> Suggestion | Tie | None:
    found = tuple(candidates)
    if len(found) > 1:
        return Tie(found, reason, score)
    return Suggestion(found[0], reason, score) if found else None
