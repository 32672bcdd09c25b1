"""A partner's customers, as Graph lists them in two places.

Sources: Graph, "List contracts" and "contract resource type", which reseller relationships make, with names copied at
their beginning; "List delegatedAdminCustomers" and "delegatedAdminCustomer resource type", which is there exactly
while a delegated admin relationship (GDAP) with the customer is active, so that its status need not be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from webapp.models import Problem

from .errors import BadAnswer, MicrosoftError, Throttled, has_no_connection
from .facts import guid_of, name_of
from .graph import GraphClient
from .patience import begun_anew

# A page has a hundred, unless Graph makes it smaller. A list without end must not take all memory, since others are
# synced in it: of so many customers some 100 MB are kept.
_MOST_CUSTOMERS = 200_000
_MOST_PAGES = 4_000

READ_CONTRACTS = "Directory.Read.All"
READ_DELEGATIONS = "DelegatedAdminRelationship.Read.All"

_UNREADABLE = Problem(
    "Some customers in Microsoft's list have no tenant id, so they were passed over.",
    "Nothing needs to be done here. If it stays, report it to Microsoft.",
    "unexpected_answer",
)


@dataclass(frozen=True)
class Customer:
    """A customer's tenant. `name` and `domain` are empty where the list does not tell them."""

    tenant_id: str
    name: str = ""
    domain: str = ""


@dataclass(frozen=True)
class Listed:
    """What one list named, by tenant id. Where there is a `problem`, it may name more."""

    customers: Mapping[str, Customer]
    problem: Problem | None = None


@dataclass(frozen=True)
class Customers:
    """Both lists. `throttled` is set where Microsoft asked to wait before it is asked anything more."""

    contracts: Listed
    delegations: Listed
    throttled: Throttled | None = field(default=None, compare=False)

    @property
    def merged(self) -> dict[str, Customer]:
        """All customers by tenant id. Delegations tell the name as it is now, and contracts a domain."""
        merged = dict(self.contracts.customers)
        for tenant_id, customer in self.delegations.customers.items():
            known = merged.get(tenant_id, customer)
            merged[tenant_id] = replace(known, name=customer.name or known.name)
        return merged

    @property
    def problems(self) -> list[Problem]:
        return [listed.problem for listed in (self.contracts, self.delegations) if listed.problem is not None]


def read_customers(graph: GraphClient) -> Customers:
    """Both lists, each as far as it can be read. What cannot is in their problems, and nothing is raised for it.

    But where there is no connection, which is nothing of a list's.
    """
    contracts, throttled = _read(
        graph, "/contracts", "customerId,defaultDomainName,displayName", READ_CONTRACTS, _of_contract
    )
    if throttled is not None:
        return Customers(contracts, Listed({}, throttled.problem), throttled)
    path = "/tenantRelationships/delegatedAdminCustomers"
    delegations, throttled = _read(graph, path, "tenantId,displayName", READ_DELEGATIONS, _of_delegation)
    return Customers(contracts, delegations, throttled)


def _read(
    graph: GraphClient, path: str, select: str, permission: str, customer_of: Callable[[Mapping[str, Any]], Customer]
) -> tuple[Listed, Throttled | None]:
    customers: dict[str, Customer] = {}
    try:
        problem = begun_anew(lambda: _add(customers, graph.pages(path, select, permission, _MOST_PAGES), customer_of))
    except Throttled as error:
        return Listed(customers, error.problem), error
    except MicrosoftError as error:
        if has_no_connection(error):
            raise
        problem = error.problem
    return Listed(customers, problem), None


def _add(
    customers: dict[str, Customer], pages: Iterable[list[Any]], customer_of: Callable[[Mapping[str, Any]], Customer]
) -> Problem | None:
    """Add those that the pages name and that are not there yet. Returns why some were passed over.

    Raises `BadAnswer` where they are more than any partner has.
    """
    problem = None
    for page in pages:
        for item in page:
            customer = customer_of(item) if isinstance(item, Mapping) else Customer("")
            if len(customers) > _MOST_CUSTOMERS:
                raise BadAnswer(f"a list names more than {_MOST_CUSTOMERS:,} customers")
            if customer.tenant_id:
                customers.setdefault(customer.tenant_id, customer)
            else:
                problem = _UNREADABLE
    return problem


def _of_contract(item: Mapping[str, Any]) -> Customer:
    return Customer(
        guid_of(item.get("customerId")), name_of(item.get("displayName")), name_of(item.get("defaultDomainName"))
    )


def _of_delegation(item: Mapping[str, Any]) -> Customer:
    return Customer(guid_of(item.get("tenantId")), name_of(item.get("displayName")))
