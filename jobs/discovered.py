"""What becomes of the tenants that Microsoft named: rows, and marks on those that are gone or back.

Nothing is deleted here, and a tenant is marked as gone only where both of Microsoft's lists of customers were read to
their end and are believed. Whatever else was read is used: new tenants become rows, and those that are back are not
gone any more. Two who store at the same time take turns, and the second finds nothing new.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from webapp.extensions import db
from webapp.models import AuditArea, AuditEntry, Integration, Problem, Tenant, reaching, utc_now
from webapp.text import count_of

from . import tenant as tenants
from .microsoft.facts import TenantFacts
from .microsoft.partner import Customer, Customers

# Whom the audit log names for what nobody asked for.
_ACTOR = "discovery"
# How many names an entry of the audit log has at the most.
_NAMES = 100


@dataclass(frozen=True)
class Found:
    """What a look at Microsoft came to: ids of tenants' rows, and what is to be said of the rest."""

    reached: Collection[int]
    new: Collection[int] = ()
    back: Collection[int] = ()
    gone: Collection[int] = ()
    # Customers that are left to the integration that reaches them already: their name, and that integration's.
    left: Collection[tuple[str, str]] = ()
    problem: Problem | None = None

    @property
    def notice(self) -> Problem | None:
        """What could not be read or is not believed, and which customers are left to others."""
        if not self.left:
            return self.problem
        holders = ", ".join(sorted({holder for _, holder in self.left}))
        customers = f"{count_of(len(self.left), 'customer')} {'is' if len(self.left) == 1 else 'are'}"
        said = f"{customers} left to the integration that reaches them already: {holders}."
        if self.problem is None:
            return Problem(said, "")
        return replace(self.problem, reason=f"{self.problem.reason} {said}")


def store_own(integration_id: int, snapshot: tenants.Snapshot) -> Found:
    """Store what the integration's own tenant, of which connecting made the row, says. Raises `IntegrationRemoved`."""
    reaching.take_turn(db.session, integration_id)
    rows = _rows(integration_id)
    if snapshot.tenant is not None:
        tenants.rename(rows[snapshot.tenant_id], snapshot.tenant)
    found = Found([row.id for row in rows.values()], problem=snapshot.notice)
    db.session.commit()
    return found


def store_customers(integration_id: int, home_id: str, customers: Customers, own: TenantFacts | None) -> Found:
    """Bring a partner's tenants in line with what Microsoft named, in one transaction. Raises `IntegrationRemoved`.

    `own` is what the partner's tenant says of itself, where that was read. A customer that another integration
    reaches is left to it.
    """
    named = customers.merged
    named.pop(home_id, None)
    integration = reaching.take_turn(db.session, integration_id)
    rows, now = _rows(integration_id), utc_now()
    absent = [tenant_id for tenant_id in (home_id, *named) if tenant_id not in rows or rows[tenant_id].gone_at]
    holders = reaching.held_by_others(db.session, integration_id, absent)
    free = [tenant_id for tenant_id in absent if tenant_id not in holders]
    back = [rows[tenant_id] for tenant_id in free if tenant_id in rows]
    for row in back:
        row.gone_at = None
    reached = reaching.reach(db.session, integration, [tenant_id for tenant_id in free if tenant_id not in rows])
    rows |= {tenant_id: place.tenant for tenant_id, place in reached.items()}
    _name(rows, named, customers)
    if own is not None and home_id in rows:
        tenants.rename(rows[home_id], own)
    problem = _what_is_missing(integration, customers)
    gone = []
    if problem is None:
        stay = {home_id, *named}
        gone = [row for tenant_id, row in rows.items() if tenant_id not in stay and row.gone_at is None]
    for row in gone:
        row.gone_at = now
    if customers.contracts.customers:
        integration.contracts_named_some = True
    if customers.delegations.customers:
        integration.delegations_named_some = True
    db.session.flush()
    new = _welcome(integration, reached.values())
    _note(integration, "Back", back)
    _note(integration, "Gone", gone)
    found = Found(
        reached=[row.id for row in rows.values() if row.gone_at is None],
        new=[row.id for row in new],
        back=[row.id for row in back],
        gone=[row.id for row in gone],
        left=[(named[each].name or each, holders[each].name) for each in named if each in holders],
        problem=problem,
    )
    db.session.commit()
    return found


def _rows(integration_id: int) -> dict[str, Tenant]:
    query = select(Tenant).where(Tenant.integration_id == integration_id).order_by(Tenant.id)
    return {row.tenant_id: row for row in db.session.scalars(query, execution_options={"populate_existing": True})}


def _name(rows: dict[str, Tenant], named: dict[str, Customer], customers: Customers) -> None:
    """Call the tenants as the lists do, until they say themselves how they are called.

    Contracts tell what was true when they were made: of a tenant that has a name they change nothing.
    """
    for tenant_id, customer in named.items():
        row = rows.get(tenant_id)
        if row is None or row.last_synced_at is not None or row.users_synced_at is not None:
            continue
        delegation = customers.delegations.customers.get(tenant_id)
        name = delegation.name if delegation is not None else ""
        if not name and row.name == tenant_id:
            name = customer.name
        if name and row.name != name:
            row.name = name
        if customer.domain and not row.default_domain:
            row.default_domain = customer.domain
            row.domains = row.domains or customer.domain.lower()


def _what_is_missing(integration: Integration, customers: Customers) -> Problem | None:
    """Why what Microsoft named may not be all; None where it is believed, so that who is not named is gone."""
    problems = customers.problems
    if problems:
        reasons = " ".join(dict.fromkeys(problem.reason for problem in problems))
        fixes = " ".join(dict.fromkeys(problem.fix for problem in problems))
        reason = f"Not all customers could be read, so none that is missing was marked as gone. {reasons}"
        return replace(problems[0], reason=reason, fix=fixes)
    emptied = [
        title
        for title, listed, named_some in (
            ("contracts", customers.contracts, integration.contracts_named_some),
            ("delegated admin customers", customers.delegations, integration.delegations_named_some),
        )
        if named_some and not listed.customers
    ]
    if emptied:
        reason = f"Microsoft's list of {' and that of '.join(emptied)} is empty, though it was not before"
    elif not customers.merged:
        reason = "Microsoft names no customer of this partner"
    else:
        return None
    fix = "Check in Partner Center that the customers are there. Under Match Tenants, those that left can be ignored."
    return Problem(f"{reason}, so no tenant was marked as gone.", fix, "empty_list")


def _welcome(integration: Integration, reached: Collection[reaching.Reached]) -> Sequence[Tenant]:
    """Match new tenants by their names where that is wished, and tell the audit log. Returns all that came."""
    came = [place.tenant for place in reached]
    matched = []
    if integration.match_by_name:
        matched = reaching.match_by_name(db.session, [place.tenant for place in reached if place.is_new])
    _note(integration, "New", came)
    _note(integration, "Matched by exact name", matched)
    return came


def _note(integration: Integration, what: str, rows: Sequence[Tenant]) -> None:
    if not rows:
        return
    names = [f"{row.name} ({row.tenant_id})" for row in rows[:_NAMES]]
    many = count_of(len(rows), "tenant")
    db.session.add(
        AuditEntry(
            area=AuditArea.INTEGRATIONS,
            actor=_ACTOR,
            event=f"{what}: {many} of {integration.name}",
            details={"integration_id": integration.id, "tenants": names, "count": len(rows)},
        )
    )
